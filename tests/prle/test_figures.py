"""Figures of PRLE: the same bytes twice, and what is drawn is what was given."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ddet.prle import exploit
from ddet.prle import figures as prle_figures
from ddet.report import figures
from ddet.stats.bootstrap import Estimate

mpl.use("Agg")
SIZE = 12


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def crops(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(1, 256, (count, SIZE, SIZE, 3), dtype=np.uint8))


def maps(count: int) -> np.ndarray:
    """Make maps of distinct values whose left half is positive."""
    found = np.random.default_rng(1).permutation(count * SIZE * SIZE).reshape(count, SIZE, SIZE) / (count * SIZE * SIZE)
    found[:, :, SIZE // 2 :] = 0
    return found.clip(0, 1)


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.2, 0.0, (value,), 9, 9, 9, 100, 0, False)


PANELS = {
    "DF": {
        "Xception": {"plain": estimate(0.6), "PRLE": estimate(0.7)},
        "VGG": {"plain": estimate(0.5), "PRLE": estimate(0.4)},
    },
    "FS": {"Xception": {"plain": estimate(0.3), "PRLE": estimate(0.2)}},
}
LINES = {"a": {"X.": estimate(0.6), "X. + E.": estimate(0.7)}, "b": {"X.": estimate(0.5), "X. + E.": estimate(0.4)}}
ALPHA = pd.DataFrame({"method": ["DF", "DF", "FS", "FS"], "alpha": [1.0, 0.1, 0.1, 1.0], "auc": [0.5, 0.9, 0.8, 0.6]})
ALPHA = ALPHA.assign(low=ALPHA["auc"] - 0.1, high=ALPHA["auc"] + 0.05)
DRAWN = {
    "fused": lambda: prle_figures.fused_maps(crops(2), {"union": maps(3), "average": maps(3) / 2}, ["a", "b"]),
    "masked": lambda: prle_figures.masked_crops(crops(2), exploit.levels(maps(2)), ["a", "b"]),
    "hidden": lambda: prle_figures.hidden_crops(crops(2), exploit.levels(maps(2)), ["a", "b"], 0.5),
    "pairs": lambda: prle_figures.pairs_of_points(PANELS, "AUC"),
    "along": lambda: prle_figures.along({"AUC": LINES, "ACC": {"a": LINES["a"]}}, "maps of"),
    "alpha": lambda: prle_figures.over_alpha({"fake": ALPHA, "label": ALPHA}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_same_figure_same_bytes(name, tmp_path):
    one, two = (figures.save(DRAWN[name](), name, tmp_path / run, svg=False)[0].read_bytes() for run in ("1", "2"))
    assert one == two and len(one) > 3000


def test_what_is_hidden_is_black_by_hand():
    crop = np.full((2, 2, 3), 200, np.uint8)
    level = np.array([[0, 0.5], [1, np.inf]], np.float32)
    for alpha, kept in ((0.4, [0, 200, 200, 200]), (0.5, [0, 0, 200, 200]), (1.0, [0, 0, 0, 200])):
        shown = prle_figures.without(crop, level, alpha)
        assert shown[..., 0].ravel().tolist() == kept and shown.dtype == np.uint8
    assert (crop == 200).all()


def test_figure_7_falls_from_the_whole_region_to_a_tenth_of_it():
    levels = exploit.levels(maps(2))
    axes = np.array(DRAWN["masked"]().axes).reshape(2, 10)
    assert [a.get_title() for a in axes[0]] == [f"α = {k / 10}" for k in range(10, 0, -1)]
    assert [a.get_title() for a in axes[1]] == [""] * 10 and [a.get_ylabel() for a in axes[:, 0]] == ["a", "b"]
    for line, level, crop in zip(axes, levels, crops(2), strict=True):
        shown = [axis.images[0].get_array() for axis in line]
        black = [int((image == 0).all(axis=2).sum()) for image in shown]
        assert black == [max(1, int(k / 10 * (level <= 1).sum() + 1e-6)) for k in range(10, 0, -1)]
        np.testing.assert_array_equal(shown[-1], prle_figures.without(crop, level, 0.1))
    assert list(prle_figures.ALPHAS) == [k / 10 for k in range(10, 0, -1)]


def test_masks_are_laid_out_in_columns():
    figure = prle_figures.hidden_crops(crops(4), exploit.levels(maps(4)), list("abcd"), 0.5)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "", ""]
    assert [len(axis.images) for axis in figure.axes] == [1, 1, 1, 1, 0, 0]
    want = prle_figures.without(crops(4)[2], exploit.levels(maps(4))[2], 0.5)
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), want)


def test_figure_3_shows_each_rule_over_the_crops_and_all_of_its_values():
    axes = np.array(DRAWN["fused"]().axes).reshape(2, 3)
    assert [a.get_title() for a in axes[0, :2]] == ["a", "b"] and [a.get_title() for a in axes[1, :2]] == ["", ""]
    for line, found in zip(axes, (maps(3), maps(3) / 2), strict=True):
        for axis, crop, one in zip(line[:2], crops(2), found, strict=False):
            np.testing.assert_array_equal(axis.images[0].get_array(), figures.overlay(crop, one))
        heights = [patch.get_height() for patch in line[2].patches]
        assert len(heights) == 40 and sum(heights) == (found > 0).sum(), "of every map, not of those shown"
    share = 100 * (maps(3) > 0).mean()
    assert axes[0, 2].get_title() == f"union: {share:.0f} % of pixels above 0" and 49 <= share <= 50
    assert [max(np.flatnonzero([p.get_height() for p in line[2].patches])) for line in axes] == [39, 19]


def points(axis) -> dict[str, tuple[list, list]]:
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines}


def intervals(axis) -> list[list]:
    return [segment[:, 1].tolist() for part in axis.collections for segment in part.get_segments()]


def test_figure_5_has_a_panel_a_training_set_and_a_group_a_detector():
    left, right = DRAWN["pairs"]().axes
    assert (left.get_title(), right.get_title()) == ("DF", "FS")
    assert [t.get_text() for t in left.get_xticklabels()] == ["Xception", "VGG"]
    for name, at, values in (("plain", -0.11, [0.6, 0.5]), ("PRLE", 0.11, [0.7, 0.4])):
        x, y = points(left)[name]
        assert x == pytest.approx([at, 1 + at]) and y == values
    assert points(right)["PRLE"][1] == [0.2]
    assert np.allclose(intervals(left), [[0.5, 0.8], [0.4, 0.7], [0.6, 0.9], [0.3, 0.6]])
    assert [t.get_text() for t in left.figure.legends[0].get_texts()] == ["plain", "PRLE"]
    assert all(line.get_linestyle() == "None" for line in left.lines), "points of two detectors make no line"


def test_figure_6_has_a_panel_a_metric_and_a_line_a_detector_over_named_steps():
    axis, other = DRAWN["along"]().axes
    drawn = points(axis)
    assert drawn["a"][1] == [0.6, 0.7] and drawn["b"][1] == [0.5, 0.4]
    assert drawn["a"][0] == pytest.approx([-0.06, 0.94]) and drawn["b"][0] == pytest.approx([0.06, 1.06])
    assert points(other) == {"a": ([0, 1], [0.6, 0.7])} and other.get_ylabel() == "ACC"
    assert [t.get_text() for t in axis.get_xticklabels()] == ["X.", "X. + E."]
    assert np.allclose(intervals(axis), [[0.5, 0.8], [0.6, 0.9], [0.4, 0.7], [0.3, 0.6]])
    assert axis.lines[0].get_linestyle() == "-"
    assert [t.get_text() for t in axis.figure.legends[0].get_texts()] == ["a", "b"] and other.get_legend() is None


def test_figure_8_has_a_line_and_a_band_a_method():
    axis, other = DRAWN["alpha"]().axes
    assert (axis.get_title(), other.get_title()) == ("fake", "label")
    assert points(axis)["DF"] == ([0.1, 1.0], [0.9, 0.5]) and points(axis)["FS"] == ([0.1, 1.0], [0.8, 0.6])
    bands = [band.get_paths()[0].get_extents() for band in axis.collections]
    assert np.allclose([(b.y0, b.y1) for b in bands], [(0.4, 0.95), (0.5, 0.85)])
    assert [t.get_text() for t in axis.figure.legends[0].get_texts()] == ["DF", "FS"]
    assert axis.get_legend() is None and other.get_legend() is None  # below both, where no line is
