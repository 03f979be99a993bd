"""Result tables that say where each number comes from, as CSV (for machines), Markdown and HTML (for people)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from pathlib import Path

import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.report import html as report_html
from ddet.stats import bootstrap, metrics

EMPTY = "–"  # what a cell without a number shows
DIGITS = 3  # decimals where the paper prints none
COUNTS = ("frames", "clips", "groups", "resamples", "dropped")
MARKS = {"few_groups": "†", "dropped": "‡"}


@dataclass(frozen=True)
class Column:
    """A column of a results table: its title in the paper, the metric behind it, 100 as `scale` for percentages."""

    title: str
    metric: str
    scale: int = 1


@dataclass(frozen=True)
class Cell:
    """One number of ours beside the paper's. Either may be absent; `word` is ours where the cell holds no number."""

    ours: bootstrap.Estimate | None
    paper: str  # as printed; "" where the paper has none
    paper_value: float
    digits: int
    scale: int
    keys: tuple[str, ...]  # of the runs behind it, one per seed
    word: str = ""

    @property
    def difference(self) -> float:
        """Return ours minus the paper's, nan where either lacks."""
        return self.scaled("value") - self.paper_value

    def scaled(self, name: str) -> float:
        """Return a field of the estimate in the paper's units, nan where we have no run."""
        return float("nan") if self.ours is None else self.scale * getattr(self.ours, name)

    def show(self, name: str) -> str:
        """Return a field of the estimate with as many decimals as the paper prints."""
        return half_up(self.scaled(name), self.digits)


@dataclass(frozen=True)
class Table:
    """Rows by name, each with one `Cell` per column, and a caption and notes."""

    caption: str
    note: str
    columns: tuple[Column, ...]
    rows: dict[str, dict[str, Cell]]

    def tidy(self) -> pd.DataFrame:
        """Return one row per cell, unrounded: all that a cell carries, in columns of their own."""
        facts = pd.DataFrame(
            {"row": row, "column": c.title, "metric": c.metric} | _facts(cells[c.title])
            for row, cells in self.rows.items()
            for c in self.columns
        )
        facts = facts if facts["word"].any() else facts.drop(columns="word")
        return facts.astype(dict.fromkeys(COUNTS, "Int64"))  # whole numbers also where a row was not run

    def markdown(self) -> str:
        """Return the compact table: ours [low, high] / paper."""
        header = ["", *(c.title for c in self.columns)]
        body = [[row, *(_compact(cells[c.title]) for c in self.columns)] for row, cells in self.rows.items()]
        return f"**{self.caption}**\n\n{markdown([header, *body])}\n{self._notes()}\n"

    def html(self) -> str:
        """Return the table element; the tooltip of a cell holds n, seeds and run keys."""
        head = "".join(f"<th>{escape(c.title)}</th>" for c in self.columns)
        lines = [
            f"<tr><td>{escape(row)}</td>" + "".join(_html(cells[c.title]) for c in self.columns) + "</tr>"
            for row, cells in self.rows.items()
        ]
        return _element("results", self.caption, f"<th></th>{head}", lines, self._notes())

    _repr_html_ = html  # so that a notebook shows the table

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write <name>.csv, .md and .html into `folder`, the same bytes for the same table."""
        return _write(folder, name, self.caption, self.tidy(), self.markdown(), self.html())

    def _notes(self) -> str:
        cells = [c.ours for row in self.rows.values() for c in row.values() if c.ours]
        why = {
            "few_groups": f"fewer than {bootstrap.FEW} source groups: the interval is too narrow to be trusted",
            "dropped": "some resamples lacked a class and were left out (counted in the CSV)",
        }
        used = [f"{mark} {why[flag]}" for flag, mark in MARKS.items() if any(getattr(c, flag) for c in cells)]
        return " ".join(part.rstrip(".") + "." for part in (self.note, *used) if part)


def results_table(
    preds: Mapping[str, Sequence[pd.DataFrame]],
    keys: Mapping[str, Sequence[str]],
    columns: Sequence[Column],
    published: pd.DataFrame,
    cfg: params.Report,
    caption: str,
    note: str = "",
    names: Mapping[str, str] | None = None,
) -> Table:
    """Build a table of our runs beside a published one, in the paper's order of rows; further rows of ours follow.

    Args:
        preds: arm -> the test predictions of each seed.
        keys: arm -> the run key of each seed.
        columns: the metric behind each of the paper's columns.
        published: the frame of `ddet.published.load`; an empty one where the paper has no such table.
        caption: must name the data, see `origin`.
        names: arm -> the paper's name of that row, where they differ.

    Raises:
        InputError: an arm without one key per seed, a name that is no row of the paper, an unknown metric.
    """
    names = dict(names or {})
    _check(preds, keys, names, list(published["row"].unique()), columns)
    found = {names.get(arm, arm): bootstrap.over_seeds(preds[arm], cfg) for arm in preds}
    behind = {names.get(arm, arm): keys[arm] for arm in preds}
    return set_beside(found, behind, columns, published, caption, note)


def set_beside(
    found: Mapping[str, Mapping[str, bootstrap.Estimate]],
    keys: Mapping[str, Sequence[str]],
    columns: Sequence[Column],
    published: pd.DataFrame,
    caption: str,
    note: str = "",
    words: Mapping[str, Mapping[str, str]] | None = None,
) -> Table:
    """Build a table of estimates beside a published one, in the paper's order of rows; further rows of ours follow.

    Args:
        found: row -> metric -> our estimate; a metric that a row lacks leaves the cell empty.
        keys: row -> the keys of the runs behind it.
        words: title of a column -> row -> ours, of columns that hold no numbers.
    """
    paper = published.sort_values(["row_order", "column_order"])
    order = list(paper["row"].unique())

    def cell(row: str, column: Column) -> Cell:
        ours, word = found.get(row, {}).get(column.metric), (words or {}).get(column.title, {}).get(row, "")
        return _cell(ours, paper, row, column, tuple(keys.get(row, ())), word)

    rows = {
        row: {c.title: cell(row, c) for c in columns} for row in [*order, *(row for row in found if row not in order)]
    }
    return Table(caption, note, tuple(columns), rows)


def origin(profile: str, synthetic: bool) -> str:
    """Return the text that every caption of a result ends with."""
    return f"{'synthetic benchmark' if synthetic else 'real data'}, profile {profile}"


def half_up(value: float, digits: int) -> str:
    """Write a number with `digits` decimals, halves rounded away from zero; nan as a dash."""
    if value != value:
        return EMPTY
    return str(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def with_interval(e: bootstrap.Estimate, digits: int = DIGITS) -> str:
    """Write an estimate as text: value [low, high]."""
    return f"{half_up(e.value, digits)} [{half_up(e.low, digits)}, {half_up(e.high, digits)}]"


def write_frame(frame: pd.DataFrame, folder: Path, name: str, caption: str, note: str = "") -> list[Path]:
    """Write a plain table (counts, rejects, leakage) as <name>.csv, .md and .html; floats are shown with 3 decimals."""
    shown = frame.map(_plain)
    header = [str(c) for c in frame.columns]
    text = f"**{caption}**\n\n{markdown([header, *shown.to_numpy().tolist()])}\n{note}\n"
    numeric = [pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_bool_dtype(t) for t in frame.dtypes]
    lines = [
        "<tr>" + "".join(_td(cell, number) for cell, number in zip(row, numeric, strict=True)) + "</tr>"
        for row in shown.to_numpy().tolist()
    ]
    head = "".join(f"<th>{escape(c)}</th>" for c in header)
    return _write(folder, name, caption, frame, text, _element("frame", caption, head, lines, note))


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is the header, and the first column is set left, the others right."""
    header, *body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _check(preds: Mapping, keys: Mapping, names: Mapping, order: list[str], columns: Sequence[Column]) -> None:
    for column in columns:
        metrics.level_and_name(column.metric)
    for arm in preds:
        if len(keys.get(arm, ())) != len(preds[arm]):
            cause = f"{len(preds[arm])} seeds but {len(keys.get(arm, ()))} run keys"
            raise InputError(arm, cause, "pass one key per seed")
    unknown = [row for row in names.values() if row not in order]
    if unknown:
        raise InputError(unknown[0], "the published table has no such row", f"choose one of {', '.join(order)}")


def _cell(
    ours: bootstrap.Estimate | None, paper: pd.DataFrame, row: str, column: Column, keys: tuple, word: str
) -> Cell:  # fmt: skip
    there = paper[paper["column"] == column.title]
    decimals = [part["digits"].max() for part in (there, paper)]  # unpublished columns look like the others
    digits = int(next((most for most in decimals if most >= 0), DIGITS))
    theirs = there[there["row"] == row]
    printed, value = (theirs["printed"].iloc[0], theirs["value"].iloc[0]) if len(theirs) else ("", float("nan"))
    return Cell(ours, printed, float(value), digits, column.scale, keys, word)


def _facts(cell: Cell) -> dict[str, object]:
    numbers = {name: cell.scaled(name) for name in ("value", "low", "high", "spread")}
    facts = {"ours": numbers.pop("value"), **numbers, "paper": cell.paper_value, "difference": cell.difference}
    for name in (*COUNTS, "few_groups"):
        facts[name] = getattr(cell.ours, name) if cell.ours else None
    return facts | {"seeds": len(cell.keys), "keys": " ".join(cell.keys), "word": cell.word}


def _compact(cell: Cell) -> str:
    if cell.ours is None:
        return f"{cell.word or EMPTY} / {cell.paper or EMPTY}"
    return f"{cell.show('value')}{_marks(cell)} [{cell.show('low')}, {cell.show('high')}] / {cell.paper or EMPTY}"


def _marks(cell: Cell) -> str:
    return "".join(mark for flag, mark in MARKS.items() if getattr(cell.ours, flag))


def _html(cell: Cell) -> str:
    paper = f"<small>paper {escape(cell.paper or EMPTY)}</small>"
    if cell.word:
        return f"<td>{escape(cell.word)}{paper}</td>"
    if cell.ours is None:
        return f'<td title="not run here">{EMPTY}{paper}</td>'
    n = f"{cell.ours.frames} frames, {cell.ours.clips} clips, {cell.ours.groups} source groups"
    seeds = f"{len(cell.keys)} seeds, sd {cell.show('spread')}, runs {' '.join(cell.keys)}"
    sign = "+" if cell.difference > 0 else ""
    tip = f"{n}; {seeds}; ours - paper {sign}{half_up(cell.difference, cell.digits)}"
    interval = f"<small>[{cell.show('low')}, {cell.show('high')}]</small>"
    return f'<td title="{escape(tip)}">{cell.show("value")}{_marks(cell)}{interval}{paper}</td>'


def _plain(value: object) -> str:
    if isinstance(value, float):
        return half_up(value, 0 if value.is_integer() else DIGITS)
    return EMPTY if value is None or value is pd.NA else str(value)


def _td(cell: str, number: bool) -> str:
    return f"<td>{escape(cell)}</td>" if number else f'<td class="text">{escape(cell)}</td>'


def _element(kind: str, caption: str, head: str, lines: list[str], note: str) -> str:
    """Return a table with its caption and note, marked so that the index can embed it."""
    body = "\n".join(lines)
    table = f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>"
    return (
        f'<section class="{kind}">\n<div class="scroll">\n{table}\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n'
        f'<p class="note">{escape(note)}</p>\n</section>'
    )


def _write(folder: Path, name: str, caption: str, data: pd.DataFrame, text: str, element: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"csv": data.to_csv(index=False), "md": text, "html": report_html.document(caption, element)}
    written = [folder / f"{name}.{kind}" for kind in contents]
    for path, content in zip(written, contents.values(), strict=True):
        path.write_text(content, encoding="utf-8", newline="\n")
    return written
