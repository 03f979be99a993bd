"""Draw PRLE's own figures: fused maps, masks, and AUC against what was hidden or fused."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddet.report.figures import beside, coloured, or_blank, overlay, photo, styled
from ddet.stats.bootstrap import Estimate

ALPHAS = tuple(round(1 - 0.1 * k, 1) for k in range(10))  # 1.0, 0.9, ... 0.1, as Figure 7 has them


def fused_maps(crops: Sequence[np.ndarray], maps: Mapping[str, np.ndarray], titles: Sequence[str]) -> Figure:
    """Draw Figure 3: per fusion rule a row of maps over crops, and a histogram of the positive values of its maps.

    Args:
        crops: k images, uint8 S x S x 3.
        maps: rule -> n x S x S in [0, 1], n >= k, of which the first k belong to the crops.
        titles: k, above the first row.
    """
    rows, columns = len(maps), len(crops)
    with styled():
        shape = {"width_ratios": [1] * columns + [2.4]}
        figure, axes = plt.subplots(rows, columns + 1, figsize=(1.2 * columns + 3.2, 1.45 * rows), gridspec_kw=shape,
                                    squeeze=False)  # fmt: skip
        drawn = zip(axes, maps.items(), dict(coloured(maps)).values(), strict=True)
        for row, (line, (rule, of_rule), colour) in enumerate(drawn):
            for axis, crop, found, title in zip(line, crops, of_rule, titles, strict=False):
                axis.set_axis_off()
                photo(axis, overlay(crop, found), "" if row else title)
            values = np.asarray(of_rule, np.float32)
            share = 100 * (values > 0).mean()
            line[-1].hist(values[values > 0], bins=np.linspace(0, 1, 41), color=colour)
            line[-1].set_title(f"{rule}: {share:.0f} % of pixels above 0", fontsize=8)
            line[-1].tick_params(labelsize=6)
        axes[-1, -1].set_xlabel("attention")
    return figure


def masked_crops(crops: Sequence[np.ndarray], levels: np.ndarray, titles: Sequence[str]) -> Figure:
    """Draw Figure 7: each crop (uint8 S x S x 3) in a row, without its primary region, alpha falling from 1.0 to 0.1.

    Args:
        levels: float n x S x S, see `exploit.levels`.
    """
    with styled():
        figure, axes = plt.subplots(len(crops), len(ALPHAS), figsize=(10, 1.05 * len(crops) + 0.3), squeeze=False)
        for row, (line, crop, level, title) in enumerate(zip(axes, crops, levels, titles, strict=True)):
            for axis, alpha in zip(line, ALPHAS, strict=True):
                _bare(axis)
                photo(axis, without(crop, level, alpha), "" if row else f"α = {alpha}")
            line[0].set_ylabel(title, fontsize=7)
    return figure


def hidden_crops(
    crops: Sequence[np.ndarray], levels: Sequence[np.ndarray], titles: Sequence[str], alpha: float, columns: int = 3
) -> Figure:
    """Show crops without what `levels` hide at one alpha."""
    with styled():
        rows = -(-len(crops) // columns)
        figure, axes = plt.subplots(rows, columns, figsize=(1.8 * columns, 2 * rows), squeeze=False)
        for axis, crop, level, title in zip(axes.flat, crops, levels, titles, strict=False):
            photo(axis, without(crop, level, alpha), title)
        for axis in axes.flat:
            _bare(axis)
    return figure


def without(crop: np.ndarray, level: np.ndarray, alpha: float) -> np.ndarray:
    """Blacken the pixels of an image (uint8 S x S x 3) whose level is at most alpha."""
    return np.where((level <= alpha)[..., None], 0, crop).astype(np.uint8)


def _bare(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.grid(False)


@or_blank
def pairs_of_points(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]], ylabel: str) -> Figure:
    """Draw Figure 5: a panel per training set, a group per detector, in it a point with interval per training method.

    Args:
        panels: panel -> group -> name -> estimate.
    """
    with styled():
        wide = max(4.2, 0.95 * max(len(groups) for groups in panels.values()))
        figure, axes = plt.subplots(1, len(panels), figsize=(wide * len(panels), 3.2), sharey=True, squeeze=False)
        for axis, (title, groups) in zip(axes.flat, panels.items(), strict=True):
            names = list(dict.fromkeys(name for found in groups.values() for name in found))
            for k, (name, colour) in enumerate(coloured(dict.fromkeys(names))):
                at = np.arange(len(groups)) + 0.22 * (k - (len(names) - 1) / 2)
                _points(axis, at, [found[name] for found in groups.values()], colour, name, line=False)
            axis.set_xticks(range(len(groups)), list(groups))
            axis.set(title=title, xlim=(-0.6, len(groups) - 0.4))
        axes[0, 0].set_ylabel(ylabel)
        beside(figure, axes[0, 0])
    return figure


@or_blank
def along(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]], xlabel: str) -> Figure:
    """Draw Figure 6: a panel per metric, in it a line per detector over named steps, each point with its interval.

    Args:
        panels: metric -> detector -> step -> estimate.
    """
    with styled():
        figure, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.3), squeeze=False)
        for axis, (title, lines) in zip(axes.flat, panels.items(), strict=True):
            aside = np.linspace(-0.06, 0.06, len(lines)) if len(lines) > 1 else [0.0]  # intervals would hide each other
            for (name, colour), by in zip(coloured(lines), aside, strict=True):
                steps = lines[name]
                _points(axis, np.arange(len(steps)) + by, list(steps.values()), colour, name)
                axis.set_xticks(range(len(steps)), list(steps), fontsize=7)
            axis.set(xlabel=xlabel, ylabel=title)
        beside(figure, axes[0, 0])
    return figure


def _points(axis: Axes, at: np.ndarray, found: list[Estimate], colour: str, label: str, line: bool = True) -> None:
    values = [e.value for e in found]
    axis.vlines(at, [e.low for e in found], [e.high for e in found], color=colour, alpha=0.5, lw=1.6)
    axis.plot(at, values, "o-" if line else "o", color=colour, ms=4, lw=1.6, label=label)


def over_alpha(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw Figure 8: AUC against the hidden share alpha, one line per forgery method, a panel per kind of maps.

    Args:
        panels: title -> columns method, alpha, auc, low, high.
    """
    with styled():
        figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.6), sharey=True, squeeze=False)
        for axis, (title, found) in zip(axes.flat, panels.items(), strict=True):
            for method, colour in coloured(dict.fromkeys(found["method"])):
                part = found[found["method"] == method].sort_values("alpha")
                axis.fill_between(part["alpha"], part["low"], part["high"], color=colour, alpha=0.1, lw=0)
                axis.plot(part["alpha"], part["auc"], marker="o", ms=3, lw=1.6, color=colour, label=method)
            axis.axhline(0.5, color="0.4", lw=0.8, ls=":")
            axis.set(title=title, xlabel="α: hidden share of the primary region")
        axes[0, 0].set_ylabel("AUC of crops")
        beside(figure, axes[0, 0])
    return figure
