"""The interval for people and seeds: by hand, at its limits, and by how often it holds the truth."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ddet import params
from ddet.stats import bootstrap
from ddet.stats.interval import LEAST_P, Estimate, completed, components

CFG = params.Report(bootstrap=200, confidence=0.95, seed=1)


def made(people: float, seed_sd: float, seeds: int = 3, value: float = 0.1, **more) -> Estimate:
    """Return an estimate of 41 groups with these components."""
    given = {"people": people, "seed_sd": seed_sd, "seed_df": seeds - 1} | more
    return completed(Estimate(value, 0, 0, seed_sd, (value,) * seeds, 82, 82, 41, 200, 0, False, **given))


def test_the_interval_by_hand():
    """Of people .03 and three seeds with sd .04 sqrt 3: the error is .05, the share of seeds .64, its weight .64^1.25.

    t(40, .975) = 2.0211 and t(2, .975) = 4.3027, so the quantile is 2.0211 + .5724 x 2.2816 = 3.3272.
    """
    e = made(0.03, 0.04 * math.sqrt(3))
    assert e.error == pytest.approx(0.05)
    assert e.high - e.value == pytest.approx(e.value - e.low) == pytest.approx(0.05 * 3.3272, abs=1e-5)
    # With 20 degrees of freedom from other arms: 2.0211 + .5724 x (2.0860 - 2.0211) = 2.0582.
    shared = made(0.03, 0.04 * math.sqrt(3), seed_df=20)
    assert shared.high - shared.value == pytest.approx(0.05 * 2.0582, abs=1e-5)


def test_people_alone_and_seeds_alone_give_students_intervals():
    people, seeds = made(0.05, 0.0), made(0.0, 0.05 * math.sqrt(3))
    assert (people.low, people.high) == pytest.approx(stats.t.interval(0.95, 40, 0.1, 0.05))
    assert (seeds.low, seeds.high) == pytest.approx(stats.t.interval(0.95, 2, 0.1, 0.05))
    assert seeds.seed_half(0.95) == pytest.approx(seeds.high - 0.1) and people.seed_half(0.95) == 0
    given = made(0.05, 0.0, seed_df=math.inf)
    assert (given.low, given.high) == (people.low, people.high)


def test_the_interval_is_cut_where_the_metric_ends():
    e = completed(replace(made(0.05, 0.0, value=0.97), limits=(0.0, 1.0)))
    assert e.high == 1 and e.low == pytest.approx(0.97 - 2.0211 * 0.05, abs=1e-5)


def test_unknown_noise_gives_no_interval():
    e = made(0.05, math.nan, seeds=1)
    assert np.isnan([e.low, e.high, e.error, e.p_value(), e.detectable()]).all()


@pytest.mark.parametrize("null", [-0.2, 0.0, 0.07])
def test_the_p_value_is_where_the_interval_reaches(null):
    e = made(0.03, 0.05)
    p = e.p_value(null)
    touching = completed(replace(e, confidence=1 - p))
    assert min(abs(touching.low - null), abs(touching.high - null)) < 1e-9 and 0 < p < 1


def test_p_values_at_the_ends():
    assert made(0.03, 0.05).p_value(0.1) == 1 and made(1e-6, 1e-6, seeds=30).p_value() == LEAST_P
    assert made(0.0, 0.0).p_value() == LEAST_P and made(0.0, 0.0, value=0.0).p_value() == 1
    assert made(0.05, 0.0).p_value() == pytest.approx(2 * stats.t.sf(2, 40))


def test_the_detectable_effect_by_hand():
    """Of people alone: (t(40, .975) + t(40, .8)) x .05 = (2.0211 + .8507) x .05."""
    assert made(0.05, 0.0).detectable() == pytest.approx(2.8718 * 0.05, abs=1e-5)


def test_the_detectable_effect_is_detected_in_four_of_five_studies():
    rng, hits = np.random.default_rng(4), 0
    effect = made(0.05, 0.0).detectable()
    for value in effect + 0.05 * rng.normal(size=2000):
        hits += made(0.05, 0.0, value=value).low > 0
    assert hits / 2000 == pytest.approx(0.8, abs=0.03)


def test_components_by_hand():
    """Two seeds, four resamples: variances 5 / 4 and 5 / 4, covariance 3 / 4, each times 5 / 4 for five groups."""
    drawn = np.array([[1.0, 2, 3, 4], [2.0, 1, 4, 3]])
    people, own = components(drawn, 5)
    assert people**2 == pytest.approx(5 / 4 * 3 / 4) and own**2 == pytest.approx(5 / 4 * (5 / 4 - 3 / 4))
    assert components(drawn[0], 5) == (pytest.approx(math.sqrt(5 / 4 * 5 / 4)), 0)
    apart = components(np.array([[1.0, 2, 3, 4], [4.0, 3, 2, 1]]), 5)  # what seeds share is not negative
    assert apart[0] == 0


@pytest.mark.parametrize(("people", "noise", "own"), [(1, 0, 0.7), (0, 1, 0), (1, 1, 0.7)])
def test_nineteen_of_twenty_intervals_hold_the_truth(people, noise, own):
    """A short version of benchmarks/bench_coverage.py: 400 studies of 40 people and 3 seeds, the truth 0."""
    rng, hits = np.random.default_rng(7), 0
    rows = pd.DataFrame({"clip_id": [f"c{i}" for i in range(40)], "group": [f"g{i:02d}" for i in range(40)]})
    for _ in range(400):
        values = people * rng.normal(size=40) + own * rng.normal(size=(3, 40))
        values += noise / math.sqrt(40) * rng.normal(size=(3, 1))
        e = bootstrap.mean_values(values, rows, CFG)
        hits += e.low <= 0 <= e.high
    assert 0.925 <= hits / 400 <= 0.985  # 93 to 97 %, and what chance adds to it
