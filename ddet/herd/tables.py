"""Herd's further tables: the sweep of class weights, arms under several protocols, an ensemble, shared noise."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.herd.arms import sweep
from ddet.report import tables
from ddet.runs import finished
from ddet.stats import bootstrap, metrics, pooling
from ddet.stats.metrics import ROW

ACCURACY_AT, F1_AT = (f"frame_{name}{metrics.OF_VALID}" for name in ("accuracy", "macro_f1"))
SWEPT = ("frame_f1_real", "frame_f1_fake", "frame_macro_f1", F1_AT, "frame_auc", "frame_error_gap")
COLUMNS = [
    *(tables.Column(t, m) for t, m in {"Acc": "frame_accuracy", "F1": "frame_macro_f1", "AUC": "frame_auc"}.items()),
    tables.Column("Acc at t", ACCURACY_AT),
    tables.Column("F1 at t", F1_AT),
    *(tables.Column(m, m) for m in ("frame_f1_real", "frame_f1_fake", "frame_balanced_accuracy", "clip_auc")),
]  # the paper's three columns, those of them that depend on a threshold at that of valid, what mixed definitions hide
T_NOTE = "Acc, F1: at .5; at t: at the threshold of valid, more in herd_points_frame and herd_points_clip."


def sweep_table(
    section: params.Herd,
    done: pd.DataFrame,
    also: Mapping[str, Sequence[pd.DataFrame]],
    valid: Mapping[str, Sequence[pd.DataFrame]],
    cfg: params.Report,
) -> pd.DataFrame:
    """Tabulate the sweep: training set, weight of the class fake relative to real, seeds, metrics with their intervals.

    Args:
        also: arm -> test predictions of each seed; arms with several seeds lend their noise to those with one, where
            all are alike (`pooling`).
        valid: arm -> what the runs of `also` gave valid.
    """
    lines = []
    every = {
        name: bootstrap.over_seeds(finished.predictions(done, name), cfg, valid=finished.valid(done, name))
        for name in sweep(section)
    }
    more = {n: bootstrap.over_seeds(also[n], cfg, valid=valid[n]) for n in also if n not in every}
    pooled = pooling.pooled(every | more)
    for name, arm in sweep(section).items():
        # The weighted mean depends on the ratio of the weights only.
        weight, found = arm.weight if arm.weighted_class == "fake" else 1 / arm.weight, pooled[name]
        line = {"training set": _ratio(arm.imbalance), "weight": weight, "seeds": len(found["frame_auc"].per_seed)}
        for metric in SWEPT:
            line |= {
                metric: found[metric].value,
                f"{metric}_low": found[metric].low,
                f"{metric}_high": found[metric].high,
            }
        lines.append(line)
    return pd.DataFrame(lines)


def crossings(swept: pd.DataFrame) -> str:
    """Say at which weight the F1 of reals and of fakes are equal, by training set: between which weights they cross."""
    said = []
    for title, part in swept.groupby("training set", sort=False):
        part = part.sort_values("weight")
        ahead = np.sign((part["frame_f1_real"] - part["frame_f1_fake"]).to_numpy())
        at = [i for i in range(1, len(ahead)) if ahead[i - 1] * ahead[i] <= 0]
        ends = [tuple(part["weight"].iloc[[i - 1, i]]) for i in at]
        where = " and ".join(f"between {low:.3g} and {high:.3g}" for low, high in ends)
        which = {1: "reals", -1: "fakes", 0: "neither class"}[int(ahead[0])]
        said.append(f"{title}: " + (f"they cross {where}" if ends else f"they never cross, {which} have the higher F1"))
    return "; ".join(said) + "."


def _ratio(imbalance: float) -> str:
    return "balanced" if imbalance == 1 else f"{imbalance:g} fakes to a real"


def mean_predictions(*arms: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Average the probabilities of several arms, seed by seed, on the crops that all scored: an ensemble.

    Raises:
        InputError: the arms scored different crops.
    """
    joined = []
    for tables_of_seed in zip(*arms, strict=False):
        first = tables_of_seed[0]
        if any(not first[ROW].equals(other[ROW]) for other in tables_of_seed[1:]):
            raise InputError("ensemble", "its members scored different crops", "score them on one split")
        joined.append(first.assign(prob_fake=sum(t["prob_fake"] for t in tables_of_seed) / len(tables_of_seed)))
    return joined


def protocols(
    preds: Mapping[str, Sequence[pd.DataFrame]],
    valid: Mapping[str, Sequence[pd.DataFrame]],
    names: Sequence[str],
    cfg: params.Report,
) -> pd.DataFrame:
    """Tabulate arms under several protocols side by side: one row per arm, metrics as text with intervals, and n."""
    lines, every = [], {name: bootstrap.over_seeds(preds[name], cfg, valid=valid[name]) for name in names}
    decided = [f"frame_{name}{end}" for name in ("accuracy", "macro_f1") for end in ("", metrics.OF_VALID)]
    for name, found in pooling.pooled(every).items():
        line = {"arm": name}
        for metric in (*decided, "frame_auc", "clip_auc"):
            line[metric] = tables.with_interval(found[metric])
        e = found["frame_auc"]
        lines.append(line | {"crops": e.frames, "clips": e.clips, "groups": e.groups, "seeds": len(e.per_seed)})
    return pd.DataFrame(lines)


def shared_noise(preds: Mapping[str, Sequence[pd.DataFrame]], names: Sequence[str]) -> pd.DataFrame:
    """Say how much of the noise over seeds two arms share, which common random numbers are meant to raise.

    A seed index gives every arm the same initial weights, training crops and order (`ddet.seeds`). What the arms then
    have in common cancels in their difference.

    Args:
        preds: arm -> the predictions of each seed. Arms with fewer seeds than the largest number are left out.
        names: metrics of `metrics.frame_and_clip`.

    Returns:
        One row per metric: `sd` of an arm over seeds (root of the mean variance), `covariance` of two arms (mean over
        pairs), `correlation` (covariance over mean variance), `sd of a difference` of two arms over seeds, `if
        independent` what it would be without a covariance, and the numbers of arms and seeds. nan with a single seed.
    """
    most, lines = max((len(seeds) for seeds in preds.values()), default=0), []
    scored = [[metrics.frame_and_clip(p) for p in seeds] for seeds in preds.values() if len(seeds) == most]
    for name in names:
        line = {"metric": name, "sd": np.nan, "covariance": np.nan}
        if most > 1:
            matrix = np.atleast_2d(np.cov([[found[name] for found in seeds] for seeds in scored]))
            line |= {"sd": np.diag(matrix).mean() ** 0.5}
            line["covariance"] = matrix[~np.eye(len(matrix), dtype=bool)].mean() if len(matrix) > 1 else np.nan
        variance, shared = line["sd"] ** 2, line["covariance"]
        line["correlation"] = shared / variance if variance > 0 else np.nan
        line["sd of a difference"] = np.clip(2 * (variance - shared), 0, None) ** 0.5  # rounding may go below 0
        line["if independent"] = (2 * variance) ** 0.5
        lines.append(line | {"arms": len(scored), "seeds": most})
    return pd.DataFrame(lines)
