"""Find the weights that a network starts from, in the table that 13_start_weights writes."""

from pathlib import Path

import pandas as pd

from ddet import paths
from ddet.errors import InputError

NONE = "none"  # in the place of a backbone: the network has none, and begins at random
TABLE = paths.RESULTS / "start_weights.csv"  # backbone, source, key (of the file's bytes), file


def start_of(backbone: str, table: Path = TABLE) -> tuple[Path | None, str]:
    """Return the file a backbone starts from (None: at random, or there is no backbone) and its key.

    Raises:
        InputError: 13_start_weights has not run in this version, has not prepared this backbone, or its file is gone.
    """
    if backbone == NONE:
        return None, ""
    if not table.is_file():
        raise InputError(table, "no start weights yet", "run the notebook 13_start_weights")
    known = pd.read_csv(table, dtype=str).fillna("").set_index("backbone")
    if "file" not in known:
        raise InputError(table, "is of an earlier version", "run the notebook 13_start_weights")
    if backbone not in known.index:
        raise InputError(f"model.backbone = {backbone!r}", "has no start weights", "add it to start.backbones")
    key, file = known.loc[backbone, ["key", "file"]]
    if not key:
        return None, ""
    path = paths.resolve(file)
    if not path.is_file():
        raise InputError(path, "no such start weights", "run the notebook 13_start_weights again")
    return path, key
