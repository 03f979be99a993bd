"""The front page of the results: python -m ddet.report.page [--readme]

Writes reports/index.html, and every executed notebook as a page beside it. Everything is read from dvc.lock and from
what the pipeline left in reports/; links are relative, nothing is loaded from the network, and a link that leads
nowhere is an error. With --readme the papers' main tables are also written between the two marker lines of README.md.
"""

import argparse
import re
import sys
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter
from pygments.formatters import HtmlFormatter

from ddet import params, paths
from ddet.errors import InputError
from ddet.report.dvc_lock import Stage, read_stages
from ddet.report.html import check_links, document, link
from ddet.report.tables import origin

INDEX = "reports/index.html"
LEDGER = "reports/tables/claims.html"
HEADLINE = re.compile(r"(herd_table[12]|asrid_table2|prle_table2)\.\w+$")  # the other tables are linked
MARKERS = ("<!-- results:begin -->", "<!-- results:end -->")
SYNTHETIC = (
    "These numbers come from the synthetic benchmark that this repository renders itself. They show that the methods "
    "run and how they compare on rendered forgeries; they are not evidence about real deepfakes."
)
REAL = "These numbers come from real datasets, indexed from data/raw/ as the notebooks state."
CSS = """
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; max-width: 100%; }
figure img { max-width: min(33rem, 100%); height: auto; display: block; background: #fff; }
figcaption { font-size: 13px; color: var(--soft); }
.ledger { max-height: 30rem; overflow: auto; }
.output img, .text_cell_render img { max-width: 100%; height: auto; background: #fff; }
.input_area { background: var(--fill); padding: .3rem .8rem; border-left: 3px solid var(--line); overflow-x: auto; }
.output_text pre { padding-left: .8rem; }
"""


def build(profile: str, synthetic: bool, root: Path = paths.ROOT) -> list[str]:
    """Write the index and the rendered notebooks; return the files in reports/ that no stage claims.

    Raises:
        InputError: no dvc.lock, a recorded report that is not there, a link that leads nowhere, a page that would
            load something from the network.
    """
    stages = _stages(root)
    missing = [p for s in stages for p in s.reports(root) if not (root / p).is_file()]
    if missing:
        raise InputError(missing[0], "recorded in dvc.lock but not there", "run: make repro")
    rendered = [_render_beside(root / p) for s in stages for p in s.reports(root) if p.endswith(".ipynb")]
    orphans = _orphans(stages, rendered, root)
    body = [_head(profile, synthetic), _ledger(root), *(_section(s, root) for s in stages if s.notebook)]
    body += [_provenance(stages), _orphan_list(orphans)]
    index = root / INDEX
    _write(index, document("ddet: results", "\n".join(body), CSS))
    for page in [index, *rendered]:
        check_links(page)
    return orphans


def render_notebook(path: Path) -> str:
    """Return an executed notebook as one HTML page: images inside, no script, no network, the same bytes each time.

    Differs: nbconvert's own pages load MathJax and require.js from elsewhere; formulas here stay as TeX text.
    """
    notebook = nbformat.read(path, 4)
    settings = {"exclude_input_prompt": True, "exclude_output_prompt": True, "exclude_anchor_links": True}
    fragment, _ = HTMLExporter(template_name="basic", **settings).from_notebook_node(notebook)
    back = f'<p class="soft">{link("index.html", "all results")} · {link(path.name)}</p>'
    return document(_title(notebook, path.stem), f"{back}\n{fragment}", CSS + _highlighting())


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
    _write(readme, f"{before}{begin}\n{text.strip()}\n{end}{after}")


def results_markdown(root: Path = paths.ROOT) -> str:
    """Return the Markdown of the main table of each paper, and of Herd's first, in the order of the notebooks."""
    files = [root / p for s in _stages(root) for p in s.reports(root) if _is_table(p) and HEADLINE.search(p)]
    texts = [f.with_suffix(".md").read_text(encoding="utf-8") for f in files if _fragment(f)]
    return "\n".join(texts)


def _head(profile: str, synthetic: bool) -> str:
    return (
        f'<h1>Results</h1>\n<p class="soft">{escape(origin(profile, synthetic))}</p>\n'
        f'<p class="statement">{SYNTHETIC if synthetic else REAL}</p>'
    )


def _ledger(root: Path) -> str:
    """Return the ledger of claims, the first section; "" where it was not written."""
    page = root / LEDGER
    return f'<div class="scroll ledger">{_fragment(page, "frame")}</div>' if page.is_file() else ""


def _section(stage: Stage, root: Path) -> str:
    """Return the section of one notebook: its link, its results tables, its figures."""
    files = stage.reports(root)
    executed = next((f for f in files if f.endswith(".ipynb")), "")
    title = _title(nbformat.read(root / executed, 4), stage.name) if executed else stage.name
    pages = {"read it": executed.replace(".ipynb", ".html"), "as executed": executed} if executed else {}
    links = [
        link(_from_index(p), f"{text} ({Path(p).name})") for text, p in {**pages, "source": stage.notebook}.items()
    ]
    code = [d.path for d in stage.deps if d.path.endswith(".py") or (root / d.path / "__init__.py").is_file()]
    parts = [f"<h2>{escape(title)}</h2>\n<p>{' · '.join(links)}</p>"]
    parts += [t for f in files if _is_table(f) and (t := _fragment(root / f))]
    parts += [_figure(f, files) for f in files if f.startswith("reports/figures/") and f.endswith(".png")]
    others = [f for f in files if not f.startswith("reports/figures/") and not f.endswith(".ipynb")]
    parts += [_list("Tables and data", others), _list("Code behind it", code)]
    return "\n".join(p for p in parts if p)


def _figure(png: str, files: list[str]) -> str:
    svg, source, name = png.replace(".png", ".svg"), _from_index(png), Path(png).stem
    more = f" · {link(_from_index(svg), 'SVG')}" if svg in files else ""
    image = f'<a href="{escape(source)}"><img src="{escape(source)}" alt="{escape(name)}" loading="lazy"></a>'
    return f"<figure>{image}<figcaption>{escape(name)}{more}</figcaption></figure>"


def _list(title: str, files: list[str]) -> str:
    if not files:
        return ""
    items = " · ".join(link(_from_index(f), f.removeprefix("reports/")) for f in files)
    return f'<p class="soft">{title}: {items}</p>'


def _provenance(stages: list[Stage]) -> str:
    rows = [
        f'<tr><td>{escape(s.name)}</td><td class="text">{role}</td><td class="text">{escape(e.path)}</td>'
        f'<td class="text"><code>{escape(e.md5)}</code></td><td>{e.size}</td></tr>'
        for s in stages
        for role, entries in (("read", s.deps), ("wrote", s.outs))
        for e in entries
    ]
    head = "<tr><th>stage</th><th>role</th><th>path</th><th>md5</th><th>bytes</th></tr>"
    return (
        "<h2>Provenance</h2>\n<p>What each stage read and wrote, as dvc.lock records it.</p>\n"
        f"<details><summary>{len(rows)} hashes</summary>\n"
        f'<div class="scroll"><table><thead>{head}</thead><tbody>\n{chr(10).join(rows)}\n</tbody></table></div>\n'
        "</details>"
    )


def _stages(root: Path) -> list[Stage]:
    """Read the stages behind the index, without the one that writes the index itself."""
    return [s for s in read_stages(root / "dvc.lock") if INDEX not in [o.path for o in s.outs]]


def _orphan_list(orphans: list[str]) -> str:
    if not orphans:
        return ""
    items = "\n".join(f"<li>{link(_from_index(o), o)}</li>" for o in orphans)
    return f"<h2>Orphans</h2>\n<p>Files in reports/ that no stage of dvc.lock wrote.</p>\n<ul>\n{items}\n</ul>"


def _orphans(stages: list[Stage], rendered: list[Path], root: Path) -> list[str]:
    known = {p for s in stages for p in s.reports(root)} | {p.relative_to(root).as_posix() for p in rendered} | {INDEX}
    found = (p.relative_to(root).as_posix() for p in (root / "reports").rglob("*") if p.is_file() and p.name[0] != ".")
    return sorted(set(found) - known)


def _render_beside(report: Path) -> Path:
    page = report.with_suffix(".html")
    _write(page, render_notebook(report))
    return page


def _is_table(path: str) -> bool:
    return path.startswith("reports/tables/") and path.endswith(".html")


def _fragment(page: Path, kind: str = "results") -> str:
    """Return the table of a kind inside a page of `ddet.report.tables`, "" where it holds none."""
    found = re.search(rf'<section class="{kind}">.*</section>', page.read_text(encoding="utf-8"), re.DOTALL)
    return found[0] if found else ""


def _from_index(path: str) -> str:
    """Return a path of the repository relative to reports/."""
    return path.removeprefix("reports/") if path.startswith("reports/") else f"../{path}"


def _title(notebook: nbformat.NotebookNode, otherwise: str) -> str:
    """Return the first heading of a notebook."""
    lines = (line for c in notebook.cells if c.cell_type == "markdown" for line in c.source.splitlines())
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), otherwise)


@cache
def _highlighting() -> str:
    """Return the colours of code: one set for a light screen, one for a dark one."""
    light, dark = (HtmlFormatter(style=s).get_style_defs(".highlight") for s in ("default", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none; }}\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main(argv: list[str] | None = None) -> int:
    """Build the page from the command line; bad input is one line on standard error and status 2."""
    parser = argparse.ArgumentParser(prog="python -m ddet.report.page", description="Write reports/index.html.")
    parser.add_argument("--readme", action="store_true", help="also update the results tables in README.md")
    wanted = parser.parse_args(argv)
    try:
        cfg = params.load()
        for orphan in build(cfg.profile, cfg.benchmark.render):
            print(f"no stage wrote {orphan}", file=sys.stderr)
        if wanted.readme:
            update_readme(paths.ROOT / "README.md", results_markdown())
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
