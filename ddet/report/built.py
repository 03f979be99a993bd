"""How many rows of a paper's tables stand here with a number of ours, of those that it prints."""

from pathlib import Path

import pandas as pd

from ddet import published

PAPER = ", paper"  # ends the title of a column of a plain table that holds the paper's number


def rows(paper: str, tables: Path) -> tuple[int, int]:
    """Count the rows of the paper's tables that have a number of ours, and all that have one of the paper.

    Args:
        tables: the folder reports/tables; a table that is not there has no rows.
    """
    built = printed = 0
    for name in published.TABLES:
        file = tables / f"{name}.csv"
        if name.startswith(f"{paper}_") and file.is_file():
            theirs, ours = _numbers(pd.read_csv(file))
            printed += len(theirs)
            built += len(theirs & ours)
    return built, printed


def sentence(paper: str, tables: Path) -> str:
    """Say it in words, "" where no table is there."""
    built, printed = rows(paper, tables)
    return f"{built} of the {printed} rows of its tables are built." if printed else ""


def _numbers(table: pd.DataFrame) -> tuple[set[str], set[str]]:
    """Return the rows that have a number of the paper, and those that have one of ours."""
    pairs = {c.removesuffix(PAPER): c for c in table if c.endswith(PAPER) and c.removesuffix(PAPER) in table}
    pairs |= {"ours": "paper"} if {"ours", "paper"} <= set(table) else {}
    names = table.iloc[:, 0].astype(str)
    theirs, ours = (set(names[table[list(c)].notna().any(axis=1)]) for c in (pairs.values(), pairs))
    return theirs, ours
