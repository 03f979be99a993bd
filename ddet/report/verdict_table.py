"""The table of all claims: complete without a script; with one it sorts by column and filters."""

import math
from collections.abc import Sequence
from html import escape

from ddet.report import sorting
from ddet.report.cells import EMPTY
from ddet.report.html import link, scroller
from ddet.report.outcomes import WORDS, Outcome
from ddet.report.style import VERDICT_COLOURS
from ddet.report.words import readable

STUDY = "In the study"
HEADS = ("Claim", "Verdict", "Effect [interval]", "The paper states", "Size", "Premise", "Its own tables", "Runs")
FILTER = """
const rows = [...document.getElementById("verdicts-table").tBodies[0].rows];
const form = document.getElementById("filter"), fields = form.elements;
function filter() {
  const words = fields.words.value.toLowerCase();
  for (const row of rows)
    row.hidden = (fields.paper.value && row.dataset.paper !== fields.paper.value)
      || (fields.verdict.value && row.dataset.verdict !== fields.verdict.value)
      || !row.textContent.toLowerCase().includes(words);
  document.getElementById("shown").textContent =
    `${rows.filter(row => !row.hidden).length} of ${rows.length} lines shown`;
}
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
form.hidden = false;
filter();
"""


def verdict_table(outcomes: Sequence[Outcome], papers: dict[str, str], study: Sequence[Outcome] = ()) -> str:
    """Return the table with the form that filters it, hidden until the script runs.

    Args:
        papers: short name -> what it is called.
        study: outcomes of the study, for a column of their own; none: no column.
    """
    heads = [*HEADS[:3], *([STUDY] if study else []), *HEADS[3:]]
    head = "".join(f'<th scope="col"{_left(name)}>{name}</th>' for name in heads)
    told = {(o.id, o.variant): o for o in study}
    there = {(o.id, o.variant): [_studied(told.get((o.id, o.variant)))] if study else [] for o in outcomes}
    body = "\n".join(_row(o, papers[o.paper], there[o.id, o.variant]) for o in outcomes)
    table = (
        f'<table id="verdicts-table">\n<caption>What the papers claim, and what came of it here</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )
    return f"{_form(outcomes, papers)}\n{scroller('All claims', table)}\n<script>{sorting.SCRIPT}{FILTER}</script>"


def verdict(word: str) -> str:
    """Return a verdict in its colour."""
    return f'<span class="verdict {VERDICT_COLOURS[word]}">{word}</span>'


def runs(outcome: Outcome) -> str:
    """Return the number of runs, which opens to their keys."""
    keys = outcome.keys()
    if not keys:
        return "none"
    return f"<details><summary>{len(keys)} run{'s' * (len(keys) > 1)}</summary><code>{' '.join(keys)}</code></details>"


def _left(name: str) -> str:
    return "" if name.startswith("Effect") else ' class="text"'


def _studied(outcome: Outcome | None) -> str:
    """Return the cell of what the study says of a claim, a dash where it says nothing."""
    if outcome is None:
        return f'<td class="text" data-v="{len(WORDS)}">{EMPTY}</td>'
    said = ", ".join(filter(None, (outcome.interval(), _size(outcome))))
    shown = "" if math.isnan(outcome.effect) else f"<small>{escape(said)}</small>"
    return f'<td class="text" data-v="{WORDS.index(outcome.verdict)}">{verdict(outcome.verdict)}{shown}</td>'


def _size(outcome: Outcome) -> str:
    """Return how the size that the paper states compares, "" where nothing is to be compared."""
    return outcome.compared if outcome.compared not in ("not stated", "not measured") else ""


def _row(outcome: Outcome, paper: str, study: Sequence[str]) -> str:
    words = f"{outcome.claim} ({outcome.variant})" if outcome.variant else outcome.claim
    where = f"<small>{escape(paper)}, {escape(outcome.where)}</small>"
    effect = "" if math.isnan(outcome.effect) else f"{outcome.effect * outcome.unit.scale:.6g}"
    cells = [
        f'<th scope="row">{link(f"claims/{outcome.id}.html", words)}{where}</th>',
        f'<td class="text" data-v="{WORDS.index(outcome.verdict)}">{verdict(outcome.verdict)}</td>',
        f'<td class="effect" data-v="{effect}">{escape(outcome.interval())}</td>',
        *study,
        *(f'<td class="text">{escape(text)}</td>' for text in (outcome.stated, _size(outcome))),
        f'<td class="text premise">{escape(readable(outcome.premise))}</td>',
        f'<td class="text">{escape(outcome.own)}</td>',
        f'<td class="text" data-v="{len(outcome.keys())}">{runs(outcome)}</td>',
    ]
    return f'<tr data-paper="{outcome.paper}" data-verdict="{outcome.verdict}">{"".join(cells)}</tr>'


def _form(outcomes: Sequence[Outcome], papers: dict[str, str]) -> str:
    verdicts = {word: word for word in WORDS if any(o.verdict == word for o in outcomes)}
    fields = [_choice("paper", "Paper", papers), _choice("verdict", "Verdict", verdicts)]
    fields += ['<label>With the words<input type="search" name="words"></label>']
    said = '<output id="shown" aria-live="polite"></output>'
    return f'<form id="filter" hidden>{"".join(fields)}{said}</form>'


def _choice(name: str, title: str, values: dict[str, str]) -> str:
    options = "".join(f'<option value="{escape(v)}">{escape(text)}</option>' for v, text in values.items())
    return f'<label>{title}<select name="{name}"><option value="">all</option>{options}</select></label>'
