"""Test those of ASRID's claims that are about more than a metric of two arms on test: curves, gaps and a level.

All take the premise that claims.csv states: a head that has learnt, by its AUC of clips on test. A claim of an arm that
was not run gets no line, as in `verdicts.judge`.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ddet import params
from ddet.asrid import scores as asrid_scores
from ddet.runs import finished
from ddet.stats import bootstrap, premise, seed_interval, verdicts
from ddet.stats.bootstrap import Estimate
from ddet.stats.premise import Premise


def learnt(claim_id: str, done: pd.DataFrame) -> list[Premise]:
    """Measure the premises of a claim on the test scores of the arms that were run."""
    preds = {arm: asrid_scores.predictions(done, arm) for arm in dict.fromkeys(done["arm"])}
    return premise.measured(verdicts.stated(claim_id)["premise"], preds)


def _lacks(done: pd.DataFrame, *arms: str) -> bool:
    return not set(arms) <= set(done["arm"])


def judge_curves(
    claim_id: str,
    done: pd.DataFrame,
    more: str,
    less: str,
    of: Callable[[pd.DataFrame], float],
    cfg: params.Report,
    where: str,
) -> pd.DataFrame:
    """Test a claim that a statistic of the loss curve (`of`) is larger in arm `more`; the interval is over seeds."""
    if _lacks(done, more, less):
        return verdicts.no_line()
    values = [[of(curve) for curve in asrid_scores.steps(done, arm)] for arm in (more, less)]
    n = min(len(seeds) for seeds in values)
    gain = np.subtract(*(seeds[:n] for seeds in values))
    found = seed_interval.of_seeds(gain, asrid_scores.predictions(done, more, "train")[0], cfg)
    return _line(claim_id, found, done, more, less, cfg, where)


def judge_train(
    claim_id: str, done: pd.DataFrame, more: str, less: str, cfg: params.Report, where: str
) -> pd.DataFrame:
    """Test a claim that one arm's log loss on the training clips is larger, on the clips that both trained on."""
    if _lacks(done, more, less):
        return verdicts.no_line()
    sides = (asrid_scores.predictions(done, arm, "train") for arm in (more, less))
    return _line(claim_id, bootstrap.paired(*sides, "clip_log_loss", cfg), done, more, less, cfg, where)


def judge_gap(claim_id: str, done: pd.DataFrame, more: str, less: str, cfg: params.Report, where: str) -> pd.DataFrame:
    """Test a claim that one arm's valid log loss exceeds its train log loss by more than another's does.

    Groups of both splits are resampled together; clips are weighted so that each split counts by its mean.
    """
    if _lacks(done, more, less):
        return verdicts.no_line()
    sides = []
    for arm in (more, less):
        seeds = []
        for train, valid in zip(
            asrid_scores.predictions(done, arm, "train"), asrid_scores.predictions(done, arm, "valid"), strict=True
        ):
            n, both = len(train) + len(valid), pd.concat([train, valid], ignore_index=True)
            weight = np.where(both["split"] == "valid", n / len(valid), -n / len(train))
            truth = np.where(both["label"] == 1, both["prob_fake"], 1 - both["prob_fake"])
            seeds.append(-np.log(np.clip(truth, 1e-15, 1)) * weight)
        sides.append(np.stack(seeds))
    return _line(claim_id, bootstrap.paired_values(*sides, both, cfg), done, more, less, cfg, where)


def judge_accuracy(claim_id: str, done: pd.DataFrame, arm: str, cfg: params.Report, where: str) -> pd.DataFrame:
    """Test a claim that an arm reaches an accuracy of clips: more than the commoner class has, and of the stated size.

    The commoner class is that of the training clips; the size is judged by the accuracy itself.
    """
    if _lacks(done, arm):
        return verdicts.no_line()
    preds, train = asrid_scores.predictions(done, arm), asrid_scores.predictions(done, arm, "train")[0]
    majority = asrid_scores.constants(train, preds[0])["majority class"]
    gain = bootstrap.paired(preds, majority, "clip_accuracy", cfg)
    level = bootstrap.over_seeds(preds, cfg)["clip_accuracy"]
    return verdicts.line(claim_id, gain, finished.keys(done, arm), cfg, where, level=level)


def _line(
    claim_id: str, gain: Estimate, done: pd.DataFrame, more: str, less: str, cfg: params.Report, where: str
) -> pd.DataFrame:
    keys = finished.keys(done, more, less)
    return verdicts.line(claim_id, gain, keys, cfg, where, premises=learnt(claim_id, done))
