"""What came of each claim: the ledger that notebook 51 wrote, beside what data/published/claims.csv says of it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ddet import published
from ddet.errors import InputError
from ddet.report.cells import EMPTY, half_up
from ddet.stats import premise
from ddet.stats.verdicts import VERDICTS

WORDS = (*VERDICTS, "not tested")  # in the order in which pages show them
NUMBERS = {
    **{"effect": "effect", "lo": "low", "hi": "high", "detectable": "detectable", "p": "p", "n": "frames"},
    **{"people": "people", "seeds": "seeds", "p (false discoveries)": "p_discoveries", "p (any error)": "p_any"},
}
TEXTS = {
    **{"verdict": "verdict", "size": "compared", "premise": "premise", "data": "data", "own tables": "own"},
    **{"runs": "runs", "per seed": "per_seed"},
}
STATED = ("id", "paper", "claim", "where", "evidence", "metric", "stated", "sized", "null", "arm_a", "arm_b")


@dataclass(frozen=True)
class Unit:
    """How effects of some metrics are shown: multiplied by `scale`, and what that is called."""

    name: str
    scale: int
    meaning: str


POINTS = Unit("points", 100, "hundredths of an F1, an accuracy, an AUC or a share")
LOSS = Unit("nats", 1, "log loss")


@dataclass(frozen=True)
class Outcome:
    """A claim on one data set: what is said, and what came of it. Numbers that were not measured are nan, texts "".

    `effect`, `low`, `high` and `detectable` are in the unit of the metric, and more than 0 is what the claim says.
    `compared` is the verdict on its size, `own` that of the paper's own tables; `variant` tells apart the data sets of
    one claim.
    """

    id: str
    paper: str
    claim: str
    where: str
    evidence: str
    metric: str
    stated: str
    sized: str
    null: str
    arm_a: str
    arm_b: str
    size: tuple[float, float] | None
    verdict: str
    compared: str
    premise: str
    data: str
    own: str
    runs: str
    effect: float
    low: float
    high: float
    detectable: float
    p: float
    p_discoveries: float
    p_any: float
    frames: float
    people: float
    seeds: float
    per_seed: str = ""
    variant: str = ""

    @property
    def unit(self) -> Unit:
        """Return the unit in which the effect is shown."""
        return LOSS if "log_loss" in self.metric else POINTS

    @property
    def tested(self) -> bool:
        """Return whether our runs say something about the claim."""
        return self.verdict not in ("not testable here", "not tested")

    @property
    def span(self) -> tuple[float, float] | None:
        """Return the range in which the paper states the effect to be, None where it states a level or no size."""
        return self.size if self.sized == "effect" else None

    def show(self, value: float, sign: bool = True) -> str:
        """Write a number of the effect's kind in its unit, with the decimals that its interval warrants."""
        text = half_up(abs(value) * self.unit.scale, self._digits())
        zero = not text.strip("0.")
        return EMPTY if math.isnan(value) else ("" if zero or not (sign or value < 0) else "−+"[value > 0]) + text

    def interval(self) -> str:
        """Write the effect: `+12.6 [+8.0, +17.1] points`, a dash where none was measured."""
        if math.isnan(self.effect):
            return EMPTY
        ends = "" if math.isnan(self.low) else f" [{self.show(self.low)}, {self.show(self.high)}]"
        return f"{self.show(self.effect)}{ends} {self.unit.name}"

    def seed_effects(self) -> list[float]:
        """Return the effect in each seed, none where there is no effect."""
        return [] if math.isnan(self.effect) else [float(value) for value in self.per_seed.split()]

    def keys(self) -> list[str]:
        """Return the keys of the runs behind the effect."""
        return self.runs.split()

    def _digits(self) -> int:
        half = (self.high - self.low) / 2 * self.unit.scale
        half = abs(self.effect * self.unit.scale) if math.isnan(half) or not half else half
        return min(max(1 - math.floor(math.log10(half)), 0), 4) if half and not math.isnan(half) else 1


def read(ledger: Path) -> list[Outcome]:
    """Read the ledger (reports/tables/claims.csv) in its order; a ledger that is not there has no outcomes.

    Raises:
        InputError: a ledger of other columns.
    """
    if not ledger.is_file():
        return []
    frame = pd.read_csv(ledger, dtype=str, keep_default_na=False)
    if missing := [column for column in ("id", *NUMBERS, *TEXTS) if column not in frame]:
        raise InputError(ledger.name, f"it lacks the columns {', '.join(missing)}", "run: dvc repro claims")
    stated = published.facts("claims").set_index("id", drop=False)
    frame[list(NUMBERS)] = frame[list(NUMBERS)].apply(pd.to_numeric)  # an empty one becomes nan
    return [_outcome(line, stated.loc[line["id"]], _variant(line, frame)) for _, line in frame.iterrows()]


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Count outcomes by verdict, in the order of WORDS; verdicts that do not occur are left out."""
    given = [o.verdict for o in outcomes]
    return {word: given.count(word) for word in WORDS if word in given}


def probability(p: float) -> str:
    """Write a p-value with two significant digits, a dash where there is none."""
    return EMPTY if math.isnan(p) else "< 0.001" if p < 0.001 else half_up(p, 3 if p < 0.1 else 2)


def _outcome(line: pd.Series, stated: pd.Series, variant: str) -> Outcome:
    told = {name: line[column] for column, name in (TEXTS | NUMBERS).items()}
    told["per_seed"] = told["per_seed"].removeprefix("'")  # put before a minus for spreadsheets (`foreign.in_csv`)
    size = premise.stated_range(stated["size"])
    return Outcome(**{name: stated[name] for name in STATED}, **told, size=size, variant=variant)


def _variant(line: pd.Series, frame: pd.DataFrame) -> str:
    """Return what the description of the data adds to that of the claim's other lines, "" where it has none."""
    others = frame.loc[(frame["id"] == line["id"]) & (frame["data"] != line["data"]), "data"]
    shared = {part for other in others for part in other.split(", ")}
    return ", ".join(part for part in line["data"].split(", ") if part not in shared) if len(others) else ""
