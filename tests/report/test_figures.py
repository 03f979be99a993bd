"""Figures: the same bytes twice, light files, and what is drawn is what was given."""

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image
from predictions import made_up

from ddet.errors import InputError
from ddet.report import figures
from ddet.stats import metrics
from ddet.stats.bootstrap import Estimate

mpl.use("Agg")
ARMS = {"Base": [made_up(1), made_up(2)], "NA": [made_up(3)]}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def crops(count: int, size: int = 24) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


def histories() -> dict[str, list[pd.DataFrame]]:
    one = pd.DataFrame({"epoch": [0, 1], "train_loss": [1.0, 0.5], "valid_loss": [0.9, 0.7], "frame_auc": [0.6, 0.8]})
    return {"Base": [one, one.add([0, 0.2, 0.2, 0.1])], "NA": [one]}


def box(size: int = 24) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[6:18, 4:20] = True
    return mask


def swept(*x: float) -> pd.DataFrame:
    """Lay out two metrics over a knob: f = x / 10 with an interval of .1 to either side, g a constant."""
    table = pd.DataFrame({"x": x, "f": np.array(x) / 10, "g": 0.5})
    return table.assign(f_low=table.f - 0.1, f_high=table.f + 0.1, g_low=0.4, g_high=0.7)


def estimate(value: float, low: float, high: float, *per_seed: float) -> Estimate:
    return Estimate(value, low, high, 0.0, per_seed, 9, 9, 9, 200, 0, True)


ESTIMATES = {"Base": estimate(0.7, 0.6, 0.9, 0.65, 0.75), "NA": estimate(0.8, 0.75, 0.85, 0.8)}
DRAWN = {
    "sweep": lambda: figures.lines_with_intervals({"balanced": swept(4, 1, 2), "10:1": swept(1, 8)}, "x", "fg", "w"),
    "points": lambda: figures.points_with_intervals(ESTIMATES, "AUC"),
    "curves": lambda: figures.training_curves(histories()),
    "confusion": lambda: figures.confusion_matrices({"Base": np.array([[3, 1], [0, 4]])}),
    "roc": lambda: figures.roc_curves(ARMS),
    "sheet": lambda: figures.contact_sheet(crops(3), list("abc"), [box()] * 3),
    "cams": lambda: figures.cam_grid(crops(2), np.full((2, 24, 24), 0.5), [box()] * 2, list("ab")),
}


@pytest.mark.parametrize("name", DRAWN)
def test_same_figure_same_bytes(name, tmp_path):
    one, two = (figures.save(DRAWN[name](), name, tmp_path / run) for run in ("1", "2"))
    assert [p.name for p in one] == [f"{name}.png", f"{name}.svg"]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert "<dc:date>" not in one[1].read_text()
    assert Image.open(one[0]).info.keys() <= {"dpi"}


def test_photographs_are_saved_without_svg(tmp_path):
    assert [p.name for p in figures.save(DRAWN["sheet"](), "s", tmp_path, svg=False)] == ["s.png"]


def test_a_heavy_png_is_reduced_to_a_palette(tmp_path):
    noise = figures.contact_sheet(crops(24, 160), ["t"] * 24)
    (path,) = figures.save(noise, "noise", tmp_path, svg=False)
    full = io.BytesIO()
    noise.savefig(full, format="png", dpi=figures.DPI)
    assert path.stat().st_size < full.getbuffer().nbytes / 2
    assert Image.open(path).mode == "P" and Image.open(path).size == Image.open(full).size
    (light,) = figures.save(figures.contact_sheet(crops(1), ["t"]), "light", tmp_path, svg=False)
    assert Image.open(light).mode != "P"


def test_training_curves_draw_seeds_and_their_mean():
    loss, auc = DRAWN["curves"]().axes
    lines = {(line.get_label(), line.get_linewidth()): line.get_ydata() for line in auc.lines}
    np.testing.assert_allclose(lines["Base", 2.0], [0.65, 0.85])
    np.testing.assert_allclose(lines["NA", 2.0], [0.6, 0.8])
    assert len(auc.lines) == 3 + 2 and len(loss.lines) == 2 * (3 + 2)
    assert [t.get_text() for t in auc.get_legend().get_texts()] == ["Base", "NA"]


def test_one_epoch_is_a_dot_not_nothing():
    one = {"NA": [histories()["NA"][0].iloc[:1]]}
    assert figures.training_curves(one).axes[1].lines[-1].get_marker() == "o"


def test_confusion_shows_counts_and_row_percentages():
    axis = figures.confusion_matrices({"Base": np.array([[3, 1], [0, 4]])}).axes[0]
    assert [t.get_text() for t in axis.texts] == ["3\n75.0%", "1\n25.0%", "0\n0.0%", "4\n100.0%"]
    assert axis.axison and axis.get_title() == "Base"


def test_confusion_of_an_absent_class_is_no_division_by_zero():
    texts = figures.confusion_matrices({"DF1": np.array([[0, 0], [1, 3]])}).axes[0].texts
    assert [t.get_text() for t in texts][:2] == ["0\n0.0%", "0\n0.0%"]


def test_roc_names_the_mean_auc_of_its_level():
    for level in metrics.LEVELS:
        legend = figures.roc_curves(ARMS, level).axes[0].get_legend().get_texts()
        mean = np.mean([metrics.frame_and_clip(p)[f"{level}_auc"] for p in ARMS["Base"]])
        assert legend[0].get_text() == f"Base (AUC {mean:.3f})"


def test_lines_have_a_panel_per_table_and_a_band_per_metric():
    left, right = DRAWN["sweep"]().axes
    assert [axis.get_title() for axis in (left, right)] == ["balanced", "10:1"]
    assert [line.get_label() for line in left.lines] == ["f", "g"]
    assert [line.get_color() for line in right.lines] == list(figures.COLOURS[:2])
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[1, 0.1], [2, 0.2], [4, 0.4]])  # in order of the knob
    band = left.collections[0].get_paths()[0].get_extents()
    np.testing.assert_allclose(band.get_points(), [[1, 0.0], [4, 0.5]], atol=1e-12)
    np.testing.assert_allclose(right.collections[1].get_paths()[0].get_extents().get_points(), [[1, 0.4], [8, 0.7]])
    assert [t.get_text() for t in left.get_legend().get_texts()] == ["f", "g"] and right.get_legend() is None


def test_the_knob_is_drawn_on_a_logarithmic_axis_that_names_its_values():
    table = swept(1 / 1.85, 1, 1.85, 10)
    (axis,) = figures.lines_with_intervals({"one": table}, "x", ["f"], "weight of fake").axes
    assert (axis.get_xscale(), axis.get_xlabel(), len(axis.lines)) == ("log", "weight of fake", 1)
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0.541", "1", "1.85", "10"]
    np.testing.assert_allclose(axis.get_xticks(), table["x"])
    assert len(axis.get_xticks(minor=True)) == 0


def test_panels_share_their_scale():
    left, right = DRAWN["sweep"]().axes
    assert left.get_ylim() == right.get_ylim()


def test_points_stand_in_the_order_given_with_bar_seeds_and_value():
    (axis,) = DRAWN["points"]().axes
    assert [t.get_text() for t in axis.get_yticklabels()] == ["NA", "Base"]  # from below: the first is at the top
    assert axis.get_ylim()[0] < axis.get_yticks()[0] < axis.get_yticks()[-1] < axis.get_ylim()[1]
    bars, seeds, values = axis.lines[::3], axis.lines[1::3], axis.lines[2::3]
    drawn = [[line.get_xydata().tolist() for line in lines] for lines in (bars, seeds, values)]
    assert drawn[0] == [[[0.75, 0], [0.85, 0]], [[0.6, 1], [0.9, 1]]]
    assert drawn[1] == [[[0.8, 0]], [[0.65, 1], [0.75, 1]]]
    assert drawn[2] == [[[0.8, 0]], [[0.7, 1]]]
    assert axis.get_xlabel().startswith("AUC: mean, interval for people and seeds")


def test_an_estimate_without_an_interval_is_still_a_point():
    (axis,) = figures.points_with_intervals({"NA": estimate(0.8, np.nan, np.nan, 0.8)}, "AUC").axes
    assert axis.lines[2].get_xydata().tolist() == [[0.8, 0]]


def test_grids_show_every_image_and_outline_only_masks():
    figure = figures.contact_sheet(crops(8), [str(i) for i in range(8)], [box()] * 7 + [np.zeros((24, 24), bool)])
    shown = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 12 and [axis.get_title() for axis in shown] == [str(i) for i in range(8)]
    assert [len(axis.collections) for axis in shown] == [2] * 7 + [0]


def test_the_overlay_is_half_crop_half_heat():
    crop, cam = np.full((1, 2, 3), 100, np.uint8), np.array([[0.0, 1.0]])
    heat = [np.array(mpl.colormaps["inferno"](value)[:3]) * 255 for value in (0.0, 1.0)]
    np.testing.assert_allclose(figures.overlay(crop, cam)[0], [50 + h / 2 for h in heat], atol=0.5)


def test_the_style_stays_inside():
    before = dict(mpl.rcParams)
    DRAWN["curves"]()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: figures.contact_sheet(crops(2), ["a"]), r"lengths \[2, 1, 2\]"),
        (lambda: figures.cam_grid(crops(2), np.zeros((1, 24, 24)), [box()] * 2, ["a", "b"]), r"lengths \[2, 1, 2, 2\]"),
        (lambda: figures.confusion_matrices({}), "nothing to show"),
    ],
)
def test_bad_input_is_one_line(call, cause):
    with pytest.raises(InputError, match=cause):
        call()
