"""Block diagrams of a method: rows of boxes with arrows, drawn by code in the style of the other figures."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ddet.report.figures import COLOURS, styled

WIDTH, HEIGHT, GAP = 1.55, 0.74, 0.32  # of a box and between boxes, in inches
LETTERS = 19  # of a box's text, on one line
OWN = "*"  # a box that begins with it is what the paper adds


def flow(rows: Mapping[str, Sequence[str]]) -> Figure:
    """Draw one chain of boxes per row, from left to right, under the row's title.

    Args:
        rows: title -> what the boxes say; one that begins with OWN is filled, as what the method adds.
    """
    most, pitch = max(map(len, rows.values())), HEIGHT + 0.62
    with styled():
        width, height = most * (WIDTH + GAP), len(rows) * pitch
        figure, axis = plt.subplots(figsize=(width, height))
        axis.set(xlim=(-GAP / 2, width - GAP / 2), ylim=(0, height), aspect="equal")
        axis.set_axis_off()
        for i, (title, boxes) in enumerate(rows.items()):
            middle = height - i * pitch - 0.3 - HEIGHT / 2
            axis.text(0, middle + HEIGHT / 2 + 0.12, title, weight="bold", va="bottom")
            for k, text in enumerate(boxes):
                _box(axis, k * (WIDTH + GAP), middle, text)
                if k:
                    _arrow(axis, k * (WIDTH + GAP), middle)
    return figure


def _arrow(axis: plt.Axes, end: float, middle: float) -> None:
    axis.annotate("", (end, middle), (end - GAP, middle), arrowprops={"arrowstyle": "-|>", "color": "black"})


def _box(axis: plt.Axes, left: float, middle: float, text: str) -> None:
    own = text.startswith(OWN)
    face = COLOURS[5] if own else "white"
    axis.add_patch(plt.Rectangle((left, middle - HEIGHT / 2), WIDTH, HEIGHT, facecolor=face, edgecolor="black", lw=1))
    said = textwrap.fill(text.removeprefix(OWN), LETTERS, break_on_hyphens=False)
    axis.text(left + WIDTH / 2, middle, said, ha="center", va="center", fontsize=8)
