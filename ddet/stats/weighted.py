"""Compute every metric of many resamples at once, from weighted counts along the sorted scores."""

from collections.abc import Iterator

import numpy as np

from ddet.stats import metrics

CELLS = 4_000_000  # resamples x crops held in memory at once


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
