"""The front page: what was replicated, what came out, what may be trusted, every claim, and the way to each part."""

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from pathlib import Path

import nbformat

from ddet import published
from ddet.report import nav, style, summary
from ddet.report.dvc_lock import Stage
from ddet.report.forest import forest
from ddet.report.html import link
from ddet.report.notebook_page import question, title
from ddet.report.outcomes import Outcome
from ddet.report.tables import origin
from ddet.report.verdict_table import verdict_table

LEDGER = "reports/tables/claims.csv"
NAMES = dict(nav.PARTS.values())
UNTESTED = "<p>No claim has been tested yet: run <code>make repro</code>.</p>"


def index(
    outcomes: Sequence[Outcome],
    stages: Sequence[Stage],
    notebooks: Mapping[str, nbformat.NotebookNode],
    root: Path,
    profile: str,
    synthetic: bool,
    code: str,
    study: tuple[Sequence[Outcome], str] = ((), ""),
) -> str:
    """Return the page reports/index.html.

    Args:
        outcomes: of all claims, in the ledger's order.
        stages: of dvc.lock, in the order of their notebooks.
        notebooks: name -> the executed notebook.
        code: the commit that the pages are of, see `commit.told`.
        study: its outcomes and how it was run, see `studied.read`.
    """
    data = f"<strong>{escape(origin(profile, synthetic).capitalize())}.</strong> {statement(profile, synthetic)}"
    bar = summary.tally_bar(outcomes) + _study(*study) if outcomes else UNTESTED
    trusted = summary.trust(outcomes, root / "reports/tables", notebooks, code)
    by_part = {digit: [s for s in stages if Path(s.notebook).name[:1] == digit] for digit in nav.PARTS}
    body = [
        f'<h1>Three deepfake-detection papers, replicated</h1>\n<p class="statement">{data}</p>',
        f"<h2>What was replicated</h2>\n{summary.cards(outcomes, published.facts('papers'), root / 'reports/tables')}",
        f'<div class="both">\n<section><h2>What came of their claims</h2>\n{bar}</section>',
        f"<section><h2>What may be trusted</h2>\n{trusted}</section>\n</div>\n{_claims(outcomes, study[0])}",
        *(_part(*nav.PARTS[digit], own, notebooks, root) for digit, own in by_part.items()),
        f"<p>{link('provenance.html', 'Provenance')}: what each stage read and wrote, by hash.</p>",
    ]
    return nav.page("ddet: results", "\n".join(body), css=style.RESULTS)


def statement(profile: str, synthetic: bool) -> str:
    """Return what the numbers of a profile are evidence of."""
    return summary.TRIALS.get(profile, summary.SYNTHETIC if synthetic else summary.REAL)


def _study(study: Sequence[Outcome], about: str) -> str:
    if not study:
        return ""
    decided, counts = summary.studied(study)
    return f"<p><strong>{decided}</strong>: {counts}. {escape(about)}.</p>"


def _claims(outcomes: Sequence[Outcome], study: Sequence[Outcome]) -> str:
    head = '<h2 id="verdicts">Every claim</h2>'
    if not outcomes:
        return f"{head}\n{UNTESTED}"
    measured, claims = len({o.id for o in outcomes if o.effect == o.effect}), len({o.id for o in outcomes})
    said = f"<p>All {claims} claims, those without an effect as well. Each leads to a page of its own.</p>"
    return (
        f'<h2 id="effects">{measured} effect{"s" * (measured > 1)} at a glance</h2>\n{forest(outcomes, NAMES)}\n'
        f"{head}\n{said}\n{verdict_table(outcomes, {o.paper: NAMES[o.paper] for o in outcomes}, study)}"
    )


def _part(
    anchor: str, name: str, stages: Sequence[Stage], notebooks: Mapping[str, nbformat.NotebookNode], root: Path
) -> str:
    body = "\n".join(_notebook(s, notebooks, root) for s in stages) or "<p>Not run yet.</p>"
    return f'<h2 id="{anchor}">{escape(name)}</h2>\n{body}'


def _notebook(stage: Stage, notebooks: Mapping[str, nbformat.NotebookNode], root: Path) -> str:
    """Return the entry of one notebook: its link, its question, its tables and figures behind a click."""
    name, files = Path(stage.notebook).stem, stage.reports(root)
    if name not in notebooks:
        return f"<h3>{escape(name)}</h3>"
    tables = [link(_inside(f), _caption(root / f)) for f in files if is_table(f)]
    figures = [link(_inside(f), Path(f).stem.replace("_", " ")) for f in files if f.endswith((".svg", ".webp"))]
    head = f"<h3>{link(f'{name}.html', title(notebooks[name], name))}</h3>"
    asked = f"<p>{escape(question(notebooks[name]))}</p>" if question(notebooks[name]) else ""
    return f"{head}\n{asked}{_folded(tables, 'table')}{_folded(figures, 'figure')}"


def _folded(links: Sequence[str], what: str) -> str:
    if not links:
        return ""
    items = "".join(f"<li>{item}</li>" for item in links)
    return f"<details><summary>{len(links)} {what}{'s' * (len(links) > 1)}</summary><ul>{items}</ul></details>\n"


def is_table(path: str) -> bool:
    """Return whether a file is the page of a table."""
    return path.startswith("reports/tables/") and path.endswith(".html")


def _caption(page: Path) -> str:
    """Return the title of a table's page, without what the index says of all."""
    found = re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"), re.DOTALL)
    return re.sub(r" \((synthetic benchmark|real data), [^)]*\)$", "", unescape(found[1])) if found else page.stem


def _inside(path: str) -> str:
    return path.removeprefix("reports/")
