"""Intervals over seeds, for quantities that cannot be resampled over clips, such as a training loss."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.stats.interval import Estimate, completed


def of_seeds(values: Sequence[float], rows: pd.DataFrame, cfg: params.Report) -> Estimate:
    """Estimate the mean over seeds with Student's t interval; with one seed its ends are nan.

    Args:
        values: one number per seed.
        rows: the clips that it was measured on (columns clip_id, group).
        cfg: the confidence.
    """
    values = np.asarray(values, float)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return completed(
        Estimate(
            value=float(values.mean()),
            low=np.nan,
            high=np.nan,
            spread=spread,
            per_seed=tuple(float(v) for v in values),
            frames=len(rows),
            clips=rows["clip_id"].nunique(),
            groups=rows["group"].nunique(),
            resamples=0,
            dropped=0,
            few_groups=False,  # no group is resampled
            people=0.0,
            seed_sd=spread,
            seed_df=len(values) - 1.0,
            confidence=cfg.confidence,
        )
    )


def last(steps: pd.DataFrame) -> float:
    """Return the smoothed training loss at the end of a fit."""
    return float(steps["smooth"].iloc[-1])


def average(steps: pd.DataFrame) -> float:
    """Return the mean training loss over all batches of a fit."""
    return float(steps["loss"].mean())


def variation(steps: pd.DataFrame) -> float:
    """Return the RMS difference of batch loss and smoothed loss over the later half of a fit.

    Paper: ASRID Table 2, column Var, in words; its figures show the raw curve behind the smoothed one.
    """
    late = steps.iloc[len(steps) // 2 :]
    return float(np.sqrt(((late["loss"] - late["smooth"]) ** 2).mean()))
