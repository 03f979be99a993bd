"""Make the start weights of a backbone: pre-trained on rendered faces, fetched from timm, or none (random)."""

from collections.abc import Callable
from functools import lru_cache
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
from ddet.models import classifier_keys, make_backbone
from ddet.seeds import derive, seed_everything
from ddet.synth.pretext import TARGETS, pretext_batch
from ddet.training.learner import WEIGHTS, fit, save_weights

HELD_OUT = 5  # one held-out image and identity per so many of training, for the R2 that is reported
Batch = Callable[..., tuple[np.ndarray, np.ndarray]]
rendered: Batch = lru_cache(maxsize=2)(pretext_batch)  # every backbone learns from the same faces


def start_weights(cfg: params.Start, backbone: str, out: Path, runtime: params.Runtime) -> Path | None:
    """Make `out/weights.safetensors` for `backbone` from `cfg.source`; None where networks begin at random.

    Raises:
        InputError: timm's weights are neither in the file that `start.weights` names nor to be had from the hub.
    """
    if cfg.source == "none":
        return None
    if cfg.source == "timm":
        fetch_backbone(cfg, backbone, out)
    else:
        pretrain_backbone(cfg, backbone, out, runtime)
    return Path(out) / WEIGHTS


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

    Writes `weights.safetensors` (without the regression layer), `history.csv` and `targets.csv`: for each target the
    R2 on identities that were not trained on, its mean and its standard deviation. Returns that table.
    Differs: stands in for ImageNet weights, which a machine without a network does not have.
    """
    seed_everything(derive(cfg.seed, backbone), runtime.threads)
    extra = max(2, cfg.identities // HELD_OUT)
    seen, unseen = range(cfg.identities), range(cfg.identities, cfg.identities + extra)
    images, targets = batch(cfg.images, derive(cfg.seed, "seen"), cfg.size, seen)
    held_images, held = batch(max(2, cfg.images // HELD_OUT), derive(cfg.seed, "unseen"), cfg.size, unseen)
    mean, std = targets.mean(0), targets.std(0) + 1e-6
    on, bs, order = device(runtime.device), cfg.train.bs, derive(cfg.seed, "order")
    train_dl = make_loader(ArrayDataset(images, (targets - mean) / std), bs, on, runtime.workers, order)
    held_dl = make_loader(ArrayDataset(held_images, (held - mean) / std), bs, on, runtime.workers)
    model = make_backbone(backbone, num_classes=targets.shape[1])
    dls = DataLoaders(train_dl, held_dl, device=on)
    shown = runtime.fits == 1
    fit(model, dls, cfg.train, out, cfg.seed, loss_func=nn.SmoothL1Loss(), metrics=[], progress=shown)
    _drop_classifier(model, Path(out) / WEIGHTS)
    table = pd.DataFrame({"target": TARGETS, "r2": _r2(model, held_dl), "mean": mean, "std": std})
    table.to_csv(Path(out) / "targets.csv", index=False)
    return table


def _drop_classifier(model: nn.Module, path: Path) -> None:
    state = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save({k: v for k, v in state.items() if k not in classifier_keys(model)}))


def _r2(model: nn.Module, dl: object) -> np.ndarray:
    """Return the share of each target's variance that the model explains on `dl`: K values, at most 1."""
    model.eval()
    with torch.inference_mode():
        pairs = [(y.cpu(), model(x).cpu()) for x, y in dl]
    truth, guess = (torch.cat(side).numpy() for side in zip(*pairs, strict=True))
    return r2_score(truth, guess, multioutput="raw_values")
