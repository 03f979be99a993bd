"""One operating point bounds the AUC: by hand, for any ranking, and as findings."""

import numpy as np
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from invented import printed
from sklearn.metrics import roc_auc_score

from ddet import published
from ddet.audit import confusion, roc


@examples(100)
@given(st.data())
def test_bounds_hold_for_any_ranking(data):
    scores = np.array(data.draw(st.lists(st.integers(0, 9), min_size=6, max_size=30)))
    truth = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(scores), max_size=len(scores))))
    truth[:2] = 0, 1
    answers = scores >= data.draw(st.integers(1, 9))
    real, fake = int((truth == 0).sum()), int(truth.sum())
    real_right, fake_right = ((answers == truth) & (truth == c) for c in (0, 1))
    low, high = roc.bounds(real_right.sum(), fake_right.sum(), real, fake)
    assert low - 1e-12 <= roc_auc_score(truth, scores) <= high + 1e-12


def test_bounds_by_hand():
    low, high = roc.bounds(np.array(8), np.array(6), 10, 10)  # fpr 0.2, tpr 0.6
    assert (low, high) == (pytest.approx(0.48), pytest.approx(0.92))
    assert roc.concave(np.array(8), np.array(6), 10, 10) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("auc", "verdict"),
    [("0.9500", "consistent"), ("0.7800", "unusual"), ("0.5000", "infeasible"), ("0.9999", "infeasible")],
)
def test_auc_is_held_against_the_point(auc, verdict):
    frame = published.tidy({"m": printed(80, 810, 100, 900, "macro", auc=auc)}, "invented", "I")
    (found,) = roc.auc_with_point(frame, 100, 900)
    assert (found.verdict, found.check) == (verdict, 4)


def test_auc_of_an_impossible_row_cannot_be_judged():
    frame = published.tidy({"m": {"Acc": "0.7900", "F1": "0.9999", "AUC": "0.99"}}, "invented", "I")
    (found,) = roc.auc_with_point(frame, 100, 900)
    assert found.verdict == "not printed"


def test_a_perfect_point_allows_a_perfect_curve_alone():
    low, high = roc.bounds(np.array(10), np.array(5), 10, 5)
    assert (low, high) == (1, 1) and roc.concave(np.array(10), np.array(5), 10, 5) == 1


def test_bounds_are_those_of_the_step_curves_through_the_point():
    for real_right, fake_right in ((3, 4), (10, 0), (0, 7), (6, 6)):
        tpr, fpr = fake_right / 7, 1 - real_right / 10
        worst, best = (
            [(0, 0), (fpr, 0), (fpr, tpr), (1, tpr), (1, 1)],
            [(0, 0), (0, tpr), (fpr, tpr), (fpr, 1), (1, 1)],
        )
        want = [np.trapezoid([y for _, y in curve], [x for x, _ in curve]) for curve in (worst, best)]
        assert roc.bounds(np.array(real_right), np.array(fake_right), 10, 7) == pytest.approx(want)
        straight = np.trapezoid([0, tpr, 1], [0, fpr, 1])
        assert roc.concave(np.array(real_right), np.array(fake_right), 10, 7) == pytest.approx(straight)


def test_rows_without_all_three_numbers_are_left_out_and_columns_may_be_named():
    whole = printed(80, 810, 100, 900, "macro", auc="0.95")
    rows = {"a": {**whole, "AUC": "-"}, "b": {"Acc": "0.9", "AUC": "0.9"}, "c": whole}
    frame = published.tidy(rows, "invented", "I")
    assert [f.row for f in roc.auc_with_point(frame, 100, 900)] == ["c"]
    renamed = published.tidy({"c": {"A": whole["Acc"], "F": whole["F1"], "U": "0.5"}}, "invented", "I")
    (found,) = roc.auc_with_point(renamed, 100, 900, "A", "F", "U")
    assert (found.column, found.printed, found.verdict) == ("U", "0.5", "infeasible")


def test_the_range_that_is_allowed_is_that_over_all_points_under_any_reading():
    row = {"m": {"Acc": "0.70", "F1": "0.70", "AUC": "0.10"}}
    (found,) = roc.auc_with_point(published.tidy(row, "invented", "I"), 10, 10)
    found_in = [confusion.feasible("0.70", "0.70", reading, 10, 10) for reading in confusion.READINGS]
    points = np.array([(a, t - a) for ranges in found_in for t, low, high in ranges for a in range(low, high + 1)])
    low, high = roc.bounds(*points.T, 10, 10)
    assert len(points) > 3 and np.ptp(low) > 0 < np.ptp(high)
    assert found.recomputed == f"[{low.min():.4f}, {high.max():.4f}]"
    assert found.sentence == f"Table I, m: AUC 0.10 lies outside {found.recomputed}, what its accuracy and F1 allow."
