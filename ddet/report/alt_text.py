"""What a figure holds, in words, for those who do not see it."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def describe(figure: Figure) -> str:
    """Say in words what a figure holds, for those who do not see it: panels, axes, and what its lines are called."""
    panels = [axis for axis in figure.axes if axis.get_title() or axis.get_xlabel() or axis.get_ylabel()]
    told = "; ".join(dict.fromkeys(_panel(axis) for axis in panels))
    words = (" ".join(text.get_text().split()) for axis in figure.axes for text in axis.texts)
    told = told or ", ".join(filter(None, words))
    legends = [*figure.legends, *(axis.get_legend() for axis in panels if axis.get_legend())]
    lines = dict.fromkeys(text.get_text() for legend in legends for text in legend.get_texts())
    return f"{told or 'Picture'}." + (f" Lines: {', '.join(lines)}." if lines else "")


def _panel(axis: Axes) -> str:
    ends = " against ".join(filter(None, (axis.get_ylabel(), axis.get_xlabel())))
    return " ".join(": ".join(filter(None, (axis.get_title(), ends))).split())
