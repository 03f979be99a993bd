"""Test a claim as it is stated: its direction, its size, and whether its premise holds in the run at all.

The effect of a claim is oriented so that more than 0 is what the claim says. Two verdicts come from its interval: the
direction (holds, fails, undecided) and, where a paper states a size or a range, the size (compatible, smaller, larger).
Beside them stands the smallest effect that this run would have found in four of five repetitions: an undecided claim of
a smaller one was out of reach from the start.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ddet import params, published
from ddet.errors import InputError
from ddet.stats import bootstrap, pooling, premise
from ddet.stats.interval import Estimate
from ddet.stats.premise import Premise

VERDICTS = ("holds", "fails", "undecided", "not testable here")
SIZES = ("compatible", "smaller", "larger", "not stated", "not measured")
TOLD = ["claim_id", "effect", "lo", "hi", "n", "runs", "verdict", "data"]
MORE = ["size", "detectable", "p", "people", "seeds", "premise", "level", "per seed"]
RESULT = [*TOLD, *MORE]  # of a line of claims_<paper>.csv
NUMBERS = ("effect", "lo", "hi", "n", "detectable", "p", "people", "seeds")  # of RESULT; the others are words
READING = ["effect", "low", "high", "seed noise", "reading"]
NEGLIGIBLE = 0.01  # "A is not better than B" holds where A - B stays below one point, the smallest gain Herd reports


def judge(
    ids: Sequence[str],
    preds: Mapping[str, Sequence[pd.DataFrame]],
    keys: Mapping[str, Sequence[str]],
    cfg: params.Report,
    where: str,
) -> pd.DataFrame:
    """Test claims on predictions and return the ledger's columns.

    A claim of two arms says that `arm_a` has more of its metric than `arm_b`; one of a single arm that its metric is
    positive. Premises that speak of a metric of an arm are measured, see `premise.measured`. A claim of an arm that was
    not run gets no line: whoever takes an arm out of params leaves its claims *not tested*.

    Args:
        ids: which of claims.csv.
        preds: arm -> test predictions of each seed; the crops are the same in every arm.
        keys: arm -> run key of each seed.
        where: what the claims were tested on, in words.

    Raises:
        InputError: an unknown claim.
    """
    arms = {claim_id: [arm for arm in stated(claim_id)[["arm_a", "arm_b"]] if arm] for claim_id in ids}
    ids = [claim_id for claim_id in ids if set(arms[claim_id]) <= set(preds)]
    found = {claim_id: _effect(claim_id, arms[claim_id], preds, cfg) for claim_id in ids}
    for metric in dict.fromkeys(stated(claim_id)["metric"] for claim_id in ids):
        same = [claim_id for claim_id in ids if stated(claim_id)["metric"] == metric]
        found |= dict(zip(same, pooling.alike([found[claim_id] for claim_id in same]), strict=True))
    held = {claim_id: premise.measured(stated(claim_id)["premise"], preds) for claim_id in ids}
    lines = [
        line(i, found[i], [key for arm in arms[i] for key in keys[arm]], cfg, where, premises=held[i]) for i in ids
    ]
    return pd.concat(lines, ignore_index=True) if lines else no_line()


def no_line() -> pd.DataFrame:
    """Return what a claim adds to the ledger that could not be tested, since an arm was not run."""
    return pd.DataFrame(columns=RESULT)


def _effect(
    claim_id: str, arms: Sequence[str], preds: Mapping[str, Sequence[pd.DataFrame]], cfg: params.Report
) -> Estimate:
    metric = stated(claim_id)["metric"]
    if len(arms) == 2:
        return bootstrap.paired(preds[arms[0]], preds[arms[1]], metric, cfg)
    return bootstrap.over_seeds(preds[arms[0]], cfg)[metric]


def line(
    claim_id: str,
    found: Estimate,
    keys: Sequence[str],
    cfg: params.Report,
    where: str,
    *,
    premises: Sequence[Premise] = (),
    level: Estimate | None = None,
) -> pd.DataFrame:
    """Return the ledger's line of a claim whose effect was estimated elsewhere, such as a share of attention.

    Args:
        premises: what has to hold before the claim can be tested; where one does not, it is *not testable here*.
        level: the number that a stated level speaks of (claims.csv, `sized`), such as the accuracy itself.
    """
    claim = stated(claim_id)
    margin = NEGLIGIBLE if claim["stated"] == "not better" else 0.0
    said, size = verdict(found, margin=margin), size_of(claim, found, level)
    told = [claim_id, found.value, found.low, found.high, found.frames, " ".join(keys), said, where]
    more = [size, found.detectable(), found.p_value(-margin), found.groups, len(found.per_seed), ""]
    more.append("" if level is None else f"{level.value:.3f} [{level.low:.3f}, {level.high:.3f}]")
    more.append(" ".join(f"{value:.6f}" for value in found.per_seed))
    return held_to(pd.DataFrame([[*told, *more]], columns=RESULT), premises)


def read(path: Path) -> pd.DataFrame:
    """Read ledger lines that a notebook wrote: nan where a number is missing, words as they are, "" where none is."""
    return pd.read_csv(path, keep_default_na=False, na_values={name: [""] for name in NUMBERS})


def held_to(told: pd.DataFrame, premises: Sequence[Premise]) -> pd.DataFrame:
    """Return a ledger's line with the premises of its claim; where one is not met, the claim is *not testable here*."""
    if not premises:
        return told
    told = told.assign(premise="; ".join(str(p) for p in sorted(premises, key=lambda p: p.met)))
    met = all(p.met for p in premises)
    return told if met else told.assign(verdict="not testable here", size="not measured")


def size_of(claim: pd.Series, found: Estimate, level: Estimate | None) -> str:
    """Return how the size that a claim states compares with ours: one of SIZES, by the whole interval.

    Where only a level is stated (`sized` is "level"), it is compared with `level`, else with the effect.
    """
    span = premise.stated_range(claim["size"])
    if span is None:
        return "not stated"
    ours = level if claim["sized"] == "level" else found
    if ours is None or ours.few_groups or not ours.low <= ours.high:
        return "not measured"
    return "smaller" if ours.high < span[0] else "larger" if ours.low > span[1] else "compatible"


def stated(claim_id: str) -> pd.Series:
    """Return the line of a claim in claims.csv.

    Raises:
        InputError: no such claim.
    """
    claims = published.facts("claims").set_index("id")
    if claim_id not in claims.index:
        raise InputError(claim_id, "no such claim", "use an id of data/published/claims.csv")
    return claims.loc[claim_id]


def differences(
    pairs: Sequence[tuple[str, str]],
    preds: Mapping[str, Sequence[pd.DataFrame]],
    names: Sequence[str],
    cfg: params.Report,
    valid: Mapping[str, Sequence[pd.DataFrame]] | None = None,
) -> pd.DataFrame:
    """Tabulate a - b for pairs of arms and metrics: effect, interval, half width over seeds alone, reading.

    Metrics at the threshold of valid need what the runs of each arm gave `valid`.
    """
    lines = []
    for name in names:
        sides = [(a, b, (valid[a], valid[b]) if valid else None) for a, b in pairs]
        gains = pooling.alike([bootstrap.paired(preds[a], preds[b], name, cfg, valid=of) for a, b, of in sides])
        lines += [[f"{a} - {b}", name, *reading(g, cfg.confidence)] for (a, b), g in zip(pairs, gains, strict=True)]
    order = {f"{a} - {b}": i for i, (a, b) in enumerate(pairs)}
    table = pd.DataFrame(lines, columns=["difference", "metric", *READING])
    return table.sort_values("difference", key=lambda d: d.map(order), kind="stable", ignore_index=True)


def reading(gain: Estimate, confidence: float) -> list[float | str]:
    """Return the columns READING of a difference: its sign in words, by the rule of `verdict`."""
    sign = {"holds": "more", "fails": "less"}.get(verdict(gain), "undecided")
    return [gain.value, gain.low, gain.high, gain.seed_half(confidence), sign]


def verdict(gain: Estimate, *, margin: float = 0.0) -> str:
    """Return the verdict on a claim that a difference is positive, or, with a `margin`, not below -margin.

    The whole interval for people and seeds must lie on one side. With too few groups, or a single seed, whose noise is
    unknown, the verdict is undecided.
    """
    if gain.few_groups or not gain.low <= gain.high:
        return "undecided"
    if gain.low > -margin:
        return "holds"
    return "fails" if gain.high < 0 else "undecided"
