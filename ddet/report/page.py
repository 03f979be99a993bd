"""The pages of the results: python -m ddet.report.page [--readme]

Writes reports/index.html, a page per claim, and every executed notebook as a page beside it. Everything is read from
dvc.lock, params.yaml, the papers' numbers and what the pipeline left in reports/; links stay inside reports/, nothing
is loaded from the network, and a link that leads nowhere is an error. With --readme the findings and the papers' main
tables are also written between the two marker lines of README.md.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import nbformat

from ddet import params, paths
from ddet.errors import InputError, writing
from ddet.report import arm_lines, claim_pages, commit, index, notebook_page, outcomes, studied
from ddet.report.claim_pages import Source
from ddet.report.dvc_lock import read_stages, stale
from ddet.report.html import check_links
from ddet.report.nav import Link
from ddet.report.provenance import provenance
from ddet.report.readme import results_markdown, update_readme

INDEX, PROVENANCE, CLAIMS = "reports/index.html", "reports/provenance.html", "reports/claims"


def build(cfg: params.Params, root: Path = paths.ROOT) -> list[str]:
    """Write all pages; return the files in reports/ that no stage claims.

    Raises:
        InputError: no dvc.lock, a recorded report that is not there, a ledger of other columns, a link that leads
            nowhere or out of reports/, a page that would load something from the network.
    """
    stages = [s for s in read_stages(root / "dvc.lock") if INDEX not in [o.path for o in s.outs]]
    files = [p for s in stages for p in s.reports(root)]
    if missing := [p for p in files if not (root / p).is_file()]:
        raise InputError(missing[0], "recorded in dvc.lock but not there", "run: make repro")
    notebooks = {Path(p).stem: nbformat.read(root / p, 4) for p in files if p.endswith(".ipynb")}
    ledger = outcomes.read(root / index.LEDGER)
    found, code = claim_pages.sources(stages, root), commit.told(root)
    if old := list(stale(root, stages)):
        code += f"; of an earlier one, since they were not run again: {', '.join(old)}"
    study = studied.read(root / studied.KEPT.relative_to(paths.ROOT), ledger, cfg.profile)
    pages = _claim_pages(ledger, cfg, found, root, code, study) | _notebook_pages(notebooks, ledger, found)
    pages[INDEX] = index.index(ledger, stages, notebooks, root, cfg.profile, cfg.benchmark.render, code, study)
    orphans = _orphans({*files, *pages, PROVENANCE}, root)
    pages[PROVENANCE] = provenance(stages, orphans)
    for path, text in pages.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="\n")
    for path in (*pages, *filter(index.is_table, files)):
        check_links(root / path, root / "reports")
    return orphans


def _claim_pages(
    ledger: Sequence[outcomes.Outcome],
    cfg: params.Params,
    found: dict[str, Source],
    root: Path,
    code: str,
    study: tuple[Sequence[outcomes.Outcome], str],
) -> dict[str, str]:
    groups = [list(group) for _, group in groupby(ledger, key=lambda o: o.id)]
    links: list[Link | None] = [None, *((f"{g[0].id}.html", g[0].id) for g in groups), None]
    statement, lines = index.statement(cfg.profile, cfg.benchmark.render), arm_lines.read(root / "params.yaml")
    return {
        f"{CLAIMS}/{group[0].id}.html": claim_pages.claim_page(
            *(group, cfg, found.get(group[0].id), index.NAMES, statement, links[i], links[i + 2]),
            root=root,
            lines=lines,
            code=code,
            study=studied.section(group[0].id, *study),
        )
        for i, group in enumerate(groups)
    }


def _notebook_pages(
    notebooks: dict[str, nbformat.NotebookNode], ledger: Sequence[outcomes.Outcome], found: dict[str, Source]
) -> dict[str, str]:
    names = sorted(notebooks)
    links = [None, *((f"{n}.html", notebook_page.title(notebooks[n], n)) for n in names), None]
    known = dict.fromkeys(o.id for o in ledger)
    tested = {n: [(f"claims/{id}.html", id) for id in known if id in found and found[id].notebook == n] for n in names}
    return {
        f"reports/{n}.html": notebook_page.render(
            notebooks[n], n, before=links[i], after=links[i + 2], claims=tested[n], pages=names
        )
        for i, n in enumerate(names)
    }


def _orphans(known: set[str], root: Path) -> list[str]:
    found = (p.relative_to(root).as_posix() for p in (root / "reports").rglob("*") if p.is_file() and p.name[0] != ".")
    return sorted(set(found) - known)


def main(argv: list[str] | None = None) -> int:
    """Build the pages from the command line; bad input is one line on standard error and status 2."""
    parser = argparse.ArgumentParser(prog="python -m ddet.report.page", description="Write the pages in reports/.")
    parser.add_argument("--readme", action="store_true", help="also update the results in README.md")
    wanted = parser.parse_args(argv)
    try:
        with writing(paths.REPORTS):
            for orphan in build(params.load()):
                print(f"no stage wrote {orphan}", file=sys.stderr)
            if wanted.readme:
                update_readme(paths.ROOT / "README.md", results_markdown(paths.ROOT))
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
