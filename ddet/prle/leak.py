"""Ask whether masks tell the label: the mask alone, masks exchanged between the classes, and masks on a grey image.

A detector that is trained without regions whose shape depends on the label can read the label from what is hidden. So
for every arm that hides something: what does a mask say, and has the detector learnt to read it?
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from ddet import params
from ddet.data import crop_loader
from ddet.prle import arms as prle_arms
from ddet.prle import train as prle_train
from ddet.prle.arms import METHOD, Fit, named
from ddet.prle.scores import Scored
from ddet.runs import finished, processes
from ddet.seeds import derive
from ddet.stats import bootstrap, verdicts
from ddet.stats.premise import Premise
from ddet.training import common, learner

CROPS = 100  # training crops of each class
ALPHA = 0.5  # the hidden share of each region
CELLS = 8  # a mask is pooled to CELLS x CELLS before a classifier sees it
FOLDS = 5  # of the classifier; a source group is in one of them
SLACK = 0.01  # of a crop: a rectangle on pixels is no nearer to the area that it should have
NEAR = 0.05  # of AUC: as good as
CLEAR = 0.6  # masks of an AUC below it tell too little to explain a gain
GREY = 128
DEALT = "dealt"  # the arm whose masks tell nothing
CLAIM = "prle-leak"


def table(
    listed: Mapping[str, Fit], done: pd.DataFrame, rows: pd.DataFrame, crops: Path, maps: Path, cfg: params.Report,
    runtime: params.Runtime,
) -> pd.DataFrame:  # fmt: skip
    """Test the first seed of one fit of each arm that hides something, on FF++: what `measured` says, one row an arm.

    The fit is that of the detector which most arms train. The last row is this detector, trained plainly, under the
    masks of the method: what masks do to whoever has not met any.

    Args:
        listed: the fits that hide something.
        done: the runs of all fits.
        rows: the crops of FF++ that they were trained on.
        maps: the folder of all runs that hold maps.
        runtime: `fits` is how many arms are tested at a time.
    """
    first = done[done["seed"] == 0].set_index("arm")["folder"]
    whole = {name: fit for name, fit in listed.items() if fit.crop_set == prle_arms.WHOLE and prle_arms.hides(fit)}
    usual = Counter(fit.detector for fit in whole.values()).most_common(1)[0][0]
    by_arm: dict[str, str] = {}
    for name, fit in sorted(whole.items(), key=lambda item: item[1].detector != usual):
        by_arm.setdefault(fit.arm.name, name)
    asked = [(arm, by_arm[arm], first[by_arm[arm]]) for arm in dict.fromkeys(fit.arm.name for fit in whole.values())]
    asks = [(arm, name, folder, folder) for arm, name, folder in asked]  # the last: whose masks they are
    method, plain = named(usual, METHOD), named(usual)
    if method in by_arm.values() and plain in first:
        asks.append((f"none, under masks of {METHOD}", plain, first[plain], first[method]))
    given = (rows, crops, maps, cfg, runtime.threads)
    lines = processes.together([(_measured, net, masks, *given) for _, _, net, masks in asks], runtime.fits)
    return pd.DataFrame({"arm": arm, "fit": name} | line for (arm, name, _, _), line in zip(asks, lines, strict=True))


def _measured(
    run: Path, masks: Path, rows: pd.DataFrame, crops: Path, maps: Path, cfg: params.Report, threads: int
) -> dict[str, Any]:
    torch.set_num_threads(threads)  # a process of its own
    net = finished.load_model(run).to(memory_format=torch.channels_last)  # twice as fast
    return measured(net, finished.config_of_run(masks), rows, crops, maps, cfg)


def measured(
    net: nn.Module, config: Mapping[str, Any], rows: pd.DataFrame, crops: Path, maps: Path, cfg: params.Report
) -> dict[str, Any]:
    """Test the masks of one fit, and the network `net` under them, on training crops with the share ALPHA hidden.

    Returns:
        `hidden`: mean share of the crop that is hidden at alpha = 1; `nothing hidden`: share of crops of which nothing
        ever is; `short`: share of the others whose region is smaller than the arm's `area`; `mask`, `low`, `high`: AUC
        for the label of a classifier of the mask alone, with its interval over groups; `area`: the same of the size of
        the mask alone; `tells`: both in words; then the AUC of the network for the label on `whole` crops, under
        their `own` masks, under masks of the `other` class, and on `grey` images with their own masks.
    """
    chosen = prle_train.chosen_of(dict(config), rows)
    some = crop_loader.balance(chosen, min(CROPS, *chosen["label"].value_counts()), derive("leak"))
    regions, places = prle_train.hidden_of(dict(config), chosen, rows, maps), chosen.index.get_indexer(some.index)
    levels = np.stack([regions(int(place), derive("leak", int(place))) for place in places])
    masks, full, labels = levels <= ALPHA, (levels <= 1).mean(axis=(1, 2)), some["label"].to_numpy()
    alone, sizes = (told_by(seen, some) for seen in (pooled(masks), masks.mean(axis=(1, 2))[:, None]))
    e = bootstrap.over_seeds([learner.predictions(some, alone)], cfg, given=True)["frame_auc"]
    area, limit = roc_auc_score(labels, sizes), config["hide"]["area"] or 0.0
    short = (full[full > 0] < limit - SLACK).mean() if (full > 0).any() else np.nan
    found = {"hidden": full.mean(), "nothing hidden": (full == 0).mean(), "short": short}
    found |= {"mask": e.value, "low": e.low, "high": e.high, "area": area, "tells": reading(e.low, e.value, area)}
    images = crop_loader.CropDataset(some, crops, None, config["model"]["size"], 0)
    shown = np.stack([images.image(i) for i in range(len(some))])
    fill = config["hide"]["fill"]
    pictures = {
        "whole": shown,
        "own": covered(shown, masks, fill),
        "other": covered(shown, masks[exchanged(labels)], fill),
        "grey": covered(np.full_like(shown, GREY), masks, fill),
    }
    return found | {name: roc_auc_score(labels, common.predict_images(net, seen)) for name, seen in pictures.items()}


def pooled(masks: np.ndarray) -> np.ndarray:
    """Return the share of each of CELLS x CELLS cells that is hidden: bool n x S x S to float n x CELLS²."""
    cells = [cv2.resize(m.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA) for m in masks]
    return np.stack(cells).reshape(len(masks), -1)


def told_by(features: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Predict the label of each crop from its features alone by logistic regression: float n x k to float n in [0, 1].

    The classifier of a crop has seen no crop of the same source group. Where those that are left are of one class it
    says .5.
    """
    folds = StratifiedGroupKFold(max(2, min(FOLDS, rows["group"].nunique(), *rows["label"].value_counts())))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    labels, found = rows["label"].to_numpy(), np.full(len(rows), 0.5)
    for seen, held in folds.split(features, labels, rows["group"]):
        if len(set(labels[seen])) > 1:
            found[held] = model.fit(features[seen], labels[seen]).predict_proba(features[held])[:, 1]
    return found


def reading(low: float, mask: float, area: float) -> str:
    """Say what a mask tells: nothing, where the interval of its AUC reaches .5; else whether by its area alone."""
    if not low > 0.5:
        return "nothing"
    return "the label, by its area alone" if area >= mask - NEAR else "the label, by its place"


def exchanged(labels: np.ndarray) -> np.ndarray:
    """Return for each crop the index of one of the other class, drawn at random, each as often as any other."""
    rng = np.random.default_rng(derive("exchange"))
    found = np.empty(len(labels), int)
    for label in (0, 1):
        here, there = np.flatnonzero(labels == label), rng.permutation(np.flatnonzero(labels != label))
        found[here] = np.resize(there, len(here))
    return found


def covered(images: np.ndarray, masks: np.ndarray, fill: str) -> np.ndarray:
    """Fill what masks (bool n x S x S) hide of images (uint8 n x S x S x 3) as a fit does: `zero` or `noise`."""
    rng = np.random.default_rng(derive("fill"))
    filling = rng.integers(0, 256, images.shape, np.uint8) if fill == "noise" else np.uint8(0)
    return np.where(masks[..., None], filling, images)


def silent(found: pd.DataFrame) -> dict[str, Premise]:
    """Return the premise of claims on masked crops, by its words in claims.csv: the method's masks tell no label.

    Args:
        found: what `table` returned; without the method nothing was measured, and nothing is returned.
    """
    masks = found.set_index("arm")["mask"]
    said = "AUC of a classifier that sees the masks alone"
    return {"masks that do not tell": Premise(said, float(masks[METHOD]), most=CLEAR)} if METHOD in masks else {}


def judge(section: params.Prle, scored: Scored, found: pd.DataFrame, where: str) -> pd.DataFrame | None:
    """Test a claim of ours: the gain of the method is not explained by masks that tell the label.

    Its effect is what the method loses when each crop gets the region of another: average AUC with dealt maps minus
    that with own maps. Dealt masks have the same areas and tell nothing.

    * Without a gain of the method over plain training there is nothing to explain: not testable here.
    * Where the AUC of a mask-only classifier stays below CLEAR with its whole interval, the masks of the method tell
      too little to explain a gain: the claim holds.
    * Else it holds where dealt maps keep the gain (less than a point is lost), and fails where the loss is certain:
      then what is known of a crop's own region made the gain, and the label is part of what it tells.

    Args:
        found: what `table` returned. None is returned where the params file has no arm `dealt`.
    """
    both = [d for d in section.detectors if scored.has(named(d, DEALT), named(d, METHOD), named(d))]
    if not both or METHOD not in set(found["arm"]):
        return None
    tests, masks = list(section.tests.values()), found.set_index("arm").loc[METHOD]
    gain = scored.gain([(named(d, METHOD), named(d)) for d in both], tests, "frame_auc")
    kept = scored.gain([(named(d, DEALT), named(d, METHOD)) for d in both], tests, "frame_auc")
    keys = finished.keys(scored.done, *(named(d, arm) for d in both for arm in (DEALT, METHOD)))
    there = Premise("gain of the method, lower end,", gain.low, least=0.0)
    line = verdicts.line(CLAIM, kept, keys, scored.cfg, where, premises=[there])
    if there.met and masks["high"] < CLEAR:
        line["verdict"] = "holds"
    shown = f"gain {round(gain.value, 3) + 0.0:+.3f}, AUC of the mask alone {masks['mask']:.3f}"
    return line.assign(data=f"{where}; {shown}")
