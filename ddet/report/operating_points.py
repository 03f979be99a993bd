"""Tabulate operating points: decisions at .5 and at the threshold of valid, TPR at few false alarms, calibration.

A threshold is part of a run: each seed has its own, chosen on its own valid (see `stats.thresholds`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import published
from ddet.report import tables
from ddet.report.cells import Column
from ddet.stats import metrics, pooling, thresholds
from ddet.stats.interval import Estimate

DECISIONS = {"accuracy": "Acc", "balanced_accuracy": "balanced Acc", "macro_f1": "F1"}  # metric -> its title
THRESHOLD_FREE = {"tpr_at_1": "TPR at 1 % FPR", "tpr_at_5": "TPR at 5 % FPR", "ece": "ECE", "brier": "Brier"}
NOTE = (
    "t: the threshold with the best balanced accuracy on valid, of each seed its own; intervals are those of detectors "
    "with their thresholds. F1 is the mean of that of reals and that of fakes. TPR: from the ROC curve of test, whose "
    "points are joined by straight lines. ECE: 15 bins of equal width; where crops are few it is rather too high."
)


def columns(level: str) -> list[Column]:
    """Return the columns of the table at a level: t, decisions at .5 and at t, fakes found, calibration."""
    decided = [
        Column(f"{title} at {where}", f"{level}_{name}{end}")
        for name, title in DECISIONS.items()
        for where, end in ((".5", ""), ("t", metrics.OF_VALID))
    ]
    return [Column("t", "t"), *decided, *(Column(title, f"{level}_{name}") for name, title in THRESHOLD_FREE.items())]


def names(level: str) -> list[str]:
    """Return the metrics that the table at a level holds."""
    return [column.metric for column in columns(level)[1:]]


def table(
    found: Mapping[str, Mapping[str, Estimate]],
    keys: Mapping[str, Sequence[str]],
    valid: Mapping[str, Sequence[pd.DataFrame]],
    level: str,
    caption: str,
    note: str = "",
) -> tables.Table:
    """Build the table of operating points at one level, frame or clip.

    Args:
        found: row -> metric -> estimate, with those that `names` lists; what a row lacks leaves its cell empty.
        keys: row -> the keys of the runs behind it.
        valid: row -> what its runs gave valid, one table per seed; its thresholds are shown. A row that is not there
            has no threshold of its own.
    """
    words = {row: ", ".join(f"{thresholds.of_valid(v)[level]:.2f}" for v in seeds) for row, seeds in valid.items()}
    note = f"{NOTE} {note}".strip()
    return tables.set_beside(found, keys, columns(level), published.nothing(), caption, note, {"t": words})


def sentence(found: Mapping[str, Mapping[str, Estimate]], level: str) -> str:
    """Say what the threshold of valid changes: on average over rows, from row to row, and where most.

    The intervals are those of the table of the same rows.
    """
    found, said = pooling.pooled(found), []
    for name, title in DECISIONS.items():
        moves = {row: _move(cells, f"{level}_{name}") for row, cells in found.items()}
        moves = {row: move for row, move in moves.items() if not np.isnan(move)}
        if not moves:
            return "No row has a threshold of valid."
        values = list(moves.values())
        said.append(f"{title} by {np.mean(values):+.3f} on average ({min(values):+.3f} to {max(values):+.3f})")
    row = max(moves, key=lambda row: abs(moves[row]))
    before, after = (tables.with_interval(found[row][f"{level}_macro_f1{end}"]) for end in ("", metrics.OF_VALID))
    return (
        f"The threshold of valid instead of .5 changes, over {len(moves)} rows at {level} level, {', '.join(said)}; "
        f"F1 most in {row}, from {before} to {after}."
    )


def _move(cells: Mapping[str, Estimate], metric: str) -> float:
    at = cells.get(f"{metric}{metrics.OF_VALID}")
    return at.value - cells[metric].value if at else np.nan
