"""Check 9: identical cells where independent runs would differ, compared with the number expected by chance."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import pandas as pd
from scipy.stats import poisson

from ddet.audit.arithmetic import cells
from ddet.audit.findings import Finding, at, plural
from ddet.audit.rounding import exact, unit

NEAR = (
    50  # units of the last digit: pairs this close tell how dense the numbers lie; fewer could not single out one pair
)
RARE = 0.01  # chance below which identical numbers are reported


def identical(frame: pd.DataFrame, columns: Sequence[str], across: str = "rows") -> list[Finding]:
    """Report identical cells of `columns`, between rows of one column or (across="columns") within one row.

    A number with d decimals takes few values, so some pairs agree by chance. How many is estimated from the table
    itself: pairs that differ by 1..NEAR units, divided by their 2 NEAR possible differences, against the one
    difference 0. Only a number of identical pairs that a Poisson count with this mean reaches with probability
    below RARE is reported.
    """
    pairs = list(_pairs(frame, columns, across))
    same = [(a, b) for a, b in pairs if exact(a["printed"]) == exact(b["printed"])]
    close = sum(0 < _units(a, b) <= NEAR for a, b in pairs)
    expected = (close + 1) / (2 * NEAR)
    if poisson.sf(len(same) - 1, expected) >= RARE or not same:
        return _by_chance(pairs, len(same), expected)
    return [_report(a, b, len(same), expected) for a, b in same]


def _pairs(frame: pd.DataFrame, columns: Sequence[str], across: str) -> Iterator[tuple[dict, dict]]:
    kept = [cell for (_, column), cell in cells(frame).items() if column in columns]
    shared = "column" if across == "rows" else "row"
    return ((a, b) for a, b in combinations(kept, 2) if a[shared] == b[shared])


def _units(a: dict, b: dict) -> int:
    return int(abs(exact(a["printed"]) - exact(b["printed"])) / min(unit(a["printed"]), unit(b["printed"])))


def _by_chance(pairs: list, same: int, expected: float) -> list[Finding]:
    if not pairs:
        return []
    cell = {**pairs[0][0], "row": "(all rows)", "column": "(all columns)", "printed": str(same)}
    text = (
        f"Table {cell['table']}: {same} identical pair{plural(same)} of cells, where chance gives about {expected:.1f}."
    )
    return [at(cell, 9, f"{expected:.2f}", "consistent", text)]


def _report(a: dict, b: dict, same: int, expected: float) -> Finding:
    text = (
        f"Table {a['table']}: {a['row']}, {a['column']} and {b['row']}, {b['column']} both print {a['printed']}; "
        f"{same} such pair{plural(same)}, where chance gives about {expected:.2f}."
    )
    return at(a, 9, b["printed"], "coincidence", text)
