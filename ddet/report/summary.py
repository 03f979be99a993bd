"""The first screen of the results: what was replicated, what came out, and what may be trusted."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import nbformat
import pandas as pd

from ddet.report import built
from ddet.report.cells import half_up
from ddet.report.html import definitions, external
from ddet.report.outcomes import LOSS, Outcome, tally
from ddet.report.style import VERDICT_COLOURS

SYNTHETIC = (
    "These numbers come from the synthetic benchmark that this repository renders itself. They show that the methods "
    "run and how they compare on rendered forgeries; they are not evidence about real deepfakes."
)
REAL = "These numbers come from real datasets, indexed from data/raw/ as the notebooks state."
TRIALS = {  # profiles that show the way alone
    "smoke": "A few clips, and a training step or two per fit: these numbers mean nothing. They show that every "
    "stage runs.",
    "rehearsal": "Rendered clips in the shape of the real datasets, one step per fit, weights drawn at random: these "
    "numbers mean nothing. They show that every stage runs on such files.",
}
PLURAL = {"holds": "hold", "fails": "fail"}
BASELINES = (  # table, row without any method of the paper (None: of each "X + PRLE" the row X), at home, away, of what
    ("herd_table2", "Base model", "AUC", "", "Herd"),
    ("asrid_table2", "StaNew", "test clip_auc", "", "ASRID, clips"),
    ("prle_table2", None, "FF++ AUC", "AVG AUC", "PRLE"),
)
WITH = " + PRLE"


def first_of_each(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return one outcome per claim: that on the data which others vary, else the first."""
    first: dict[str, Outcome] = {}
    for o in outcomes:
        if o.id not in first or (first[o.id].variant and not o.variant):
            first[o.id] = o
    return list(first.values())


def finding(outcomes: Sequence[Outcome]) -> str:
    """Say in one sentence what came of the claims of a paper, and the clearest effect, or the smallest to be found."""
    counts = tally(outcomes)
    words = ", ".join(f"{n} {PLURAL.get(word, word) if n > 1 else word}" for word, n in counts.items())
    said = f"Of {len(outcomes)} claim{'s' * (len(outcomes) > 1)} {words}."
    decided = [o for o in outcomes if o.verdict in ("holds", "fails") and not math.isnan(o.p)]
    if decided:
        best = min(decided, key=lambda o: (o.p, -abs(o.effect) / max((o.high - o.low) / 2, 1e-12)))
        return f"{said} Clearest: “{best.claim}” {best.verdict}, {best.interval()}; stated: {best.stated}."
    return f"{said}{_reach([o for o in outcomes if o.tested and not math.isnan(o.detectable)])}"


def _reach(undecided: Sequence[Outcome]) -> str:
    """Say how large an effect would have been found, in the unit of most claims; "" where that is not known."""
    if not undecided:
        return ""
    losses = [o for o in undecided if o.unit is LOSS]
    alike = losses if 2 * len(losses) > len(undecided) else [o for o in undecided if o.unit is not LOSS]
    middle = sorted(alike, key=lambda o: o.detectable)[len(alike) // 2]
    return (
        f" None is decided: half of them would have needed an effect of more than "
        f"{middle.show(middle.detectable, sign=False)} {middle.unit.name} to be."
    )


def cards(outcomes: Sequence[Outcome], papers: pd.DataFrame, tables: Path) -> str:
    """Return a card per paper: title, link, venue, claims decided of those tested, the finding, and rows built.

    Args:
        papers: the list `papers` of `ddet.published.facts`.
        tables: the folder reports/tables.
    """
    return f'<div class="cards">\n{"".join(_card(p, outcomes, tables) for _, p in papers.iterrows())}</div>'


def _card(paper: pd.Series, outcomes: Sequence[Outcome], tables: Path) -> str:
    own = first_of_each([o for o in outcomes if o.paper == paper["name"]])
    title = external(paper["url"], paper["title"]) if paper["url"] else escape(paper["title"])
    decided = sum(o.verdict in ("holds", "fails") for o in own)
    score = f"<strong>{decided} decided of {sum(o.tested for o in own)} tested</strong>. " if own else ""
    came_out = " ".join(filter(None, [finding(own) if own else "", built.sentence(paper["name"], tables)]))
    said = f"<p>{score}{escape(came_out)}</p>" if came_out else ""
    return f'<article class="card"><h3>{title}</h3><p class="soft">{escape(paper["venue"])}</p>{said}</article>\n'


def tally_bar(outcomes: Sequence[Outcome]) -> str:
    """Return how many claims have which verdict, as a bar and in words."""
    counts = tally(first_of_each(outcomes))
    parts = "".join(f'<span class="{VERDICT_COLOURS[w]}" style="flex: {n}"></span>' for w, n in counts.items())
    words = "".join(
        f'<li class="{VERDICT_COLOURS[w]}"><strong>{n}</strong> {PLURAL.get(w, w) if n > 1 else w}</li>'
        for w, n in counts.items()
    )
    return f'<div class="bar" aria-hidden="true">{parts}</div>\n<ul class="tally">{words}</ul>'


def studied(study: Sequence[Outcome]) -> tuple[str, str]:
    """Say how many claims the study decides, and how many have which verdict."""
    own = first_of_each(study)
    decided, tested = sum(o.verdict in ("holds", "fails") for o in own), sum(o.tested for o in own)
    counts = ", ".join(f"{n} {PLURAL.get(w, w) if n > 1 else w}" for w, n in tally(own).items())
    return f"In the study {decided} of {tested} tested are decided", counts


def trust(outcomes: Sequence[Outcome], tables: Path, notebooks: Mapping[str, nbformat.NotebookNode], code: str) -> str:
    """Return the list of what the numbers rest on; what is not known is left out.

    Args:
        tables: the folder reports/tables.
        notebooks: the executed ones by name, whose first output names the machine.
        code: the commit that the pages are of, see `commit.told`.
    """
    tested = [o for o in outcomes if o.tested]
    facts = {
        "People": _range([o.people for o in tested], "source groups behind a verdict"),
        "Seeds": _range([o.seeds for o in tested], "per arm of a verdict"),
        "Baselines at home": "; ".join(_baselines(tables, away=False)),
        "Baselines away": "; ".join(_baselines(tables, away=True)),
        "Chance": _chance(tables / "claims_chance.csv"),
        "Machine": "; ".join(sorted(_machines(notebooks))),
        "Commit": code,
    }
    return definitions({name: escape(text) for name, text in facts.items() if text})


def _range(numbers: Sequence[float], what: str) -> str:
    known = sorted({int(n) for n in numbers if n == n})
    return f"{_ends([str(n) for n in known])} {what}" if known else ""


def _ends(sorted_texts: Sequence[str]) -> str:
    return sorted_texts[0] if sorted_texts[0] == sorted_texts[-1] else f"{sorted_texts[0]} to {sorted_texts[-1]}"


def _baselines(tables: Path, away: bool) -> list[str]:
    """Say which AUC the detectors without any method reach, paper by paper."""
    found = []
    for name, row, home, elsewhere, paper in BASELINES:
        file = tables / f"{name}.csv"
        cells = pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=["row", "column", "ours"])
        bases = [row] if row else [r.removesuffix(WITH) for r in cells["row"].unique() if r.endswith(WITH)]
        chosen = cells[cells["row"].isin(bases) & (cells["column"] == (elsewhere if away else home))]
        values = sorted(chosen["ours"].dropna().map(lambda v: v / 100 if v > 1 else v))  # PRLE prints percentages
        found += [f"{paper}: AUC {_ends([half_up(v, 2) for v in values])}"] if values else []
    return found


def _chance(file: Path) -> str:
    """Say how many verdicts the number of tests explains, from what notebook 51 counted."""
    if not file.is_file():
        return ""
    counted = pd.read_csv(file).set_index("paper").loc["all"]
    remain = int(counted["remain, false discoveries"])
    return (
        f"of {int(counted['tests'])} tests {half_up(counted['by chance'], 1)} would hold by chance; "
        f"{int(counted['holds'])} do, {remain} when false discoveries are kept below 5 %"
    )


def _machines(notebooks: Mapping[str, nbformat.NotebookNode]) -> set[str]:
    """Find what notebooks printed of the machine: `profile x · data · device …`, see `ddet.notebook.start`."""
    texts = (out.get("text", "") for nb in notebooks.values() for c in nb.cells for out in c.get("outputs", []))
    lines = (line for text in texts for line in text.splitlines() if line.startswith("profile "))
    return {line.split(" · ", 2)[2] for line in lines if line.count(" · ") >= 2}
