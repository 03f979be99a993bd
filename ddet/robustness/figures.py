"""Draw degradation curves, one panel a degradation, and say in words how far each falls."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ddet.data.crops import load_crop
from ddet.report.figures import beside, coloured, contact_sheet, styled
from ddet.robustness import degrade
from ddet.robustness.curves import Level
from ddet.robustness.degrade import Footage

TITLES = {
    "jpeg": ("JPEG", "quality"),
    "blur": ("Gaussian blur", "sd, px"),
    "resize": ("shrunk and enlarged", "share of the side"),
    "noise": ("Gaussian noise", "sd, grey levels"),
    "crf": ("H.264 once more", "CRF"),
}  # degradation -> title of its panel, what its levels are


def curves(told: pd.DataFrame) -> Figure:
    """Draw `curves.table`: AUC from the crops as they are to the harshest level, a line a paper with its interval."""
    papers = dict.fromkeys(f"{paper}: {arm}" for paper, arm in zip(told["paper"], told["arm"], strict=True))
    with styled():
        figure, axes = plt.subplots(1, len(TITLES), figsize=(11, 3.5), sharey=True)
        for axis, (kind, (title, xlabel)) in zip(axes, TITLES.items(), strict=True):
            own = told[told["degradation"] == kind]
            for name, colour in coloured(papers):
                part = own[own["paper"] + ": " + own["arm"] == name]
                at = np.arange(len(part))
                axis.fill_between(at, part["low"], part["high"], color=colour, alpha=0.15, lw=0)
                axis.plot(at, part["AUC"], color=colour, marker="o", ms=4, lw=1.8, label=name)
                ticks = ["as is" if np.isnan(level) else f"{level:g}" for level in part["level"]]
            axis.axhline(0.5, color="#888888", lw=0.8, ls=":")
            axis.set_xticks(range(len(ticks)), ticks)
            axis.set(title=title, xlabel=xlabel)
        axes[0].set_ylabel("AUC (ASRID: of clips)")
        beside(figure, axes[0])
    return figure


def sheet(rows: pd.DataFrame, levels: Sequence[Level], where: Footage, out: Path) -> Figure:
    """Show the first fake crop of `rows` as it is, at the mildest and at the harshest level of each degradation.

    The crops are written below `out`.
    """
    one = rows[rows["label"] == 1].head(1)
    images, titles = [load_crop(where.faces / one["crop"].iloc[0])], ["as is"]
    for kind in degrade.KINDS:
        own = [level for name, level in levels if name == kind]
        for level in dict.fromkeys((own[0], own[-1])):
            kept = degrade.write(one, kind, level, where, out)
            images += [load_crop(out / crop) for crop in kept["crop"]]
            titles += [f"{kind} {level:g}"] * len(kept)
    return contact_sheet(images, titles, columns=6)


def sentence(told: pd.DataFrame) -> str:
    """Say for each paper what the harshest level of each degradation costs, and from which level on it costs anything.

    A level costs something where the whole interval of its change lies below 0.
    """
    said = []
    for (paper, arm), part in told.groupby(["paper", "arm"], sort=False):
        clean = part.loc[part["level"].isna(), "AUC"].iloc[0]
        costs = [_cost(kind, own[own["level"].notna()]) for kind, own in part.groupby("degradation", sort=False)]
        said.append(f"{paper} ({arm}), {clean:.3f} as is: {'; '.join(costs)}.")
    return "\n".join(said)


def _cost(kind: str, own: pd.DataFrame) -> str:
    last = own.iloc[-1]
    interval = "" if np.isnan(last["change low"]) else f" [{last['change low']:+.3f}, {last['change high']:+.3f}]"
    lower = own[own["change high"] < 0]
    since = f"first lower for certain at {lower['level'].iloc[0]:g}" if len(lower) else "at no level lower for certain"
    below = ", below chance" if last["high"] < 0.5 else ""
    return f"{kind} {last['level']:g}: {last['change']:+.3f}{interval}{below}, {since}"
