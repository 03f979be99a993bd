"""Draw ASRID's figures: losses by step (its Figures 5 to 13), and attention over the frames of a clip."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ddet.report.figures import beside, coloured, or_blank, photo, styled

Fits = tuple[Sequence[pd.DataFrame], Sequence[pd.DataFrame]]


@or_blank
def step_curves(fits: Mapping[str, Fits], title: str = "") -> Figure:
    """Draw the training loss by step (raw pale, smoothed thick, first seed) and the valid log loss (every seed).

    Args:
        fits: arm -> the results of `asrid.scores.steps` and `asrid.scores.histories`.
    """
    with styled():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
        for arm, colour in coloured(fits):
            steps, histories = fits[arm]
            first = steps[0]
            left.plot(first["step"], first["loss"], color=colour, lw=0.6, alpha=0.25)
            left.plot(first["step"], first["smooth"], color=colour, lw=1.8, label=arm)
            for history in histories:
                right.plot(history["step"], history["clip_log_loss"], color=colour, lw=0.7, alpha=0.5)
            mean = pd.concat(histories).groupby("step")["clip_log_loss"].mean()
            right.plot(mean.index, mean, color=colour, lw=2, marker="o" if len(mean) == 1 else None, label=arm)
        left.set(xlabel="step", ylabel="loss", title="train: batches pale, smoothed thick")
        right.set(xlabel="step", ylabel="log loss", title="valid: seeds thin, mean thick")
        beside(figure, right)
        if title:
            figure.suptitle(title, fontsize=11)
    return figure


@or_blank
def frame_attention(crops: Sequence[np.ndarray], weights: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Draw each clip as a strip of its crops (uint8 F x S x S x 3) beside its attention from frame to frame (F x F)."""
    rows = len(crops)
    with styled():
        shape = {"width_ratios": (4, 1)}
        figure, axes = plt.subplots(rows, 2, figsize=(9, 1.7 * rows), gridspec_kw=shape, squeeze=False)
        for (left, right), clip, weight, title in zip(axes, crops, weights, titles, strict=True):
            left.set_axis_off()
            photo(left, np.concatenate(list(clip), axis=1), title)
            even, far = 1 / len(weight), np.abs(weight - 1 / len(weight)).max()
            image = right.imshow(weight, cmap="RdBu_r", vmin=even - far, vmax=even + far)
            right.set(xlabel="looked at", ylabel="frame", xticks=range(len(weight)), yticks=range(len(weight)))
            right.tick_params(labelsize=6)
            right.grid(False)
            figure.colorbar(image, ax=right, shrink=0.8)
    return figure
