"""Put a claim to the test: a paired difference between two arms, its interval, and what that says."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from scipy import stats

from ddet import bootstrap, params, published
from ddet.claims import RESULT
from ddet.errors import InputError


def judge(
    ids: Sequence[str],
    preds: Mapping[str, Sequence[pd.DataFrame]],
    keys: Mapping[str, Sequence[str]],
    cfg: params.Report,
    data: str,
) -> pd.DataFrame:
    """Test claims of the form "arm a has more of a metric than arm b" and return the ledger's columns.

    Args:
        ids: which of claims.csv.
        preds: arm -> test predictions of each seed; the same crops in every arm.
        keys: arm -> run key of each seed.
        data: what the claims were tested on, in words.

    Raises:
        InputError: an unknown claim, or an arm that was not run.
    """
    claims = published.facts("claims").set_index("id")
    lines = []
    for claim_id in ids:
        if claim_id not in claims.index:
            raise InputError(claim_id, "no such claim", "use an id of data/published/claims.csv")
        claim = claims.loc[claim_id]
        for arm in (claim["arm_a"], claim["arm_b"]):
            if arm not in preds:
                raise InputError(claim_id, f"needs the arm {arm!r}, which was not run", "add it to the arms")
        a, b = claim["arm_a"], claim["arm_b"]
        gain = bootstrap.paired(preds[a], preds[b], claim["metric"], cfg)
        runs = " ".join([*keys[a], *keys[b]])
        lines.append(
            [claim_id, gain.value, gain.low, gain.high, gain.frames, runs, verdict(gain, cfg.confidence), data]
        )
    return pd.DataFrame(lines, columns=RESULT)


def verdict(gain: bootstrap.Estimate, confidence: float = 0.95) -> str:
    """Read a difference that a claim says is positive.

    Its whole interval over people must lie on one side of 0, and it must exceed what other seeds alone would give: two
    renderings that differed in a few grey levels once turned a verdict round that rested on the first alone. Too few
    groups decide nothing; with a single seed the second condition cannot be asked.
    """
    if gain.few_groups or not gain.low <= gain.high or abs(gain.value) <= _run_noise(gain, confidence):
        return "undecided"
    if gain.low > 0:
        return "reproduced"
    return "not reproduced" if gain.high < 0 else "undecided"


def _run_noise(gain: bootstrap.Estimate, confidence: float) -> float:
    """Return the half width of Student's interval of the mean over seeds; 0 with one seed."""
    seeds = len(gain.per_seed)
    return float(stats.t.ppf((1 + confidence) / 2, seeds - 1) * gain.spread / math.sqrt(seeds)) if seeds > 1 else 0.0
