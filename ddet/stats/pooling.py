"""Pool the noise of seeds over the arms of a table, where they are alike: three seeds tell little of it, ten arms more.

Arms are pooled whose numbers are of one metric on one set of crops, and whose variances over seeds pass Bartlett's test
of equal variances. The test is made at 10 %: at 5 % it often misses an arm that is truly noisier, at 25 % it often
fails for equal arms, and those whose own seeds happen to agree then get intervals that hold the truth too rarely. The
test's distribution is simulated, because the usual approximation fails with two or three seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby

import numpy as np

from ddet.seeds import derive
from ddet.stats.interval import Estimate, completed

LEVEL = 0.1  # of the test of equal variances
SIMULATED = 4000  # draws of its distribution


def pooled(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    """Give the estimates of a table, row -> metric -> estimate, intervals with the noise of seeds of all alike rows."""
    rows = {row: dict(cells) for row, cells in found.items()}
    for metric in dict.fromkeys(metric for cells in rows.values() for metric in cells):
        own = [row for row, cells in rows.items() if metric in cells]
        for row, e in zip(own, alike([rows[row][metric] for row in own]), strict=True):
            rows[row][metric] = e
    return rows


def alike(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Pool the noise of seeds over estimates of one metric, set by set of crops; those of a given detector stay.

    A single seed gets the pooled noise, and with it an interval.
    """
    shared = list(estimates)
    order = sorted(range(len(shared)), key=lambda i: (shared[i].frames, shared[i].groups))
    for _, same in groupby(order, key=lambda i: (shared[i].frames, shared[i].groups)):
        members = [i for i in same if not np.isnan(shared[i].people) and not _fixed(shared[i])]
        several = _once([shared[i] for i in members if len(shared[i].per_seed) > 1])
        if len(several) > 1 and equal_variances(several):
            for i in members:
                shared[i] = _with(shared[i], several)
    return shared


def _fixed(e: Estimate) -> bool:
    """Return whether seeds cannot matter: a detector that is given, or a difference of an arm and itself."""
    return e.seed_df == np.inf or e.seed_sd == e.people == 0


def _once(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Leave out what is there already, or with the other sign: b - a beside a - b tells nothing more of the noise."""
    moves = {tuple(np.abs(np.array(e.per_seed) - e.value).round(12)): e for e in reversed(estimates)}
    return list(moves.values())[::-1]


def _with(e: Estimate, several: Sequence[Estimate]) -> Estimate:
    weights = [len(other.per_seed) - 1 for other in several]
    variance = np.average([other.spread**2 for other in several], weights=weights)
    people = e.people
    if len(e.per_seed) == 1:  # of its variance over people a part is its own, which the noise of seeds counts, too
        people = float(np.sqrt(max(0.0, people**2 - np.average([other.own**2 for other in several], weights=weights))))
    df = freedom([np.array(other.per_seed) for other in several])
    return completed(replace(e, people=people, seed_sd=float(np.sqrt(variance)), seed_df=df, pooled=True))


def freedom(arms: Sequence[np.ndarray]) -> float:
    """Return the degrees of freedom of a variance pooled over arms whose seeds may move together.

    Fits of one seed index share initial weights and order. With correlation r between two arms the pooled variance is
    worth sum(n - 1) / (1 + (arms - 1) r^2) degrees of freedom; r is estimated as one number, over all pairs.
    """
    n = min(len(arm) for arm in arms)
    own = np.stack([arm[:n] - arm[:n].mean() for arm in arms])
    single = (own**2).mean()
    between = (own.mean(axis=0) ** 2).mean()  # single / arms if they are independent, single if they move as one
    r = (len(arms) * between / single - 1) / (len(arms) - 1) if single else 1.0
    return sum(len(arm) - 1 for arm in arms) / (1 + (len(arms) - 1) * max(0.0, r) ** 2)


def equal_variances(estimates: Sequence[Estimate]) -> bool:
    """Return whether the variances over seeds pass Bartlett's test at LEVEL.

    Seeds that agree exactly, as accuracies of few clips do, count as different by the rounding of one clip.
    """
    least = max(1.0 / (12 * e.clips**2) for e in estimates)
    variances = np.array([max(e.spread**2, least if e.spread == 0 else 0.0) for e in estimates])
    dfs = tuple(len(e.per_seed) - 1 for e in estimates)
    return bool(bartlett(variances, np.array(dfs)) <= _limit(tuple(sorted(dfs))))


def bartlett(variances: np.ndarray, dfs: np.ndarray) -> np.ndarray:
    """Return Bartlett's statistic, without its correction, of variances (arms last) with `dfs` degrees of freedom."""
    mean = (variances * dfs).sum(axis=-1) / dfs.sum()
    return dfs.sum() * np.log(mean) - (dfs * np.log(variances)).sum(axis=-1)


@lru_cache
def _limit(dfs: tuple[int, ...]) -> float:
    """Return what the statistic of equal variances exceeds in LEVEL of all studies with these degrees of freedom."""
    rng = np.random.default_rng(derive("equal variances", list(dfs)))
    variances = rng.chisquare(dfs, size=(SIMULATED, len(dfs))) / np.array(dfs)
    return float(np.quantile(bartlett(variances, np.array(dfs)), 1 - LEVEL))
