"""A table as an element: what a reader compares, and all that stands behind it in a part that opens."""

from collections.abc import Mapping, Sequence
from html import escape

from ddet.report.cells import Cell, Column, as_html, single
from ddet.report.html import link, scroller
from ddet.report.words import in_words, readable

TEXT = ' class="text"'  # of a cell that is set left
CLAIMS = "id"  # the column of a plain table that names claims
MOST = 8  # columns that are shown; of a wider table those that the paper has, then the first
COMPARED = (
    "Behind the paper’s number: ours minus it, and whether it lies within our interval, or ours lies above or below it."
)


def results(caption: str, columns: Sequence[Column], rows: Mapping[str, Mapping[str, Cell]], note: str) -> str:
    """Return a results table: per cell ours with its interval, the paper's number, their difference, and how it reads.

    A column of which the paper prints nothing holds ours alone. A row that was not run, or with one seed, says so. Of a
    table of more than MOST columns the first are shown.
    """
    shown, beside = chosen(columns, rows), [c.title for c in columns if _printed(c, rows)]
    head = "".join(f'<th scope="col">{escape(readable(c.title))}</th>' for c in shown)
    lines = []
    for row, cells in rows.items():
        told = "".join(as_html(cells[c.title], c.title in beside) for c in shown)
        lines.append(f"<tr{_state(cells)}>{_header(row, cells)}{told}</tr>")
    left = len(columns) - len(shown)
    stand = "columns stand" if left > 1 else "column stands"
    more = f"{left} more {stand} on the page and in the file of this table." if left else ""
    told = " ".join(filter(None, [note, COMPARED if beside else "", more]))
    return element("results", caption, f'<th scope="col">Row</th>{head}', lines, told)


def chosen(columns: Sequence[Column], rows: Mapping[str, Mapping[str, Cell]]) -> list[Column]:
    """Return the columns that are shown, in their order: all, or those that the paper has and as many others as fit."""
    if len(columns) <= MOST:
        return list(columns)
    printed = [c for c in columns if _printed(c, rows)]
    others = [c for c in columns if c not in printed]
    kept = {*printed, *others[: max(MOST - len(printed), 0)]}
    return [c for c in columns if c in kept]


def has_paper(rows: Mapping[str, Mapping[str, Cell]]) -> bool:
    """Return whether any cell has a number of the paper to stand beside."""
    return any(cell.paper for row in rows.values() for cell in row.values())


def _printed(column: Column, rows: Mapping[str, Mapping[str, Cell]]) -> bool:
    return any(cells[column.title].paper for cells in rows.values())


def behind(caption: str, columns: Sequence[Column], rows: Mapping[str, Mapping[str, Cell]]) -> str:
    """Return what opens: seeds, crops, people and runs of each row, and the columns that are not shown above."""
    lines = [_behind(row, cells) for row, cells in rows.items() if any(c.ours for c in cells.values())]
    names = ("Row", "seeds", "frames", "clips", "source groups", "runs")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    parts = [_folded("Seeds, crops, people and runs behind each row", _table(f"{caption}: behind it", head, lines))]
    rest = [c for c in columns if c not in chosen(columns, rows)]
    if rest:
        titles = "".join(f'<th scope="col">{escape(readable(c.title))}</th>' for c in rest)
        told = [
            f'<tr><th scope="row">{escape(row)}</th>{"".join(as_html(cells[c.title], False) for c in rest)}</tr>'
            for row, cells in rows.items()
        ]
        table = _table(f"{caption}: other columns", f'<th scope="col">Row</th>{titles}', told)
        parts.insert(0, _folded(f"{len(rest)} more column{'s' * (len(rest) > 1)}", table))
    return "\n".join(parts)


def frame(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], note: str
) -> str:
    """Return a plain table for a page in reports/tables/.

    `numeric` says which columns hold numbers; names of metrics become words. A column `id` names claims, each by its
    page.
    """
    columns = list(zip(header, numeric, strict=True))
    lines = [
        f"<tr>{''.join(_td(cell, name, number) for cell, (name, number) in zip(row, columns, strict=True))}</tr>"
        for row in rows
    ]
    head = "".join(f'<th scope="col"{"" if number else TEXT}>{escape(readable(name))}</th>' for name, number in columns)
    return element("frame", caption, head, lines, note)


def element(kind: str, caption: str, head: str, lines: Sequence[str], note: str) -> str:
    """Return a table with its caption and note, and of which kind it is."""
    table = scroller(caption, _table(caption, head, lines))
    return f'<section class="{kind}">\n{table}\n<p class="note">{escape(note)}</p>\n</section>'


def _table(caption: str, head: str, lines: Sequence[str]) -> str:
    body = "\n".join(lines)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _folded(summary: str, table: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n{scroller(summary, table)}\n</details>"


def _td(cell: str, column: str, number: bool) -> str:
    if number:
        return f"<td>{escape(cell)}</td>"
    told = link(f"../claims/{cell}.html", cell) if column == CLAIMS else escape(in_words(cell))
    return f"<td{TEXT}>{told}</td>"


def _run(cells: Mapping[str, Cell]) -> bool:
    return any(c.ours or c.word for c in cells.values())


def _state(cells: Mapping[str, Cell]) -> str:
    return "" if _run(cells) else ' class="unbuilt"'


def _header(row: str, cells: Mapping[str, Cell]) -> str:
    alone = any(c.ours and single(c.ours) for c in cells.values())
    said = "not run here" if not _run(cells) else "one seed" if alone else ""
    return f'<th scope="row">{escape(row)}{f"<small>{said}</small>" if said else ""}</th>'


def _behind(row: str, cells: Mapping[str, Cell]) -> str:
    first = next(c for c in cells.values() if c.ours)
    counts = (max(c.seeds for c in cells.values()), first.ours.frames, first.ours.clips, first.ours.groups)
    numbers = "".join(f"<td>{n}</td>" for n in counts)
    return (
        f'<tr><th scope="row">{escape(row)}</th>{numbers}<td class="text"><code>{" ".join(first.keys)}</code></td></tr>'
    )
