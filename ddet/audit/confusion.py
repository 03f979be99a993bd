"""Check 3: find the integer confusion matrices that give both a printed accuracy and a printed F1."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ddet.audit.arithmetic import cells
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import counts_within, interval

READINGS = ("macro", "real", "fake", "weighted")
TINY = 1e-12  # rounding error of a ratio of integers below 10**5, far under half a unit of any printed digit


def f1(reading: str, real_right: np.ndarray, fake_right: np.ndarray, real: int, fake: int) -> np.ndarray:
    """Return F1 in [0, 1] of confusion matrices given as counts of correctly classified reals and fakes.

    `reading`: F1 of class real, of class fake, their mean (macro) or their mean weighted by class size (weighted).
    """
    wrong = (real - real_right) + (fake - fake_right)
    of_real = 2 * real_right / np.maximum(2 * real_right + wrong, 1)
    of_fake = 2 * fake_right / np.maximum(2 * fake_right + wrong, 1)
    share = real / (real + fake)
    mixed = {"macro": (of_real + of_fake) / 2, "weighted": share * of_real + (1 - share) * of_fake}
    return {"real": of_real, "fake": of_fake, **mixed}[reading]


def feasible(accuracy: str, score: str, reading: str, real: int, fake: int, fewer: int = 0) -> np.ndarray:
    """List every confusion matrix whose accuracy and F1 round to both printed numbers.

    An accuracy leaves few possible totals of correct answers, so the grid is (totals) x (correct reals), not
    (reals) x (fakes): complete, and small.

    Args:
        accuracy, score: as printed, in [0, 1]; `fewer` of their digits are not trusted.
        reading: one of READINGS.

    Returns:
        int array k x 2: correctly classified reals, correctly classified fakes.
    """
    totals = np.array(counts_within(*interval(accuracy, fewer), real + fake), dtype=np.int64)
    real_right = np.arange(real + 1)[None, :]
    fake_right = totals[:, None] - real_right
    inside = (fake_right >= 0) & (fake_right <= fake)
    low, high = (float(bound) for bound in interval(score, fewer))
    value = f1(reading, real_right, np.clip(fake_right, 0, fake), real, fake)
    row, column = np.nonzero(inside & (value >= low - TINY) & (value <= high + TINY))
    return np.stack([column, fake_right[row, column]], axis=1)


def readings(frame: pd.DataFrame, real: int, fake: int, accuracy: str = "Acc", score: str = "F1") -> pd.DataFrame:
    """Count the feasible matrices of every row under every reading: columns row, reading, exact, coarser."""
    known, out = cells(frame), []
    for row in frame.sort_values("row_order")["row"].unique():
        pair = known.get((row, accuracy)), known.get((row, score))
        if all(pair):
            printed = [cell["printed"] for cell in pair]
            for reading in READINGS:
                counts = [len(feasible(*printed, reading, real, fake, fewer)) for fewer in (0, 1)]
                out.append((row, reading, *counts))
    return pd.DataFrame(out, columns=["row", "reading", "exact", "coarser"])


def best_reading(table: pd.DataFrame) -> str:
    """Return the reading under which most rows are feasible; macro, the usual one, where several tie."""
    fits = table.assign(fits=table["exact"] > 0).groupby("reading")["fits"].sum()
    return max(READINGS, key=lambda reading: fits[reading])


def accuracy_with_f1(
    frame: pd.DataFrame, real: int, fake: int, accuracy: str = "Acc", score: str = "F1"
) -> list[Finding]:
    """Judge every row under the reading that fits most of its table; name other readings that would fit."""
    table = readings(frame, real, fake, accuracy, score)
    if table.empty:
        return []
    best, known = best_reading(table), cells(frame)
    rows = [
        _judge_row(known[row, score], known[row, accuracy]["printed"], counts.set_index("reading"), best)
        for row, counts in table.groupby("row", sort=False)
    ]
    return [*rows, _judge_table(next(iter(known.values())), score, table, best)]


def _judge_table(anywhere: Mapping, score: str, table: pd.DataFrame, best: str) -> Finding:
    fits = table.assign(fits=table["exact"] > 0).groupby("reading")["fits"].sum()
    rows = table["row"].nunique()
    counts = ", ".join(f"{reading} F1 fits {fits[reading]}" for reading in READINGS)
    cell = {**anywhere, "row": "(all rows)", "column": score, "printed": ""}
    text = f"Table {cell['table']}: of {rows} rows with accuracy and F1, {counts}"
    if fits[best] == rows:
        return at(cell, 3, best, "consistent", f"{text}; the table can be read as {best} F1 throughout.")
    every = table.groupby("row")["exact"].max().gt(0).all()
    verdict = "other reading" if every else "infeasible"
    return at(cell, 3, best, verdict, f"{text}; no one definition of F1 gives the whole table.")


def _judge_row(cell: Mapping, accuracy: str, counts: pd.DataFrame, best: str) -> Finding:
    others = [r for r in READINGS if r != best and counts.loc[r, "exact"]]
    coarser = [r for r in READINGS if counts.loc[r, "coarser"]]
    n = int(counts.loc[best, "exact"])
    start = f"Table {cell['table']}, {cell['row']}: accuracy {accuracy} with F1 {cell['printed']}"
    if n:
        return at(
            cell,
            3,
            n,
            "consistent",
            f"{start} fits {n} confusion matri{'x' if n == 1 else 'ces'} under {best} F1.",
        )
    if others:
        text = f"{start} fits no confusion matrix under {best} F1, the reading of its table, only under {_and(others)}."
        return at(cell, 3, 0, "other reading", text)
    if coarser:
        text = f"{start} fits no confusion matrix; with a digit less of both it would under {_and(coarser)} F1."
        return at(cell, 3, 0, "coarser", text)
    text = f"{start} fits no confusion matrix under macro, real, fake or weighted F1, not even with a digit less."
    return at(cell, 3, 0, "infeasible", text)


def stated_confusion(
    frame: pd.DataFrame,
    row: str,
    wrong: tuple[int, int],
    real: int,
    fake: int,
    accuracy: str = "Acc",
    score: str = "F1",
) -> list[Finding]:
    """Check a row whose errors (wrong reals, wrong fakes) the text states: they fix accuracy and every F1."""
    right = np.array(real - wrong[0]), np.array(fake - wrong[1])
    share = float(right[0] + right[1]) / (real + fake)
    scores = {reading: float(f1(reading, *right, real, fake)) for reading in READINGS}
    known = cells(frame)
    return [
        _judge_stated(known[row, accuracy], {"accuracy": share}),
        _judge_stated(known[row, score], scores),
    ]


def _judge_stated(cell: Mapping, values: dict[str, float]) -> Finding:
    low, high = (float(bound) for bound in interval(cell["printed"]))
    fits = [name for name, value in values.items() if low - TINY <= value <= high + TINY]
    shown = ", ".join(f"{name} {value:.5f}" for name, value in values.items())
    start = (
        f"Table {cell['table']}, {cell['row']}, {cell['column']} {cell['printed']}: the errors stated in the text give"
    )
    verdict = "consistent" if fits else "differs"
    return at(cell, 3, shown, verdict, f"{start} {shown}; {_and(fits) or 'none'} fits.")


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
