"""Check 10: do the stated split sizes have the stated ratio, and do the splits share sources?"""

from collections.abc import Callable, Mapping
from fractions import Fraction

import pandas as pd

from ddet.audit.counts import about, records
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import show

TOLERANCE = Fraction(1, 100)  # of the whole: a random split by clip, or rounding, moves less


def ratios(stated: pd.DataFrame, count: Callable[[str], int]) -> list[Finding]:
    """Compare stated ratios with stated sizes.

    `stated` has columns id, source, where, words, ratio (`6:2:2`) and operands (an id of a count per part, separated
    by `;`, empty where the text gives no size that the ratio speaks of). Parts without a size are left out.
    """
    found = []
    for line in records(stated):
        weights = [int(part) for part in line["ratio"].split(":")]
        sizes = [count(part) if part.strip() else None for part in line["operands"].split(";")]
        found.append(_judge(line, weights, sizes))
    return found


def _judge(line: Mapping, weights: list[int], sizes: list[int | None]) -> Finding:
    known = [(weight, size) for weight, size in zip(weights, sizes, strict=True) if size is not None]
    whole, total = sum(size for _, size in known), sum(weight for weight, _ in known)
    expected = [Fraction(whole * weight, total) for weight, _ in known]
    off = max(abs(size - fair) for (_, size), fair in zip(known, expected, strict=True)) / whole
    verdict = "consistent" if off <= TOLERANCE else "differs"
    fair = " and ".join(show(value, 0) for value in expected)
    given = " and ".join(str(size) for _, size in known)
    text = f"{line['where']}: {line['words']} ({line['ratio']}); sizes {given}, where the ratio asks for {fair}."
    text += _nested(weights, sizes) if verdict == "differs" else ""
    place = {"source": line["source"], "table": "text", "row": line["where"], "column": "split ratio"}
    return about(at({**place, "printed": line["ratio"]}, 10, fair, verdict, text), line["id"])


def _nested(weights: list[int], sizes: list[int | None]) -> str:
    """Return a sentence if the sizes follow from cutting off one share twice (test, then valid), else ""."""
    if len(weights) != 3 or weights[1] != weights[2] or None in sizes[1:]:
        return ""
    share = Fraction(weights[2], sum(weights))
    ratio = Fraction(sizes[1], sizes[2])
    if abs(ratio - (1 - share)) > TOLERANCE:
        return ""
    cut = show(100 * share, 0)
    return f" Valid is {show(ratio, 3)} of test: {cut} % cut off for test and then {cut} % of the rest for valid."


def leakage(stated: pd.DataFrame, count: Callable[[str], int]) -> list[Finding]:
    """Report how much of each evaluation split shares its source with training.

    `stated` has columns id, source, where, words and operands (shared; whole, as ids of counts).
    """
    found = []
    for line in records(stated):
        shared, whole = (count(part) for part in line["operands"].split(";"))
        percent = show(Fraction(100 * shared, whole), 1)
        text = f"{line['where']}: {line['words']}: {shared} of {whole} ({percent} %)."
        place = {"source": line["source"], "table": "text", "row": line["where"], "column": "shared sources"}
        verdict = "leaks" if shared else "consistent"
        found.append(about(at({**place, "printed": str(shared)}, 10, f"{percent} %", verdict, text), line["id"]))
    return found
