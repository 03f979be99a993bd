"""Split training crops into two halves without a common source group: a detector of one maps the crops of the other.

A half is a crop set of its own, named after the one that it is taken from: "FF++, half 1".
"""

import numpy as np
import pandas as pd

from ddet.seeds import derive

HALVES = (1, 2)


def name(crop_set: str, half: int) -> str:
    """Name the crop set of which only the training crops of one half are kept."""
    return f"{crop_set}, half {half}"


def parsed(crop_set: str) -> tuple[str, int | None]:
    """Return the crop set that a name is made from, and the half: None for a whole one."""
    whole, _, half = crop_set.partition(", half ")
    return whole, int(half) if half else None


def half_of(rows: pd.DataFrame) -> np.ndarray:
    """Return the half of each training crop, 1 or 2, and 0 for every other crop: int n. Source groups stay together."""
    train = (rows["split"] == "train").to_numpy()
    groups = np.array(sorted(rows.loc[train, "group"].unique()))
    drawn = np.random.default_rng(derive("halves")).permutation(groups)
    first = rows["group"].isin(drawn[: (len(drawn) + 1) // 2]).to_numpy()
    return np.where(train, np.where(first, *HALVES), 0)


def trained_on(rows: pd.DataFrame, half: int) -> pd.DataFrame:
    """Return `rows` without the training crops of the other half."""
    return rows[np.isin(half_of(rows), (0, half))]


def mapped_by(rows: pd.DataFrame, half: int) -> pd.DataFrame:
    """Return the training crops that the detectors of a half have not seen: those of the other one."""
    found = half_of(rows)
    return rows[(found != 0) & (found != half)]
