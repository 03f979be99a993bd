"""Measure how much of a crop the primary region covers."""

import numpy as np

THRESHOLDS = (0.0, 0.3, 0.6)


def coverage(maps: np.ndarray, above: float = 0.0) -> np.ndarray:
    """Return the share of each map's pixels that exceed `above`: n x H x W to float n.

    Paper: PRLE eq. 4: the primary region is where A > 0; one minus its share is that of zero attention, "over 80%".
    """
    return (maps > above).mean(axis=(1, 2))
