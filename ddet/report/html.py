"""The HTML page template of tables, rendered notebooks and the index: no script, nothing loaded."""

from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ddet.errors import InputError

CSS = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #59636e; --line: #d5dae0; --back: #fff; --fill: #f5f7f9;
  --link: #0b5cad; --warn: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5b1; --line: #39424c; --back: #14181c;
  --fill: #1d2329; --link: #79b8ff; --warn: #f0b35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; color: var(--ink); background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .6rem; }
h1 { margin-top: 0; }
code, pre { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; margin: .4rem 0; }
.scroll { overflow-x: auto; }
table { border: 0; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; margin: .6rem 0; }
caption { text-align: left; padding: 0 0 .5rem; font-weight: 600; }
th, td { border: 0 solid var(--line); border-bottom-width: 1px; padding: .3rem .7rem; text-align: right;
  vertical-align: top; }
th { background: var(--fill); }
th:first-child, td:first-child, td.text { text-align: left; }
td small { color: var(--soft); white-space: nowrap; display: block; }
.note, .soft { color: var(--soft); font-size: 14px; }
.statement { border-left: 4px solid var(--warn); background: var(--fill); padding: .6rem 1rem; }
""".strip()


def document(title: str, body: str, css: str = "") -> str:
    """Return a complete page in UTF-8, with colours for light and dark screens."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS}\n{css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def link(target: str, text: str | None = None) -> str:
    """Return a link to a relative path, or an address, named by its last part unless told otherwise."""
    return f'<a href="{escape(quote(target, safe="/#:?&=~"))}">{escape(text or target.rsplit("/", 1)[-1])}</a>'


def check_links(page: Path) -> None:
    """Raise InputError where a page links to a file that is not there, or would load anything from the network."""
    for tag, target in _targets(page.read_text(encoding="utf-8")):
        parts = urlsplit(target)
        if parts.scheme == "data" or (tag == "a" and parts.scheme in ("http", "https", "mailto")):
            continue
        if parts.scheme or parts.netloc:
            raise InputError(page.name, f"<{tag}> would load {target}", "embed it: the page must work offline")
        if parts.path.startswith("/"):
            raise InputError(page.name, f"absolute link {target}", "make it relative")
        if parts.path and not (page.parent / unquote(parts.path)).exists():
            raise InputError(page.name, f"link to {target}, which is not there", "mend the link, or run: make repro")


class _Targets(HTMLParser):
    """Collect what a page links to or loads."""

    def __init__(self):
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, value) for name, value in attrs if name in ("href", "src") and value]


def _targets(page: str) -> Iterator[tuple[str, str]]:
    parser = _Targets()
    parser.feed(page)
    return iter(parser.found)
