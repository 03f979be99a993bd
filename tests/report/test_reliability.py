"""The figure of reliability curves: its points, its bars, its panels."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from predictions import made_up

from ddet.report import reliability
from ddet.stats import calibration, metrics


@pytest.mark.parametrize("level", metrics.LEVELS)
def test_each_arm_has_a_panel_with_its_seeds_and_all_of_them(level):
    preds = {"Base": [made_up(1), made_up(2)], "WL": [made_up(3)]}
    figure = reliability.curves(preds, level)
    first, second = figure.axes
    assert len(first.lines) == 1 + 2 + 1 and len(second.lines) == 1 + 1 + 1  # diagonal, seeds, together
    y, p, _ = metrics.arrays(made_up(2), level)
    np.testing.assert_allclose(first.lines[2].get_xydata(), calibration.reliability(y, p)[["prob_fake", "fakes"]])
    both = [np.concatenate([metrics.arrays(t, level)[i] for t in preds["Base"]]) for i in (0, 1)]
    curve = calibration.reliability(*both)
    np.testing.assert_allclose(first.lines[3].get_xydata(), curve[["prob_fake", "fakes"]])
    heights = [bar.get_height() for bar in first.patches]
    np.testing.assert_allclose(heights, reliability.HIGHEST * curve["count"] / curve["count"].max())
    assert first.get_title().startswith("Base\nECE 0.")
    plt.close(figure)
