"""Draw reliability curves: does a probability of fake mean what it says?"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddet.report.figures import coloured, or_blank, styled
from ddet.stats import calibration, metrics

HIGHEST = 0.25  # of the bars of counts, in units of the axis
LARGEST = 60  # area of the marker of the fullest bin, in points squared


@or_blank
def curves(preds: Mapping[str, Sequence[pd.DataFrame]], level: str = "frame") -> Figure:
    """Draw one panel per arm: the share of fakes in each bin of prob_fake against its mean; see `calibration`.

    Thin lines are seeds, the thick one all seeds together, markers as large as their bins are full. Bars below show how
    many scores fall in each bin. On the diagonal, probabilities are right; above it they are too low. The title holds
    the ECE, mean over seeds.

    Args:
        preds: arm -> the test predictions of each seed.
    """
    with styled():
        size = (2.7 * len(preds) + 0.3, 3.2)
        figure, axes = plt.subplots(1, len(preds), figsize=size, sharey=True, squeeze=False)
        for axis, (arm, colour) in zip(axes.flat, coloured(preds), strict=True):
            _panel(axis, [metrics.arrays(p, level)[:2] for p in preds[arm]], colour)
            error = np.mean([metrics.scores(*metrics.arrays(p, level)[:2])["ece"] for p in preds[arm]])
            axis.set(xlabel=f"prob_fake of a {level}", title=f"{arm}\nECE {error:.3f}", xlim=(0, 1), ylim=(0, 1))
            axis.set_aspect("equal")
        axes[0, 0].set_ylabel("share of fakes in the bin")
    return figure


def _panel(axis: Axes, scored: Sequence[tuple[np.ndarray, np.ndarray]], colour: str) -> None:
    axis.plot([0, 1], [0, 1], color="#888888", lw=0.8, ls=":")
    for y, p in scored:
        curve = calibration.reliability(y, p)
        axis.plot(curve["prob_fake"], curve["fakes"], color=colour, lw=0.7, alpha=0.5)
    curve = calibration.reliability(*(np.concatenate(part) for part in zip(*scored, strict=True)))
    share = curve["count"] / curve["count"].max()
    width = 1 / calibration.BINS
    axis.bar((curve.index + 0.5) * width, HIGHEST * share, width, color="#bbbbbb", alpha=0.6, zorder=0.5)
    axis.plot(curve["prob_fake"], curve["fakes"], color=colour, lw=2)
    axis.scatter(curve["prob_fake"], curve["fakes"], s=LARGEST * share, color=colour, zorder=3, clip_on=False)
