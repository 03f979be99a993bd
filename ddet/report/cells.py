"""A cell of a results table: our number with its interval beside the paper's, and what stands behind both."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from math import floor, isnan, log10

import pandas as pd

from ddet.stats import bootstrap

EMPTY = "–"  # what a cell without a number shows
DIGITS = 3  # decimals where the paper prints none
COUNTS = ("frames", "clips", "groups", "resamples", "dropped", "unmatched")


def single(e: bootstrap.Estimate) -> bool:
    """Return whether a number rests on one seed, of a recipe whose seeds differ."""
    return len(e.per_seed) == 1 and e.seed_sd != 0


MARKS: dict[str, tuple[Callable[[bootstrap.Estimate], bool], str]] = {
    "†": (lambda e: e.few_groups, f"fewer than {bootstrap.FEW} source groups: the interval is not to be trusted"),
    "‡": (lambda e: e.dropped > 0, "some resamples lacked a class and were left out (counted in the CSV)"),
    "§": (lambda e: single(e) and e.pooled, "one seed: the noise of seeds in its interval is that of the other rows"),
    "¶": (lambda e: single(e) and not e.pooled, "one seed, and no rows to take the noise of seeds from: no interval"),
    "‖": (lambda e: e.unmatched > 0, "a difference over the seeds that both sides have, which are fewer than in a row"),
}


@dataclass(frozen=True)
class Column:
    """A column of a results table: its title in the paper, the metric behind it, 100 as `scale` for percentages."""

    title: str
    metric: str
    scale: int = 1


@dataclass(frozen=True)
class Cell:
    """One number of ours beside the paper's. Either may be absent; `word` is ours where the cell holds no number."""

    ours: bootstrap.Estimate | None
    paper: str  # as printed; "" where the paper has none
    paper_value: float
    digits: int
    scale: int
    keys: tuple[str, ...]  # of the runs behind it; a rule without training has none
    word: str = ""

    @property
    def difference(self) -> float:
        """Return ours minus the paper's, nan where either lacks."""
        return self.scaled("value") - self.paper_value

    @property
    def seeds(self) -> int:
        """Return the number of seeds behind our number, 0 where no run is."""
        return len(self.ours.per_seed) if self.ours and self.keys else 0

    def scaled(self, name: str) -> float:
        """Return a field of the estimate in the paper's units, nan where we have no run."""
        return float("nan") if self.ours is None else self.scale * getattr(self.ours, name)

    @property
    def decimals(self) -> int:
        """Return the decimals of ours: those that half of its interval warrants, else those that the paper prints."""
        half = (self.scaled("high") - self.scaled("low")) / 2
        return min(max(1 - floor(log10(half)), 0), 4) if half > 0 else self.digits

    def show(self, name: str) -> str:
        """Return a field of the estimate with the decimals of ours."""
        return half_up(self.scaled(name), self.decimals)

    def against(self) -> str:
        """Say how ours compares with the paper's number: `+2.1, above`; "" where either is not there."""
        if isnan(self.difference):
            return ""
        ends = self.scaled("low"), self.scaled("high")
        where = ", below" if ends[1] < self.paper_value else ", above" if ends[0] > self.paper_value else ", within"
        sign = "+" if self.difference > 0 else ""
        return f"{sign}{half_up(self.difference, self.decimals)}{'' if isnan(ends[0]) else where}"


def half_up(value: float, digits: int) -> str:
    """Write a number with `digits` decimals, halves rounded away from zero; nan as a dash."""
    if value != value:
        return EMPTY
    return str(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def cell(
    ours: bootstrap.Estimate | None, paper: pd.DataFrame, row: str, column: Column, keys: tuple, word: str = ""
) -> Cell:  # fmt: skip
    """Put our estimate, or `word`, beside what the paper prints in that row and column."""
    there = paper[paper["column"] == column.title]
    decimals = [part["digits"].max() for part in (there, paper)]  # unpublished columns look like the others
    digits = int(next((most for most in decimals if most >= 0), DIGITS))
    theirs = there[there["row"] == row]
    printed, value = (theirs["printed"].iloc[0], theirs["value"].iloc[0]) if len(theirs) else ("", float("nan"))
    return Cell(ours, printed, float(value), digits, column.scale, keys, word)


def facts_of(cell: Cell) -> dict[str, object]:
    """Return all that a cell carries, unrounded, by name."""
    names = ("value", "low", "high", "spread", "people", "seed_sd")
    numbers = {name: cell.scaled(name) for name in names}
    facts = {"ours": numbers.pop("value"), **numbers, "paper": cell.paper_value, "difference": cell.difference}
    for name in ("seed_df", "pooled", *COUNTS, "few_groups"):
        facts[name] = getattr(cell.ours, name) if cell.ours else None
    return facts | {"seeds": cell.seeds, "keys": " ".join(cell.keys), "word": cell.word}


def compact(cell: Cell, beside: bool = True) -> str:
    """Write a cell as text: ours [low, high] / paper; or ours alone, not `beside` the paper's."""
    paper = f" / {cell.paper or EMPTY}" if beside else ""
    if cell.ours is None:
        return f"{cell.word or EMPTY}{paper}"
    return f"{cell.show('value')}{_marks(cell)}{_interval(cell)}{paper}"


def as_html(cell: Cell, beside: bool = True) -> str:
    """Write a cell as a table element: ours with its interval, the paper's number, and how they compare."""
    against = f" ({told})" if (told := cell.against()) else ""
    paper = f"<small>paper {escape(cell.paper or EMPTY)}{against}</small>" if beside else ""
    if cell.word:
        return f"<td>{escape(cell.word)}{paper}</td>"
    if cell.ours is None:
        return f"<td>{EMPTY}{paper}</td>"
    value = f'<td data-v="{cell.scaled("value"):.6g}">{cell.show("value")}{_marks(cell)}'
    return f"{value}<small>{_interval(cell)}</small>{paper}</td>"


def _interval(cell: Cell) -> str:
    return "" if isnan(cell.ours.low) else f" [{cell.show('low')}, {cell.show('high')}]"


def _marks(cell: Cell) -> str:
    return "".join(mark for mark, (applies, _) in MARKS.items() if applies(cell.ours))
