"""Checks 1 and 2: averages and differences that a table prints beside the cells they come from."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import pandas as pd

from ddet.audit.findings import Finding, at
from ddet.audit.rounding import compare, exact, show, unit
from ddet.published import digits

HOW = {
    "consistent": "is what its cells give",
    "truncated": "is what its cells give, cut instead of rounded",
    "within rounding": "can come from unrounded cells",
    "differs": "is not what its cells give",
}


def cells(frame: pd.DataFrame) -> dict[tuple[str, str], dict]:
    """Index a tidy table by (row, column); cells that are not numbers are left out."""
    numeric = frame[frame["value"].notna()]
    return {(c["row"], c["column"]): c for c in numeric.to_dict("records")}


def averages(frame: pd.DataFrame, columns: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Recompute every printed mean: `columns` maps a column of means to the columns it averages."""
    found, known = [], cells(frame)
    for (row, column), cell in known.items():
        parts = [known.get((row, part)) for part in columns.get(column, ())]
        if parts and all(parts):
            mean = sum((exact(part["printed"]) for part in parts), Fraction(0)) / len(parts)
            found.append(_judge(1, cell, mean, f"mean of {len(parts)} cells"))
    return found


def differences(frame: pd.DataFrame, suffix: str = " difference") -> list[Finding]:
    """Recompute every printed difference `<column> difference` as its cell minus the cell of its base row.

    A base row is one that prints no differences; the rows under it refer to it.
    """
    found, known = [], cells(frame)
    bases = _bases(frame, suffix)
    for (row, column), cell in known.items():
        if column.endswith(suffix):
            of = column.removesuffix(suffix)
            own, base = known[row, of], known[bases[row], of]
            what = f"{own['printed']} - {base['printed']} ({bases[row]})"
            found.append(_judge(2, cell, exact(own["printed"]) - exact(base["printed"]), what))
    return found


def _bases(frame: pd.DataFrame, suffix: str) -> dict[str, str]:
    with_difference = set(frame.loc[frame["column"].str.endswith(suffix), "row"])
    bases, base = {}, ""
    for row in frame.sort_values("row_order")["row"].unique():
        base = base if row in with_difference else row
        bases[row] = base
    return bases


def _judge(check: int, cell: dict, recomputed: Fraction, what: str) -> Finding:
    """Judge with one unit of slack: half a unit each for the printed number and for the cells behind it."""
    printed = cell["printed"]
    verdict = compare(printed, recomputed, unit(printed))
    value = show(recomputed, digits(printed) + 2)
    text = f"Table {cell['table']}, {cell['row']}, {cell['column']}: {printed} {HOW[verdict]} ({what} = {value})."
    return at(cell, check, value, verdict, text)
