"""Measure how much of a crop the primary region covers, and how much of it is forged."""

import numpy as np

from ddet.attention import grad_cam

THRESHOLDS = (0.0, 0.3, 0.6)


def coverage(maps: np.ndarray, above: float = 0.0) -> np.ndarray:
    """Return the share of each map's pixels that exceed `above`: n x H x W to float n.

    Paper: PRLE eq. 4: the primary region is where A > 0; one minus its share is that of zero attention, "over 80%".
    """
    return (maps > above).mean(axis=(1, 2))


def primary_shares(maps: np.ndarray, forged: np.ndarray) -> dict[str, np.ndarray]:
    """Measure each primary region against the forged pixels (bool n x H x W), as `grad_cam.attention_shares` does.

    `iou` is that of {A > 0}; `inside` and `pointing` weigh the attention.
    """
    return grad_cam.attention_shares(maps, forged, threshold=np.finfo(float).smallest_subnormal)
