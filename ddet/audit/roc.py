"""Check 4: compare an AUC with the bounds that one operating point of its ROC curve implies."""

import numpy as np
import pandas as pd

from ddet.audit.arithmetic import cells
from ddet.audit.confusion import READINGS, ends, feasible
from ddet.audit.findings import Finding, at
from ddet.audit.rounding import interval


def bounds(real_right: np.ndarray, fake_right: np.ndarray, real: int, fake: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and largest AUC of any non-decreasing ROC curve through the operating point.

    With tpr and fpr of the point: the curve can be 0 up to fpr and tpr after it, or tpr up to fpr and 1 after it.
    """
    tpr, fpr = fake_right / fake, 1 - real_right / real
    return tpr * (1 - fpr), 1 - fpr * (1 - tpr)


def concave(real_right: np.ndarray, fake_right: np.ndarray, real: int, fake: int) -> np.ndarray:
    """Return the AUC of the two straight lines through the point; a smaller AUC is that of a non-concave curve."""
    return (real_right / real + fake_right / fake) / 2


def auc_with_point(
    frame: pd.DataFrame, real: int, fake: int, accuracy: str = "Acc", score: str = "F1", area: str = "AUC"
) -> list[Finding]:
    """Compare every AUC with all operating points that its row's accuracy and F1 allow, under any reading of F1."""
    known, found = cells(frame), []
    for row in frame.sort_values("row_order")["row"].unique():
        needed = [known.get((row, column)) for column in (accuracy, score, area)]
        if all(needed):
            acc, f1, auc = needed
            found.append(_judge(auc, _points(acc["printed"], f1["printed"], real, fake), real, fake))
    return found


def _points(accuracy: str, score: str, real: int, fake: int) -> np.ndarray:
    """List the outermost matrices that fit under some reading, at the printed digits or else at one fewer.

    At a fixed total, the least AUC is concave in the correct reals, the largest convex and the chord's linear, so the
    bounds over a range are reached at its ends.
    """
    for fewer in (0, 1):
        found = [ends(feasible(accuracy, score, reading, real, fake, fewer)) for reading in READINGS]
        if any(map(len, found)):
            return np.concatenate(found)
    return np.empty((0, 2), dtype=np.int64)


def _judge(cell: dict, points: np.ndarray, real: int, fake: int) -> Finding:
    start = f"Table {cell['table']}, {cell['row']}: AUC {cell['printed']}"
    if not len(points):
        text = f"{start} cannot be held against an operating point: accuracy and F1 of its row allow none."
        return at(cell, 4, "", "not printed", text)
    low, high = bounds(*points.T, real, fake)
    sag = concave(*points.T, real, fake).min()
    shown = f"[{low.min():.4f}, {high.max():.4f}]"
    least, most = (float(bound) for bound in interval(cell["printed"]))
    if most < low.min() or least > high.max():
        return at(cell, 4, shown, "infeasible", f"{start} lies outside {shown}, what its accuracy and F1 allow.")
    if most < sag:
        text = (
            f"{start} is less than {sag:.4f}, the mean of the two class accuracies: its ROC curve sags below a chord."
        )
        return at(cell, 4, shown, "unusual", text)
    return at(cell, 4, shown, "consistent", f"{start} lies inside {shown}, what its accuracy and F1 allow.")
