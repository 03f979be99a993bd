"""Metrics of many resamples at once, against a slow plain version that lays the drawn frames end to end."""

import numpy as np
import pandas as pd
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from predictions import CFG, concatenated, made_up

from ddet.stats import bootstrap, metrics, weighted


@pytest.mark.parametrize("level", metrics.LEVELS)
def test_equals_the_slow_plain_version(level, monkeypatch):
    monkeypatch.setattr(weighted, "CELLS", 500)  # several chunks
    preds = made_up()
    weights, _ = bootstrap.group_weights(preds, CFG)
    fast = weighted.weighted_scores(*bootstrap.indexed(preds, level), weights, chosen=0.3)
    slow = pd.DataFrame([concatenated(preds, draw, level, chosen=0.3) for draw in weights])
    assert set(fast) == {*metrics.NAMES, *metrics.AT_VALID}
    for name in fast:
        np.testing.assert_allclose(fast[name], slow[name], rtol=1e-12, atol=1e-12, err_msg=name)


@examples(80)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_unit_weights_give_the_plain_metrics(rows, threshold):
    y, p, group = (np.array(column) for column in zip(*rows, strict=True))
    plain = metrics.scores(y, p / 4, threshold, chosen=0.75)
    fast = weighted.weighted_scores(y, p / 4, group, np.ones((1, 3)), threshold, chosen=0.75)
    assert {name: fast[name][0] for name in plain} == pytest.approx(plain, rel=1e-12, abs=1e-12, nan_ok=True)


def test_of_a_vertical_step_at_the_rate_its_top_counts():
    """Twenty reals at 0, .05, ..., .95 and fakes at .99, .92 and .03: at 5 % the curve rises from 1/3 to 2/3."""
    y, p = np.array([0] * 20 + [1] * 3), np.array([*(np.arange(20) / 20), 0.99, 0.92, 0.03])
    fast = weighted.weighted_scores(y, p, np.zeros(23, int), np.ones((1, 1)))
    assert fast["tpr_at_5"] == pytest.approx(2 / 3) == metrics.scores(y, p)["tpr_at_5"]
    assert fast["tpr_at_1"] == pytest.approx(1 / 3)


def test_the_error_gap_of_resamples_by_hand():
    """Group 0: reals at .9 and .1, a fake at .3; group 1: a real at .2, fakes at .8 and .7; predicted fake at .5.

    Drawn twice, group 0 has 1/2 false alarms and only misses; both have 1/3 and 1/3; group 1 neither. Drawn twice
    and once they have 2/5 and 2/4.
    """
    y, p = np.array([0, 0, 1, 0, 1, 1]), np.array([0.9, 0.1, 0.3, 0.2, 0.8, 0.7])
    weights = np.array([[2.0, 0], [1, 1], [0, 2], [2, 1]])
    found = weighted.weighted_scores(y, p, np.array([0, 0, 0, 1, 1, 1]), weights)["error_gap"]
    assert found == pytest.approx([1 / 2 - 1, 0, 0, 2 / 5 - 2 / 4])
    reals = weighted.weighted_scores(y[:2], p[:2], np.zeros(2, int), np.ones((1, 1)))["error_gap"]
    assert np.isnan(reals).all()
