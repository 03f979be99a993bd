"""Figures in one style, saved as the same bytes on every run."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import Image, display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image as Picture
from sklearn.metrics import roc_auc_score, roc_curve

from ddet import paths
from ddet.errors import InputError
from ddet.report import alt_text
from ddet.report.words import readable
from ddet.stats import metrics

# Okabe and Ito's palette (2008), which people with any kind of colour vision can tell apart; black is for text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DPI = 110
QUALITY = 90  # of a WebP: no seam or grain of a forged face is lost to the eye
FONTS = "'DejaVu Sans', Verdana, sans-serif"  # of an SVG's text; Verdana is as wide
STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "legend.frameon": False,
    "svg.hashsalt": "ddet",  # else the ids inside an SVG are random
    "svg.fonttype": "none",  # text that can be read aloud, found and copied, in half the bytes
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the common style of the figures within the block."""
    with mpl.rc_context(STYLE):
        yield


def save(figure: Figure, name: str, folder: Path = paths.FIGURES, svg: bool = True) -> list[Path]:
    """Write a chart as <name>.svg and .png, photographs (`svg` off) as <name>.webp; without dates or random ids.

    In a notebook the figure is shown and closed (matplotlib's own display showed the figures of the first cell that
    had any, and no others). What is shown names its file, so that a report refers to it, see `ddet.nbrun`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.{kind}" for kind in (("svg", "png") if svg else ("webp",))]
    with styled():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        drawn = Picture.open(buffer).convert("RGB")
        if svg:
            _write_svg(figure, written[0])
            flat = drawn.quantize(256, dither=Picture.Dither.NONE)  # a chart has few colours
            flat.save(written[1], optimize=True)
        else:
            drawn.save(written[0], quality=QUALITY, method=6)
    if get_ipython() is not None:
        inside = folder.is_relative_to(paths.REPORTS)
        file = {"file": written[0].relative_to(paths.REPORTS).as_posix()} if inside else None
        display(Image(data=buffer.getvalue(), alt=alt_text.describe(figure), metadata=file))
    plt.close(figure)
    return written


def blank(reason: str) -> Figure:
    """Draw a sentence in place of a figure that cannot be drawn from this data: a stage writes all that it declares."""
    with styled():
        figure = plt.figure(figsize=(6, 1.2))
        figure.text(0.5, 0.5, reason, ha="center", va="center", wrap=True)
    return figure


def or_blank(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make `draw` return a sentence where its first argument is empty: no arm was run that it would show."""

    @wraps(draw)
    def drawn(shown: Sequence | Mapping, *args: Any, **kwargs: Any) -> Figure:
        return draw(shown, *args, **kwargs) if len(shown) else blank("no arm was run that this figure would show")

    return drawn


def _write_svg(figure: Figure, path: Path) -> None:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    path.write_text(text.getvalue().replace("'DejaVu Sans'", FONTS), encoding="utf-8", newline="\n")


def contact_sheet(
    images: Sequence[np.ndarray], titles: Sequence[str], masks: Sequence[np.ndarray] | None = None, columns: int = 6
) -> Figure:
    """Lay crops (uint8 H x W x 3, RGB) out in a grid; a mask (bool H x W, True = forged) is outlined. Save as PNG."""
    _same_length("contact_sheet", images, titles, masks if masks is not None else images)
    figure, axes = _grid(len(images), columns, 1.35, title_lines=max(t.count("\n") for t in titles) + 1)
    for i, (image, title) in enumerate(zip(images, titles, strict=True)):
        photo(axes[i], image, title)
        if masks is not None:
            _outline(axes[i], masks[i])
    return figure


@or_blank
def cam_grid(
    crops: Sequence[np.ndarray],
    maps: np.ndarray,
    masks: Sequence[np.ndarray],
    titles: Sequence[str],
    columns: int = 4,
) -> Figure:
    """Draw each crop twice, plain and under its Grad-CAM (float H x W in [0, 1]), forged pixels outlined. Save as PNG.

    The shape of map and mask is that of the crop; a real crop has an empty mask.
    """
    _same_length("cam_grid", crops, maps, masks, titles)
    pairs = [np.concatenate([crop, overlay(crop, cam)], axis=1) for crop, cam in zip(crops, maps, strict=True)]
    figure, axes = _grid(len(pairs), columns, 2.5, aspect=2, title_lines=max(t.count("\n") for t in titles) + 1)
    for i, (pair, mask, title) in enumerate(zip(pairs, masks, titles, strict=True)):
        photo(axes[i], pair, title)
        _outline(axes[i], np.concatenate([mask, mask], axis=1))
    return figure


def training_curves(histories: Mapping[str, Sequence[pd.DataFrame]], metric: str = "frame_auc") -> Figure:
    """Draw loss (train dashed, valid solid) and a valid metric over epochs: seeds thin, their mean thick.

    Args:
        histories: arm -> the history of each seed, with the columns epoch, train_loss, valid_loss and `metric`.
    """
    with styled():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
        for arm, colour in coloured(histories):
            _curves(left, histories[arm], "train_loss", colour, "--", None)
            _curves(left, histories[arm], "valid_loss", colour, "-", arm)
            _curves(right, histories[arm], metric, colour, "-", arm)
        left.set(xlabel="epoch", ylabel="loss", yscale="log", title="loss, log scale: train dashed, valid solid")
        right.set(xlabel="epoch", ylabel=readable(metric), title=f"valid {readable(metric)}")
        for axis in (left, right):
            axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
        beside(figure, right)
    return figure


def beside(figure: Figure, axis: Axes, columns: int = 4) -> None:
    """Put the legend of an axis below the figure, where it lies over no line."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), columns) or 1)


def confusion_matrices(counts: Mapping[str, np.ndarray]) -> Figure:
    """Draw the 2 x 2 counts of `metrics.confusion` per arm: number, and its share of the true class in per cent."""
    figure, axes = _grid(len(counts), len(counts), 2.3, title_lines=2)
    with styled():
        for axis, (arm, matrix) in zip(axes, counts.items(), strict=True):
            share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            axis.imshow(share, vmin=0, vmax=1, cmap="Blues")
            for (row, column), count in np.ndenumerate(matrix):
                colour = "white" if share[row, column] > 0.6 else "black"
                text = f"{count}\n{share[row, column]:.1%}"
                axis.text(column, row, text, ha="center", va="center", color=colour)
            axis.set(title=arm, xticks=[0, 1], yticks=[0, 1], xlabel="predicted")
            axis.set_xticklabels(["real", "fake"])
            axis.set_yticklabels(["real", "fake"])
            axis.set_axis_on()
            axis.grid(False)
        axes[0].set_ylabel("true")
    return figure


def roc_curves(preds: Mapping[str, Sequence[pd.DataFrame]], level: str = "frame") -> Figure:
    """Draw ROC curves per arm: seeds thin, thick their mean hit rate per false alarm rate; mean AUC in the legend."""
    grid = np.linspace(0, 1, 201)
    with styled():
        figure, axis = plt.subplots(figsize=(4.6, 4.9))
        for arm, colour in coloured(preds):
            scored = [metrics.arrays(p, level)[:2] for p in preds[arm]]
            curves = [roc_curve(y, p)[:2] for y, p in scored]
            for alarms, hits in curves:
                axis.plot(alarms, hits, color=colour, lw=0.7, alpha=0.5)
            auc = np.mean([roc_auc_score(y, p) for y, p in scored])
            hits = np.mean([np.interp(grid, *curve) for curve in curves], axis=0)
            axis.plot(np.append(0, grid), np.append(0, hits), color=colour, lw=2, label=f"{arm} (AUC {auc:.3f})")
        axis.plot([0, 1], [0, 1], color="#888888", lw=0.8, ls=":")
        axis.set(xlabel="real taken for fake", ylabel="fake found", title=f"ROC, {level} level", aspect="equal")
        beside(figure, axis, columns=2)
    return figure


def coloured(arms: Mapping) -> Iterator[tuple[str, str]]:
    """Pair each arm with its colour."""
    return ((arm, COLOURS[i % len(COLOURS)]) for i, arm in enumerate(arms))


def _curves(axis: Axes, seeds: Sequence[pd.DataFrame], column: str, colour: str, style: str, label: str | None) -> None:
    for history in seeds:
        axis.plot(history["epoch"], history[column], color=colour, ls=style, lw=0.7, alpha=0.5)
    mean = pd.concat(seeds).groupby("epoch")[column].mean()
    marker = "o" if len(mean) == 1 else None  # one epoch makes no line
    axis.plot(mean.index, mean, color=colour, ls=style, lw=2, label=label, marker=marker)


def _grid(count: int, columns: int, width: float, aspect: float = 1, title_lines: int = 1) -> tuple[Figure, np.ndarray]:
    """Return a figure with `count` empty axes, each `width` inches wide and `aspect` times as wide as high."""
    if not count:
        raise InputError("figure", "nothing to show", "pass at least one image or arm")
    columns = min(columns, count)
    rows = -(-count // columns)
    with styled():
        size = (columns * width, rows * (width / aspect + 0.19 * title_lines))
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, axes.flat[:count]


def photo(axis: Axes, image: np.ndarray, title: str) -> None:
    """Show an image (uint8 H x W x 3) under its title."""
    axis.imshow(image, interpolation="antialiased")
    axis.set_title(title, fontsize=8)


def _outline(axis: Axes, mask: np.ndarray) -> None:
    if mask.any():  # padded, so that a mask that touches the border is closed
        edge = np.arange(-1, max(mask.shape) + 1)
        padded = np.pad(mask, 1).astype(float)
        axis.contour(
            edge[: padded.shape[1]], edge[: padded.shape[0]], padded, [0.5], colors=["#ffffff"], linewidths=1.8
        )
        axis.contour(
            edge[: padded.shape[1]], edge[: padded.shape[0]], padded, [0.5], colors=["#000000"], linewidths=0.7
        )


def overlay(crop: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """Blend a map over a crop: uint8 H x W x 3, both with half weight."""
    heat = mpl.colormaps["inferno"](np.asarray(cam, float))[..., :3] * 255
    return (0.5 * crop + 0.5 * heat).round().astype(np.uint8)


def _same_length(where: str, *parts: Sequence) -> None:
    if len({len(p) for p in parts}) != 1:
        raise InputError(where, f"lengths {[len(p) for p in parts]}", "pass one of each per image")
