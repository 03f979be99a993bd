"""Checks 1 and 2: averages and differences that a table prints beside the cells they come from."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy.stats import norm

from ddet.audit.findings import Finding, at
from ddet.audit.rounding import compare, exact, half_up, show, truncate, unit
from ddet.published import digits

HOW = {
    "consistent": "is what its cells give",
    "truncated": "is what its cells give, cut instead of rounded",
    "within rounding": "can come from unrounded cells",
    "differs": "is not what its cells give",
}


RARE = 1e-3  # a pattern that rounding gives less often is a finding


def cells(frame: pd.DataFrame) -> dict[tuple[str, str], dict]:
    """Index a tidy table by (row, column); cells that are not numbers are left out."""
    numeric = frame[frame["value"].notna()]
    return {(c["row"], c["column"]): c for c in numeric.to_dict("records")}


def averages(frame: pd.DataFrame, columns: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Recompute every printed mean: `columns` maps a column of means to the columns it averages.

    Means that are cut instead of rounded are sound one by one; together they are one more finding, see `_cut`.
    """
    found, known = [], cells(frame)
    means: dict[str, list[tuple[dict, Fraction, int]]] = {}
    for (row, column), cell in known.items():
        parts = [known.get((row, part)) for part in columns.get(column, ())]
        if parts and all(parts):
            mean = sum((exact(part["printed"]) for part in parts), Fraction(0)) / len(parts)
            found.append(_judge(1, cell, mean, f"mean of {len(parts)} cells"))
            means.setdefault(column, []).append((cell, mean, len(parts)))
    return [*found, *filter(None, map(_cut, means.values()))]


def _cut(means: Sequence[tuple[dict, Fraction, int]]) -> Finding | None:
    """Find that means are cut, where so many are that rounding would hardly ever print them.

    Only means whose rounding and cutting differ tell. Each may be printed as if cut, though rounded, where the parts
    were rounded before: their errors are uniform, so that of a mean of n has a standard deviation of 1 unit /
    sqrt(12 n), nearly normal. The number of such means is a sum of independent chances.
    """
    telling = [(c, m, n) for c, m, n in means if half_up(m, digits(c["printed"])) != truncate(m, digits(c["printed"]))]
    cut = [c for c, m, _ in telling if truncate(m, digits(c["printed"])) == exact(c["printed"])]
    chance = np.array([1.0])  # of 0, 1, .. of them
    for cell, mean, parts in telling:
        step = unit(cell["printed"])
        over = float((mean - truncate(mean, digits(cell["printed"]))) / step) - 0.5  # above where rounding goes up
        p = norm.cdf(-over * np.sqrt(12 * parts))
        chance = np.convolve(chance, [1 - p, p])
    probability = float(chance[len(cut) :].sum())
    if not cut or probability >= RARE:
        return None
    whole = {**cut[0], "row": "(all rows)", "printed": ""}
    text = f"Table {whole['table']}, {whole['column']}: of {len(telling)} means that rounding and cutting print "
    text += f"differently, {len(cut)} are cut; rounding would print so many with probability {probability:.1g}."
    return at(whole, 1, f"{len(cut)} of {len(telling)}", "cut", text)


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
