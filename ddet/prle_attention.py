"""Where PRLE's detectors look at test crops, and what is left of them when that is hidden."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ddet import ablation, attention, bootstrap, cam, exploit, fusion, learn, localise, params, primary, prle
from ddet.data import loaders
from ddet.models import zoo
from ddet.prle import METHOD, SHORT, named
from ddet.prle_figures import ALPHAS

SEEN = 0.5  # a pixel whose attention is at least half of the largest counts as looked at
MEASURES = ("face", "inside", "pointing", "iou")


def maps(folder: Path, layers: Sequence[str], rows: pd.DataFrame, crops: Path, classes: str = "fake") -> np.ndarray:
    """Compute the attention of one run on `rows`: float32 n x S x S in [0, 1].

    Args:
        layers: whose maps are averaged; none: those that `models.zoo` knows.
        classes: the logit that is asked: of the class "fake", or of the crop's own "label".
    """
    model, size = ablation.load_model(folder), ablation.config_of_run(folder)["model"]["size"]
    found, on = [], loaders.device("cpu")
    chosen = zoo.cam_layers(model, size, layers)
    for images, labels in loaders.eval_loader(rows, crops, size, primary.BATCH, on):
        asked = torch.ones_like(labels) if classes == "fake" else labels
        found.append(localise.attention_maps(model, chosen, images, asked).numpy())
    return np.concatenate(found)


def measured(found: np.ndarray, regions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Measure maps (n x S x S): `face` is the share of the face that is looked at, the rest are shares of the forged
    region by `cam.attention_shares`, where there is a ground truth.
    """
    face = regions["face"]
    with np.errstate(invalid="ignore"):
        values = {"face": ((found >= SEEN) & face).sum(axis=(1, 2)) / face.sum(axis=(1, 2))}
    if "forged" in regions:
        shares = cam.attention_shares(found, regions["forged"], SEEN)
        values |= {name: shares[name] for name in MEASURES[1:]}
    return values


def looks(
    section: params.Prle, done: pd.DataFrame, rows: pd.DataFrame, crops: Path, truth: Path | None
) -> dict[str, dict[str, np.ndarray]]:
    """Measure each detector with and without the method: fit -> measure -> seeds x n.

    Args:
        rows: fake crops.
        truth: where ground truth lies; None: there is none.
    """
    regions, found = attention.regions(rows, crops, section.size, truth), {}
    for detector, cfg in section.detectors.items():
        for name in (named(detector), named(detector, METHOD)):
            folders = done.loc[done["arm"] == name, "folder"]
            seeds = [measured(maps(f, cfg.layers, rows, crops), regions) for f in folders]
            found[name] = {measure: np.stack([s[measure] for s in seeds]) for measure in seeds[0]}
    return found


def look_table(
    section: params.Prle, found: Mapping[str, Mapping[str, np.ndarray]], rows: pd.DataFrame, cfg: params.Report
) -> pd.DataFrame:
    """Set both ways to train side by side: one line a detector and measure, with the difference and its interval."""
    lines = []
    for detector in section.detectors:
        plain, method = found[named(detector)], found[named(detector, METHOD)]
        for measure in plain:
            gain = bootstrap.paired_values(method[measure], plain[measure], rows, cfg)
            known = ~np.isnan(method[measure] + plain[measure]).any(axis=0)  # by all seeds of both
            sides = {"backbone": plain[measure][:, known].mean(), "PRLE": method[measure][:, known].mean()}
            line = {"detector": detector, "measure": measure, **sides, "difference": gain.value}
            lines.append(line | {"low": gain.low, "high": gain.high, "crops": gain.frames, "groups": gain.groups})
    return pd.DataFrame(lines)


def broader(
    section: params.Prle, found: Mapping[str, Mapping[str, np.ndarray]], rows: pd.DataFrame, cfg: params.Report,
    measure: str = "face",
) -> bootstrap.Estimate:  # fmt: skip
    """Estimate by how much the method raises a measure, over all detectors; a detector's seed counts as one run."""
    sides = [np.concatenate([found[named(d, arm)][measure] for d in section.detectors]) for arm in (METHOD, prle.PLAIN)]
    return bootstrap.paired_values(*sides, rows, cfg)


def masked(section: params.Prle, done: pd.DataFrame, rows: pd.DataFrame, crops: Path) -> dict[str, list[pd.DataFrame]]:
    """Predict test crops of FF++ with a growing part of their primary region hidden: "DF, alpha 0.1" -> predictions.

    The detector is the first of `subsets`, trained on raw images of one forgery method; the region of a test crop is
    what the zoo of that method attends to in it.

    Paper: PRLE section IV-E1, Figure 8, whose detector is Xception.
    """
    first, size = done[done["seed"] == 0].set_index("arm")["folder"], section.size
    images = torch.from_numpy(np.stack(loaders.CropDataset(rows, crops, None, size, 0).images))
    batch, labels = loaders.normalise((images, torch.from_numpy(rows["label"].to_numpy(np.int64))))
    found = {}
    for method in section.subsets.methods:
        stack = [
            maps(first[named(d, method=method)], section.detectors[d].layers, rows, crops, "label") for d in section.zoo
        ]
        region = torch.from_numpy(np.stack(stack, axis=1))
        rule = primary.thresholds(section.fusion.model_dump())
        whole = np.concatenate([fusion.fuse(region[i : i + 1], **rule).numpy() for i in range(len(region))])
        levels = torch.from_numpy(exploit.levels(whole))
        net = ablation.load_model(first[named(section.subsets.detectors[0], method=method)])
        for alpha in (0.0, *ALPHAS):
            hidden = exploit.hide(batch, levels, torch.full((len(batch),), alpha if alpha else -1.0))
            dl = [(hidden[i : i + 64], labels[i : i + 64]) for i in range(0, len(hidden), 64)]
            scores = _predict(net, dl)
            found[f"{SHORT[method]}, alpha {alpha:g}"] = [learn.predictions(rows, scores)]
    return found


@torch.inference_mode()
def _predict(net: torch.nn.Module, batches: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> np.ndarray:
    return torch.cat([net(x).softmax(1)[:, 1] for x, _ in batches]).numpy()
