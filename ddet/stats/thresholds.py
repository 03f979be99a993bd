"""Choose the threshold of a detector on valid, by balanced accuracy, for the decisions that it makes on test.

A detector whose training set or loss is lopsided ranks well and decides badly at .5. The threshold is part of a run:
each seed has its own, from its own predictions of valid, and intervals are those of detectors with their thresholds.
"""

import numpy as np
import pandas as pd

from ddet.errors import InputError
from ddet.stats import metrics

EVEN = 1e-12  # balanced accuracies that differ by less are equal but for rounding


def chosen(y: np.ndarray, p: np.ndarray) -> float:
    """Return the threshold in (0, 1] with the best balanced accuracy for n labels (0, 1) and probabilities of fake.

    Candidates are the midpoints between neighbouring scores. Of several that are equally good the one nearest to .5 is
    taken, and of two as near the lower. Where none is better than chance (1/2), .5 stays.

    Raises:
        InputError: a class is missing.
    """
    y, p = np.asarray(y), np.asarray(p, float)
    if not 0 < y.sum() < len(y):
        raise InputError("valid", "no threshold can be chosen on one class", "score real and fake crops")
    values, at = np.unique(p, return_inverse=True)
    fakes, every = np.bincount(at, y), np.bincount(at)
    misses, passed = np.cumsum(fakes)[:-1] / y.sum(), np.cumsum(every - fakes)[:-1] / (len(y) - y.sum())
    balanced = (1 - misses + passed) / 2
    if not len(balanced) or balanced.max() <= 0.5 + EVEN:
        return 0.5
    low, high = values[:-1], values[1:]
    middle = (low + high) / 2
    middle = np.where(middle > low, middle, high)  # neighbouring floats have no midpoint
    best = middle[balanced >= balanced.max() - EVEN]
    return float(best[np.abs(best - 0.5).argmin()])


def of_valid(valid: pd.DataFrame) -> dict[str, float]:
    """Return the thresholds of a run from its predictions of valid: level (frame, clip) -> threshold.

    The one for clips comes from the clips of valid, by their `clip_prob`.

    Raises:
        InputError: the predictions are not of valid, as where the epoch was chosen on test.
    """
    if "split" in valid and set(valid["split"]) != {"valid"}:
        cause = f"a threshold cannot come from {', '.join(sorted(set(valid['split'])))}"
        raise InputError("predictions", cause, "pass those of valid; an arm selected on test has none")
    return {level: chosen(*metrics.arrays(valid, level)[:2]) for level in metrics.LEVELS}
