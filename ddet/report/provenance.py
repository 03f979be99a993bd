"""What each stage read and wrote, as dvc.lock records it, and which files in reports/ no stage wrote."""

from collections.abc import Sequence
from html import escape

from ddet.report import nav
from ddet.report.dvc_lock import Stage
from ddet.report.html import link, scroller


def provenance(stages: Sequence[Stage], orphans: Sequence[str]) -> str:
    """Return the page reports/provenance.html.

    Args:
        orphans: files in reports/ that no stage wrote.
    """
    sections = "\n".join(_stage(s) for s in stages)
    body = f"<h1>Provenance</h1>\n<p>What each stage read and wrote, as dvc.lock records it.</p>\n{sections}"
    return nav.page("Provenance", body + _orphans(orphans))


def _stage(stage: Stage) -> str:
    rows = [
        f'<tr><td>{role}</td><td class="text">{escape(e.path)}</td><td class="text"><code>{escape(e.md5)}</code></td>'
        f"<td>{e.size}</td></tr>"
        for role, entries in (("read", stage.deps), ("wrote", stage.outs))
        for e in entries
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("role", "path", "md5", "bytes"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{chr(10).join(rows)}\n</tbody></table>"
    name = escape(stage.name)
    return (
        f"<h2>{name}</h2>\n<details><summary>{len(rows)} hashes</summary>\n"
        f"{scroller(f'Files of the stage {stage.name}', table)}\n</details>"
    )


def _orphans(orphans: Sequence[str]) -> str:
    if not orphans:
        return ""
    items = "\n".join(f"<li>{link(o.removeprefix('reports/'), o)}</li>" for o in orphans)
    return f"\n<h2>Orphans</h2>\n<p>Files in reports/ that no stage of dvc.lock wrote.</p>\n<ul>\n{items}\n</ul>"
