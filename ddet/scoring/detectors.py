"""Detectors that score crops: any finished run of the three papers by its printed name, or a function of your own."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from ddet import paths
from ddet.asrid import arms as asrid_arms
from ddet.asrid import train as asrid_train
from ddet.data import clip_loader, crop_loader, crops
from ddet.errors import InputError, meant
from ddet.herd import arms as herd_arms
from ddet.prle import arms as prle_arms
from ddet.runs import finished
from ddet.stats import thresholds
from ddet.training import common, learner

STAGES = (*herd_arms.STAGES, *asrid_arms.STAGES, *prle_arms.STAGES)
BATCH = 32
Scores = Callable[[pd.DataFrame, Path], np.ndarray]


@dataclass(frozen=True)
class Detector:
    """What scores crops.

    Args:
        score: from rows of crops and the folder they lie in to the probability of fake of each, in [0, 1]. A detector
            of clips gives all crops of a clip the score of that clip.
        size: px of the crops that it sees.
        network: of a detector of images, for Grad-CAM; else None.
        of_valid: the threshold for clips that its run chose on valid; None where there is no run.
    """

    score: Scores
    size: int
    network: nn.Module | None = field(default=None, repr=False)
    of_valid: Callable[[], float] | None = None


def run_of(arm: str, seed: int, results: Path = paths.RESULTS) -> Path:
    """Return the folder of a finished run of any paper, by the name that tables print ("MEP", "Xception + PRLE").

    Raises:
        InputError: nothing was trained yet, or not this arm and seed.
    """
    stages = [stage for stage in STAGES if (results / f"{stage}_runs.csv").is_file()]
    if not stages:
        raise InputError(results, "holds no table of runs", "train some: make repro")
    runs = finished.read_runs(stages, results=results)
    chosen = runs[(runs["arm"] == arm) & (runs["seed"] == seed)]
    if chosen.empty:
        there = ", ".join(f"{r.arm} {r.seed}" for r in runs.itertuples())
        like = "" if arm in set(runs["arm"]) else meant(arm, set(runs["arm"]))
        raise InputError(f"{arm}, seed {seed}", "no such run", f"{like}there are: {there}")
    found = chosen["folder"].iloc[0]
    if not (found / learner.WEIGHTS).is_file():
        raise InputError(found, "its weights are not here", "make them: make repro")
    return found


def of_run(run: Path, device: str) -> Detector:
    """Build the detector of a finished run; `device` is `auto`, `cpu` or `cuda`."""
    config, on = finished.config_of_run(run), crop_loader.device(device)
    size, fast = config["model"]["size"], {"memory_format": torch.channels_last}  # convolutions at twice the speed
    if "clips" in config:
        model = finished.with_weights(asrid_train.build(config["model"]), run).to(on, **fast)
        rule = clip_loader.ClipRule(**(config["clips"] | {"short": "pad"}))  # a short clip has a score too

        def of_clips(rows: pd.DataFrame, root: Path) -> np.ndarray:
            known = rows.assign(split="test", group="", label=0)
            made = asrid_train.score(model, known, crop_loader.Loading(root, size, 1, on), rule, "fp32")
            keys = clip_loader.SEQUENCE
            return rows[keys].merge(made[[*keys, "prob_fake"]], on=keys, how="left")["prob_fake"].to_numpy()

        return Detector(of_clips, size, of_valid=lambda: _threshold(run))
    model = finished.load_model(run).to(**fast)

    def of_images(rows: pd.DataFrame, root: Path) -> np.ndarray:
        how = crop_loader.Loading(root, size, BATCH, on)
        return learner.predict(model, crop_loader.eval_loader(rows.assign(label=0), how))  # labels are not used

    return Detector(of_images, size, model, lambda: _threshold(run))


def _threshold(run: Path) -> float:
    """Return the threshold for clips that a run chose on valid.

    Raises:
        InputError: the run has no predictions of valid, as one whose epoch was chosen on test.
    """
    alone = run / common.VALID
    table = pd.read_parquet(alone if alone.is_file() else run / common.PREDICTIONS)
    if not alone.is_file():  # a detector of clips writes all splits into one table
        table = table[table["split"] == "valid"]
    return thresholds.of_valid(table)["clip"]


def of_function(spec: str, size: int) -> Detector:
    """Build the detector of a function of yours, `FILE.py:NAME`.

    It takes uint8 n x size x size x 3 RGB crops and returns n probabilities of fake.

    Raises:
        InputError: no such file or function, or what it returns is not one number in [0, 1] for each crop.
    """
    file, _, name = spec.rpartition(":")
    function = getattr(_module(Path(file), spec), name, None)
    if not callable(function):
        raise InputError(spec, f"the file defines no function {name}", "name one as FILE.py:FUNCTION")

    def score(rows: pd.DataFrame, root: Path) -> np.ndarray:
        files = [root / crop for crop in rows["crop"]]
        parts = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
        return np.concatenate([_checked(function(_batch(part, size)), len(part), spec) for part in parts])

    return Detector(score, size)


def _module(file: Path, spec: str) -> Any:
    if file.suffix != ".py" or not file.is_file():
        raise InputError(spec, "names no Python file", "name one as FILE.py:FUNCTION")
    found = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except (ImportError, SyntaxError) as e:
        raise InputError(file, f"cannot be imported ({e})", "mend it, or install what it needs") from None
    return module


def _batch(files: Sequence[Path], size: int) -> np.ndarray:
    return np.stack([crops.resized(crops.load_crop(file), size) for file in files])


def _checked(given: object, count: int, spec: str) -> np.ndarray:
    """Take what a function returned, as an array, a list or a tensor on any device."""
    given = given.detach().cpu() if hasattr(given, "detach") else given
    try:
        prob = np.asarray(given, float)
    except (TypeError, ValueError):
        prob = np.empty(0)
    if prob.shape != (count,) or not ((prob >= 0) & (prob <= 1)).all():
        cause = f"returned {type(given).__name__} of shape {np.shape(given)}, not {count} numbers in [0, 1]"
        raise InputError(spec, cause, "return one probability of fake for each crop")
    return prob
