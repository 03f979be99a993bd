"""The forest plot of claims: effect, interval, what the paper states, and the verdict by shape and colour, as SVG."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from matplotlib.ticker import MaxNLocator

from ddet.report.html import scroller
from ddet.report.outcomes import LOSS, POINTS, WORDS, Outcome, Unit
from ddet.report.style import VERDICT_COLOURS

LINE, PAD = 17, 10  # height of a line of text, space around a row, in pixels of the drawing
REACH = 1.0  # an interval may widen the scale by this share of what effects and stated sizes span


@dataclass(frozen=True)
class Layout:
    """Widths of the columns of words, of the plot and of numbers; without a column, words stand above their interval.

    `screen` is the class of screens that show the drawing, `letters` how many fit in a line, `ticks` how many about.
    """

    screen: str
    words: int
    plot: int
    numbers: int
    letters: int
    ticks: int

    @property
    def width(self) -> int:
        return self.words + self.plot + self.numbers

    @property
    def numbers_at(self) -> int:
        return self.words + self.plot + 14

    def height(self, lines: int) -> int:
        """Return the height of a row with that many lines of words."""
        return LINE * (max(lines, 1) if self.words else lines + 1) + PAD

    def places(self, lines: int) -> tuple[float, float]:
        """Return how far below the top of a row its first line of words and its interval stand."""
        middle = self.height(lines) / 2
        if self.words:
            return middle - LINE * (lines - 1) / 2 + 4, middle
        return PAD / 2 + LINE - 4, self.height(lines) - (LINE + PAD) / 2


DESK, PHONE = Layout("wide", 430, 400, 220, 62, 7), Layout("narrow", 0, 176, 176, 48, 4)
ALONE = Layout("wide", 0, 830, 220, 62, 7)  # the drawing of a claim's own page, without its words


def forest(outcomes: Sequence[Outcome], papers: dict[str, str], up: str = "", labelled: bool = True) -> str:
    """Return one figure per unit of the outcomes that have an effect, "" where none has one.

    Args:
        papers: short name -> what a group of rows is called; not shown where `labelled` is off.
        up: the way from the page's folder to reports/.
        labelled: whether rows carry the claim's words, linked to its page.
    """
    shown = [o for o in outcomes if not math.isnan(o.effect)]
    units = [unit for unit in (POINTS, LOSS) if any(o.unit is unit for o in shown)]
    return "\n".join(_figure([o for o in shown if o.unit is u], u, papers, up, labelled) for u in units)


class _Scale:
    """Map an effect to its place; intervals that go far beyond the effects are cut."""

    def __init__(self, outcomes: Sequence[Outcome], unit: Unit, layout: Layout = DESK):
        effects = [o.effect for o in outcomes] + [e for o in outcomes for e in o.span or () if math.isfinite(e)] + [0.0]
        least, most = min(effects), max(effects)
        reach = REACH * (most - least or 1 / unit.scale)
        ends = [end for o in outcomes for end in (o.low, o.high, *o.seed_effects()) if not math.isnan(end)]
        low, high = max(min([least, *ends]), least - reach), min(max([most, *ends]), most + reach)
        room = 0.04 * (high - low or 1.0)
        self.low, self.high, self.unit, self.layout = low - room, high + room, unit, layout

    def x(self, effect: float) -> float:
        inside = min(max(effect, self.low), self.high)
        return round(self.layout.words + self.layout.plot * (inside - self.low) / (self.high - self.low), 1)

    def ticks(self) -> list[tuple[float, str]]:
        scale = self.unit.scale
        places = MaxNLocator(self.layout.ticks).tick_values(self.low * scale, self.high * scale)
        return [(self.x(t / scale), f"{t:g}".replace("-", "−")) for t in places if self.low < t / scale < self.high]


def _figure(outcomes: Sequence[Outcome], unit: Unit, papers: dict[str, str], up: str, labelled: bool) -> str:
    name = f"Effects of {len(outcomes)} claim{'s' * (len(outcomes) > 1)} in {unit.name} ({unit.meaning})"
    scales = [_Scale(outcomes, unit, layout) for layout in (DESK if labelled else ALONE, PHONE)]
    drawings = [_drawing(outcomes, scale, name, papers if labelled else {}, up) for scale in scales]
    scroll = scroller(name, "\n".join(drawings)).replace('class="scroll"', 'class="scroll plot"', 1)
    return f"<figure>\n{scroll}\n<figcaption>{escape(name)}. {_legend(outcomes, labelled)}</figcaption>\n</figure>"


def _drawing(outcomes: Sequence[Outcome], scale: _Scale, name: str, papers: dict[str, str], up: str) -> str:
    """Draw the rows, each under its words where `papers` names the groups."""
    layout, parts, y = scale.layout, [], 2 * LINE
    for paper, group in groupby(outcomes, key=lambda o: o.paper):
        if papers:
            parts.append(f'<text class="strong" x="0" y="{y + LINE}">{escape(papers[paper])}</text>')
            y += LINE + PAD
        for outcome in group:
            lines = _lines(outcome, layout.letters) if papers else []
            parts.append(_row(outcome, lines, scale, y, up))
            y += layout.height(len(lines))
    return (
        f'<svg class="{layout.screen}" viewBox="0 0 {layout.width} {y + PAD}" role="group" '
        f'aria-label="{escape(name)}">\n{_axis(scale, y)}\n{chr(10).join(parts)}\n</svg>'
    )


def _lines(outcome: Outcome, letters: int) -> list[str]:
    words = f"{outcome.claim} ({outcome.variant})" if outcome.variant else outcome.claim
    return textwrap.wrap(words, letters)


def _axis(scale: _Scale, bottom: float) -> str:
    ticks = [
        f'<line class="grid" x1="{x}" x2="{x}" y1="{LINE + 6}" y2="{bottom}"/>'
        f'<text class="quiet" x="{x}" y="{LINE}" text-anchor="middle">{text}</text>'
        for x, text in scale.ticks()
    ]
    null = f'<line class="null" x1="{scale.x(0)}" x2="{scale.x(0)}" y1="{LINE + 6}" y2="{bottom}"/>'
    unit = f'<text class="quiet" x="{scale.layout.numbers_at}" y="{LINE}">effect [interval], {scale.unit.name}</text>'
    return "\n".join([*ticks, null, unit])


def _row(outcome: Outcome, lines: Sequence[str], scale: _Scale, top: float, up: str) -> str:
    first, y = (top + below for below in scale.layout.places(len(lines)))
    spans = "".join(f'<tspan x="0" y="{round(first + i * LINE, 1)}">{escape(t)}</tspan>' for i, t in enumerate(lines))
    label = f'<a href="{up}claims/{outcome.id}.html"><text>{spans}</text></a>' if lines else ""
    told = f"{outcome.claim}: {outcome.interval()}, {outcome.verdict}; stated: {outcome.stated}"
    numbers = outcome.interval().removesuffix(f" {outcome.unit.name}")
    dots = "" if lines else _seeds(outcome, scale, y)
    return (
        f'<g class="{VERDICT_COLOURS[outcome.verdict]}"><title>{escape(told)}</title>{label}{dots}'
        f"{_stated(outcome, scale, y)}{_interval(outcome, scale, y)}{mark(outcome.verdict, scale.x(outcome.effect), y)}"
        f'<text x="{scale.layout.numbers_at}" y="{y + 4}">{escape(numbers)}</text></g>'
    )


def _interval(outcome: Outcome, scale: _Scale, y: float) -> str:
    """Return the line of an interval, with an arrow at an end that the scale cuts off."""
    if math.isnan(outcome.low):
        return ""
    low, high = scale.x(outcome.low), scale.x(outcome.high)
    line = f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
    left = f'<path d="M{low + 6} {y - 4}L{low} {y}L{low + 6} {y + 4}"/>' if outcome.low < scale.low else ""
    right = f'<path d="M{high - 6} {y - 4}L{high} {y}L{high - 6} {y + 4}"/>' if outcome.high > scale.high else ""
    return line + left + right


def _seeds(outcome: Outcome, scale: _Scale, y: float) -> str:
    """Return a small dot per seed, under the interval, so that the mean does not hide them."""
    dots = (f'<circle class="seed" cx="{scale.x(e)}" cy="{y + 9}" r="2.5"/>' for e in outcome.seed_effects())
    return "".join(dots)


def _stated(outcome: Outcome, scale: _Scale, y: float) -> str:
    """Return the range in which the paper states the effect: a bar with an end at each side that is stated."""
    if outcome.span is None:
        return ""
    low, high = (scale.x(end) for end in outcome.span)
    ends = "".join(
        f'<line class="stated" x1="{scale.x(e)}" x2="{scale.x(e)}" y1="{y - 8}" y2="{y + 8}"/>'
        for e in outcome.span
        if math.isfinite(e)
    )
    return f'<rect class="range" x="{low}" y="{y - 8}" width="{round(high - low, 1)}" height="16"/>{ends}'


def mark(verdict: str, x: float, y: float) -> str:
    """Return the sign of a verdict: a full circle holds, a full diamond fails, an open square is undecided."""
    if verdict == "holds":
        return f'<circle class="full" cx="{x}" cy="{y}" r="5"/>'
    if verdict == "fails":
        return f'<path class="full" d="M{x} {y - 6}l6 6l-6 6l-6 -6z"/>'
    if verdict == "undecided":
        return f'<rect x="{x - 4.5}" y="{y - 4.5}" width="9" height="9" style="fill: var(--back)"/>'
    return f'<path d="M{x - 4} {y - 4}l8 8m0 -8l-8 8"/>'


def _legend(outcomes: Sequence[Outcome], labelled: bool) -> str:
    given = [word for word in WORDS if any(o.verdict == word for o in outcomes)]
    signs = [
        f'<span class="{VERDICT_COLOURS[word]}"><svg viewBox="0 0 16 16" aria-hidden="true">{mark(word, 8, 8)}</svg> '
        f"{word}</span>"
        for word in given
    ]
    stated = "upright bars: the size that the paper states" if any(o.span for o in outcomes) else ""
    rules = [
        ", ".join(signs),
        stated,
        "" if labelled or not any(o.seed_effects() for o in outcomes) else "small dots: single seeds",
        "right of the dashed line: what the claim says",
        "an arrow: the interval goes on",
    ]
    return "; ".join(filter(None, rules)) + "."
