"""The papers' own numbers: every table as a tidy frame, one row per printed cell (data/published/README.md)."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd

from ddet import paths
from ddet.errors import InputError

COLUMNS = ["source", "table", "row", "column", "printed", "digits", "row_order", "column_order", "note"]
TABLES = (
    *("herd_table1", "herd_table2"),
    *("asrid_table1", "asrid_table2", "asrid_strength", "asrid_table3", "asrid_table4"),
    *(f"prle_table{number}" for number in range(1, 9)),
)


def load(name: str) -> pd.DataFrame:
    """Return one table as printed, plus `value` (float, nan where the cell is not a number).

    `printed` is the string in the paper; `digits` the number of decimals it prints (-1 where it is not a number).
    Raises InputError when there is no such table or its header is not the one documented.
    """
    return _read(paths.PUBLISHED / f"{name}.csv").copy()


def nothing() -> pd.DataFrame:
    """Return the frame of a table that the paper does not have, as `load` returns those that it has."""
    return with_values(pd.DataFrame(columns=COLUMNS, dtype=str))


@cache
def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(path.name, "no such table", f"choose one of {', '.join(TABLES)}")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(frame.columns) != COLUMNS:
        raise InputError(path.name, f"its columns are {list(frame.columns)}", f"write exactly {COLUMNS}")
    return with_values(frame)


def with_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Add `value` and make the three number columns integers."""
    frame = frame.astype({"row_order": int, "column_order": int})
    frame["digits"] = pd.to_numeric(frame["digits"]).fillna(-1).astype(int)
    return frame.assign(value=frame["printed"].map(number))


def number(printed: str) -> float:
    """Read a printed cell as a float: `20.81M` in millions, `≈ 0.2` as 0.2, words as nan."""
    text = printed.strip().lstrip("≈<>~ ").rstrip("M%")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def digits(printed: str) -> int:
    """Count the decimals a cell prints: 2 for `93.33`, -1 where it is not a number."""
    if number(printed) != number(printed):
        return -1
    return len(printed.strip().rstrip("M%").partition(".")[2])


def tidy(rows: dict[str, dict[str, str]], source: str, table: str) -> pd.DataFrame:
    """Build a table from printed cells: row name -> column name -> string as printed."""
    columns = {column: order for order, column in enumerate(dict.fromkeys(c for r in rows.values() for c in r), 1)}
    cells = [
        (source, table, row, column, printed, order, columns[column])
        for order, (row, given) in enumerate(rows.items(), 1)
        for column, printed in given.items()
    ]
    frame = pd.DataFrame(cells, columns=["source", "table", "row", "column", "printed", "row_order", "column_order"])
    frame["digits"] = frame["printed"].map(digits)
    return frame.assign(note="", value=frame["printed"].map(number))[[*COLUMNS, "value"]]


def as_shares(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the table with its percent columns printed as shares: `93.33` becomes `0.9333`, nothing is rounded."""
    frame = frame.copy()
    percent = frame["column"].isin(list(columns)) & frame["value"].notna()
    frame.loc[percent, "printed"] = [f"{Decimal(p.strip()).scaleb(-2):f}" for p in frame.loc[percent, "printed"]]
    return frame.assign(digits=frame["printed"].map(digits), value=frame["printed"].map(number))


def facts(name: str) -> pd.DataFrame:
    """Return one of the lists of facts (counts, shares, statements, ...), every column as strings."""
    path = paths.PUBLISHED / f"{name}.csv"
    if not path.is_file():
        raise InputError(path.name, "no such list", "see data/published/README.md")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def count(expression: str) -> int:
    """Return a stated count by its id in counts.csv; `a + b` adds two."""
    known = facts("counts").set_index("id")["value"]
    unknown = [part.strip() for part in expression.split("+") if part.strip() not in known]
    if unknown:
        raise InputError("counts.csv", f"no count {unknown[0]!r}", "add it, or use an id that stands there")
    return sum(int(known[part.strip()]) for part in expression.split("+"))


def wide(name: str) -> pd.DataFrame:
    """Return the values of one table in the paper's own shape: rows and columns in printed order."""
    frame = load(name)
    rows = frame.sort_values("row_order")["row"].unique()
    columns = frame.sort_values("column_order")["column"].unique()
    return frame.pivot(index="row", columns="column", values="value").reindex(index=rows, columns=columns)


def value(name: str, row: str, column: str) -> float:
    """Return one printed value, nan where the paper prints none; an unknown row or column is an error."""
    frame = load(name)
    for key, given in (("row", row), ("column", column)):
        if given not in set(frame[key]):
            known = ", ".join(frame[key].unique())
            raise InputError(f"{name}.csv", f"no {key} {given!r}", f"choose one of {known}")
    cell = frame.loc[(frame["row"] == row) & (frame["column"] == column), "value"]
    return float(cell.iloc[0]) if len(cell) else float("nan")
