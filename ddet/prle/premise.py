"""Check the premise of the paper's argument: the primary region of a single detector is a small part of a crop."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ddet.prle.coverage import THRESHOLDS, coverage

SMALL = (0.05, 0.30)  # share of a crop; the paper's own regions cover 10 to 21 %


def table(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Tabulate how much of a crop the regions of single detectors cover: one row a detector.

    Columns: detector; `covered`, the mean share of a crop in its region, where A > 0 (eq. 4); the shares above higher
    thresholds, which are other readings of Table I; `empty`, the share of crops without any region; `small`, whether
    `covered` lies within SMALL.

    Args:
        maps: detector -> n x H x W.
    """
    lines = []
    for detector, found in maps.items():
        first, *higher = (coverage(found, above) for above in THRESHOLDS)
        line = {"detector": detector, "covered": first.mean()}
        line |= {f"above {above:g}": share.mean() for above, share in zip(THRESHOLDS[1:], higher, strict=True)}
        lines.append(line | {"empty": (first == 0).mean(), "small": bool(SMALL[0] <= first.mean() <= SMALL[1])})
    return pd.DataFrame(lines)


def in_words(found: pd.DataFrame) -> str:
    """Say whether the premise is met, and by which numbers not."""
    bounds = f"{SMALL[0]:.0%} to {SMALL[1]:.0%}"
    wrong = found[~found["small"]]
    if wrong.empty:
        return f"The premise is met: the region of every detector covers {bounds} of a crop."
    named = ", ".join(f"{line.detector} {line.covered:.1%}" for line in wrong.itertuples())
    return f"The premise fails: a region should cover {bounds} of a crop, but there are {named}."
