"""Figures of estimates with their intervals: along a parameter, arm by arm, or against the paper's numbers."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ddet.report.figures import COLOURS, beside, coloured, or_blank, styled
from ddet.report.tables import Table
from ddet.report.words import readable
from ddet.stats import pooling
from ddet.stats.interval import Estimate

MARKERS = ("o", "^", "s", "D", "v", "P")  # shapes of points


@or_blank
def lines_with_intervals(tables: Mapping[str, pd.DataFrame], x: str, names: Sequence[str], xlabel: str) -> Figure:
    """Draw metrics against a parameter (log axis), one panel per table, each point with its interval.

    Args:
        tables: panel title -> one row per value of `x`, with the columns `x` and, of every metric in `names`,
            <name>, <name>_low and <name>_high.
    """
    with styled():
        figure, axes = plt.subplots(1, len(tables), figsize=(4.4 * len(tables), 3.6), sharey=True, squeeze=False)
        for axis, (title, table) in zip(axes.flat, tables.items(), strict=True):
            table = table.sort_values(x)
            for name, colour in coloured(dict.fromkeys(names)):
                axis.fill_between(table[x], table[f"{name}_low"], table[f"{name}_high"], color=colour, alpha=0.12, lw=0)
                axis.plot(table[x], table[name], color=colour, marker="o", ms=4, lw=1.8, label=readable(name))
            axis.set(xscale="log", xlabel=xlabel, title=title)
            axis.set_xticks(table[x], [f"{v:.3g}" for v in table[x]])
            axis.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        beside(figure, axes[0, 0])
    return figure


def points_with_intervals(estimates: Mapping[str, Estimate], xlabel: str) -> Figure:
    """Draw one line per arm: the estimate with its interval for people and seeds (bar) and each seed (small dots)."""
    names, estimates = list(estimates)[::-1], dict(zip(estimates, pooling.alike(list(estimates.values())), strict=True))
    with styled():
        figure, axis = plt.subplots(figsize=(6.4, 0.26 * len(names) + 0.9))
        for y, name in enumerate(names):
            e = estimates[name]
            axis.plot([e.low, e.high], [y, y], color=COLOURS[0], lw=1.6, alpha=0.6)
            axis.plot(e.per_seed, [y] * len(e.per_seed), "o", color=COLOURS[1], ms=3, alpha=0.8)
            axis.plot(e.value, y, "|", color=COLOURS[0], ms=9, mew=2)
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel=f"{xlabel}\nmean, interval for people and seeds; dots are seeds", ylim=(-0.7, len(names) - 0.3))
        axis.grid(axis="y", visible=False)
    return figure


def against_paper(table: Table) -> Figure:
    """Draw how far ours lies from the paper's number, against that number: a point with its interval per cell.

    On the dotted line both agree; a cell that either side lacks is left out. See `told_apart` for colours and shapes.
    """
    with styled():
        figure, axis = plt.subplots(figsize=(6.4, 3.6))
        for column, (colour, marker) in told_apart([column.title for column in table.columns]).items():
            cells = [row[column] for row in table.rows.values() if not np.isnan(row[column].difference)]
            if not cells:
                continue
            paper, away = ([getattr(c, name) for c in cells] for name in ("paper_value", "difference"))
            ends = [[c.difference - (c.scaled(end) - c.paper_value) for c in cells] for end in ("low", "high")]
            reach = np.abs(np.nan_to_num(ends))
            axis.errorbar(paper, away, yerr=reach, fmt=marker, ms=4, lw=1, color=colour, label=column)
        axis.axhline(0, color="#888888", ls=":", lw=1)
        axis.set(xlabel="the paper's number", ylabel="ours minus the paper's", title=table.caption)
        beside(figure, axis)
    return figure


def told_apart(columns: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give each column a colour and a shape that no other has.

    Where every dataset has every metric ("DFDC ACC", "DFDC AUC", ...), the colour is the dataset's and the shape the
    metric's.
    """
    ends = [column.rpartition(" ") for column in columns]
    sets, metrics = (list(dict.fromkeys(end[i] for end in ends)) for i in (0, 2))
    if min(len(sets), len(metrics)) > 1 and len(sets) * len(metrics) == len(columns):
        places = [(sets.index(end[0]), metrics.index(end[2])) for end in ends]
    else:
        places = [(i % len(COLOURS), i // len(COLOURS)) for i in range(len(columns))]
    return {column: (COLOURS[i], MARKERS[k]) for column, (i, k) in zip(columns, places, strict=True)}
