"""The premise of small regions: what counts as small, and what is said where a detector's regions are not."""

import numpy as np
import pytest

from ddet.prle import premise


def maps(*shares: float) -> np.ndarray:
    """Make a map of 100 pixels for each share that is positive."""
    return np.stack([(np.arange(100) < 100 * share).reshape(10, 10) / 2 for share in shares])


def test_shares_are_averaged_over_crops_and_empty_maps_are_counted():
    found = premise.table({"A": maps(0.2, 0.0, 0.4, 0.2), "B": maps(0.5, 0.5)})
    assert found["detector"].tolist() == ["A", "B"] and found["covered"].tolist() == pytest.approx([0.2, 0.5])
    assert found["above 0.3"].tolist() == found["covered"].tolist() and found["above 0.6"].tolist() == [0, 0]
    assert found["empty"].tolist() == [0.25, 0] and found["small"].tolist() == [True, False]


@pytest.mark.parametrize(("share", "small"), [(0.04, False), (0.05, True), (0.3, True), (0.31, False)])
def test_small_has_two_ends(share, small):
    assert premise.table({"A": maps(share)})["small"].tolist() == [small]


def test_what_fails_is_named_with_its_number():
    said = premise.in_words(premise.table({"A": maps(0.2), "B": maps(0.46), "C": maps(0.01)}))
    assert said == "The premise fails: a region should cover 5% to 30% of a crop, but there are B 46.0%, C 1.0%."
    assert premise.in_words(premise.table({"A": maps(0.2)})).startswith("The premise is met: ")
