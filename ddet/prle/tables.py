"""Compute the numbers of PRLE's tables from the scores of its runs and the maps of its detectors."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.prle import arms as prle_arms
from ddet.prle.arms import METHOD, SHORT, named
from ddet.prle.attention import primary_shares
from ddet.prle.coverage import THRESHOLDS, coverage
from ddet.prle.scores import Scored
from ddet.report import tables
from ddet.runs import finished
from ddet.stats import bootstrap, metrics
from ddet.stats.bootstrap import Estimate

Found = dict[str, dict[str, Estimate]]
ACC, AUC = "frame_accuracy", "frame_auc"
ACC_AT = f"{ACC}{metrics.OF_VALID}"
BASE = {"table4": "Primary Region", "table5": "Neighboring"}  # what the paper calls the method in these tables
ARMS = {"table4": ("Random", "Landmark"), "table5": ("Average (low τ1)", "Average (high τ1)")}
SINGLE = {"X. + E. + V.": METHOD, "X.": "X.", "E.": "E.", "V.": "V."}  # Table VI: its row -> the arm


def table1(maps: Mapping[str, np.ndarray], rows: pd.DataFrame, cfg: params.Report) -> Found:
    """Estimate the share of a crop that primary regions cover, by detector and forgery method.

    Rows named after a detector count pixels with A > 0, as eq. 4 does; the rows after each use higher thresholds. The
    detectors are given, those that the masks come from: intervals are over people.

    Paper: PRLE Table I. It does not say whether its maps were halved, as in the released code, nor whether it counts
    A > 0 or A > tau1 = .3: with our maps, which reach 1, the three readings are 0, .3 and .6.

    Args:
        maps: detector -> n x S x S.
        rows: the n training crops of FF++.
    """
    found: Found = {}
    for above in THRESHOLDS:
        for detector, maps_of in maps.items():
            shares, row = coverage(maps_of, above), detector if above == 0 else f"{detector}, above {above:g}"
            cells = {short: (rows["method"] == method).to_numpy() for method, short in SHORT.items()}
            found[row] = {
                short: bootstrap.mean_values(shares[here], rows[here], cfg, given=True)
                for short, here in cells.items()
                if here.any()
            }
    return found


def table2(section: params.Prle, scored: Scored) -> tuple[Found, dict[str, list[str]]]:
    """Estimate accuracy and AUC of each detector and of each with the method, on each test set and on average.

    The detectors that the paper compares with come first, those of them that were trained. ACC is at .5, ACC at t at
    the threshold of each run's valid crops, which are of FF++.
    """
    names = [name for name in section.compared.detectors if scored.has(name)]
    names += [named(d, arm) for arm in (prle_arms.PLAIN, METHOD) for d in section.detectors]
    sets = {title: [dataset] for title, dataset in section.tests.items()} | {"AVG": list(section.tests.values())}
    shown = {"ACC": ACC, "ACC at t": ACC_AT, "AUC": AUC}
    cells = {f"{title} {word}": (parts, m) for title, parts in sets.items() for word, m in shown.items()}
    cells |= {"FF++ AUC": (["ffpp"], AUC), "AVG clip AUC": (sets["AVG"], "clip_auc")}
    return {name: {title: scored.over(name, parts, m) for title, (parts, m) in cells.items()} for name in names}, {
        name: finished.keys(scored.done, name) for name in names
    }


def table3(section: params.Prle, scored: Scored) -> tuple[Found, dict[str, list[str]]]:
    """Estimate the AUC on each forgery method of detectors that were trained on one."""
    cfg = section.subsets
    parts = {SHORT[m]: [m] for m in cfg.methods} | {"AVG": list(cfg.methods)}
    names = [named(d, arm, m) for m in cfg.methods for d in cfg.detectors for arm in (prle_arms.PLAIN, METHOD)]
    found = {name: {title: scored.over(name, part, AUC) for title, part in parts.items()} for name in names}
    return found, {name: finished.keys(scored.done, name) for name in names}


def against(section: params.Prle, scored: Scored, rows: Mapping[str, tuple[str, str]]) -> tuple[Found, dict]:
    """Estimate the AUC of fits on each test set, and by how much each differs from another fit.

    Args:
        rows: row -> the fit, and the fit that its differences refer to (itself: no difference).
    """
    found: Found = {}
    sets = {title: [dataset] for title, dataset in section.tests.items()} | {"AVG": list(section.tests.values())}
    for row, (name, base) in rows.items():
        found[row] = {title: scored.over(name, parts, AUC) for title, parts in sets.items()}
        if name != base:
            gains = {f"{title} difference": scored.gain([(name, base)], parts, AUC) for title, parts in sets.items()}
            found[row] |= gains
    return found, {row: finished.keys(scored.done, name) for row, (name, _) in rows.items()}


def rows_of(section: params.Prle, table: str) -> dict[str, tuple[str, str]]:
    """Return row -> (fit, reference) for Tables IV to VII, named as in the paper; rows without an arm are left out."""
    listed = prle_arms.fits(section)
    if table in BASE:
        rows = {
            f"{d} + {BASE[table] if arm == METHOD else arm}": (named(d, arm), named(d, METHOD))
            for d in section.detectors
            for arm in (METHOD, *ARMS[table])
        }
    elif table == "table6":
        rows = {row: (named("EfficientNet", arm), named("EfficientNet", METHOD)) for row, arm in SINGLE.items()}
    else:
        without = "w/o exploitation"
        rows = {
            f"{d}{suffix}": (named(d, arm), named(d, METHOD))
            for d in section.detectors
            for suffix, arm in (("", METHOD), (f" {without}", without))
            if named(d, without) in listed
        }
    return {row: fits for row, fits in rows.items() if set(fits) <= set(listed)}


def columns(titles: Sequence[str]) -> list[tables.Column]:
    """Return columns in percent whose metrics are named by their titles."""
    return [tables.Column(title, title, 100) for title in titles]


def on_forgery(
    maps: Mapping[str, np.ndarray], forged: np.ndarray, rows: pd.DataFrame, cfg: params.Report
) -> pd.DataFrame:
    """Tabulate the overlap of maps and forged pixels: the shares of `attention.primary_shares`, one row per detector.

    `inside - area` is the attention on the forgery beyond that of a uniform map. The maps are given, those that the
    masks come from: its interval is over people. A detector whose maps are all zero has no numbers.

    Args:
        maps: detector -> n x S x S.
        forged: bool n x S x S.
        rows: the n fakes.
    """
    lines = []
    for name, found in maps.items():
        shares = primary_shares(np.asarray(found, np.float32), forged)
        more = bootstrap.paired_values(shares["inside"], shares["area"], rows, cfg, given=True)
        means = {key: np.nanmean(value) if more.frames else np.nan for key, value in shares.items()}
        line = {"maps of": name} | means
        lines.append(line | {"inside - area": more.value, "low": more.low, "high": more.high, "crops": more.frames})
    return pd.DataFrame(lines)
