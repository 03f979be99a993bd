"""Make the start weights of a backbone, from the source that `start.backbones` names for it.

`package`: ImageNet weights that a package ships. `distilled`: taught by these on rendered faces. `renderer`: a task
that the renderer labels. `timm`: published weights, from files or the hub. `none`: the network begins at random.
All but timm's are small enough for git, as half-precision numbers.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import timm
import torch
from fastai.data.core import DataLoaders
from sklearn.metrics import r2_score
from torch import nn

from ddet import params, paths
from ddet.data.crop_loader import ArrayDataset, device, make_loader
from ddet.errors import InputError
from ddet.models import classifier_keys, lite, make_backbone
from ddet.seeds import derive, seed_everything
from ddet.synth.pretext import TARGETS
from ddet.training import distil
from ddet.training.learner import WEIGHTS, fit, save_weights
from ddet.training.pretraining import EXPLAINED, Batch, batches, rendered, save_half


def start_weights(cfg: params.Start, backbone: str, out: Path, runtime: params.Runtime) -> None:
    """Make `out/weights.safetensors` for `backbone` from the source that `cfg.backbones` names for it.

    Raises:
        InputError: a backbone without a source, or with `none`; the package does not fit it; timm's weights are neither
            in the file that `start.weights` names nor to be had from the hub.
    """
    source = cfg.backbones.get(backbone, "none")
    Path(out).mkdir(parents=True, exist_ok=True)
    if source == "package":
        take_packaged(backbone, out)
    elif source == "timm":
        fetch_backbone(cfg, backbone, out)
    elif source == "distilled":
        distil.distil_backbone(cfg, backbone, out, runtime)
    elif source == "renderer":
        pretrain_backbone(cfg, backbone, out, runtime)
    else:
        raise InputError(f"start.backbones.{backbone}", "names no source", "such networks begin at random")


def take_packaged(backbone: str, out: Path) -> None:
    """Store the tensors of the packaged ImageNet weights that `backbone`, a cut of EfficientNet-Lite0, has.

    Raises:
        InputError: the backbone has a tensor that they lack, or of another shape.
    """
    model, published = make_backbone(backbone), lite.published()
    own = {name: value for name, value in model.state_dict().items() if name not in classifier_keys(model)}
    wrong = [n for n, v in own.items() if n not in published or published[n].shape != v.shape]
    if wrong:
        fitting = ", ".join(lite.NAMES)
        raise InputError(f"start.backbones.{backbone}", f"the package has no {wrong[0]}", f"it is for {fitting}")
    save_half({name: published[name] for name in own}, Path(out) / WEIGHTS)


def label(path: Path, recipe: str) -> None:
    """Write `recipe` into the header of a file of weights."""
    state = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save(state, {"recipe": recipe}))


def fetch_backbone(cfg: params.Start, backbone: str, out: Path) -> None:
    """Store timm's published weights, classifier included: from `start.weights` (a file, or a folder of
    `<backbone>.safetensors`), or from the hub where the network and HF_HUB_OFFLINE=0 allow it.

    Raises:
        InputError: no such file, a file of another network, or no hub.
    """
    overlay = {"file": str(_local(cfg.weights, backbone))} if cfg.weights else None
    try:
        model = timm.create_model(backbone, pretrained=True, pretrained_cfg_overlay=overlay)
    except (OSError, RuntimeError, ValueError, LookupError) as e:  # the hub, torch, safetensors; timm's renaming
        cause = f"timm cannot load {backbone} ({type(e).__name__})"
        remedy = "set start.weights to its file, or run once with a network and HF_HUB_OFFLINE=0"
        raise InputError(f"start.weights = {cfg.weights!r}", cause, remedy) from e
    Path(out).mkdir(parents=True, exist_ok=True)
    save_weights(model, Path(out) / WEIGHTS)


def _local(weights: str, backbone: str) -> Path:
    path = paths.resolve(weights)
    path = path / f"{backbone}.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"start.weights = {weights!r}", f"there is no file {path}", "name one, or put it there")
    return path


def pretrain_backbone(
    cfg: params.Start, backbone: str, out: Path, runtime: params.Runtime, batch: Batch = rendered
) -> pd.DataFrame:
    """Pre-train `backbone` by regression on rendered real faces: pose, expression, light, landmarks.

    Writes `weights.safetensors` (without the regression layer), `history.csv` and EXPLAINED: for each target the R2 on
    identities that were not trained on, its mean and its standard deviation. Returns that table.
    Differs: stands in for ImageNet weights, which a machine without a network does not have.
    """
    seed_everything(derive(cfg.seed, backbone), runtime.threads)
    (images, targets), (held_images, held) = batches(cfg, batch)
    mean, std = targets.mean(0), targets.std(0) + 1e-6
    on, bs, order = device(runtime.device), cfg.train.bs, derive(cfg.seed, "order")
    train_dl = make_loader(ArrayDataset(images, (targets - mean) / std), bs, on, runtime.workers, order)
    held_dl = make_loader(ArrayDataset(held_images, (held - mean) / std), bs, on, runtime.workers)
    model = make_backbone(backbone, num_classes=targets.shape[1])
    dls = DataLoaders(train_dl, held_dl, device=on)
    shown = runtime.fits == 1
    fit(model, dls, cfg.train, out, cfg.seed, loss_func=nn.SmoothL1Loss(), metrics=[], progress=shown)
    save_half({k: v for k, v in model.state_dict().items() if k not in classifier_keys(model)}, Path(out) / WEIGHTS)
    table = pd.DataFrame({"target": TARGETS, "r2": _r2(model, held_dl), "mean": mean, "std": std})
    table.to_csv(Path(out) / EXPLAINED, index=False)
    return table


def _r2(model: nn.Module, dl: object) -> np.ndarray:
    """Return the share of each target's variance that the model explains on `dl`: K values, at most 1."""
    model.eval()
    with torch.inference_mode():
        pairs = [(y.cpu(), model(x).cpu()) for x, y in dl]
    truth, guess = (torch.cat(side).numpy() for side in zip(*pairs, strict=True))
    return r2_score(truth, guess, multioutput="raw_values")
