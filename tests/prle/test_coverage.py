"""Coverage of primary regions by hand, and their overlap with what is forged."""

import numpy as np
import pytest

from ddet.attention import grad_cam
from ddet.prle import coverage

MAPS = np.array([[[0, 0.2], [0.4, 1.0]], [[0, 0], [0, 1.0]], [[0, 0], [0, 0]], [[1, 1], [1, 0.3]]])


def test_coverage_by_hand():
    np.testing.assert_allclose(coverage.coverage(MAPS), [0.75, 0.25, 0, 1])
    np.testing.assert_allclose(coverage.coverage(MAPS, 0.3), [0.5, 0.25, 0, 0.75]), "above, not at"
    zeros = (MAPS == 0).mean(axis=(1, 2))
    np.testing.assert_allclose(1 - coverage.coverage(MAPS), zeros)


def test_halved_maps_are_covered_at_half_the_threshold():
    np.testing.assert_array_equal(coverage.coverage(MAPS / 2, 0.3), coverage.coverage(MAPS, 0.6))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_overlap_is_that_of_the_positive_pixels(dtype):
    maps = MAPS.astype(dtype)
    maps[1, 0, 0] = np.finfo(dtype).smallest_subnormal  # positive all the same
    forged = np.array([[[0, 1], [0, 1]]] * 4, bool)
    found = coverage.primary_shares(maps, forged)
    positive = maps > 0
    expected = (positive & forged).sum(axis=(1, 2)) / (positive | forged).sum(axis=(1, 2))
    np.testing.assert_allclose(found["iou"], [*expected[:2], np.nan, expected[3]])
    others = grad_cam.attention_shares(maps, forged)
    for name in ("inside", "pointing", "area"):
        np.testing.assert_array_equal(found[name], others[name])
