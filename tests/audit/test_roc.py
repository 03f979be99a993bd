"""One operating point bounds the AUC: by hand, for any ranking, and as findings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import printed
from sklearn.metrics import roc_auc_score

from ddet import published
from ddet.audit import roc


@settings(max_examples=100, deadline=None)
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
