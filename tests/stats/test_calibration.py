"""Reliability and calibration error by hand and against scikit-learn."""

import numpy as np
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from ddet.stats import calibration


def test_the_curve_and_its_error_by_hand():
    """Two reals and two fakes at .2 and .3 (bins 2 and 4 of 15), three fakes and a real at .9 (bin 13).

    Shares of fakes 1/2, 1/2 and 3/4 against .2, .3 and .9: (2 x .3 + 2 x .2 + 4 x .15) / 8.
    """
    y, p = np.array([0, 1, 0, 1, 1, 1, 1, 0]), np.array([0.2, 0.2, 0.3, 0.3, 0.9, 0.9, 0.9, 0.9])
    curve = calibration.reliability(y, p)
    assert curve.index.tolist() == [2, 4, 13] and curve["count"].tolist() == [2, 2, 4]
    assert curve["prob_fake"].tolist() == pytest.approx([0.2, 0.3, 0.9])
    assert curve["fakes"].tolist() == pytest.approx([0.5, 0.5, 0.75])
    assert calibration.ece(y, p) == pytest.approx((2 * 0.3 + 2 * 0.2 + 4 * 0.15) / 8)


def test_a_bin_holds_its_upper_edge_and_the_first_also_0():
    assert calibration.bins(np.array([0, 1 / 15, 1 / 15 + 1e-9, 14 / 15, 1])).tolist() == [0, 0, 1, 13, 14]


def test_errors_near_0_and_near_1_do_not_cancel():
    """Reals all scored .1 are overrated, fakes all scored .9 underrated: each by .1."""
    y, p = np.array([0] * 5 + [1] * 5), np.array([0.1] * 5 + [0.9] * 5)
    assert calibration.ece(y, p) == pytest.approx(0.1)
    assert calibration.ece(1 - y, p) == pytest.approx(0.9)


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_the_points_are_those_of_scikit_learn(rows):
    y, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    curve = calibration.reliability(y, p)
    fakes, means = calibration_curve(y, p, n_bins=calibration.BINS) if 0 < y.sum() < len(y) else (y[:1], None)
    if means is not None:
        np.testing.assert_allclose(curve["prob_fake"], means, atol=1e-12)
        np.testing.assert_allclose(curve["fakes"], fakes, atol=1e-12)
    assert 0 <= calibration.ece(y, p) <= 1 and curve["count"].sum() == len(y)
