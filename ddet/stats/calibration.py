"""Measure whether probabilities mean what they say: of crops scored .8, are four in five fakes?

Paper: Guo et al. (2017), *On Calibration of Modern Neural Networks*, section 2: bins of equal width, expected
calibration error (ECE) with 15 of them.
Differs: the paper bins the confidence in the predicted class. With two classes, one of which is *fake*, the probability
of fake itself is binned, over [0, 1], as scikit-learn's `calibration_curve` does: what is wrong with crops scored near
0 and with those scored near 1 cannot cancel then. ECE is biased upwards where bins hold few crops.
"""

import numpy as np
import pandas as pd

BINS = 15
EDGES = np.linspace(0, 1, BINS + 1)


def bins(p: np.ndarray) -> np.ndarray:
    """Return the bin, 0 to BINS - 1, of each probability; a bin holds its upper edge, and the first one 0 as well."""
    return np.searchsorted(EDGES[1:-1], p)


def reliability(y: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    """Return the points of the reliability curve of n labels (0, 1) and n probabilities of fake.

    Returns:
        One row per bin that holds any, in rising order: prob_fake (mean, in [0, 1]), fakes (their share, in [0, 1]),
        count.
    """
    table = pd.DataFrame({"bin": bins(p), "prob_fake": p, "fakes": y}).groupby("bin")
    return table.agg(prob_fake=("prob_fake", "mean"), fakes=("fakes", "mean"), count=("fakes", "size"))


def ece(y: np.ndarray, p: np.ndarray) -> float:
    """Return the expected calibration error: the distance of the reliability curve from the diagonal, mean over crops.

    In [0, 1]; 0 where in every bin the share of fakes is the mean probability.
    """
    curve = reliability(y, p)
    return float(np.average(abs(curve["fakes"] - curve["prob_fake"]), weights=curve["count"]))
