"""Hold predictions to the same crops: the seeds of an arm, and two arms that are compared."""

from collections.abc import Sequence

import pandas as pd

from ddet.errors import InputError
from ddet.stats import metrics


def constant(seeds: Sequence[pd.DataFrame]) -> bool:
    """Return whether every table gives all crops one score, as a rule without training does."""
    return all(p["prob_fake"].nunique() == 1 for p in seeds)


def same_crops(preds: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the checked predictions of each seed of an arm.

    Raises:
        InputError: no seed, seeds that scored other crops, or predictions that `metrics.checked` refuses.
    """
    seeds = [metrics.checked(p) for p in preds]
    if not seeds:
        raise InputError("predictions", "no seed given", "pass a list with the predictions of each seed")
    fixed = [*metrics.ROW, "label", "group"]
    if any(not seeds[0][fixed].equals(other[fixed]) for other in seeds[1:]):
        raise InputError("predictions", "the seeds scored different crops", "pass runs of one arm on one split")
    return seeds


def common(a: list[pd.DataFrame], b: list[pd.DataFrame]) -> tuple[list, list, int]:
    """Keep the crops that both arms scored, and count the others.

    Raises:
        InputError: no common crop, or common crops that differ in label or group.
    """
    both = a[0].merge(b[0], on=metrics.ROW, suffixes=("", "_b"))
    if both.empty:
        raise InputError("predictions", "the two arms share no crop", "pass arms scored on the same split")
    if not (both["label"].eq(both["label_b"]) & both["group"].eq(both["group_b"])).all():
        raise InputError("predictions", "a crop has another label or group in the other arm", "score both again")
    keys = both[metrics.ROW]
    kept = [[p.merge(keys, on=metrics.ROW) for p in arm] for arm in (a, b)]
    return kept[0], kept[1], len(a[0]) + len(b[0]) - 2 * len(both)
