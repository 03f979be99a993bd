"""Checks 6 and 7: whether a printed share can be a count k out of n, and whether it agrees with stated counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import pandas as pd

from ddet.audit.arithmetic import cells
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import compare, counts_within, exact, interval, show, unit
from ddet.published import digits


def possible(printed: str, n: int) -> range:
    """Return every k for which k/n rounds to the printed share."""
    return counts_within(*interval(printed), n)


def smallest_n(printed: Sequence[str], most: int) -> int | None:
    """Return the smallest n for which all of these shares are counts out of n, None if none up to `most` is."""
    return next((n for n in range(1, most + 1) if all(possible(p, n) for p in printed)), None)


def accuracies_as_counts(frame: pd.DataFrame, sizes: Mapping[str, int], column: str) -> list[Finding]:
    """Check for every accuracy (in [0, 1]) whether it is k/n at its printed digits. `sizes` maps rows to n."""
    known = cells(frame)
    return [_judge_count(known[row, column], n) for row, n in sizes.items() if (row, column) in known]


def _judge_count(cell: Mapping, n: int) -> Finding:
    start = f"Table {cell['table']}, {cell['row']}, {cell['column']} {cell['printed']}"
    fits = possible(cell["printed"], n)
    if fits:
        text = f"{start} is {fits[0]} of {n}" + (f" to {fits[-1]} of {n}." if len(fits) > 1 else ".")
        return at(cell, 6, fits[0], "consistent", text)
    k = int(exact(cell["printed"]) * n)
    near = ", ".join(f"{i}/{n} = {show(Fraction(i, n), digits(cell['printed']) + 1)}" for i in (k, k + 1))
    return at(cell, 6, near, "infeasible", f"{start} is no count out of {n}: {near}.")


def shares(stated: pd.DataFrame, count: Callable[[str], int]) -> list[Finding]:
    """Check stated percentages, ratios, sums and products against stated counts.

    `stated` has columns id, source, where, words, printed, relation (=, ~, <, >), kind (percent, ratio, sum,
    product) and operands (ids of counts, separated by `;`; `a + b` adds). `count` turns an id into a number.
    """
    return [_judge_share(line, [count(part) for part in line["operands"].split(";")]) for line in records(stated)]


def _judge_share(line: Mapping, numbers: list[int]) -> Finding:
    value = combine(line["kind"], numbers)
    verdict = relate(line["printed"], value, line["relation"])
    shown = show(value, digits(line["printed"]) + 2)
    text = f"{line['where']}: {line['words']} ({line['printed']}); the counts give {shown}."
    place = {"source": line["source"], "table": "text", "row": line["where"], "column": line["kind"]}
    finding = at({**place, "printed": line["printed"]}, 7, shown, verdict, text)
    return about(finding, line["id"])


def combine(kind: str, numbers: Sequence[int]) -> Fraction:
    """Return 100 a/b (percent), a/b (ratio), a + b + ... (sum) or a b (product)."""
    if kind == "sum":
        return Fraction(sum(numbers))
    first, second = map(Fraction, numbers)
    return {"percent": 100 * first / second, "ratio": first / second, "product": first * second}[kind]


def relate(printed: str, value: Fraction, relation: str, slack: Fraction = Fraction(0)) -> str:
    """Judge `value <relation> printed`: = at the printed digits, ~ within one unit of them, < and > strictly."""
    if relation in "<>":
        holds = value < exact(printed) if relation == "<" else value > exact(printed)
        return "consistent" if holds else "differs"
    verdict = compare(printed, value, slack)
    near = relation == "~" and abs(value - exact(printed)) <= unit(printed)
    return "consistent" if near else verdict


def records(frame: pd.DataFrame) -> list[dict]:
    """Return the lines of a list of facts as dictionaries."""
    return frame.to_dict("records")


def about(finding: Finding, identifier: str) -> Finding:
    """Return the finding with the id of the statement it judges."""
    return replace(finding, about=identifier)
