"""Measure where PRLE's detectors attend in test crops, and their AUC when that region is hidden."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ddet import params
from ddet.attention import measure as attention_measure
from ddet.data import crop_loader
from ddet.models import zoo
from ddet.prle import arms as prle_arms
from ddet.prle import exploit, fusion, localise, map_runs
from ddet.prle.arms import METHOD, SHORT, named
from ddet.prle.figures import ALPHAS, without
from ddet.runs import finished, processes
from ddet.stats import bootstrap, pooling
from ddet.training import common, learner

SEEN = 0.5  # a pixel whose attention is at least half of the largest counts as looked at
MEASURES = ("face", "inside", "pointing", "iou")


def maps(
    folder: Path, layers: Sequence[str], rows: pd.DataFrame, crops: Path, of_class: str = "fake"
) -> np.ndarray:  # fmt: skip
    """Compute the attention of one run on `rows`: float32 n x S x S in [0, 1].

    Args:
        layers: the layers whose maps are averaged; none: those of `models.zoo`.
        of_class: see `localise.of_rows`.
    """
    model, size = finished.load_model(folder), finished.config_of_run(folder)["model"]["size"]
    chosen, on = zoo.cam_layers(model, size, layers), crop_loader.device("cpu")
    found = localise.of_rows(model, chosen, rows, crops, size, map_runs.BATCH, on, of_class)
    return np.concatenate([*found(0, len(rows))])


def measured(found: np.ndarray, regions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Measure maps (n x S x S): `face` is the share of the face that is looked at, the rest are those of
    `attention.measure.attention_shares` on the forged region, where there is a ground truth.
    """
    face = regions["face"]
    with np.errstate(invalid="ignore"):
        values = {"face": ((found >= SEEN) & face).sum(axis=(1, 2)) / face.sum(axis=(1, 2))}
    if "forged" in regions:
        shares = attention_measure.attention_shares(found, regions["forged"], SEEN)
        values |= {name: shares[name] for name in MEASURES[1:]}
    return values


def primary_shares(maps: np.ndarray, forged: np.ndarray) -> dict[str, np.ndarray]:
    """Measure each primary region against the forged pixels (bool n x H x W), as `attention_shares` does.

    `iou` is that of {A > 0}; `inside` and `pointing` weigh the attention.
    """
    return attention_measure.attention_shares(maps, forged, threshold=np.finfo(float).smallest_subnormal)


def looks(
    section: params.Prle, done: pd.DataFrame, rows: pd.DataFrame, crops: Path, truth: Path | None,
    runtime: params.Runtime,
) -> dict[str, dict[str, np.ndarray]]:  # fmt: skip
    """Measure the attention of each detector with and without the method: fit -> measure -> float seeds x n.

    As many runs at a time as `runtime.fits` says.

    Args:
        rows: fake crops.
        truth: where ground truth lies; None: there is none.
    """
    regions = attention_measure.regions(rows, section.size, truth)
    named_runs = [
        (name, folder, cfg.layers)
        for detector, cfg in section.detectors.items()
        for name in (named(detector), named(detector, METHOD))
        for folder in done.loc[done["arm"] == name, "folder"]
    ]
    asks = [(_looked, folder, layers, rows, crops, regions, runtime.threads) for _, folder, layers in named_runs]
    found: dict[str, list[dict[str, np.ndarray]]] = {}
    for (name, _, _), values in zip(named_runs, processes.together(asks, runtime.fits), strict=True):
        found.setdefault(name, []).append(values)
    return {name: {m: np.stack([s[m] for s in seeds]) for m in seeds[0]} for name, seeds in found.items()}


def _looked(
    folder: Path, layers: Sequence[str], rows: pd.DataFrame, crops: Path, regions: Mapping[str, np.ndarray],
    threads: int,
) -> dict[str, np.ndarray]:  # fmt: skip
    torch.set_num_threads(threads)  # a process of its own
    return measured(maps(folder, layers, rows, crops), regions)


def look_table(
    section: params.Prle, found: Mapping[str, Mapping[str, np.ndarray]], rows: pd.DataFrame, cfg: params.Report
) -> pd.DataFrame:
    """Tabulate each detector with and without the method: a row per measure, with the difference and its interval.

    Levels and difference are those of the same seeds; detectors lend each other their noise where it is alike.
    """
    cells = [(detector, measure) for detector in section.detectors for measure in found[named(detector)]]
    gains = {
        (detector, measure): bootstrap.paired_values(
            found[named(detector, METHOD)][measure], found[named(detector)][measure], rows, cfg
        )
        for detector, measure in cells
    }
    for measure in dict.fromkeys(measure for _, measure in cells):
        same = [cell for cell in cells if cell[1] == measure]
        gains |= dict(zip(same, pooling.alike([gains[cell] for cell in same]), strict=True))
    lines = []
    for detector, measure in cells:
        gain = gains[detector, measure]
        sides = {
            side: found[named(detector, arm)][measure][: len(gain.per_seed)]
            for side, arm in (("backbone", prle_arms.PLAIN), ("PRLE", METHOD))
        }
        known = ~np.isnan(np.concatenate([*sides.values()])).any(axis=0)
        sides = {side: values[:, known].mean() if known.any() else np.nan for side, values in sides.items()}
        line = {"detector": detector, "measure": measure, **sides, "difference": gain.value}
        line |= {"low": gain.low, "high": gain.high, "seeds": len(gain.per_seed)}
        lines.append(line | {"crops": gain.frames, "groups": gain.groups})
    return pd.DataFrame(lines)


def broader(
    section: params.Prle, found: Mapping[str, Mapping[str, np.ndarray]], rows: pd.DataFrame, cfg: params.Report,
    measure: str = "face",
) -> bootstrap.Estimate:  # fmt: skip
    """Estimate by how much the method raises a measure, over all detectors; each seed of a detector is one run."""
    sides = [
        np.concatenate([found[named(d, arm)][measure] for d in section.detectors]) for arm in (METHOD, prle_arms.PLAIN)
    ]
    return bootstrap.paired_values(*sides, rows, cfg)


def masked(
    section: params.Prle, done: pd.DataFrame, rows: pd.DataFrame, crops: Path, of_class: str, runtime: params.Runtime
) -> dict[str, list[pd.DataFrame]]:
    """Score test crops of FF++ with a growing part of their primary region hidden: "DF, alpha 0.1" -> predictions.

    The detector is the first of `subsets`, trained on raw images of one forgery method; the region of a test crop is
    what the detectors trained on that method attend to in it. As many methods at a time as `runtime.fits` says.

    Args:
        of_class: of the maps. Those of a crop's label are had only by whoever knows it, and their shape tells it.

    Paper: PRLE section IV-E1, Figure 8, whose detector is Xception. It does not say for which class its maps are.
    """
    first = done[done["seed"] == 0].set_index("arm")["folder"]
    asks = [
        (_masked, section, method, first, rows, crops, of_class, runtime.threads) for method in section.subsets.methods
    ]
    return {name: tables for found in processes.together(asks, runtime.fits) for name, tables in found.items()}


def _masked(
    section: params.Prle, method: str, folders: pd.Series, rows: pd.DataFrame, crops: Path, of_class: str, threads: int
) -> dict[str, list[pd.DataFrame]]:
    torch.set_num_threads(threads)  # a process of its own
    size, rule = section.size, map_runs.thresholds(section.fusion.model_dump())
    images = crop_loader.CropDataset(rows, crops, None, size, 0)
    of_zoo = {d: folders[named(d, method=method)] for d in section.zoo}
    stack = [maps(f, section.detectors[d].layers, rows, crops, of_class) for d, f in of_zoo.items()]
    levels = exploit.levels(np.concatenate([*fusion.of_stores(stack, **rule)(0, len(rows))]))
    net = finished.load_model(folders[named(section.subsets.detectors[0], method=method)])
    net, found = net.to(memory_format=torch.channels_last), {}
    for alpha in (0.0, *ALPHAS):
        shown = alpha or -1.0  # a level of 0 is hidden at any alpha that is not negative
        hidden = [without(images.image(i), level, shown) for i, level in enumerate(levels)]
        scores = common.predict_images(net, hidden)
        found[f"{SHORT[method]}, alpha {alpha:g}"] = [learner.predictions(rows, scores)]
    return found
