"""Compute every metric of many resamples at once, from weighted counts along the sorted scores."""

from collections.abc import Iterator

import numpy as np

from ddet.stats import calibration, metrics

CELLS = 4_000_000  # resamples x crops held in memory at once


def weighted_scores(
    y: np.ndarray,
    p: np.ndarray,
    group: np.ndarray,
    weights: np.ndarray,
    threshold: float = 0.5,
    chosen: float | None = None,
) -> dict[str, np.ndarray]:
    """Return `metrics.scores` of every resample at once.

    Args:
        y, p: n labels and n probabilities of fake.
        group: int n, the column of `weights` that each row belongs to.
        weights: resamples x groups, how often each group was drawn.
        threshold, chosen: as in `metrics.scores`.

    Returns:
        name -> float of length resamples, equal to the metric of the drawn rows laid end to end.
    """
    order = np.argsort(-p, kind="stable")
    y, p, group = y[order], p[order], group[order]
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True))  # rows with tied scores move together
    above = {"": np.count_nonzero(p >= threshold)}
    above |= {} if chosen is None else {metrics.OF_VALID: np.count_nonzero(p >= chosen)}
    parts = []
    for part in _chunks(weights, len(y)):
        drawn = part[:, group]
        fake, every = np.cumsum(drawn * y, axis=1), np.cumsum(drawn, axis=1)
        parts.append(_from_counts(fake, every - fake, ends, above))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    loss = -np.log(np.clip(np.where(y == 1, p, 1 - p), metrics.CLIP, 1 - metrics.CLIP))
    sizes = weights @ np.bincount(group, minlength=weights.shape[1])
    for name, values in {"log_loss": loss, "brier": (y - p) ** 2}.items():
        found[name] = (weights @ np.bincount(group, values, weights.shape[1])) / sizes
    return found | {"ece": _ece(y - p, calibration.bins(p), group, weights) / sizes}


def _ece(excess: np.ndarray, bins: np.ndarray, group: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum, over the bins of each resample, how far labels and probabilities are apart in it."""
    cells = np.bincount(group * calibration.BINS + bins, excess, weights.shape[1] * calibration.BINS)
    return np.abs(weights @ cells.reshape(-1, calibration.BINS)).sum(axis=1)


def _from_counts(fake: np.ndarray, real: np.ndarray, ends: np.ndarray, above: dict[str, int]) -> dict[str, np.ndarray]:
    """Turn cumulative counts of fakes and reals, resamples x crops in falling order of score, into metrics.

    Args:
        ends: the last of each run of equal scores.
        above: end of a metric's name -> how many crops are predicted fake.
    """
    positives, negatives, found = fake[:, -1], real[:, -1], {}
    for end, count in above.items():
        tp, fp = (c[:, count - 1] if count else np.zeros(len(c)) for c in (fake, real))
        found |= {f"{name}{end}": v for name, v in _at_threshold(tp, fp, positives, negatives).items()}
    origin = np.zeros((len(fake), 1))
    hits, alarms = np.hstack([origin, fake[:, ends]]), np.hstack([origin, real[:, ends]])
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (np.diff(alarms) * (hits[:, 1:] + hits[:, :-1])).sum(axis=1) / 2
        precision = np.nan_to_num(hits[:, 1:] / (hits[:, 1:] + alarms[:, 1:]))
        found["auc"] = area / (positives * negatives)
        found["ap"] = (np.diff(hits) * precision).sum(axis=1) / np.where(negatives > 0, positives, np.nan)
        alarm_rate, hit_rate = alarms / negatives[:, None], hits / positives[:, None]
        found["eer"] = _crossing(alarm_rate, 1 - hit_rate)
        found |= {name: _height(alarm_rate, hit_rate, rate) for name, rate in metrics.TPR_AT.items()}
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


def _height(alarms: np.ndarray, hits: np.ndarray, rate: float) -> np.ndarray:
    """Return, per row, the highest of `hits` where rising `alarms` has come to `rate`, interpolated as in `tpr_at`."""
    after = np.minimum((alarms <= rate).sum(axis=1), alarms.shape[1] - 1)
    rows = np.arange(len(alarms))
    low, high = alarms[rows, after - 1], alarms[rows, after]
    share = (rate - low) / (high - low)
    return hits[rows, after - 1] + share * (hits[rows, after] - hits[rows, after - 1])


def _chunks(weights: np.ndarray, crops: int) -> Iterator[np.ndarray]:
    step = max(1, CELLS // crops)
    return (weights[i : i + step] for i in range(0, len(weights), step))
