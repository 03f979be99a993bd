"""Checks 8 and 11: compare statements in a paper's text with the cells of its tables."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations, permutations

import pandas as pd

from ddet.audit.arithmetic import cells
from ddet.audit.counts import about, records, relate
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import compare, exact, show
from ddet.published import digits

Load = Callable[[str], pd.DataFrame]
KINDS = ("cell", "any cell", "largest cell", "difference", "largest difference", "percent less")
SOUGHT = 2  # decimals a stated number needs before other sources of it are sought


def gains(stated: pd.DataFrame, load: Load) -> list[Finding]:
    """Compare every stated value or gain with the cells it refers to.

    `stated` has columns id, source, where, words, quantity, printed, relation (=, ~, <, >), kind (one of KINDS), table,
    row_a, row_b, column (`;` separates several, which are averaged pairwise) and scale (100 turns shares to points).
    """
    return [_gain(line, cells(load(line["table"]))) for line in records(stated)]


def _gain(line: Mapping, known: dict) -> Finding:
    rows = _split(line["row_a"]) + _split(line["row_b"])
    printed = {row for row, _ in known}
    missing = [row for row in rows if row not in printed]
    if missing:
        text = f"{line['where']}: {line['words']} ({line['printed']}); its table has no row {missing[0]}."
        return _about(line, "", "not printed", text + _elsewhere(line, known))
    values = [value * int(line["scale"]) for value in _values(line, known)]
    verdict, value = _hold(line, values)
    shown = show(value, digits(line["printed"]) + 2)
    text = f"{line['where']}: {line['words']} ({line['printed']}); the table gives {shown}."
    return _about(line, shown, verdict, text + (_elsewhere(line, known) if verdict == "differs" else ""))


def _hold(line: Mapping, values: list[Fraction]) -> tuple[str, Fraction]:
    """Return the verdict and the value: the mean, the largest in size, or for `any cell` the nearest."""
    printed = exact(line["printed"])
    if line["kind"] == "any cell":
        value = min(values, key=lambda v: abs(v - printed))
    elif line["kind"].startswith("largest"):
        value = max(values, key=abs)
    else:
        value = sum(values, Fraction(0)) / len(values)
    return relate(line["printed"], value, line["relation"]), value


def _values(line: Mapping, known: dict) -> list[Fraction]:
    """List the values that the statement is about, one per pair of rows and column."""
    columns, left, right = (_split(line[key]) for key in ("column", "row_a", "row_b"))

    def cell(row: str, column: str) -> Fraction:
        return exact(known[row, column]["printed"])

    if line["kind"].endswith("cell"):
        return [cell(row, column) for row in left for column in columns]
    pairs = [(cell(a, c), cell(b, c)) for a, b in zip(left, right, strict=True) for c in columns]
    return [(b - a) / b * 100 for a, b in pairs] if line["kind"] == "percent less" else [a - b for a, b in pairs]


def _elsewhere(line: Mapping, known: dict) -> str:
    """Find where else the table has the stated number; one with few digits is skipped, since chance would give it.

    For a gain: the pairs of rows that differ by it in the same column. For a value: the rows that print it.
    """
    columns = _split(line["column"])
    if digits(line["printed"]) < SOUGHT or len(columns) != 1:
        return ""
    values = {row: exact(cell["printed"]) for (row, column), cell in known.items() if column == columns[0]}
    if line["kind"] == "any cell":
        fits = [row for row, value in values.items() if value == exact(line["printed"])]
        return f" The table prints it for {' and '.join(fits)}." if fits else ""
    gaps = {pair: (values[pair[0]] - values[pair[1]]) * int(line["scale"]) for pair in permutations(values, 2)}
    fits = [f"{a} minus {b}" for (a, b), gap in gaps.items() if compare(line["printed"], gap) == "consistent"]
    return f" That number is {' or '.join(fits)}." if fits else " No two rows of the table differ by it."


def stated_twice(stated: pd.DataFrame) -> list[Finding]:
    """Compare statements of one quantity (same `quantity`, not empty) pairwise at the coarser of their digits."""
    found = []
    for _, group in stated[stated["quantity"] != ""].groupby("quantity", sort=False):
        found += [_twice(a, b) for a, b in combinations(records(group), 2)]
    return found


def _twice(a: Mapping, b: Mapping) -> Finding:
    coarse, fine = sorted((a, b), key=lambda line: digits(line["printed"]))
    verdict = compare(coarse["printed"], exact(fine["printed"]))
    text = f"{a['where']} states {a['printed']} and {b['where']} {b['printed']} for {b['quantity']}."
    return _about(b, a["printed"], verdict, text)


def same_cells(stated: pd.DataFrame, load: Load) -> list[Finding]:
    """Compare cells that name one quantity in two tables.

    `stated` has columns id, words, table_a, row_a, table_b, row_b and columns (`a=b;c`: column a here is b there).
    """
    found = []
    for line in records(stated):
        here, there = (cells(load(line[key])) for key in ("table_a", "table_b"))
        for pair in _split(line["columns"]):
            own, _, other = pair.partition("=")
            found.append(_same(here[line["row_a"], own], there[line["row_b"], other or own], line))
    return found


def _same(a: Mapping, b: Mapping, line: Mapping) -> Finding:
    coarse, fine = sorted((a, b), key=lambda cell: cell["digits"])
    verdict = compare(coarse["printed"], exact(fine["printed"]))
    text = f"Table {a['table']}, {a['row']}, {a['column']} {a['printed']} against Table {b['table']}, {b['row']}, "
    text += f"{b['column']} {b['printed']}: {line['words']}."
    return about(at(a, 8, b["printed"], verdict, text), line["id"])


def orders(stated: pd.DataFrame, load: Load) -> list[Finding]:
    """Compare claims that one arm beats another with every cell.

    `stated` has columns id, source, where, words, table, better, worse, columns (`;` separated, rows pairwise; one
    `better` may face many `worse`), direction (higher or lower is better) and scope (all or most).
    """
    return [finding for line in records(stated) for finding in _order(line, cells(load(line["table"])))]


def _order(line: Mapping, known: dict) -> list[Finding]:
    better, worse = _split(line["better"]), _split(line["worse"])
    better = better * len(worse) if len(better) == 1 else better
    sign = 1 if line["direction"] == "higher" else -1
    pairs = [(known[a, c], known[b, c]) for a, b in zip(better, worse, strict=True) for c in _split(line["columns"])]
    against = [(a, b) for a, b in pairs if sign * (exact(a["printed"]) - exact(b["printed"])) <= 0]
    start = f"{line['where']}: {line['words']}; true of {len(pairs) - len(against)} of {len(pairs)} cells"
    if not against or (line["scope"] == "most" and 2 * len(against) < len(pairs)):
        whole = {**pairs[0][0], "row": "(all rows)", "column": line["columns"], "printed": ""}
        return [about(at(whole, 11, len(pairs) - len(against), "consistent", f"{start}."), line["id"])]
    return [
        about(at(a, 11, b["printed"], "contradicted", f"{start}, not of {_versus(a, b)}."), line["id"])
        for a, b in against
    ]


def _versus(a: Mapping, b: Mapping) -> str:
    return f"{a['column']}: {a['row']} {a['printed']}, {b['row']} {b['printed']}"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _about(line: Mapping, recomputed: str, verdict: str, text: str) -> Finding:
    place = {"source": line["source"], "table": line["table"], "row": line["row_a"], "column": line["column"]}
    return about(at({**place, "printed": line["printed"]}, 8, recomputed, verdict, text), line["id"])
