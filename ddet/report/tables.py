"""Result tables that say where each number comes from, as CSV (for machines), Markdown and HTML (for people)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from ddet import params, paths
from ddet.errors import InputError
from ddet.report import dvc_yaml, foreign, nav, sorting, table_html
from ddet.report.cells import COUNTS, DIGITS, EMPTY, MARKS, Cell, Column, cell, compact, facts_of, half_up
from ddet.report.html import link
from ddet.report.words import in_words, readable, signs
from ddet.stats import bootstrap, metrics, pooling

MISSING = {"NA", "N/A", "n/a", "NaN", "nan", "None", "null", "NULL"}  # names that pd.read_csv takes for no value


@dataclass(frozen=True, repr=False)
class Table:
    """Rows by name, each with one `Cell` per column, and a caption and notes."""

    caption: str
    note: str
    columns: tuple[Column, ...]
    rows: dict[str, dict[str, Cell]]

    def __repr__(self) -> str:  # short, since a notebook stores it beside the element
        return f"{self.caption}: {len(self.rows)} rows x {len(self.columns)} columns"

    def tidy(self) -> pd.DataFrame:
        """Return one row per cell, unrounded: all that a cell carries, in columns of their own."""
        facts = pd.DataFrame(
            {"row": row, "column": c.title, "metric": c.metric} | facts_of(cells[c.title])
            for row, cells in self.rows.items()
            for c in self.columns
        )
        facts = facts if facts["word"].any() else facts.drop(columns="word")
        return facts.astype(dict.fromkeys(COUNTS, "Int64"))  # whole numbers also where a row was not run

    def markdown(self) -> str:
        """Return the compact table: ours [low, high] / paper, ours alone where the paper has no such table."""
        header, beside = ["", *(readable(c.title) for c in self.columns)], table_html.has_paper(self.rows)
        body = [[row, *(compact(cells[c.title], beside) for c in self.columns)] for row, cells in self.rows.items()]
        return f"**{self.caption}**\n\n{markdown([header, *body])}\n{self._notes()}\n"

    def html(self) -> str:
        """Return the table element, see `table_html.results`."""
        return table_html.results(self.caption, self.columns, self.rows, self._notes())

    _repr_html_ = html  # so that a notebook shows the table

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write <name>.csv, .md and .html into `folder`, the same bytes for the same table."""
        element = f"{self.html()}\n{table_html.behind(self.caption, self.columns, self.rows)}"
        return _write(folder, name, self.caption, self.tidy(), self.markdown(), element)

    def _notes(self) -> str:
        mine = [cell for row in self.rows.values() for cell in row.values() if cell.ours]
        used = [f"{mark} {why}" for mark, (applies, why) in MARKS.items() if any(applies(c.ours) for c in mine)]
        return " ".join(part.rstrip(".") + "." for part in (self.note, *used, self._seeds()) if part)

    def _seeds(self) -> str:
        """Return which rows have another number of seeds than most, "" where all have as many."""
        counts = {row: max(cell.seeds for cell in cells.values()) for row, cells in self.rows.items()}
        run = [n for n in counts.values() if n]
        usual = max(set(run), key=lambda n: (run.count(n), n), default=0)
        fewer = {row: n for row, n in counts.items() if n not in (0, usual)}
        return f"Seeds: {usual}, but {', '.join(f'{n} in {row}' for row, n in fewer.items())}" if fewer else ""


def results_table(
    preds: Mapping[str, Sequence[pd.DataFrame]],
    keys: Mapping[str, Sequence[str]],
    columns: Sequence[Column],
    published: pd.DataFrame,
    cfg: params.Report,
    caption: str,
    note: str = "",
    names: Mapping[str, str] | None = None,
    valid: Mapping[str, Sequence[pd.DataFrame]] | None = None,
) -> Table:
    """Build a table of our runs beside a published one, in the paper's order of rows; further rows of ours follow.

    Args:
        preds: arm -> the test predictions of each seed.
        keys: arm -> the run key of each seed.
        columns: the metric behind each of the paper's columns.
        published: the frame of `ddet.published.load`; an empty one where the paper has no such table.
        caption: must name the data, see `origin`.
        names: arm -> the paper's name of that row, where they differ.
        valid: arm -> what its runs gave valid, for columns at the threshold of valid.

    Raises:
        InputError: an arm without one key per seed, a name that is no row of the paper, an unknown metric.
    """
    names = dict(names or {})
    _check(preds, keys, names, list(published["row"].unique()), columns)
    of_valid = valid or {}
    found = {names.get(arm, arm): bootstrap.over_seeds(preds[arm], cfg, valid=of_valid.get(arm)) for arm in preds}
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

    The intervals are made with the noise of seeds of all rows that are alike, see `pooling`.

    Args:
        found: row -> metric -> our estimate; a metric that a row lacks leaves the cell empty.
        keys: row -> the keys of the runs behind it.
        words: title of a column -> row -> ours, of columns that hold no numbers.
    """
    found, paper = pooling.pooled(found), published.sort_values(["row_order", "column_order"])
    order = list(paper["row"].unique())

    def beside(row: str, column: Column) -> Cell:
        ours, word = found.get(row, {}).get(column.metric), (words or {}).get(column.title, {}).get(row, "")
        return cell(ours, paper, row, column, tuple(keys.get(row, ())), word)

    rows = {
        row: {c.title: beside(row, c) for c in columns} for row in [*order, *(row for row in found if row not in order)]
    }
    return Table(caption, note, tuple(columns), rows)


def origin(profile: str, synthetic: bool) -> str:
    """Return the text that every caption of a result ends with."""
    return f"{'synthetic benchmark' if synthetic else 'real data'}, profile {profile}"


def with_interval(e: bootstrap.Estimate, digits: int = DIGITS) -> str:
    """Write an estimate as text: value [low, high]."""
    return f"{half_up(e.value, digits)} [{half_up(e.low, digits)}, {half_up(e.high, digits)}]"


def write_frame(frame: pd.DataFrame, folder: Path, name: str, caption: str, note: str = "") -> list[Path]:
    """Write a plain table (counts, rejects, leakage) as <name>.csv, .md and .html; floats are shown with 3 decimals."""
    shown = frame.map(_plain)
    header = [str(c) for c in frame.columns]
    told = [[readable(name) for name in header], *(map(in_words, row) for row in shown.to_numpy().tolist())]
    text = f"**{caption}**\n\n{markdown(told)}\n{note}\n"
    numeric = [pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_bool_dtype(t) for t in frame.dtypes]
    element = table_html.frame(caption, header, shown.to_numpy().tolist(), numeric, note)
    return _write(folder, name, caption, frame, text, element)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is the header, and the first column is set left, the others right."""
    header, *body = [[foreign.in_markdown(cell) for cell in row] for row in rows]
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


def _plain(value: object) -> str:
    if isinstance(value, float):
        small = 0 < abs(value) < 0.5 * 10**-DIGITS  # small is not none
        return f"{value:.1e}" if small else half_up(value, 0 if value.is_integer() else DIGITS)
    return EMPTY if value is None or value is pd.NA else str(value)


def _named(column: pd.Series) -> pd.Series:
    """Return a column whose names survive `pd.read_csv` with its defaults, and a spreadsheet.

    The arm `NA` becomes `NA (row)`; for the rest see `foreign.in_csv`.
    """

    def safe(value: object) -> object:
        taken = isinstance(value, str) and value in MISSING
        return f"{value} ({column.name})" if taken else foreign.in_csv(value)

    return column.map(safe)


def _framed(file: Path, caption: str, element: str) -> str:
    """Return the page of a table: what dvc.yaml says of its stage and of the tables beside it leads away from it."""
    written, own = dvc_yaml.written(paths.ROOT), paths.relative(file)
    notebook = written.get(own, "")
    order = [path for path in written if Path(path).parent == Path(own).parent and path.endswith(file.suffix)]
    at = order.index(own) if notebook else 0
    beside = [[(Path(path).name, Path(path).stem) for path in part] for part in (order[:at][-1:], order[at + 1 :][:1])]
    before, after = (part[0] if notebook and part else None for part in beside)
    made = f"Made and explained in {link(f'../{notebook}.html', notebook)}" if notebook else ""
    files = " · ".join(link(f"{file.stem}.{kind}") for kind in ("csv", "md"))
    body = [
        *([f'<p class="soft">{made}</p>'] if made else []),
        f'<h1 id="table">{escape(caption)}</h1>\n{element}',
        f'<p id="files">Every number, unrounded: {files}</p>\n{sorting.ELEMENT}',
    ]
    contents = [("#table", caption), ("#files", "Every number, unrounded")]
    return nav.page(caption, "\n".join(body), up="../", before=before, after=after, contents=contents)


def _write(folder: Path, name: str, caption: str, data: pd.DataFrame, text: str, element: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "csv": data.apply(_named).to_csv(index=False),
        "md": signs(text),
        "html": _framed(folder / f"{name}.html", caption, element),
    }
    written = [folder / f"{name}.{kind}" for kind in contents]
    for path, content in zip(written, contents.values(), strict=True):
        path.write_text(content, encoding="utf-8", newline="\n")
    return written
