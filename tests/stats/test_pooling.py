"""The noise of seeds, pooled over arms that are alike: by hand, and not where they are not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ddet.stats import pooling
from ddet.stats.interval import Estimate, completed


def arm(*per_seed: float, people: float = 0.0, own: float = 0.0, frames: int = 90, **more) -> Estimate:
    """Return the estimate of an arm from the numbers of its seeds."""
    spread = float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else math.nan
    given = {"people": people, "own": own, "seed_sd": spread, "seed_df": len(per_seed) - 1} | more
    return completed(
        Estimate(float(np.mean(per_seed)), 0, 0, spread, per_seed, frames, frames, 41, 200, 0, False, **given)
    )


A, B = arm(0.1, 0.2, 0.3), arm(0.5, 0.8, 0.5)  # variances .01 and .03, deviations (-1, 0, 1) and (-1, 2, -1)


def test_two_arms_by_hand():
    """The pooled variance is .02, of 4 degrees of freedom since the deviations are at right angles."""
    a, b = pooling.alike([A, B])
    for e, own in ((a, A), (b, B)):
        assert e.pooled and e.seed_sd == pytest.approx(math.sqrt(0.02)) and e.seed_df == pytest.approx(4)
        assert e.high - e.value == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(0.02 / 3))
        assert (e.value, e.spread, e.per_seed) == (own.value, own.spread, own.per_seed)


def test_a_single_seed_borrows_the_noise_and_counts_its_own_trouble_once():
    """Its variance over people, .0025, holds what it alone finds hard, .0009 in the other arms."""
    others = [replace(e, own=0.03) for e in (A, B)]
    *_, e = pooling.alike([*others, arm(0.4, people=0.05)])
    assert e.pooled and e.people == pytest.approx(0.04) and e.error == pytest.approx(math.sqrt(0.0016 + 0.02))
    assert e.low < 0.4 < e.high


def test_unequal_arms_keep_their_own_noise():
    quiet, loud = arm(0.1, 0.1001, 0.1002), arm(0.2, 0.6, 0.9)
    assert pooling.alike([quiet, loud]) == [quiet, loud]
    alone = arm(0.3, people=0.05)
    assert math.isnan(pooling.alike([quiet, loud, alone])[2].low)


def test_arms_on_other_crops_and_given_detectors_are_no_help():
    other, given = arm(0.5, 0.8, 0.5, frames=80), arm(0.5, 0.5, people=0.1, seed_df=math.inf)
    assert pooling.alike([A, other, given]) == [A, other, given]
    assert [e.pooled for e in pooling.alike([A, other, B, given])] == [True, False, True, False]


def test_what_is_there_with_the_other_sign_tells_nothing_more():
    back = arm(-0.1, -0.2, -0.3)
    assert [e.pooled for e in pooling.alike([A, back])] == [False, False]
    assert pooling.alike([A, B, back])[0].seed_df == pooling.alike([A, B])[0].seed_df


def test_arms_that_move_together_bring_fewer_degrees_of_freedom():
    """By hand: two arms that move as one are worth one, of 2; with r = 1/2 they are worth 4 / 1.25."""
    x, y = np.array([1.0, 0, -1]), np.array([1.0, -2, 1]) / math.sqrt(3)
    assert pooling.freedom([x, x]) == pytest.approx(2) and pooling.freedom([x, y]) == pytest.approx(4)
    assert pooling.freedom([x, x / 2 + y * math.sqrt(3) / 2]) == pytest.approx(4 / 1.25)
    assert pooling.freedom([x, np.append(x, 0.3)]) > 2  # the seeds that both have tell how they move


def test_the_correlation_is_found_on_average():
    rng = np.random.default_rng(1)
    worth = {}
    for r in (0.0, 0.9):
        draws = [math.sqrt(r) * rng.normal(size=3) + math.sqrt(1 - r) * rng.normal(size=(6, 3)) for _ in range(300)]
        worth[r] = np.mean([pooling.freedom(list(arms)) for arms in draws])
    assert worth[0.0] > 9.5 and worth[0.9] < 4  # of 12, and of 12 / (1 + 5 x .81) = 2.4


def test_bartletts_statistic_is_scipys_but_for_its_correction():
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(4, 5))
    variances, dfs = samples.var(axis=1, ddof=1), np.full(4, 4)
    correction = 1 + (4 / 4 - 1 / 16) / (3 * 3)
    assert pooling.bartlett(variances, dfs) / correction == pytest.approx(stats.bartlett(*samples).statistic)


def test_equal_arms_fail_in_one_of_ten_studies():
    rng = np.random.default_rng(3)
    passed = [pooling.equal_variances([arm(*rng.normal(size=3)) for _ in range(5)]) for _ in range(400)]
    assert np.mean(passed) == pytest.approx(1 - pooling.LEVEL, abs=0.04)


def test_seeds_that_agree_by_rounding_do_not_stop_pooling():
    coarse = [arm(k / 90, m / 90) for k, m in ((60, 61), (62, 62), (59, 61))]
    coarse = [replace(e, people=0.05) for e in coarse]
    assert pooling.equal_variances(coarse) and pooling.alike([*coarse, arm(0.7, people=0.1)])[-1].pooled
    assert pooling.alike(coarse)[1].seed_sd > 0


def test_a_table_is_pooled_metric_by_metric():
    found = {"a": {"auc": A, "acc": arm(0.1, 0.1001, 0.1002)}, "b": {"auc": B, "acc": arm(0.2, 0.6, 0.9)}, "c": {}}
    rows = pooling.pooled(found)
    assert [rows[row]["auc"].pooled for row in "ab"] == [True, True] and rows["c"] == {}
    assert [rows[row]["acc"] for row in "ab"] == [found[row]["acc"] for row in "ab"]


def test_pooling_the_pooled_changes_nothing():
    once = pooling.alike([A, B])
    assert pooling.alike(once) == once
