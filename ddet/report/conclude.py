"""Conclude a notebook in sentences that are computed: what each claim came to, and how far a table's rows lie apart.

Text that was written before the run must not say what the run found. So conclusions are built here, from the lines of
the ledger or from estimates, with their numbers, intervals and verdicts; the prose around them says how to read them.
"""

import math
from collections.abc import Mapping

import pandas as pd

from ddet.stats import bootstrap, premise, verdicts

DIGITS = 3
SHORT = {"f1": "F1", "auc": "AUC", "ap": "AP", "eer": "EER"}
ORDER = ("holds", "fails", "undecided", "not testable here")


def claims(told: pd.DataFrame) -> str:
    """Conclude from ledger lines (columns `verdicts.RESULT`): a tally, then one sentence or two for each, Markdown."""
    if told.empty:
        return "No claim was tested in this run."
    count = told["verdict"].value_counts()
    tally = ", ".join(f"{count[word]} {word}" for word in ORDER if word in count)
    lines = [f"Tested here: {len(told)} {'claim' if len(told) == 1 else 'claims'} ({tally})."]
    return "\n".join([*lines, "", *(f"* {sentence(line)}" for _, line in told.iterrows())])


def sentence(line: pd.Series) -> str:
    """Say in words what became of one claim: its verdict, the effect with its interval, the size, what was in reach."""
    claim = verdicts.stated(line["claim_id"])
    head = f"`{line['claim_id']}`, that {claim['claim']}: **{line['verdict']}**"
    if line["verdict"] == "not testable here":
        unmet = [part for part in str(line["premise"]).split("; ") if ", needed: " in part]
        head += f", for its premise is not met ({'; '.join(unmet)})" if unmet else ""
    if pd.isna(line["effect"]):
        return f"{head}."
    parts = [f"{head}.", _measured(line, claim)]
    if line["verdict"] != "not testable here":
        parts += [_size(line, claim), _reach(line, claim)]
    return " ".join(filter(None, parts))


def _measured(line: pd.Series, claim: pd.Series) -> str:
    sides = " against ".join(filter(None, (claim["arm_a"], claim["arm_b"])))
    null = "" if claim["null"] == "no difference" else f"null: {claim['null']}"
    about = "; ".join(filter(None, (sides, null)))
    where = f", the {weakest}" if (weakest := str(line["data"]).rpartition(", the ")[2]).startswith("weakest") else ""
    effect = f"Effect {_signed(line['effect'])} {_interval(line)} in {_words(claim['metric'])}"
    return f"{effect}{f' ({about})' if about else ''}{where}; {_counted(line)}."


def _size(line: pd.Series, claim: pd.Series) -> str:
    if line["size"] in ("not stated", "not measured") or pd.isna(line["size"]):
        return ""
    level = line.get("level", "")
    ours = f"The number itself is {level}: " if isinstance(level, str) and level else "In size it is "
    with_it = "compatible with" if line["size"] == "compatible" else f"{line['size']} than"
    return f"{ours}{with_it} what the paper says ({claim['stated']})."


def _reach(line: pd.Series, claim: pd.Series) -> str:
    """Say what an undecided claim could have been decided by."""
    if line["verdict"] != "undecided" or not math.isfinite(float(line["detectable"])):
        return ""
    least = f"{line['detectable']:.{DIGITS}f}"
    span = premise.stated_range(claim["size"]) if claim["sized"] == "effect" else None
    if span and span[1] < line["detectable"]:
        return f"This run would miss an effect of that size in more than one of five studies; it finds {least}."
    return f"The least effect that a run like this finds in four of five studies is {least}."


def levels(found: Mapping[str, bootstrap.Estimate], metric: str, chance: float | None = None) -> str:
    """Say which rows are highest and lowest in a metric, with intervals, and how many exceed `chance` for certain."""
    known = {name: e for name, e in found.items() if not math.isnan(e.value)}
    if not known:
        return f"No row has a number for the {_words(metric)}."
    high, low = (pick(known, key=lambda name: known[name].value) for pick in (max, min))
    said = f"{_words(metric)[:1].upper()}{_words(metric)[1:]}: highest {high}, {_level(known[high])}"
    said += f"; lowest {low}, {_level(known[low])}." if low != high else "."
    if chance is not None:
        above = sum(e.low > chance for e in known.values())
        said += f" Of {len(known)} rows {above} lie above {chance:g} with their whole interval."
    if single := sum(len(e.per_seed) == 1 and e.seed_sd != 0 for e in known.values()):
        said += f" {single} of {len(known)} rows have one seed."
    return said


def _level(e: bootstrap.Estimate) -> str:
    return f"{e.value:.{DIGITS}f}" + (f" [{e.low:.{DIGITS}f}, {e.high:.{DIGITS}f}]" if not math.isnan(e.low) else "")


def _signed(value: float) -> str:
    return f"{round(value, DIGITS) + 0.0:+.{DIGITS}f}"


def _interval(line: pd.Series) -> str:
    if pd.isna(line["lo"]):
        return "without an interval"
    return f"[{_signed(line['lo'])}, {_signed(line['hi'])}]"


def _counted(line: pd.Series) -> str:
    people = "" if pd.isna(line["people"]) else f"{int(line['people'])} people, "
    if pd.isna(line["seeds"]):
        return people + "seeds not counted"
    seeds = int(line["seeds"])
    unknown = ", whose noise is not known" if seeds == 1 and pd.isna(line["lo"]) else ""
    return f"{people}{'one seed' if seeds == 1 else f'{seeds} seeds'}{unknown}"


def _words(metric: str) -> str:
    level, _, name = metric.partition("_")
    if level not in ("frame", "clip") or " " in metric:
        return metric.replace("_", " ").replace(" auc", " AUC")
    return " ".join([*(SHORT.get(word, word) for word in name.split("_")), "of", f"{level}s"])
