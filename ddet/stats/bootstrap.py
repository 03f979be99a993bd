"""Bootstrap intervals over source groups, since frames of one clip, and clips of one source, are not independent.

A resample draws as many groups as there are, with replacement; that is an integer weight per group, from which
`weighted` computes every metric for all resamples at once.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.seeds import derive
from ddet.stats import metrics, thresholds
from ddet.stats.interval import Estimate, completed, components
from ddet.stats.matching import common, constant, same_crops
from ddet.stats.weighted import weighted_scores

FEW = 10  # below this many groups their variance is too uncertain for an interval to be trusted
LIMITS = {"log_loss": (0.0, math.inf)} | dict.fromkeys(("error_gap", f"error_gap{metrics.OF_VALID}"), (-1.0, 1.0))


def over_seeds(
    preds: Sequence[pd.DataFrame],
    cfg: params.Report,
    given: bool = False,
    valid: Sequence[pd.DataFrame] | None = None,
) -> dict[str, Estimate]:
    """Estimate every metric of `metrics.frame_and_clip`, averaged over seeds, with its interval (see `interval`).

    The same groups are resampled for all seeds.

    Args:
        preds: the predictions of each seed, on the same crops.
        cfg: number of resamples, confidence, seed.
        given: the detector is what it is, not one of many fits: the interval is over people alone. So it is, too,
            for a predictor that says the same of every crop.
        valid: what the same runs gave valid, in the order of `preds`: the metrics of `metrics.AT_VALID` are estimated,
            too, each seed at its own threshold (see `thresholds`).

    Raises:
        InputError: no seed, seeds that scored other crops, predictions that `metrics.checked` or `thresholds.of_valid`
            refuses, not one table of valid per seed.
    """
    seeds = same_crops(preds)
    weights, dropped = group_weights(seeds[0], cfg)
    found, given = {}, given or constant(seeds)
    for level in metrics.LEVELS:
        plain, drawn = _scored(seeds, valid, level, weights)
        for name in plain[0]:
            values, resampled = [s[name] for s in plain], np.stack([d[name] for d in drawn])
            more = {"given": given, "limits": LIMITS.get(name, (0.0, 1.0))}
            found[f"{level}_{name}"] = estimate(values, resampled, seeds[0], dropped, cfg, **more)
    return found


def paired(
    a: Sequence[pd.DataFrame],
    b: Sequence[pd.DataFrame],
    metric: str,
    cfg: params.Report,
    given: bool = False,
    valid: tuple[Sequence[pd.DataFrame], Sequence[pd.DataFrame]] | None = None,
) -> Estimate:
    """Estimate metric(a) - metric(b), the mean over the seeds that both have, on the crops that both scored.

    The same groups are resampled for both. Fits of one seed index share initial weights, deal and order, so the noise
    of seeds is that of the differences seed by seed. `unmatched` counts the seeds that only one of the two has,
    `unpaired` the crops that only one scored. A single predictor that says the same of every crop has no seeds: it
    faces each seed of the other.

    Args:
        a, b: the predictions of each seed of two arms, in the order of the seed index.
        metric: a name of `metrics.frame_and_clip`, such as "clip_auc".
        given: as in `over_seeds`.
        valid: what the runs of both arms gave valid, as in `over_seeds`; a metric of `metrics.AT_VALID` needs it.

    Raises:
        InputError: an unknown metric, one at the threshold of valid without `valid`, no common crop, or common crops
            that differ in label or group.
    """
    level, name = metrics.level_and_name(metric)
    if name in metrics.AT_VALID and valid is None:
        raise InputError(metric, "no predictions of valid were given", "pass them, or ask for the metric at .5")
    a, b, unpaired = common(same_crops(a), same_crops(b))
    given = given or (constant(a) and constant(b))
    a, b = (arm * len(other) if len(arm) == 1 and constant(arm) else arm for arm, other in ((a, b), (b, a)))
    a, b, unmatched = in_both(a, b)
    weights, dropped = group_weights(a[0], cfg)
    scored = [_scored(arm, of, level, weights) for arm, of in zip((a, b), valid or (None, None), strict=True)]
    plain, drawn = ([[found[name] for found in arm] for arm in kind] for kind in zip(*scored, strict=True))
    resampled = np.subtract(*drawn)
    more = {"unpaired": unpaired, "unmatched": unmatched, "given": given}
    return estimate(np.subtract(*plain), resampled, a[0], dropped, cfg, **more)


def in_both(a: Sequence, b: Sequence) -> tuple[Sequence, Sequence, int]:
    """Return what two arms have of the seeds that both have (the first ones), and how many seeds only one has."""
    n = min(len(a), len(b))
    return a[:n], b[:n], len(a) + len(b) - 2 * n


def paired_values(
    a: np.ndarray, b: np.ndarray, rows: pd.DataFrame, cfg: params.Report, given: bool = False
) -> Estimate:
    """Estimate the mean of a - b, two measurements of the same crops, resampling groups as `paired` does.

    Args:
        a, b: float n, or seeds x n: the values of each crop. Seeds are paired as in `paired`.
        rows: what the n crops are (columns clip_id, group).
        given: as in `over_seeds`.

    Returns:
        The estimate over the crops whose values are all known; `unpaired` counts those left out for a nan. Where no
        crop is left it is nan, of 0 frames.

    Raises:
        InputError: values and rows of different length.
    """
    a, b, unmatched = in_both(_by_seed(a, rows), _by_seed(b, rows))
    return _of_values(a - b, rows, cfg, given=given, unmatched=unmatched)


def mean_values(a: np.ndarray, rows: pd.DataFrame, cfg: params.Report, given: bool = False) -> Estimate:
    """Estimate the mean of one measurement of crops; arguments, nan and errors as in `paired_values`."""
    return _of_values(_by_seed(a, rows), rows, cfg, given=given)


def _by_seed(values: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    values = np.atleast_2d(np.asarray(values, float))
    if values.shape[1:] != (len(rows),):
        raise InputError("values", f"{values.shape[1:]} for {len(rows)} crops", "pass one value a crop, in its order")
    return values


def _of_values(values: np.ndarray, rows: pd.DataFrame, cfg: params.Report, **more) -> Estimate:
    """Estimate the mean over crops, then over seeds, of seeds x n values."""
    known = ~np.isnan(values).any(axis=0)
    if not known.any():  # no value in any crop is a result, too: a detector whose maps are all zero
        return estimate([np.nan] * len(values), np.array([]), rows[:0], 0, cfg, unpaired=len(rows))
    values, rows = values[:, known], rows[known]
    weights, dropped = group_weights(rows.assign(label=0), cfg)  # one class, so that no resample lacks one
    group = np.unique(rows["group"], return_inverse=True)[1]
    sums, sizes = np.stack([np.bincount(group, seed) for seed in values]), np.bincount(group)
    resampled = (sums @ weights.T) / (weights @ sizes)
    left_out = int(np.count_nonzero(~known))
    return estimate(values.mean(axis=1), resampled, rows, dropped, cfg, unpaired=left_out, **more)


def group_weights(preds: pd.DataFrame, cfg: params.Report) -> tuple[np.ndarray, int]:
    """Draw the resamples: float resamples x groups (sorted by name), each row of whole numbers summing to groups.

    Resamples that lack a class of the data are left out; their number is returned with the weights.
    """
    labels = preds.groupby("group")["label"].agg(["min", "max"]).sort_index()
    count = len(labels)
    rng = np.random.default_rng(derive("bootstrap", cfg.seed))
    weights = np.zeros((cfg.bootstrap, count))
    np.add.at(weights, (np.arange(cfg.bootstrap)[:, None], rng.integers(count, size=weights.shape)), 1)
    has = np.stack([labels["min"] == 0, labels["max"] == 1], axis=1)  # groups x (real, fake)
    whole = ((weights @ has > 0) | ~has.any(axis=0)).all(axis=1)
    return weights[whole], int(np.count_nonzero(~whole))


def estimate(
    values: Sequence[float],
    resampled: np.ndarray,
    preds: pd.DataFrame,
    dropped: int,
    cfg: params.Report,
    given: bool = False,
    **more,
) -> Estimate:
    """Return the mean of `values` (one per seed) with its interval and the counts used.

    Args:
        resampled: seeds x resamples; or the mean over seeds alone, which tells less of what seeds share, so that the
            interval becomes somewhat too wide.
        given: as in `over_seeds`.
    """
    groups, seeds = preds["group"].nunique(), len(values)
    resampled = np.atleast_2d(resampled)
    known = resampled.size and not np.isnan(resampled).any()
    people, own = components(resampled, groups) if known else (math.nan, 0.0)
    spread = float(np.std(values, ddof=1)) if seeds > 1 else math.nan
    return completed(
        Estimate(
            value=float(np.mean(values)),
            low=math.nan,
            high=math.nan,
            spread=spread,
            per_seed=tuple(float(v) for v in values),
            frames=len(preds),
            clips=preds["clip_id"].nunique(),
            groups=groups,
            resamples=resampled.shape[1],
            dropped=dropped,
            few_groups=groups < FEW,
            people=people,
            own=own,
            seed_sd=0.0 if given else spread,
            seed_df=math.inf if given else seeds - 1.0,
            confidence=cfg.confidence,
            **more,
        )
    )


def _scored(
    seeds: Sequence[pd.DataFrame], valid: Sequence[pd.DataFrame] | None, level: str, weights: np.ndarray
) -> tuple[list[dict], list[dict]]:
    """Return the metrics of each seed, and of each seed those of all resamples."""
    if valid is not None and len(valid) < len(seeds):
        raise InputError("predictions", f"{len(valid)} of valid for {len(seeds)} seeds", "pass those of each run")
    chosen = [None] * len(seeds) if valid is None else [thresholds.of_valid(v)[level] for v in valid[: len(seeds)]]
    each = list(zip(seeds, chosen, strict=True))
    plain = [metrics.scores(*metrics.arrays(p, level)[:2], chosen=at) for p, at in each]
    return plain, [weighted_scores(*indexed(p, level), weights, chosen=at) for p, at in each]


def indexed(preds: pd.DataFrame, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return label, probability and the number of the source group (its place among the sorted names) per row."""
    y, p, group = metrics.arrays(preds, level)
    return y, p, np.unique(group, return_inverse=True)[1]
