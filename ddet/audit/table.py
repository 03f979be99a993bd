"""Read a csv of accuracy and F1 for the audit; errors name the malformed line."""

import csv
from pathlib import Path

import pandas as pd

from ddet import published
from ddet.errors import InputError
from ddet.stats.own import separator

NAMES = {
    "Acc": ("acc", "accuracy"),
    "F1": ("f1", "f1score", "macrof1", "f1macro"),
    "AUC": ("auc", "auroc", "rocauc"),
}


def read(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a csv whose first column names the rows and whose header has an accuracy, an F1 and perhaps an AUC.

    Commas, semicolons or tabs separate columns. Numbers stay as printed, since their digits matter; a column with a
    number above 1 is taken as percent. A perfect score that is printed without decimals has those of its column.

    Returns:
        The tidy table (columns Acc, F1, AUC as shares in [0, 1]) and the header names that were not used.

    Raises:
        InputError: naming file and line: no such file, no such column, a row that is too short or too long, a cell
            that is no number or out of range, a name used twice, no rows.
    """
    lines = _lines(path)
    header_line, header = lines[0]
    columns = _columns(f"{path}, line {header_line}", header)
    rows: dict[str, dict[str, str]] = {}
    places: dict[str, str] = {}
    for number, cells in lines[1:]:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise InputError(where, f"{len(cells)} cells under a header of {len(header)}", "make the numbers equal")
        name = cells[0].strip()
        if name in rows:
            raise InputError(where, f"the name {name!r} stands there a second time", "give every row its own name")
        rows[name] = {column: _cell(where, column, cells[index]) for index, column in columns.items()}
        places[name] = where
    if not rows:
        raise InputError(path, "no rows under the header", "write one row per model")
    unused = [name for index, name in enumerate(header) if index and index not in columns]
    for column in columns.values():
        _unit(rows, column, places)
    return _shares(published.tidy(rows, "table", path.name)), unused


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the non-empty lines with the number of the line each ends on."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=separator(header), strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except FileNotFoundError:
        raise InputError(path, "no such file", "name a csv file") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text at byte {error.start}", "save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}", str(error), "mend the quotes") from None
    if not lines:
        raise InputError(path, "empty", "write a header and one row per model")
    return lines


def _columns(where: str, header: list[str]) -> dict[int, str]:
    """Map the indices of known columns to their names here."""
    keys = ["".join(filter(str.isalnum, name.lower())) for name in header]
    found = {i: column for i, key in enumerate(keys) for column, known in NAMES.items() if i and key in known}
    for column in ("Acc", "F1"):
        if list(found.values()).count(column) != 1:
            known = ", ".join(NAMES[column])
            raise InputError(where, f"needs exactly one column for {column}", f"name it one of: {known}")
    return found


def _cell(where: str, column: str, printed: str) -> str:
    """Accept a decimal in [0, 100] as it is printed, or an empty cell."""
    printed = printed.strip().rstrip("%").strip()
    if not printed:
        return ""
    plain = printed.replace(".", "", 1).isdecimal()
    if not plain or not 0 <= published.number(printed) <= 100:
        raise InputError(where, f"{column} is {printed!r}", "write a plain decimal between 0 and 100, as printed")
    return printed


def _unit(rows: dict[str, dict[str, str]], column: str, places: dict[str, str]) -> None:
    """Refuse a fraction among percents, and give a perfect score the decimals of its column.

    A `1` alone would stand for anything from .5 on, and be held against the table for it.
    """
    values = {name: cells[column] for name, cells in rows.items() if cells[column]}
    numbers = {name: published.number(printed) for name, printed in values.items()}
    whole = 100 if any(number > 1 for number in numbers.values()) else 1
    most = max((published.digits(printed) for printed in values.values()), default=0)
    for name, printed in values.items():
        if whole == 100 and 0 < numbers[name] <= 1:
            cause = f"{column} is {printed!r} in a column of percents"
            raise InputError(places[name], cause, "write the column in percent or as shares throughout")
        if published.digits(printed) == 0 and numbers[name] in (0, whole):
            if most == 0 and whole == 1:
                remedy = "write the decimals that it is exact to, as 1.000"
                raise InputError(places[name], f"{column} is {printed!r}, without decimals, as is its column", remedy)
            rows[name][column] = f"{printed}.{'0' * most}" if most else printed


def _shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn percent columns into shares, column by column."""
    top = frame.groupby("column")["value"].max()
    return published.as_shares(frame, top[top > 1].index)
