"""The official protocol: the datasets' own splits; those that a dataset lacks are carved out of its train part."""

from collections import Counter

import numpy as np
import pandas as pd

from ddet import params
from ddet.data.layouts.base import FAKE, REAL, SPLITS
from ddet.data.partition import pack

MANY_PARTS = 10  # with so many DFDC parts or more, whole parts are carved out
Placed = dict[str, tuple[str, str]]  # clip_id -> split or "dropped", reason


def place_official(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Assign the official splits, and carve missing ones out of train (valid in Celeb-DF, valid or test in DFDC)."""
    dataset = next(iter(usable.dataset), "")
    carved = carve(usable, _UNITS[dataset](usable), cfg, rng) if dataset in _UNITS else {}
    return as_listed(usable) | carved


def as_listed(usable: pd.DataFrame) -> Placed:
    """Take the official split of each clip; a clip without one is dropped."""
    reasons = usable.reason.where(usable.reason != "", "its dataset gives no official split")
    rows = zip(usable.clip_id, usable.official_split, reasons, strict=True)
    return {clip_id: (split, "") if split else ("dropped", reason) for clip_id, split, reason in rows}


def carve(usable: pd.DataFrame, unit: pd.Series, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Divide the official train clips among train and the splits that the dataset lacks, in the ratios' proportion.

    unit: for each clip a name; clips of one name stay together.
    """
    open_splits = {"train"} | set(SPLITS) - set(usable.official_split)
    wanted = np.array([r if s in open_splits else 0.0 for s, r in zip(SPLITS, cfg.ratios, strict=True)])
    train = usable[usable.official_split == "train"]
    if len(open_splits) == 1 or wanted.sum() == 0:
        return {}
    packed = pack(sizes(train, unit[train.index]), wanted / wanted.sum(), rng)
    reason = f"carved out of the official train part by {unit.name}"
    return {clip_id: (packed[name], reason) for clip_id, name in zip(train.clip_id, unit[train.index], strict=True)}


def sizes(rows: pd.DataFrame, names: pd.Series) -> dict[str, tuple[int, int]]:
    """Count reals and fakes by name."""
    reals, fakes = Counter(names[rows.label == REAL]), Counter(names[rows.label == FAKE])
    return {name: (reals[name], fakes[name]) for name in {*reals, *fakes}}


def _dfdc_unit(usable: pd.DataFrame) -> pd.Series:
    """Return what to carve as a whole: a part where there are many, else the clips of one original."""
    part = usable.clip_id.str.split("/").str[1]
    return part.rename("part") if part.nunique() >= MANY_PARTS else usable.group.rename("original")


_UNITS = {"celebdf": lambda usable: usable.original, "dfdc": _dfdc_unit}
