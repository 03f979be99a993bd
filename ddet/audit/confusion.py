"""Check 3: find the integer confusion matrices that give both a printed accuracy and a printed F1."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ddet.audit.arithmetic import cells
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import counts_within, interval

READINGS = ("macro", "real", "fake", "weighted")
TINY = 1e-12  # rounding error of a ratio of integers, far under half a unit of any printed digit
CHUNK = 1_000_000  # totals solved for at once


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
    """Find every confusion matrix whose accuracy and F1 round to both printed numbers, as ranges of correct reals.

    An accuracy leaves a range of totals of correct answers. For each total all four readings of F1 are concave in the
    number of correct reals, and reach a given value where a quadratic does; so what is feasible is at most two ranges,
    which are solved for, not listed: ten million images a class take seconds.

    Args:
        accuracy, score: as printed, in [0, 1]; `fewer` of their digits are not trusted.
        reading: one of READINGS.

    Returns:
        int array k x 3: total of correct answers, fewest and most correctly classified reals.
    """
    totals = counts_within(*interval(accuracy, fewer), real + fake)
    low, high = (float(bound) for bound in interval(score, fewer))
    parts = [totals[i : i + CHUNK] for i in range(0, len(totals), CHUNK)]
    found = [_ranges(np.array(part, dtype=np.int64), low, high, reading, real, fake) for part in parts]
    return np.concatenate(found) if found else np.empty((0, 3), dtype=np.int64)


def _ranges(totals: np.ndarray, low: float, high: float, reading: str, real: int, fake: int) -> np.ndarray:
    """Return the ranges k x 3 in which low <= F1 <= high: those where it reaches low, without those above high."""
    first, last = np.maximum(0, totals - fake), np.minimum(real, totals)

    def value(right: np.ndarray) -> np.ndarray:
        inside = np.clip(right, first, last)
        return f1(reading, inside, totals - inside, real, fake)

    def within(level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the range where F1 >= level; the first is above the last where it is empty."""
        start, stop = _crossings(totals, level, reading, real, fake)
        start, stop = np.maximum(first, start - 1), np.minimum(last, stop + 1)
        for _ in range(3):  # the solution of the quadratic is a float: step inwards to the counts that reach the level
            start = np.where((start <= last) & (value(start) < level), start + 1, start)
            stop = np.where((stop >= first) & (value(stop) < level), stop - 1, stop)
        return start, stop

    start, stop = within(low - TINY)
    begin, end = within(np.nextafter(high + TINY, 2))
    none = begin > end
    sides = [(start, np.where(none, stop, begin - 1)), (np.where(none, stop + 1, end + 1), stop)]
    ranges = [np.stack([totals, np.maximum(a, start), np.minimum(b, stop)], axis=1) for a, b in sides]
    return np.concatenate([part[part[:, 1] <= part[:, 2]] for part in ranges])


def _crossings(totals: np.ndarray, level: float, reading: str, real: int, fake: int) -> tuple[np.ndarray, np.ndarray]:
    """Solve F1 >= level for the correct reals: the range between two roots, rounded outwards; (1, 0) where none.

    With w wrong answers, x = 2 (correct reals) + w, y = 2 (correct fakes) + w: F1 = 1 - w (a / x + b / y), where a and
    b weigh the two classes and x + y = s is fixed. So F1 >= level where k x^2 + (b - a - k s) x + a s <= 0, with
    k = (1 - level) / w.
    """
    share = real / (real + fake)
    a, b = {"real": (1, 0), "fake": (0, 1), "macro": (0.5, 0.5), "weighted": (share, 1 - share)}[reading]
    w = (real + fake - totals).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        k, s = (1 - level) / w, 2.0 * totals + 2 * w
        middle = b - a - k * s
        inner = middle**2 - 4 * k * a * s
        root = np.sqrt(inner)
        ends = (-middle - root) / (2 * k), (-middle + root) / (2 * k)
        start, stop = (np.floor((ends[0] - w) / 2), np.ceil((ends[1] - w) / 2))
    empty = ~((k > 0) & (inner >= 0))
    whole = (w == 0) | (level <= 0)  # no wrong answer: F1 is 1 or the class is empty
    start = np.where(whole, 0, np.where(empty, 1, np.nan_to_num(start)))
    stop = np.where(whole, real, np.where(empty, 0, np.nan_to_num(stop)))
    bound = 2 * (real + fake) + 2
    return np.clip(start, -bound, bound).astype(np.int64), np.clip(stop, -bound, bound).astype(np.int64)


def count(ranges: np.ndarray) -> int:
    """Return the number of matrices in the ranges of `feasible`."""
    return int((ranges[:, 2] - ranges[:, 1] + 1).sum())


def ends(ranges: np.ndarray) -> np.ndarray:
    """Return the matrices at both ends of every range: int array k x 2, correct reals, correct fakes."""
    return np.concatenate([np.stack([ranges[:, i], ranges[:, 0] - ranges[:, i]], axis=1) for i in (1, 2)])


def readings(frame: pd.DataFrame, real: int, fake: int, accuracy: str = "Acc", score: str = "F1") -> pd.DataFrame:
    """Count the feasible matrices of every row under every reading: columns row, reading, exact, coarser."""
    known, out = cells(frame), []
    for row in frame.sort_values("row_order")["row"].unique():
        pair = known.get((row, accuracy)), known.get((row, score))
        if all(pair):
            printed = [cell["printed"] for cell in pair]
            for reading in READINGS:
                counts = [count(feasible(*printed, reading, real, fake, fewer)) for fewer in (0, 1)]
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
