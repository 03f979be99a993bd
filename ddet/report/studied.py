"""What the study said of each claim: the ledger of a run with more seeds, kept in data/measured/study_claims.csv.

The study takes hours, so the default run does not repeat it. Its ledger is kept with the machine, the commit and the
day, and a claim's page shows it beside the default's verdict.
"""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pandas as pd

from ddet import paths
from ddet.errors import InputError
from ddet.report import outcomes
from ddet.report.html import definitions
from ddet.report.outcomes import Outcome
from ddet.report.verdict_table import verdict
from ddet.report.words import readable

KEPT = paths.ROOT / "data/measured/study_claims.csv"
LEDGER, RUNS, NOTES = "reports/tables/claims.csv", "data/runs", "data/machine"
OF = "default"
ASKED = "More seeds, ten for Herd and ASRID, and more arms"
ABOUT = ("profile", "machine", "commit", "day", "fits", "hours")


def keep(folder: Path, commit: str, machine: str, target: Path = KEPT) -> pd.DataFrame:
    """Copy the ledger of the run in `folder` to `target`, with what it was run with; return it.

    Raises:
        InputError: the run has no ledger, or is not of the study.
    """
    ledger = folder / LEDGER
    if not ledger.is_file():
        raise InputError(ledger, "no ledger", "finish the study there: dvc repro")
    profile = re.search(r"^profile: *(\w+)", (folder / "params.yaml").read_text(encoding="utf-8"), flags=re.M)[1]
    if profile != "study":
        raise InputError(folder, f"was run with profile {profile}", "lay it out: python -m ddet.tools.study --lay-out")
    runs = {path.name: path.parent.name for path in (folder / RUNS).glob("*/*") if path.is_dir()}
    notes = [folder / NOTES / stage / f"{key}.json" for key, stage in sorted(runs.items())]
    hours = sum(json.loads(note.read_text())["wall_s"] for note in notes if note.is_file()) / 3600
    day = datetime.fromtimestamp(ledger.stat().st_mtime, UTC).date().isoformat()
    table = pd.read_csv(ledger, dtype=str, keep_default_na=False)
    about = dict(zip(ABOUT, (profile, machine, commit, day, str(len(runs)), f"{hours:.1f}"), strict=True))
    table = table.assign(**about)
    table.to_csv(target, index=False)
    return table


def read(kept: Path, ours: Sequence[Outcome], profile: str = OF) -> tuple[list[Outcome], str]:
    """Return the study's outcomes and how it was run, in words: none, and "", where it has not been run.

    It asks more of what the profile OF asks, and says nothing of another `profile`. A claim is left out, and counted
    in the words, where a fit behind its outcome in `ours`, those of this tree, is not among the study's: then its
    recipe, its data or its code has changed since, and the two verdicts are not of one thing. Another is left out where
    the study has no fit beyond those of this tree: then it says the same thing again, and is no second witness.
    """
    found = outcomes.read(kept) if profile == OF else []
    if not found:
        return [], ""
    about = pd.read_csv(kept, dtype=str, keep_default_na=False).iloc[0]
    runs = f"{about['fits']} runs, {about['hours']} hours of fits in all"
    told = f"{ASKED}: {about['machine']}, commit {about['commit']}, {about['day']}, {runs}"
    gone = {o.id for o in found} & {o.id for o in ours if not _has_fits_of(o, found)}
    again = {o.id for o in ours if _adds_none(o.id, ours, found)} - gone
    out = {"have changed since": gone, "are the default's own": again}
    if words := [f"{len(ids)} whose fits {why}" for why, ids in out.items() if ids]:
        told += f"; left out are {' and '.join(words)}"
    return [o for o in found if o.id not in gone | again], told


def _adds_none(claim: str, ours: Sequence[Outcome], study: Sequence[Outcome]) -> bool:
    own, theirs = (set().union(*(o.keys() for o in said if o.id == claim)) for said in (ours, study))
    return bool(theirs) and theirs <= own


def _has_fits_of(own: Outcome, study: Sequence[Outcome]) -> bool:
    return any(own.id == o.id and {*own.keys()} <= {*o.keys()} for o in study)


def section(claim: str, studied: Sequence[Outcome], about: str) -> str:
    """Return the part of a claim's page on the study: "" where the study says nothing of it."""
    parts = []
    for o in (o for o in studied if o.id == claim):
        told = {"On": o.variant, "Effect": o.interval(), "Size": o.compared, "Premise": readable(o.premise)}
        if not math.isnan(o.seeds):
            told["Behind it"] = f"{int(o.people)} source groups, {int(o.seeds)} seeds"
        parts.append(f"<p>{verdict(o.verdict)}</p>\n{definitions({k: escape(v) for k, v in told.items() if v})}")
    head = f'<h2>In the study</h2>\n<p class="soft">{escape(about)}.</p>\n'
    return head + "\n".join(parts) if parts else ""
