"""Bootstrap intervals over source groups, since frames of one clip, and clips of one source, are not independent.

A resample draws as many groups as there are, with replacement; that is an integer weight per group. Every metric is
then computed from weighted counts along the sorted scores, for all resamples at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.seeds import derive
from ddet.stats import metrics

FEW = 10  # below this many groups a percentile interval is too narrow to be trusted
CELLS = 4_000_000  # resamples x crops held in memory at once


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval: the mean over seeds of a metric, or a difference of two such means.

    `spread` is the standard deviation over seeds (ddof 1; nan with one seed), `per_seed` the metric of each seed,
    `resamples` those used, `dropped` those in which a class was missing, `few_groups` the warning that fewer than
    ten groups were there. `share` is for differences: twice the smaller share of resamples on one side of 0
    (at most 1, at least 2 / (resamples + 1)), which reads like a two-sided p; nan for a plain statistic.
    """

    value: float
    low: float
    high: float
    spread: float
    per_seed: tuple[float, ...]
    frames: int
    clips: int
    groups: int
    resamples: int
    dropped: int
    few_groups: bool
    share: float = float("nan")
    unpaired: int = 0


def over_seeds(preds: Sequence[pd.DataFrame], cfg: params.Report, threshold: float = 0.5) -> dict[str, Estimate]:
    """Estimate every metric of `metrics.frame_and_clip`, averaged over seeds, with its percentile interval.

    The same groups are resampled for all seeds, so the interval is that of the mean over seeds.

    Args:
        preds: the predictions of each seed, on the same crops.
        cfg: number of resamples, confidence, seed.

    Raises:
        InputError: no seed, seeds that scored other crops, or predictions that `metrics.checked` refuses.
    """
    seeds = _same_crops(preds)
    weights, dropped = group_weights(seeds[0], cfg)
    found = {}
    for level in metrics.LEVELS:
        plain = [metrics.scores(*metrics.arrays(p, level)[:2], threshold) for p in seeds]
        drawn = [weighted_scores(*indexed(p, level), weights, threshold) for p in seeds]
        for name in metrics.NAMES:
            values, resampled = [s[name] for s in plain], np.mean([d[name] for d in drawn], axis=0)
            found[f"{level}_{name}"] = estimate(values, resampled, seeds[0], dropped, cfg)
    return found


def paired(
    a: Sequence[pd.DataFrame], b: Sequence[pd.DataFrame], metric: str, cfg: params.Report, threshold: float = 0.5
) -> Estimate:
    """Estimate metric(a) - metric(b), each the mean over its seeds, on the crops that both scored.

    The same groups are resampled for both. `unpaired` counts the crops that only one of the two scored.

    Args:
        a, b: the predictions of each seed of two arms.
        metric: a name of `metrics.frame_and_clip`, such as "clip_auc".

    Raises:
        InputError: an unknown metric, no common crop, or common crops that differ in label or group.
    """
    level, name = metrics.level_and_name(metric)
    a, b, unpaired = _common(_same_crops(a), _same_crops(b))
    weights, dropped = group_weights(a[0], cfg)
    plain = [[metrics.scores(*metrics.arrays(p, level)[:2], threshold)[name] for p in arm] for arm in (a, b)]
    drawn = [[weighted_scores(*indexed(p, level), weights, threshold)[name] for p in arm] for arm in (a, b)]
    resampled = np.mean(drawn[0], axis=0) - np.mean(drawn[1], axis=0)
    values = np.subtract(*plain) if len(a) == len(b) else [np.mean(plain[0]) - np.mean(plain[1])]
    return estimate(values, resampled, a[0], dropped, cfg, share=two_sided(resampled), unpaired=unpaired)


def paired_values(a: np.ndarray, b: np.ndarray, rows: pd.DataFrame, cfg: params.Report) -> Estimate:
    """Estimate the mean of a - b, two measurements of the same crops, resampling groups as `paired` does.

    Args:
        a, b: float n, or seeds x n: the values of each crop. With as many seeds in both, `per_seed` pairs them.
        rows: what the n crops are (columns clip_id, group).

    Returns:
        The estimate over the crops whose values are all known; `unpaired` counts those left out for a nan. Where no
        crop is left it is nan, of 0 frames.

    Raises:
        InputError: values and rows of different length.
    """
    a, b = _by_seed(a, rows), _by_seed(b, rows)
    if len(a) != len(b):
        a, b = (values.mean(axis=0, keepdims=True) for values in (a, b))
    return _of_values(a - b, rows, cfg, difference=True)


def mean_values(a: np.ndarray, rows: pd.DataFrame, cfg: params.Report) -> Estimate:
    """Estimate the mean of one measurement of crops; arguments, nan and errors as in `paired_values`."""
    return _of_values(_by_seed(a, rows), rows, cfg, difference=False)


def _by_seed(values: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    values = np.atleast_2d(np.asarray(values, float))
    if values.shape[1:] != (len(rows),):
        raise InputError("values", f"{values.shape[1:]} for {len(rows)} crops", "pass one value a crop, in its order")
    return values


def _of_values(values: np.ndarray, rows: pd.DataFrame, cfg: params.Report, difference: bool) -> Estimate:
    """Estimate the mean over crops, then over seeds, of seeds x n values."""
    known = ~np.isnan(values).any(axis=0)
    if not known.any():  # no value in any crop is a result, too: a detector whose maps are all zero
        return estimate([np.nan] * len(values), np.array([]), rows[:0], 0, cfg, unpaired=len(rows))
    values, rows = values[:, known], rows[known]
    weights, dropped = group_weights(rows.assign(label=0), cfg)  # one class, so that no resample lacks one
    group = np.unique(rows["group"], return_inverse=True)[1]
    sums, sizes = np.bincount(group, values.mean(axis=0)), np.bincount(group)
    resampled = (weights @ sums) / (weights @ sizes)
    more = {"share": two_sided(resampled)} if difference else {}
    left_out = int(np.count_nonzero(~known))
    return estimate(values.mean(axis=1), resampled, rows, dropped, cfg, unpaired=left_out, **more)


def two_sided(resampled: np.ndarray) -> float:
    """Return twice the smaller share of differences at or beyond 0, counting the observed sample as one more."""
    resampled = resampled[~np.isnan(resampled)]
    sides = [(np.count_nonzero(side) + 1) / (len(resampled) + 1) for side in (resampled <= 0, resampled >= 0)]
    return float(min(1.0, 2 * min(sides)))


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


def weighted_scores(
    y: np.ndarray, p: np.ndarray, group: np.ndarray, weights: np.ndarray, threshold: float = 0.5
) -> dict[str, np.ndarray]:
    """Return `metrics.scores` of every resample at once.

    Args:
        y, p: n labels and n probabilities of fake.
        group: int n, the column of `weights` that each row belongs to.
        weights: resamples x groups, how often each group was drawn.

    Returns:
        name -> float of length resamples, equal to the metric of the drawn rows laid end to end.
    """
    order = np.argsort(-p, kind="stable")
    y, p, group = y[order], p[order], group[order]
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True))  # rows with tied scores move together
    above = np.count_nonzero(p >= threshold)
    parts = []
    for part in _chunks(weights, len(y)):
        drawn = part[:, group]
        fake, every = np.cumsum(drawn * y, axis=1), np.cumsum(drawn, axis=1)
        parts.append(_from_counts(fake, every - fake, ends, above))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    loss = -np.log(np.clip(np.where(y == 1, p, 1 - p), metrics.CLIP, 1 - metrics.CLIP))
    sums, sizes = (np.bincount(group, w, weights.shape[1]) for w in (loss, np.ones(len(y))))
    found["log_loss"] = (weights @ sums) / (weights @ sizes)
    return found


def _from_counts(fake: np.ndarray, real: np.ndarray, ends: np.ndarray, above: int) -> dict[str, np.ndarray]:
    """Turn cumulative counts of fakes and reals, resamples x crops in falling order of score, into metrics."""
    positives, negatives = fake[:, -1], real[:, -1]
    tp, fp = (c[:, above - 1] if above else np.zeros(len(c)) for c in (fake, real))
    found = _at_threshold(tp, fp, positives, negatives)
    origin = np.zeros((len(fake), 1))
    hits, alarms = np.hstack([origin, fake[:, ends]]), np.hstack([origin, real[:, ends]])
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (np.diff(alarms) * (hits[:, 1:] + hits[:, :-1])).sum(axis=1) / 2
        precision = np.nan_to_num(hits[:, 1:] / (hits[:, 1:] + alarms[:, 1:]))
        found["auc"] = area / (positives * negatives)
        found["ap"] = (np.diff(hits) * precision).sum(axis=1) / np.where(negatives > 0, positives, np.nan)
        found["eer"] = _crossing(alarms / negatives[:, None], 1 - hits / positives[:, None])
    return found


def _at_threshold(tp, fp, positives, negatives) -> dict[str, np.ndarray]:
    tn = negatives - fp
    with np.errstate(invalid="ignore", divide="ignore"):
        f1_fake = np.where(positives > 0, 2 * tp / (tp + fp + positives), np.nan)
        f1_real = np.where(negatives > 0, 2 * tn / (tn + positives - tp + negatives), np.nan)
        return {
            "accuracy": (tp + tn) / (positives + negatives),
            "balanced_accuracy": (tp / positives + tn / negatives) / 2,
            "macro_f1": (f1_real + f1_fake) / 2,
            "f1_real": f1_real,
            "f1_fake": f1_fake,
            "error_gap": fp / negatives - (positives - tp) / positives,
        }


def _crossing(alarms: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Return, per row, where rising `alarms` crosses falling `misses`, linearly interpolated between points."""
    gap = alarms - misses
    after = np.maximum((gap >= 0).argmax(axis=1), 1)
    rows = np.arange(len(gap))
    low, high = gap[rows, after - 1], gap[rows, after]
    share = -low / (high - low)
    return alarms[rows, after - 1] + share * (alarms[rows, after] - alarms[rows, after - 1])


def _chunks(weights: np.ndarray, crops: int) -> Iterator[np.ndarray]:
    step = max(1, CELLS // crops)
    return (weights[i : i + step] for i in range(0, len(weights), step))


def estimate(values, resampled, preds, dropped: int, cfg: params.Report, **more) -> Estimate:
    """Return the mean of `values` (one per seed), its percentile interval over `resampled`, and the counts used."""
    tail = (1 - cfg.confidence) / 2
    known = len(resampled) and not np.isnan(resampled).any()
    low, high = np.quantile(resampled, [tail, 1 - tail]) if known else (np.nan, np.nan)
    groups = preds["group"].nunique()
    return Estimate(
        value=float(np.mean(values)),
        low=float(low),
        high=float(high),
        spread=float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
        per_seed=tuple(float(v) for v in values),
        frames=len(preds),
        clips=preds["clip_id"].nunique(),
        groups=groups,
        resamples=len(resampled),
        dropped=dropped,
        few_groups=groups < FEW,
        **more,
    )


def indexed(preds: pd.DataFrame, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return label, probability and the number of the source group (its place among the sorted names) per row."""
    y, p, group = metrics.arrays(preds, level)
    return y, p, np.unique(group, return_inverse=True)[1]


def _same_crops(preds: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    seeds = [metrics.checked(p) for p in preds]
    if not seeds:
        raise InputError("predictions", "no seed given", "pass a list with the predictions of each seed")
    fixed = [*metrics.ROW, "label", "group"]
    if any(not seeds[0][fixed].equals(other[fixed]) for other in seeds[1:]):
        raise InputError("predictions", "the seeds scored different crops", "pass runs of one arm on one split")
    return seeds


def _common(a: list[pd.DataFrame], b: list[pd.DataFrame]) -> tuple[list, list, int]:
    """Keep the crops that both arms scored, and count the others."""
    both = a[0].merge(b[0], on=metrics.ROW, suffixes=("", "_b"))
    if both.empty:
        raise InputError("predictions", "the two arms share no crop", "pass arms scored on the same split")
    if not (both["label"].eq(both["label_b"]) & both["group"].eq(both["group_b"])).all():
        raise InputError("predictions", "a crop has another label or group in the other arm", "score both again")
    keys = both[metrics.ROW]
    kept = [[p.merge(keys, on=metrics.ROW) for p in arm] for arm in (a, b)]
    return kept[0], kept[1], len(a[0]) + len(b[0]) - 2 * len(both)
