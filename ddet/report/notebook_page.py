"""An executed notebook as one HTML page: images inside, no script, no network, the same bytes each time."""

import re
from collections.abc import Collection, Sequence
from functools import cache
from html import escape, unescape

import nbformat
from nbconvert.exporters import HTMLExporter
from pygments.formatters import HtmlFormatter

from ddet.report import mathml, nav, sorting, style
from ddet.report.html import link
from ddet.report.words import METRIC, readable

SETTINGS = {"exclude_input_prompt": True, "exclude_output_prompt": True, "exclude_anchor_links": True}
OUTSIDE = re.compile(r'<a href="\.\./([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
SILENT = 'alt="No description has been provided for this image"'  # nbconvert's words


def render(
    notebook: nbformat.NotebookNode,
    name: str,
    *,
    before: nav.Link | None = None,
    after: nav.Link | None = None,
    claims: Sequence[nav.Link] = (),
    pages: Collection[str] = (),
) -> str:
    """Return the page of a notebook, as <name>.html beside <name>.ipynb.

    Links to files outside reports/ become words; those to other notebooks lead to their pages.

    Args:
        before, after: its neighbours.
        claims: pages of the claims that it tests; their ids in tables lead there.
        pages: names of the notebooks that have a page.

    Differs: nbconvert's own pages load MathJax and require.js from elsewhere; formulas here are MathML.
    """
    body, _ = HTMLExporter(template_name="basic", **SETTINGS).from_notebook_node(notebook)
    body = re.sub(rf'href="({"|".join(map(re.escape, pages))})\.ipynb"', r'href="\1.html"', body) if pages else body
    body = mathml.typeset(body)
    body = _linked(_worded(_scoped(OUTSIDE.sub(_in_words, body))), {id: to for to, id in claims})
    body, contents = _anchored(body)
    tested = "Claims tested here: " + " · ".join(link(*claim) for claim in claims) if claims else ""
    foot = f'<p class="soft">{" <br> ".join(filter(None, [tested, "As executed: " + link(f"{name}.ipynb")]))}</p>'
    css = style.NOTEBOOK + _highlighting()
    body = f"{body}\n{foot}\n{sorting.ELEMENT}"
    return nav.page(title(notebook, name), body, before=before, after=after, contents=contents, css=css)


def title(notebook: nbformat.NotebookNode, otherwise: str) -> str:
    """Return the first heading of a notebook."""
    lines = (line for c in notebook.cells if c.cell_type == "markdown" for line in c.source.splitlines())
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), otherwise)


def question(notebook: nbformat.NotebookNode) -> str:
    """Return the question that a notebook opens with, "" where it asks none."""
    text = "\n".join(c.source for c in notebook.cells[:1] if c.cell_type == "markdown")
    found = re.search(r"\*\*Question\.\*\* (.*)", text)
    return re.sub(r"[*`]", "", found[1]) if found else ""


def _in_words(outside: re.Match) -> str:
    """Name the file that a link led to, beside its words where they do not."""
    path, words = outside[1], outside[2]
    return words if path.rsplit("/", 1)[-1] in words else f"{words} (<code>{path}</code>)"


def _scoped(body: str) -> str:
    """Say of each header of a table whether it heads a column or a row."""

    def columns(head: re.Match) -> str:
        return re.sub("<th(?=[ >])(?![^>]*scope=)", '<th scope="col"', head[0])

    return re.sub("<th>", '<th scope="row">', re.sub("<thead>.*?</thead>", columns, body, flags=re.DOTALL))


def _worded(body: str) -> str:
    """Write metrics that a table names, but not its columns, in words: `frame_auc` is frame AUC."""
    cell = rf'(<td>|<th scope="row">)({METRIC.pattern})(?=<)'
    return re.sub(cell, lambda found: found[1] + readable(found[2]), body)


def _linked(body: str, claims: dict[str, str]) -> str:
    """Let a claim's id in a table lead to its page."""

    def cell(found: re.Match) -> str:
        return f"<td>{link(claims[found[1]], found[1])}</td>" if found[1] in claims else found[0]

    return re.sub(r"<td>([\w-]+)</td>", cell, body)


def _anchored(body: str) -> tuple[str, list[nav.Link]]:
    """Give each heading an anchor, and each picture the heading that it stands under; return the contents too."""
    contents, seen, parts, last = [], {"main"}, [], 0
    for heading in HEADING.finditer(body):
        level, inner = heading.groups()
        words = unescape(re.sub(r"<[^>]+>", "", inner)).strip()
        stem = re.sub(r"\W+", "-", words.lower()).strip("-") or "part"
        anchor = next(a for a in (stem, *(f"{stem}-{i}" for i in range(2, 999))) if a not in seen)
        seen.add(anchor)
        parts += [_described(body[last : heading.start()], contents), f'<h{level} id="{anchor}">{inner}</h{level}>']
        contents, last = [*contents, (f"#{anchor}", words)], heading.end()
    return "".join([*parts, _described(body[last:], contents)]), contents[1:]


def _described(part: str, contents: Sequence[nav.Link]) -> str:
    under = escape(contents[-1][1] if contents else "the title")
    return part.replace(SILENT, f'alt="Figure under the heading “{under}”; the text beside it says what it shows"')


@cache
def _highlighting() -> str:
    """Return the colours of code: one set for a light screen, one for a dark one."""
    light, dark = (HtmlFormatter(style=s).get_style_defs(".highlight") for s in ("default", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none; }}\n"
