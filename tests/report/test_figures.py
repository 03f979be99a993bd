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


DRAWN = {
    "curves": lambda: figures.training_curves(histories()),
    "confusion": lambda: figures.confusion_matrices({"Base": np.array([[3, 1], [0, 4]])}),
    "roc": lambda: figures.roc_curves(ARMS),
    "sheet": lambda: figures.contact_sheet(crops(3), list("abc"), [box()] * 3),
    "cams": lambda: figures.cam_grid(crops(2), np.full((2, 24, 24), 0.5), [box()] * 2, list("ab")),
}


@pytest.mark.parametrize("name", DRAWN)
def test_same_figure_same_bytes(name, tmp_path):
    one, two = (figures.save(DRAWN[name](), name, tmp_path / run) for run in ("1", "2"))
    assert [p.name for p in one] == [f"{name}.svg", f"{name}.png"]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert "<dc:date>" not in one[0].read_text()
    assert Image.open(one[1]).info == {}


def test_photographs_are_saved_without_svg(tmp_path):
    assert [p.name for p in figures.save(DRAWN["sheet"](), "s", tmp_path, svg=False)] == ["s.webp"]


def test_photographs_keep_their_colours_and_charts_their_lines(tmp_path):
    ramp = np.zeros((120, 120, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(120)[:, None] * 2, np.arange(120) * 2  # more colours than a palette holds
    (path,) = figures.save(figures.contact_sheet([ramp], ["t"]), "ramp", tmp_path, svg=False)
    seen = np.asarray(Image.open(path).convert("RGB"))
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 2000
    png = np.asarray(Image.open(figures.save(DRAWN["roc"](), "roc", tmp_path)[1]).convert("RGB"), int)
    buffer = io.BytesIO()
    with figures.styled():
        DRAWN["roc"]().savefig(buffer, format="png")
    full = np.asarray(Image.open(buffer).convert("RGB"), int)
    assert np.abs(png - full).mean() < 0.2 and (tmp_path / "roc.png").stat().st_size < buffer.getbuffer().nbytes


def test_text_of_a_chart_is_text(tmp_path):
    svg = figures.save(DRAWN["confusion"](), "c", tmp_path)[0].read_text()
    assert ">Base</text>" in svg and figures.FONTS in svg


def test_training_curves_draw_seeds_and_their_mean():
    loss, auc = DRAWN["curves"]().axes
    lines = {(line.get_label(), line.get_linewidth()): line.get_ydata() for line in auc.lines}
    np.testing.assert_allclose(lines["Base", 2.0], [0.65, 0.85])
    np.testing.assert_allclose(lines["NA", 2.0], [0.6, 0.8])
    assert len(auc.lines) == 3 + 2 and len(loss.lines) == 2 * (3 + 2)
    (legend,) = auc.figure.legends  # below, where no line is
    assert [t.get_text() for t in legend.get_texts()] == ["Base", "NA"] and loss.get_yscale() == "log"
    assert auc.get_ylabel() == "frame AUC"


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
        legend = figures.roc_curves(ARMS, level).legends[0].get_texts()
        mean = np.mean([metrics.frame_and_clip(p)[f"{level}_auc"] for p in ARMS["Base"]])
        assert legend[0].get_text() == f"Base (AUC {mean:.3f})"


@pytest.mark.parametrize("name", ["curves", "roc"])
def test_no_legend_lies_over_an_axis(name):
    figure = DRAWN[name]()
    figure.canvas.draw()
    legends = [*figure.legends, *filter(None, (axis.get_legend() for axis in figure.axes))]
    assert legends
    for legend in legends:
        where = legend.get_window_extent()
        assert not any(where.overlaps(axis.get_window_extent()) for axis in figure.axes)
        assert figure.bbox.x0 <= where.x0 and where.x1 <= figure.bbox.x1


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


def test_a_figure_of_nothing_is_a_sentence_and_any_other_is_drawn():
    drawn = figures.or_blank(lambda shown, title="": figures.blank(f"{title}{list(shown)}"))
    for empty in ({}, [], np.zeros((0, 2))):
        (text,) = drawn(empty, title="x").texts
        assert text.get_text() == "no arm was run that this figure would show"
    assert drawn({"a": 1}, title="x").texts[0].get_text() == "x['a']"
    assert figures.cam_grid([], [], [], []).texts and figures.cam_grid.__doc__.startswith("Draw each crop twice")
