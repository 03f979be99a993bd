"""Read the maps of many crops from disk, and check that they belong to these crops."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from ddet.data.crop_table import SHAPES_A_RUN
from ddet.errors import InputError
from ddet.hashing import fingerprint

MAPS, HEAD, PARTIAL = "maps.npy", "maps.json", "maps.partial.npy"
Batches = Callable[[int, int], Iterable[np.ndarray]]  # (start, stop) -> maps of these crops, a few at a time


def read(folder: Path, data_hash: str) -> np.ndarray:
    """Open the maps of `folder` as a read-only memory map: float16 n x size x size in [0, 1].

    Raises:
        InputError: there are none, they are unfinished, or they belong to other crops than those of `data_hash`.
    """
    folder = Path(folder)
    if not (folder / MAPS).is_file() or not (folder / HEAD).is_file():
        state = "unfinished maps" if (folder / PARTIAL).is_file() else "no maps"
        raise InputError(folder, f"holds {state}", "run the notebook that localises primary regions")
    check(folder, {"data_hash": data_hash})
    return np.load(folder / MAPS, mmap_mode="r")


def identity(rows: pd.DataFrame) -> str:
    """Return the fingerprint of the training crops `rows`, which their maps must carry, in their order."""
    return fingerprint(rows[SHAPES_A_RUN])


def check(folder: Path, wanted: dict[str, object]) -> None:
    """Compare the header of the maps in `folder` with the `wanted` values.

    Raises:
        InputError: they differ; both are named.
    """
    found = json.loads((folder / HEAD).read_text())
    for key, value in wanted.items():
        if found[key] != value:
            cause = f"holds maps of {key} {found[key]}, asked for are those of {key} {value}"
            raise InputError(folder, cause, "remove the folder, or ask for the maps of the same training split")
