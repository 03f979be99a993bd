"""Which threshold is chosen on valid: by hand, and against trying all of them."""

import numpy as np
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from predictions import made_up
from sklearn.metrics import balanced_accuracy_score

from ddet.errors import InputError
from ddet.stats import metrics, thresholds


def test_the_midpoint_of_the_best_cut_by_hand():
    """Reals at .1, .2 and .7, fakes at .3, .6 and .9: above .2 all fakes and one real, 5/6; above .7 (1 + 1/3) / 2."""
    y, p = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.7, 0.3, 0.6, 0.9])
    assert thresholds.chosen(y, p) == pytest.approx(0.25)
    assert thresholds.chosen(y[::-1], p[::-1]) == pytest.approx(0.25), "the order of rows does not matter"


def test_classes_count_alike_however_many_there_are():
    """Nine fakes and one real: accuracy would call all of them fake."""
    y, p = np.array([0, *[1] * 9]), np.array([0.8, 0.1, 0.2, *[0.9] * 7])
    assert thresholds.chosen(y, p) == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.1, 0.3, 0.2, 0.4], 0.35),  # cuts at .15 and .35 are as good; .35 is nearer to .5
        ([0.6, 0.8, 0.7, 0.9], 0.65),
        ([0.25, 0.625, 0.375, 0.75], 0.3125),  # .3125 and .6875 are as near: the lower
        ([0.2, 0.2, 0.8, 0.8], 0.5),
        ([0.8, 0.9, 0.1, 0.2], 0.5),  # upside down: nothing beats chance
        ([0.3, 0.3, 0.3, 0.3], 0.5),
    ],
)
def test_ties_are_resolved_by_rule(p, expected):
    assert thresholds.chosen(np.array([0, 0, 1, 1]), np.array(p)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("low", [0.6, np.nextafter(0.6, 1)])  # of one of them the midpoint is rounded down
def test_between_neighbouring_floats_there_is_still_a_threshold(low):
    high = np.nextafter(low, 1)
    found = thresholds.chosen(np.array([0, 1]), np.array([low, high]))
    assert found == high and metrics.scores(np.array([0, 1]), np.array([low, high]), found)["accuracy"] == 1


@examples(100)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=25))
def test_no_other_threshold_is_better(rows):
    y, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows]) / 20
    if 0 < y.sum() < len(y):
        tried = [balanced_accuracy_score(y, p >= t) for t in np.arange(-0.025, 1.05, 0.025)]
        found = balanced_accuracy_score(y, p >= thresholds.chosen(y, p))
        assert found == pytest.approx(max(tried)) or (max(tried) == pytest.approx(0.5) and found <= 0.5)


def test_each_level_has_its_own_threshold():
    valid = made_up(4).assign(split="valid")
    found = thresholds.of_valid(valid)
    clips = metrics.clip_probs(valid)
    assert found == {
        "frame": thresholds.chosen(valid["label"], valid["prob_fake"]),
        "clip": thresholds.chosen(clips["label"], clips["clip_prob"]),
    }
    assert found["frame"] != found["clip"]


@pytest.mark.parametrize(
    ("valid", "cause"),
    [
        (made_up().assign(split="test"), "a threshold cannot come from test; pass those of valid"),
        (made_up().query("label == 1").assign(split="valid"), "no threshold can be chosen on one class"),
    ],
)
def test_what_no_threshold_can_come_from_is_one_line(valid, cause):
    with pytest.raises(InputError, match=cause):
        thresholds.of_valid(valid)
