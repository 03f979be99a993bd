"""Invented predictions, tables of results and figures that several test modules use."""

import numpy as np
import pandas as pd

from ddet import params
from ddet.stats import metrics

CFG = params.Report(bootstrap=120, confidence=0.9, seed=3)


def made_up(seed: int = 0, groups: int = 12, steps: int = 7, shift: float = 0.2) -> pd.DataFrame:
    """Invent predictions: clips of unequal length, two labels in most groups, scores on a coarse grid (many ties)."""
    rng, crops = np.random.default_rng(seed), np.random.default_rng(99)
    rows = []
    for clip in range(3 * groups):
        label = int(crops.integers(2))
        for frame in range(crops.integers(1, 5)):
            p = np.clip(rng.normal(0.5 + shift * (2 * label - 1), 0.3), 0, 1)
            rows.append((f"d/m/-/{clip:03d}", frame, 0, f"g{clip % groups:02d}", label, np.round(p * steps) / steps))
    return pd.DataFrame(rows, columns=[*metrics.ROW, "group", "label", "prob_fake"])


def concatenated(preds: pd.DataFrame, draw: np.ndarray, level: str, chosen: float | None = None) -> dict[str, float]:
    """Score one resample the slow way: lay the rows of each drawn group end to end."""
    y, p, group = metrics.arrays(preds, level)
    times = zip(np.unique(group), draw.astype(int), strict=True)
    rows = np.concatenate([np.tile(np.flatnonzero(group == name), n) for name, n in times])
    return metrics.scores(y[rows], p[rows], chosen=chosen)
