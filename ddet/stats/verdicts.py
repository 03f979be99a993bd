"""Test a claim: estimate the paired difference between two arms with its interval, and derive a verdict."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from scipy import stats

from ddet import params, published
from ddet.errors import InputError
from ddet.stats import bootstrap

VERDICTS = ("reproduced", "not reproduced", "undecided", "not testable here")
RESULT = ["claim_id", "effect", "lo", "hi", "n", "runs", "verdict", "data"]  # of a line of claims_<paper>.csv
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
    positive.

    Args:
        ids: which of claims.csv.
        preds: arm -> test predictions of each seed; the crops are the same in every arm.
        keys: arm -> run key of each seed.
        where: what the claims were tested on, in words.

    Raises:
        InputError: an unknown claim, or an arm that was not run.
    """
    lines = []
    for claim_id in ids:
        claim = stated(claim_id)
        arms = [claim[side] for side in ("arm_a", "arm_b") if claim[side]]
        if missing := [arm for arm in arms if arm not in preds]:
            raise InputError(claim_id, f"needs the arm {missing[0]!r}, which was not run", "add it to the arms")
        if len(arms) == 2:
            found = bootstrap.paired(preds[arms[0]], preds[arms[1]], claim["metric"], cfg)
        else:
            found = bootstrap.over_seeds(preds[arms[0]], cfg)[claim["metric"]]
        lines.append(line(claim_id, found, [key for arm in arms for key in keys[arm]], cfg, where))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=RESULT)


def line(claim_id: str, found: bootstrap.Estimate, keys: Sequence[str], cfg: params.Report, where: str) -> pd.DataFrame:
    """Return the ledger's line of a claim whose effect was estimated elsewhere, such as a share of attention."""
    said = verdict(found, cfg.confidence, NEGLIGIBLE if stated(claim_id)["stated"] == "not better" else 0.0)
    values = [claim_id, found.value, found.low, found.high, found.frames, " ".join(keys), said, where]
    return pd.DataFrame([values], columns=RESULT)


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
) -> pd.DataFrame:
    """Tabulate a - b for pairs of arms and metrics: effect, interval over people, half width over seeds, reading."""
    lines = []
    for a, b in pairs:
        for name in names:
            gain = bootstrap.paired(preds[a], preds[b], name, cfg)
            lines.append([f"{a} - {b}", name, *reading(gain, cfg.confidence)])
    return pd.DataFrame(lines, columns=["difference", "metric", *READING])


def reading(gain: bootstrap.Estimate, confidence: float) -> list[float | str]:
    """Return the columns READING of a difference: its sign in words, by the rule of `verdict`."""
    sign = {"reproduced": "more", "not reproduced": "less"}.get(verdict(gain, confidence), "undecided")
    return [gain.value, gain.low, gain.high, _run_noise(gain, confidence), sign]


def verdict(gain: bootstrap.Estimate, confidence: float = 0.95, margin: float = 0.0) -> str:
    """Return the verdict on a claim that a difference is positive, or, with a `margin`, not below -margin.

    Its whole interval over people must lie on one side of 0, and it must exceed what other seeds alone would give: two
    renderings that differed in a few grey levels once turned a verdict round that rested on the first alone. With too
    few groups, or a single seed, whose noise is unknown, the verdict is undecided.
    """
    noise = _run_noise(gain, confidence)
    if gain.few_groups or math.isnan(noise) or not gain.low <= gain.high:
        return "undecided"
    if margin and min(gain.low, gain.value - noise) > -margin:
        return "reproduced"
    if abs(gain.value) <= noise:
        return "undecided"
    if gain.low > 0:
        return "reproduced"
    return "not reproduced" if gain.high < 0 else "undecided"


def _run_noise(gain: bootstrap.Estimate, confidence: float) -> float:
    """Return the half width of Student's interval of the mean over seeds; nan with one seed."""
    seeds = len(gain.per_seed)
    if seeds < 2:
        return math.nan
    return float(stats.t.ppf((1 + confidence) / 2, seeds - 1) * gain.spread / math.sqrt(seeds))
