"""Check 5: compare a printed accuracy or log loss with that of a predictor that ignores its input."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ddet.audit.arithmetic import cells
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import interval

EDGE = 1e-9  # constants are sought in (EDGE, 1 - EDGE): at 0 and 1 the log loss is infinite
EXACT = 1e-15  # of a constant: near 0 the loss is steep, and the solver's own 1e-12 would show in it
CONSTANTS = {"0.5": 0.5, "0.25 for real": 0.75, "0.25 for fake": 0.25}  # 0.25 is a uniform softmax over four outputs


@dataclass(frozen=True)
class Split:
    """Class counts of one evaluation split."""

    real: int
    fake: int

    @property
    def share(self) -> float:
        """Return the share of fakes, in [0, 1]."""
        return self.fake / (self.real + self.fake)


def constant_loss(share: float, q: float | np.ndarray) -> float | np.ndarray:
    """Return the log loss (nats) of always answering probability `q` of fake where `share` of the clips is fake."""
    return -(share * np.log(q) + (1 - share) * np.log(1 - q))


def constants_giving(printed: str, share: float) -> list[tuple[float, float]]:
    """Return the intervals of constant answers whose log loss rounds to the printed one.

    The loss has one minimum, at q = share: one interval on either side, joined or empty where the minimum is inside.
    """
    low, high = (float(bound) for bound in interval(printed))
    if high < constant_loss(share, share):
        return []
    left = [_solve(share, bound, EDGE, share) for bound in (high, low)]
    right = [_solve(share, bound, share, 1 - EDGE) for bound in (low, high)]
    return [(left[0], right[1])] if low <= constant_loss(share, share) else [tuple(left), tuple(right)]


def _solve(share: float, loss: float, start: float, stop: float) -> float:
    """Find the constant between start and stop with this loss.

    If the loss is below the minimum, that is the share itself; if above all losses in reach, the outer end.
    """
    edge = stop if start == share else start
    if loss <= constant_loss(share, share):
        return share
    if loss >= constant_loss(share, edge):
        return edge
    return float(brentq(lambda q: constant_loss(share, q) - loss, start, stop, xtol=EXACT, maxiter=1000))


def accuracy_against_prior(
    frame: pd.DataFrame, splits: Mapping[str, Split], column: str, counted: str = "images"
) -> list[Finding]:
    """Compare every accuracy with that of always answering the commoner class.

    `splits` maps rows to their class counts, `counted` names what is counted.
    """
    known, found = cells(frame), []
    whose = f"the commoner class (by {counted})"
    for row, split in splits.items():
        if (row, column) in known:
            cell, prior = known[row, column], max(split.share, 1 - split.share)
            better = float(interval(cell["printed"])[0]) > prior
            verdict = "consistent" if better else "uninformative"
            text = f"Table {cell['table']}, {row}, {column} {cell['printed']} is {'above' if better else 'not above'}"
            found.append(at(cell, 5, f"{prior:.4f}", verdict, f"{text} {prior:.4f}, the share of {whose}."))
    return found


def loss_against_constants(frame: pd.DataFrame, splits: Mapping[str, Split], column: str) -> list[Finding]:
    """Compare every log loss with the best constant, and all of them together with one common constant."""
    known = cells(frame)
    given = {row: (known[row, column], split) for row, split in splits.items() if (row, column) in known}
    found = [_judge_loss(cell, split) for cell, split in given.values()]
    if len(given) > 1:
        found.append(_judge_together(given, column))
    return found


def _judge_loss(cell: Mapping, split: Split) -> Finding:
    best = float(constant_loss(split.share, split.share))
    better = float(interval(cell["printed"])[1]) < best
    same = [name for name, q in CONSTANTS.items() if _prints(cell["printed"], float(constant_loss(split.share, q)))]
    text = (
        f"Table {cell['table']}, {cell['row']}, {cell['column']} {cell['printed']}: always answering the share of "
        f"fakes gives {best:.3f}, {'which is worse' if better else 'which is no worse'}"
    )
    text += f"; the constant {' and '.join(same)} prints exactly this." if same else "."
    return at(cell, 5, f"{best:.4f}", "consistent" if better else "uninformative", text)


def _prints(printed: str, value: float) -> bool:
    low, high = (float(bound) for bound in interval(printed))
    return low <= value <= high


def _judge_together(given: Mapping[str, tuple[Mapping, Split]], column: str) -> Finding:
    """Intersect, over all splits, the constants that give the printed loss."""
    common = [(EDGE, 1 - EDGE)]
    for cell, split in given.values():
        allowed = constants_giving(cell["printed"], split.share)
        common = [(max(a, c), min(b, d)) for a, b in common for c, d in allowed if max(a, c) <= min(b, d)]
    cell = next(iter(given.values()))[0]
    where = {**cell, "row": "(all rows)", "printed": ", ".join(c["printed"] for c, _ in given.values())}
    start = f"Table {cell['table']}, {column} ({where['printed']})"
    if not common:
        return at(where, 5, "", "consistent", f"{start}: no single constant answer gives them all.")
    shown = " or ".join(f"[{low:.4f}, {high:.4f}]" for low, high in common)
    text = f"{start}: one constant probability of fake, anywhere in {shown}, gives them all without looking at a clip."
    return at(where, 5, shown, "uninformative", text)


def loss_against_half(frame: pd.DataFrame, column: str) -> list[Finding]:
    """Compare log losses on unknown class counts with always answering 0.5, whose loss is ln 2 whatever the counts.

    A cell without decimals is too coarse to judge.
    """
    given = [cell for (_, name), cell in cells(frame).items() if name == column and cell["digits"] > 0]
    return [_judge_half(cell) for cell in given]


def _judge_half(cell: Mapping) -> Finding:
    half = float(np.log(2))
    better = float(interval(cell["printed"])[1]) < half
    text = (
        f"Table {cell['table']}, {cell['row']}, {cell['column']} {cell['printed']} is "
        f"{'below' if better else 'not below'} {half:.3f}, the log loss of always answering 0.5."
    )
    return at(cell, 5, f"{half:.4f}", "consistent" if better else "uninformative", text)
