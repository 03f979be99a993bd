"""The HTML page template of everything in reports/, and the check that its links hold: nothing is loaded."""

from collections.abc import Mapping
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ddet.errors import InputError
from ddet.report import style
from ddet.report.words import signs_in_html


def document(title: str, body: str, css: str = "", header: str = "") -> str:
    """Return a complete page in UTF-8, with colours for light and dark screens; `header` stands before the content.

    Numbers in its texts have the minus sign, see `words.signs`.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style.BASE}\n{css}</style>\n</head>\n<body>\n{header}"
        f'<main id="main">\n{signs_in_html(body)}\n</main>\n</body>\n</html>\n'
    )


def link(target: str, text: str | None = None) -> str:
    """Return a link to a relative path, or an address, named by its last part unless told otherwise."""
    return f'<a href="{escape(quote(target, safe="/#:?&=~"))}">{escape(text or target.rsplit("/", 1)[-1])}</a>'


def external(url: str, text: str) -> str:
    """Return a link that leaves reports/, marked as one."""
    return f'<a href="{escape(url)}" rel="external">{escape(text)} ↗</a>'


def definitions(facts: Mapping[str, str]) -> str:
    """Return a list of terms with what each is, as HTML."""
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{what}</dd>\n" for term, what in facts.items())
    return f"<dl>\n{lines}</dl>"


def scroller(name: str, content: str) -> str:
    """Return content that scrolls sideways on its own where the screen is narrow, by keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">\n{content}\n</div>'


def check_links(page: Path, root: Path | None = None) -> None:
    """Raise InputError where a link of a page does not hold.

    A target must be there, with the anchor that the link names, and inside the folder `root` where one is given;
    nothing may be loaded from the network.
    """
    for tag, target in _parsed(page).targets:
        parts = urlsplit(target)
        if parts.scheme == "data" or (tag == "a" and parts.scheme in ("http", "https", "mailto")):
            continue
        if parts.scheme or parts.netloc:
            raise InputError(page.name, f"<{tag}> would load {target}", "embed it: the page must work offline")
        if parts.path.startswith("/"):
            raise InputError(page.name, f"absolute link {target}", "make it relative")
        there = page.parent / unquote(parts.path) if parts.path else page
        if not there.exists():
            raise InputError(page.name, f"link to {target}, which is not there", "mend the link, or run: make repro")
        if root and not there.resolve().is_relative_to(root.resolve()):
            raise InputError(page.name, f"link to {target}, outside {root.name}/", "name it in words")
        if parts.fragment and there.suffix == ".html" and unquote(parts.fragment) not in _parsed(there).anchors:
            raise InputError(page.name, f"link to {target}, which has no such anchor", "mend the link")


class _Parsed(HTMLParser):
    """Collect what a page links to or loads, and its anchors."""

    def __init__(self):
        super().__init__()
        self.targets: list[tuple[str, str]] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.targets += [(tag, value) for name, value in attrs if name in ("href", "src") and value]
        self.anchors |= {value for name, value in attrs if name == "id" and value}


def _parsed(page: Path) -> _Parsed:
    now = page.stat()
    return _parse(page, (now.st_mtime_ns, now.st_size))


@cache
def _parse(page: Path, version: tuple[int, int]) -> _Parsed:  # pages link to each other: each is read once
    parser = _Parsed()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser
