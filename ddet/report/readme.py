"""The results in the README: what came of each paper's claims in a sentence, and its main table, eight rows at most."""

import re
from pathlib import Path

from ddet import paths
from ddet.errors import InputError
from ddet.report import index, studied, summary
from ddet.report.dvc_lock import read_stages
from ddet.report.outcomes import read
from ddet.report.words import signs

HEADLINE = re.compile(r"reports/tables/(herd_table2|asrid_table2|prle_table2)\.md$")  # the other tables are linked
MARKERS = ("<!-- results:begin -->", "<!-- results:end -->")
ROWS = 8  # of a table that are shown
CELL = re.compile(r"(?<!\\)\|")  # what parts the cells of a row; a stroke that is text is escaped


def results_markdown(root: Path) -> str:
    """Return the Markdown of the findings and of the main table of each paper, in the order of the notebooks."""
    files = [root / p for s in read_stages(root / "dvc.lock") for p in s.reports(root) if HEADLINE.search(p)]
    tables = [shortened(f.read_text(encoding="utf-8"), f"reports/tables/{f.name}") for f in files]
    return signs("\n".join([*findings(root), *tables]))


def findings(root: Path) -> list[str]:
    """Return a line of a list per paper, what came of its claims, and one of the study where it was run."""
    ledger = read(root / index.LEDGER)
    outcomes = summary.first_of_each(ledger)
    lines = [
        f"* {name}: {summary.finding(own)}"
        for paper, name in index.NAMES.items()
        if (own := [o for o in outcomes if o.paper == paper])
    ]
    study, about = studied.read(root / studied.KEPT.relative_to(paths.ROOT), ledger)
    if study:
        lines.append(f"* {': '.join(summary.studied(study))}. {about}.")
    return [*lines, ""] if lines else []


def shortened(table: str, page: str) -> str:
    """Return a Markdown table with the columns that the paper has, ROWS rows that hold a number of ours, and a link.

    Args:
        page: where all of it stands.
    """
    lines = table.splitlines()
    grid = {i: CELL.split(line)[1:-1] for i, line in enumerate(lines) if line.startswith("|")}
    head, rule, *rows = grid
    columns = [0, *(k for k in range(1, len(grid[head])) if any(_published(grid[i][k]) for i in rows))]
    ours = [i for i in rows if any(re.match(r"\s+[^–\s].* / ", cell) for cell in grid[i])]
    left = set(rows) - set(ours[:ROWS])
    kept = {i: f"|{'|'.join(grid[i][k] for k in columns)}|" for i in (head, rule, *rows)}
    told = [kept.get(i, line) for i, line in enumerate(lines) if i not in left]
    more = [f"{len(left)} more rows, and every column: [the whole table]({page})."] if left else []
    return "\n".join([*told, *more, ""])


def _published(cell: str) -> bool:
    return " / " in cell and cell.strip().rpartition(" / ")[2] != "–"


def update_readme(readme: Path, text: str) -> None:
    """Put `text` between the two marker lines of a README, in place of what stands there.

    Raises:
        InputError: the markers are not there once each, in order.
    """
    before, begin, rest = (old := readme.read_text(encoding="utf-8")).partition(MARKERS[0])
    _, end, after = rest.partition(MARKERS[1])
    if not begin or not end or any(old.count(m) != 1 for m in MARKERS):
        raise InputError(
            readme.name, "the results markers are not there once each", f"add lines {' and '.join(MARKERS)}"
        )
    readme.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8", newline="\n")
