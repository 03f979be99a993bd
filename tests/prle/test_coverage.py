"""Coverage of primary regions by hand."""

import numpy as np

from ddet import codeid
from ddet.prle import coverage

MAPS = np.array([[[0, 0.2], [0.4, 1.0]], [[0, 0], [0, 1.0]], [[0, 0], [0, 0]], [[1, 1], [1, 0.3]]])


def test_coverage_by_hand():
    np.testing.assert_allclose(coverage.coverage(MAPS), [0.75, 0.25, 0, 1])
    np.testing.assert_allclose(coverage.coverage(MAPS, 0.3), [0.5, 0.25, 0, 0.75]), "above, not at"
    zeros = (MAPS == 0).mean(axis=(1, 2))
    np.testing.assert_allclose(1 - coverage.coverage(MAPS), zeros)


def test_halved_maps_are_covered_at_half_the_threshold():
    np.testing.assert_array_equal(coverage.coverage(MAPS / 2, 0.3), coverage.coverage(MAPS, 0.6))


def test_a_training_run_that_measures_coverage_does_not_depend_on_the_run_store():
    assert set(codeid.closure(["ddet.prle.coverage"])) == {"ddet.prle.coverage"}
