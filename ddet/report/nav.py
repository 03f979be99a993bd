"""The frame that every page of reports/ has: the same header, the way to its neighbours, and what is on it."""

from collections.abc import Sequence
from html import escape

from ddet.report import html

PARTS = {
    **{"1": ("data", "Data"), "2": ("herd", "Herd"), "3": ("asrid", "ASRID"), "4": ("prle", "PRLE")},
    **{"5": ("ledger", "Audit and ledger"), "6": ("use", "Own footage")},
}  # first digit of a notebook -> its section of the index, and what it is called
Link = tuple[str, str]  # target, title


def page(
    title: str,
    body: str,
    *,
    up: str = "",
    before: Link | None = None,
    after: Link | None = None,
    contents: Sequence[Link] = (),
    css: str = "",
) -> str:
    """Return a page with the header.

    Args:
        up: the way from the page's folder to reports/, such as "../".
        before: the page before this one, in the order of reading; after: the one behind it.
        contents: anchors of the page.
    """
    return html.document(title, body, css, _header(up, before, after, contents))


def _header(up: str, before: Link | None, after: Link | None, contents: Sequence[Link]) -> str:
    parts = [("verdicts", "Claims"), *PARTS.values()]
    links = [html.link(f"{up}index.html", "Results"), *(html.link(f"{up}index.html#{id}", name) for id, name in parts)]
    ends = [
        f'<a rel="{rel}" href="{escape(end[0])}">{escape(arrow.format(end[1]))}</a>'
        for rel, arrow, end in (("prev", "← {}", before), ("next", "{} →", after))
        if end
    ]
    lines = ['<a class="skip" href="#main">Skip to the content</a>', "<header>", _nav("Parts", links)]
    lines += [_nav("Neighbours", ends)] if ends else []
    lines += [_contents(contents)] if contents else []
    return "\n".join([*lines, "</header>\n"])


def _nav(name: str, links: Sequence[str]) -> str:
    return f'<nav aria-label="{name}">{" ".join(links)}</nav>'


def _contents(contents: Sequence[Link]) -> str:
    items = "".join(f"<li>{html.link(target, title)}</li>" for target, title in contents)
    return f"<details><summary>On this page</summary>\n<ol>{items}</ol></details>"
