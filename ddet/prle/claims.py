"""Test PRLE's claims from the scores of its runs, the regions of its detectors and the time that its fits take."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.prle import arms as prle_arms
from ddet.prle.arms import METHOD, SHORT, named
from ddet.prle.coverage import coverage
from ddet.prle.figures import ALPHAS
from ddet.prle.scores import Scored, Term, weakest
from ddet.prle.tables import ACC, ARMS, AUC, rows_of
from ddet.runs import finished
from ddet.stats import bootstrap, pooling, seed_interval, verdicts
from ddet.stats.bootstrap import Estimate
from ddet.stats.premise import Premise

LITTLE = 0.2  # share of an image: the paper says that primary regions cover less
SPARE = 0.03  # of the training time: the paper says that the method costs less
CELLS = 7  # a side: coarser maps cannot have a region of a tenth of the picture
FIVE = "X. + E. + V. + F. + R."
Cells = list[list[tuple[str, str]]]  # of each cell the pairs (fit, other fit) that it averages


def judge(section: params.Prle, scored: Scored, where: str) -> pd.DataFrame:
    """Test the claims that compare trained detectors; a gain is one of AUC unless said otherwise.

    Claims on "every" detector or cell are decided by the weakest of them. A cell is a detector (and an arm), averaged
    over the test sets; cells of one metric lend each other the noise of seeds where they are alike (`pooling`). A claim
    whose arms the params file lacks is left out.
    """
    asked = {
        claim_id: question
        for claim_id, question in _asked(section).items()
        if question[0] and all(question[0]) and scored.has(*_fits(question[0]))
    }
    found = _pooled(
        asked, {i: [scored.gain(pairs, parts, m) for pairs in cells] for i, (cells, parts, m) in asked.items()}
    )
    lines = [
        _line(scored, claim_id, found[claim_id], [_fits([pairs]) for pairs in cells], where)
        for claim_id, (cells, *_) in asked.items()
    ]
    lines += [_slower(scored, section, where), _subsets(scored, section, where), _others(scored, section, where)]
    return pd.concat([line for line in lines if line is not None], ignore_index=True)


def _asked(section: params.Prle) -> dict[str, tuple[Cells, list[str], str]]:
    """Return for each claim the cells that it is about, the test sets, and the metric."""
    every, tests = list(section.detectors), list(section.tests.values())
    method = {d: (named(d, METHOD), named(d)) for d in every}
    low, high = ARMS["table5"]
    alone = [
        (named(d, METHOD, m), named(d, prle_arms.PLAIN, m))
        for m in section.subsets.methods
        for d in section.subsets.detectors
        if m in ("Deepfakes", "FaceSwap")
    ]
    more = [pair for d in every if set(pair := (named(d, FIVE), named(d, "X."))) <= set(prle_arms.fits(section))]
    cells: dict[str, Cells] = {
        "prle-average": [list(method.values())],
        "prle-acc-all": [[pair] for pair in method.values()],
        "prle-unseen-backbones": [[method[d]] for d in every if d not in section.zoo],
        "prle-effnet-df1": [[method[d]] for d in every if d == "EfficientNet"],
        "prle-over-random": [[(named(d, METHOD), named(d, "Random"))] for d in every],
        "prle-over-landmark": [[(named(d, METHOD), named(d, "Landmark"))] for d in every],
        "prle-fusion": [[(named(d, METHOD), named(d, arm))] for d in every for arm in (low, high)],
        "prle-landmark-random": [[(named(d, "Landmark"), named(d, "Random")) for d in every]],
        "prle-low-high": [[(named(d, low), named(d, high))] for d in every],
        "prle-three-one": [[pair] for pair in _pairs(section, "table6")],
        "prle-dynamic": [[pair] for pair in _pairs(section, "table7")],
        "prle-detectors": [[pair] for pair in more],
        "prle-one-subset": [[pair] for pair in alone],
    }
    asked = {claim_id: (of_claim, tests, AUC) for claim_id, of_claim in cells.items()}
    asked["prle-acc-all"] = (cells["prle-acc-all"], tests, ACC)
    asked["prle-effnet-df1"] = (cells["prle-effnet-df1"] if "df1" in tests else [], ["df1"], AUC)
    return asked


def _fits(cells: Cells) -> list[str]:
    return [name for pairs in cells for pair in pairs for name in pair]


def _pairs(section: params.Prle, table: str) -> list[tuple[str, str]]:
    """Return what the method is compared with in a table: (method, other)."""
    return [(base, name) for name, base in rows_of(section, table).values() if name != base]


def _pooled(asked: Mapping[str, tuple], found: Mapping[str, list[Estimate]]) -> dict[str, list[Estimate]]:
    """Pool the noise of seeds over cells of one pair, by metric; fits on one forgery method are apart from the rest."""
    pooled = {claim_id: list(cells) for claim_id, cells in found.items()}
    kinds: dict[tuple[str, bool], list[tuple[str, int]]] = {}
    for claim_id, (cells, _, metric) in asked.items():
        for at, pairs in enumerate(cells):
            if len(pairs) == 1:
                kinds.setdefault((metric, ": " in pairs[0][0]), []).append((claim_id, at))
    for places in kinds.values():
        for (claim_id, at), e in zip(places, pooling.alike([found[i][k] for i, k in places]), strict=True):
            pooled[claim_id][at] = e
    return pooled


def _line(scored: Scored, claim_id: str, found: list[Estimate], fits: list[list[str]], where: str) -> pd.DataFrame:
    lines = [
        verdicts.line(claim_id, e, finished.keys(scored.done, *names), scored.cfg, where)
        for e, names in zip(found, fits, strict=True)
    ]
    at = weakest(found, [line["verdict"].iloc[0] for line in lines])
    said = f"{where}, the weakest of {len(found)}: {fits[at][0]}" if len(found) > 1 else where
    return lines[at].assign(data=said)


def _slower(scored: Scored, section: params.Prle, where: str) -> pd.DataFrame | None:
    """Test that maps of two more detectors add less to three than they add to one."""
    tests, claim_id = list(section.tests.values()), "prle-detectors-slow"
    fits = [[named(d, METHOD), named(d, "X."), named(d, FIVE)] for d in section.detectors]
    fits = [names for names in fits if scored.has(*names)]
    units: list[list[Term]] = [
        [(s / len(tests), f, d) for s, f in zip((2, -1, -1), names, strict=True) for d in tests] for names in fits
    ]
    found = [scored.contrast([unit], AUC) for unit in units]
    return _line(scored, claim_id, found, fits, where) if fits else None


def _subsets(scored: Scored, section: params.Prle, where: str) -> pd.DataFrame | None:
    """Test that the method is ahead in most cells of Table III, off its diagonal; each pair of fits is one run."""
    cfg, units, fits = section.subsets, [], []
    for method in cfg.methods:
        for pair in ((named(d, METHOD, method), named(d, prle_arms.PLAIN, method)) for d in cfg.detectors):
            units.append([[(1, pair[0], m), (-1, pair[1], m)] for m in cfg.methods if m != method])
            fits += pair
    if len(cfg.methods) < 2 or not scored.has(*fits):
        return None
    return _line(scored, "prle-subsets", [scored.ahead(units, AUC)], [fits], where)


def _others(scored: Scored, section: params.Prle, where: str) -> pd.DataFrame | None:
    """Test that backbones with the method are mostly ahead of the other detectors of Table II, by average AUC.

    A cell is a backbone and another detector, averaged over the test sets. The cells of one other detector count as a
    run, since they have its fits in common.
    """
    others, tests = list(section.compared.detectors), list(section.tests.values())
    methods = [named(d, METHOD) for d in section.detectors]
    if not scored.has(*others, *methods):
        return None
    units: list[list[list[Term]]] = [
        [[(s / len(tests), f, t) for s, f in ((1, m), (-1, other)) for t in tests] for m in methods] for other in others
    ]
    return _line(scored, "prle-over-others", [scored.ahead(units, AUC)], [[*methods, *others]], where)


def judge_small(
    maps: Mapping[str, np.ndarray], cells: int, rows: pd.DataFrame, keys: Sequence[str], cfg: params.Report, where: str
) -> pd.DataFrame:
    """Test whether primary regions stay below a fifth of the crop: the detectors count as runs.

    Args:
        cells: a side of the coarsest of the maps, before they were enlarged.
    """
    shares = np.stack([coverage(m) for m in maps.values()])
    spare, level = (bootstrap.mean_values(values, rows, cfg) for values in (LITTLE - shares, shares))
    fine = [Premise("cells a side of the coarsest map", float(cells), least=CELLS)]
    return verdicts.line("prle-small-regions", spare, list(keys), cfg, where, premises=fine, level=level)


def judge_alpha(section: params.Prle, masked: Scored, where: str) -> pd.DataFrame:
    """Test that the AUC falls as more of the primary region of a test crop is hidden, and where it settles.

    It falls from the least share to all of the region; it settles at the AUC with all of it hidden.

    Args:
        masked: the scores of `attention.masked`, from maps of the class fake.
    """
    methods = section.subsets.methods
    at = {alpha: [(f"{SHORT[m]}, alpha {alpha:g}", m) for m in methods] for alpha in (min(ALPHAS), max(ALPHAS))}
    least, all_of_it = at[min(ALPHAS)], at[max(ALPHAS)]
    pairs = zip(least, all_of_it, strict=True)
    falls = masked.contrast([[(1, few, m), (-1, every, m)] for (few, m), (every, _) in pairs], AUC)
    level = masked.contrast([[(1, *every)] for every in all_of_it], AUC, difference=False)
    keys = [finished.keys(masked.done, named(section.subsets.detectors[0], method=m))[0] for m in methods]
    return verdicts.line("prle-alpha", falls, keys, masked.cfg, where, level=level)


def judge_time(speed: pd.DataFrame, cfg: params.Report, where: str) -> pd.DataFrame:
    """Test whether the method costs less than 3 % of training time: the detectors that were measured count as runs.

    Args:
        speed: by detector, `training`: throughput with the method over that without.
    """
    rows = pd.DataFrame({"clip_id": speed.index, "group": speed.index})
    extra = 1 / speed["training"] - 1
    spare, level = (seed_interval.of_seeds(values, rows, cfg) for values in (SPARE - extra, extra))
    return verdicts.line("prle-time", spare, [], cfg, where, level=level)
