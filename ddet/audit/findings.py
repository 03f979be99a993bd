"""The result of a check: one finding per thing it examined, consistent ones included, so that both can be counted."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import pandas as pd

CHECKS = {
    1: "averages against their cells",
    2: "printed differences against their cells",
    3: "accuracy with F1 on the class counts",
    4: "AUC against the operating point",
    5: "accuracy and log loss against constant predictors",
    6: "accuracies as counts out of n",
    7: "stated percentages against stated counts",
    8: "stated gains and values against the tables",
    9: "identical cells where runs would differ",
    10: "splits against stated ratios and sources",
    11: "claims of improvement against every cell",
    12: "parameters and operations against the architecture",
}
VERDICTS = {
    "consistent": "follows from the other printed numbers",
    "truncated": "follows when cut instead of rounded",
    "cut": "so many numbers are cut that they were not rounded",
    "within rounding": "follows from unrounded cells that print the same",
    "differs": "does not follow from the numbers it is said to come from",
    "infeasible": "no integer counts, or no ranking, can give it",
    "coarser": "possible only when the last printed digit is dropped",
    "other reading": "possible only under another F1 than the rest of its table",
    "uninformative": "a predictor that never looks at its input does as well",
    "contradicted": "a cell of the table says the opposite",
    "unusual": "possible, but not what ranking by one score usually gives",
    "coincidence": "identical numbers that chance would rarely give",
    "leaks": "training and evaluation share material",
    "not printed": "the table lacks what the statement needs",
}
SOUND = ("consistent", "truncated", "within rounding")


@dataclass(frozen=True)
class Finding:
    """One examined number or statement. `about` is the id of the statement it judges, if it judges one."""

    check: int
    paper: str
    table: str
    row: str
    column: str
    printed: str
    recomputed: str
    verdict: str
    sentence: str
    about: str = ""

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"unknown verdict {self.verdict!r}")


def at(cell: Mapping, check: int, recomputed: object, verdict: str, sentence: str) -> Finding:
    """Make a finding about one cell of a tidy table (keys source, table, row, column, printed)."""
    place = (cell["source"], str(cell["table"]), cell["row"], cell["column"], cell["printed"])
    return Finding(check, *place, str(recomputed), verdict, sentence)


def plural(number: int) -> str:
    """Return the plural s of a noun after this number, or nothing."""
    return "" if number == 1 else "s"


def to_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Tabulate findings, one row each, in the order given."""
    return pd.DataFrame([asdict(f) for f in findings], columns=[f.name for f in fields(Finding)])


def problems(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the findings that are problems; those about rounding alone are not."""
    return [f for f in findings if f.verdict not in SOUND]


def summary(findings: Iterable[Finding]) -> pd.DataFrame:
    """Count examined things by paper and check, and how many of them are sound."""
    frame = to_frame(findings)
    frame = frame.assign(sound=frame["verdict"].isin(SOUND), name=frame["check"].map(CHECKS))
    grouped = frame.groupby(["paper", "check", "name"])["sound"]
    counts = grouped.agg(examined="size", sound="sum").reset_index()
    return counts.assign(found=counts["examined"] - counts["sound"])
