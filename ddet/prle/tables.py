"""Compute the numbers of PRLE's tables and claims from the scores of its runs and the maps of its detectors."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.prle import arms as prle_arms
from ddet.prle.arms import METHOD, SHORT, named
from ddet.prle.attention import primary_shares
from ddet.prle.coverage import THRESHOLDS, coverage
from ddet.prle.scores import Scored, weakest
from ddet.report import tables
from ddet.runs import finished
from ddet.stats import bootstrap, metrics, seed_interval, verdicts
from ddet.stats.bootstrap import Estimate

Found = dict[str, dict[str, Estimate]]
ACC, AUC = "frame_accuracy", "frame_auc"
ACC_AT = f"{ACC}{metrics.OF_VALID}"
LITTLE = 0.2  # share of an image: the paper says that primary regions cover less
SPARE = 0.03  # of the training time: the paper says that the method costs less
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

    ACC is at .5, ACC at t at the threshold of each run's valid crops, which are of FF++.
    """
    names = [named(d, arm) for arm in (prle_arms.PLAIN, METHOD) for d in section.detectors]
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


def judge(section: params.Prle, scored: Scored, where: str) -> pd.DataFrame:
    """Test the claims that compare trained detectors; a gain is one of AUC unless said otherwise.

    Claims on "every" detector or cell are decided by the weakest of them. A cell is a detector (and an arm), averaged
    over the test sets. A claim whose arms the params file lacks is left out.
    """
    every, tests = list(section.detectors), list(section.tests.values())
    method = {d: (named(d, METHOD), named(d)) for d in every}
    lines = [
        _one(scored, "prle-average", [list(method.values())], tests, where),
        _one(scored, "prle-acc-all", [[pair] for pair in method.values()], tests, where, ACC),
        _one(scored, "prle-unseen-backbones", [[method[d] for d in every if d not in section.zoo]], tests, where),
    ]
    for claim_id, arms in {
        "prle-over-random": ("Random",),
        "prle-over-landmark": ("Landmark",),
        "prle-fusion": ARMS["table5"],
    }.items():
        cells = [[(named(d, METHOD), named(d, arm))] for d in every for arm in arms]
        lines.append(_one(scored, claim_id, cells, tests, where))
    low, high = ARMS["table5"]
    five = [(named(d, "X. + E. + V. + F. + R."), named(d, "X.")) for d in every]
    over_random = [(named(d, "Landmark"), named(d, "Random")) for d in every]
    lines += [
        _one(scored, "prle-landmark-random", [over_random], tests, where),
        _one(scored, "prle-low-high", [[(named(d, low), named(d, high))] for d in every], tests, where),
        _one(scored, "prle-three-one", [[pair] for pair in _pairs(section, "table6")], tests, where),
        _one(scored, "prle-dynamic", [[pair] for pair in _pairs(section, "table7")], tests, where),
        _one(scored, "prle-detectors", [[pair] for pair in five if scored.has(*pair)], tests, where),
        _most_on_df1(scored, section, where),
        *_subsets(scored, section, where),
    ]
    return pd.concat([line for line in lines if line is not None], ignore_index=True)


def _one(
    scored: Scored, claim_id: str, cells: list, parts: list[str], where: str, metric: str = AUC
) -> pd.DataFrame | None:
    fits = {name for pairs in cells for pair in pairs for name in pair}
    if not all(cells) or not fits or not scored.has(*fits):
        return None
    found = [scored.gain(pairs, parts, metric) for pairs in cells]
    return _line(scored, claim_id, found, [[n for pair in pairs for n in pair] for pairs in cells], where)


def _line(scored: Scored, claim_id: str, found: list[Estimate], fits: list[list[str]], where: str) -> pd.DataFrame:
    lines = [
        verdicts.line(claim_id, e, finished.keys(scored.done, *names), scored.cfg, where)
        for e, names in zip(found, fits, strict=True)
    ]
    at = weakest(found, [line["verdict"].iloc[0] for line in lines])
    said = f"{where}, the weakest of {len(found)}: {fits[at][0]}" if len(found) > 1 else where
    return lines[at].assign(data=said)


def _pairs(section: params.Prle, table: str) -> list[tuple[str, str]]:
    """Return what the method is compared with in a table: (method, other)."""
    return [(base, name) for name, base in rows_of(section, table).values() if name != base]


def _most_on_df1(scored: Scored, section: params.Prle, where: str) -> pd.DataFrame | None:
    """Test that EfficientNet gains more on DF-1.0 than on the mean of the other sets."""
    a, b = named("EfficientNet", METHOD), named("EfficientNet")
    others = [d for d in section.tests.values() if d != "df1"]
    if not others or "df1" not in section.tests.values() or "EfficientNet" not in section.detectors:
        return None
    unit = [(s, f, "df1") for s, f in ((1, a), (-1, b))]
    unit += [(-s / len(others), f, d) for s, f in ((1, a), (-1, b)) for d in others]
    return _line(scored, "prle-effnet-df1", [scored.contrast([unit], AUC)], [[a, b]], where)


def _subsets(scored: Scored, section: params.Prle, where: str) -> list[pd.DataFrame | None]:
    cfg, tests = section.subsets, list(section.tests.values())
    pairs = {(m, d): (named(d, METHOD, m), named(d, prle_arms.PLAIN, m)) for m in cfg.methods for d in cfg.detectors}
    units = []
    for (method, _), pair in pairs.items():
        others = [m for m in cfg.methods if m != method]
        units.append([(s / len(others), f, m) for s, f in zip((1, -1), pair, strict=True) for m in others])
    fits = [name for pair in pairs.values() for name in pair]
    alone = [[pair] for (method, _), pair in pairs.items() if method in ("Deepfakes", "FaceSwap")]
    lines = (
        [_line(scored, "prle-subsets", [scored.contrast(units, AUC)], [fits], where)] if len(cfg.methods) > 1 else []
    )
    return [*lines, _one(scored, "prle-one-subset", alone, tests, where)]


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


def judge_small(
    maps: Mapping[str, np.ndarray], rows: pd.DataFrame, keys: Sequence[str], cfg: params.Report, where: str
) -> pd.DataFrame:
    """Test whether primary regions stay below a fifth of the crop: the detectors count as runs."""
    spare = LITTLE - np.stack([coverage(m) for m in maps.values()])
    return verdicts.line("prle-small-regions", bootstrap.mean_values(spare, rows, cfg), list(keys), cfg, where)


def judge_time(speed: pd.DataFrame, cfg: params.Report, where: str) -> pd.DataFrame:
    """Test whether the method costs less than 3 % of training time: the detectors that were measured count as runs.

    Args:
        speed: by detector, `training`: throughput with the method over that without.
    """
    rows = pd.DataFrame({"clip_id": speed.index, "group": speed.index})
    return verdicts.line(
        "prle-time", seed_interval.of_seeds(speed["training"] - (1 - SPARE), rows, cfg), [], cfg, where
    )
