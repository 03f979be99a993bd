"""Apply the checks to the tables of the three papers; the facts that they need are in data/published."""

from collections.abc import Callable

import pandas as pd

from ddet import published
from ddet.audit import architectures, arithmetic, confusion, constant, counts, repeats, roc, splits, statements
from ddet.audit.constant import Split
from ddet.audit.findings import SOUND, Finding

DATASETS = ("DFDC", "DF-1.0", "Celeb-DF")
SUBSETS = ("DF", "FS", "F2F", "Fsh", "NT")
AVERAGES = {
    "prle_table2": {f"AVG {metric}": [f"{name} {metric}" for name in DATASETS] for metric in ("ACC", "AUC")},
    "prle_table3": {"AVG": SUBSETS},
}
WITH_DIFFERENCES = ("prle_table4", "prle_table5", "prle_table6", "prle_table7")
PERCENT = {
    "DFDC ACC": ("dfdc.test.real", "dfdc.test.fake"),
    "Celeb-DF ACC": ("celebdf.test.real", "celebdf.test.fake"),
}
RUN_BY_RUN = {  # columns in which two trainings, or two timings, would differ
    "herd_table1": ("Acc", "F1", "AUC"),
    "herd_table2": ("Acc", "F1", "AUC"),
    "asrid_table2": ("Ave. Tr.", "Val."),
    "asrid_table3": ("small loss", "large loss"),
    "asrid_table4": ("small loss", "large loss"),
    "prle_table1": SUBSETS,
    "prle_table2": tuple(f"{name} {metric}" for name in DATASETS for metric in ("ACC", "AUC")),
    "prle_table3": SUBSETS,
    "prle_table4": DATASETS,
    "prle_table5": DATASETS,
    "prle_table6": DATASETS,
    "prle_table7": DATASETS,
    "prle_table8": ("Train. throughput", "Infer. throughput"),
}


def audit() -> list[Finding]:
    """Run every check on every table and statement, in the order of the checks."""
    checks: tuple[Callable[[], list[Finding]], ...] = (
        *(_averages, _differences, _confusions, _areas, _priors, _losses, _counts),
        *(_shares, _gains, _repeats, _splits, _orders, _architectures),
    )
    return [finding for check in checks for finding in check()]


def _tie(findings: list[Finding], identifier: str) -> list[Finding]:
    """Give an id to findings that judge no single statement, so that claims can refer to them."""
    return [counts.about(finding, identifier) for finding in findings]


def _averages() -> list[Finding]:
    return [f for name, spec in AVERAGES.items() for f in arithmetic.averages(published.load(name), spec)]


def _differences() -> list[Finding]:
    return [f for name in WITH_DIFFERENCES for f in arithmetic.differences(published.load(name))]


def herd_split(name: str = "test") -> Split:
    """Return the class counts of one split of the first paper (section 3.1)."""
    return Split(published.count(f"herd.{name}.real"), published.count(f"herd.{name}.fake"))


def asrid_splits() -> dict[str, Split]:
    """Return the class counts of the large data set of the second paper, by its released fold list."""
    return {
        name: Split(published.count(f"asrid.clips.{name}.real"), published.count(f"asrid.clips.{name}.fake"))
        for name in ("train", "val", "test")
    }


def _confusions() -> list[Finding]:
    test = herd_split()
    wrong = tuple(published.count(f"herd.base.wrong.{label}") for label in ("real", "fake"))
    found = []
    for name, base in (("herd_table1", "GenConViT"), ("herd_table2", "Base model")):
        frame = published.load(name)
        found += _tie(confusion.accuracy_with_f1(frame, test.real, test.fake), f"{name}-f1")
        found += confusion.stated_confusion(frame, base, wrong, test.real, test.fake)
    return found


def _areas() -> list[Finding]:
    test, names = herd_split(), ("herd_table1", "herd_table2")
    return [f for name in names for f in roc.auc_with_point(published.load(name), test.real, test.fake)]


def _priors() -> list[Finding]:
    found = []
    for name in ("herd_table1", "herd_table2"):
        frame = published.load(name)
        found += constant.accuracy_against_prior(frame, dict.fromkeys(frame["row"], herd_split()), "Acc")
    for name in ("asrid_table3", "asrid_table4"):
        judged = constant.accuracy_against_prior(published.load(name), asrid_splits(), "large accuracy", "clips")
        found += _tie(judged, f"{name}-constant")
    frame = published.load("prle_table2")
    for column, ids in PERCENT.items():
        split = Split(*(published.count(i) for i in ids))
        shares = published.as_shares(frame, [column])
        found += constant.accuracy_against_prior(shares, dict.fromkeys(frame["row"], split), column, "clips")
    return found


def _losses() -> list[Finding]:
    found = []
    for name in ("asrid_table3", "asrid_table4"):
        frame = published.load(name)
        judged = constant.loss_against_constants(frame, asrid_splits(), "large loss")
        found += _tie(judged, f"{name}-constant")
        found += constant.loss_against_half(frame, "small loss")
    for name, columns in (("asrid_table2", ("Ave. Tr.", "Val.")), ("asrid_strength", ("Ave. Tr.", "Val."))):
        found += [f for column in columns for f in constant.loss_against_half(published.load(name), column)]
    return found


def _counts() -> list[Finding]:
    large = {name: split.real + split.fake for name, split in asrid_splits().items()}
    small = {name: published.count(f"asrid.small.{name}") for name in large}
    test = herd_split()
    found = []
    for name in ("asrid_table3", "asrid_table4"):
        frame = published.load(name)
        found += counts.accuracies_as_counts(frame, large, "large accuracy")
        found += counts.accuracies_as_counts(frame, small, "small accuracy")
    for name in ("herd_table1", "herd_table2"):
        frame = published.load(name)
        found += counts.accuracies_as_counts(frame, dict.fromkeys(frame["row"], test.real + test.fake), "Acc")
    return found


def _shares() -> list[Finding]:
    return counts.shares(published.facts("shares"), published.count)


def _gains() -> list[Finding]:
    stated = published.facts("statements")
    same = statements.same_cells(published.facts("same"), published.load)
    return [*statements.gains(stated, published.load), *statements.stated_twice(stated), *same]


def _repeats() -> list[Finding]:
    found = [f for name, columns in RUN_BY_RUN.items() for f in repeats.identical(published.load(name), columns)]
    for name in ("herd_table1", "herd_table2", "prle_table2"):
        found += repeats.identical(published.load(name), RUN_BY_RUN[name], across="columns")
    return found


def _splits() -> list[Finding]:
    found = splits.ratios(published.facts("splits"), published.count)
    return found + splits.leakage(published.facts("leakage"), published.count)


def _orders() -> list[Finding]:
    return statements.orders(published.facts("orders"), published.load)


def _architectures() -> list[Finding]:
    return architectures.against_architectures(published.facts("architectures"), published.load("prle_table8"))


def by_statement(findings: list[Finding]) -> pd.Series:
    """Join the verdicts on each statement: id -> `consistent`, or the verdicts that are not, in order."""
    judged: dict[str, list[str]] = {}
    for finding in findings:
        if finding.about:
            judged.setdefault(finding.about, []).append(finding.verdict)
    return pd.Series({key: worst(verdicts) for key, verdicts in judged.items()}, dtype=object)


def worst(verdicts: list[str]) -> str:
    """Reduce verdicts to one text: `consistent` if all are sound, else those that are not, each once."""
    bad = [verdict for verdict in dict.fromkeys(verdicts) if verdict not in SOUND]
    return ", ".join(bad) or "consistent"
