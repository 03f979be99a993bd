"""What a figure holds, in words, for those who do not see it."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def describe(figure: Figure) -> str:
    """Say in words what a figure holds, for those who do not see it: panels, axes, and what its lines are called."""
    panels = [axis for axis in figure.axes if axis.get_title() or axis.get_xlabel() or axis.get_ylabel()]
    told = "; ".join(dict.fromkeys(_panel(axis) for axis in panels))
    lines = dict.fromkeys(t.get_text() for a in panels if a.get_legend() for t in a.get_legend().get_texts())
    return f"{told or 'Picture'}." + (f" Lines: {', '.join(lines)}." if lines else "")


def _panel(axis: Axes) -> str:
    ends = " against ".join(filter(None, (axis.get_ylabel(), axis.get_xlabel())))
    return " ".join(": ".join(filter(None, (axis.get_title(), ends))).split())
