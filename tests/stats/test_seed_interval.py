"""Numbers of a loss curve, and Student's interval over seeds, by hand."""

import math

import pandas as pd
import pytest
from scipy import stats

from ddet import params
from ddet.stats import seed_interval
from ddet.stats.verdicts import verdict

CFG = params.Report(bootstrap=100, confidence=0.95, seed=1)
ROWS = pd.DataFrame({"clip_id": [f"c{i}" for i in range(12)], "group": [f"g{i}" for i in range(12)]})
STEPS = pd.DataFrame({"step": [1, 2, 3, 4], "loss": [1.0, 0.5, 0.8, 0.1], "smooth": [1.0, 0.7, 0.5, 0.5]})


def test_the_curve_by_hand():
    assert seed_interval.last(STEPS) == 0.5 and seed_interval.average(STEPS) == pytest.approx(0.6)
    assert seed_interval.variation(STEPS) == pytest.approx(math.sqrt((0.3**2 + 0.4**2) / 2))  # the later two batches


def test_the_interval_is_student_s():
    e = seed_interval.of_seeds([0.1, 0.4, 0.4], ROWS, CFG)
    low, high = stats.t.interval(0.95, 2, loc=0.3, scale=stats.sem([0.1, 0.4, 0.4]))
    assert (e.value, e.low, e.high) == pytest.approx((0.3, low, high))
    assert e.per_seed == (0.1, 0.4, 0.4) and (e.clips, e.groups, e.few_groups) == (12, 12, False)
    assert not seed_interval.of_seeds([0.1], ROWS.head(9), CFG).few_groups  # groups are not what varies here


def test_a_verdict_needs_an_interval_on_one_side():
    assert verdict(seed_interval.of_seeds([0.3, 0.31, 0.32], ROWS, CFG)) == "holds"
    assert verdict(seed_interval.of_seeds([-0.3, -0.31, -0.32], ROWS, CFG)) == "fails"
    assert verdict(seed_interval.of_seeds([0.3, -0.1, 0.4], ROWS, CFG)) == "undecided"
    one = seed_interval.of_seeds([0.3], ROWS, CFG)
    assert math.isnan(one.low) and verdict(one) == "undecided"
