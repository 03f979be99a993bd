"""ASRID's pictures: what is drawn, and the same bytes twice."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ddet.asrid import figures as asrid_figures
from ddet.report import figures


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def fit(lean: float, seeds: int = 2, epochs: int = 2) -> asrid_figures.Fits:
    """Invent the losses by step and the histories of an arm: two steps an epoch."""
    steps, histories = [], []
    for seed in range(seeds):
        smooth = np.linspace(0.7, 0.4, 2 * epochs) + seed
        step = range(1, 2 * epochs + 1)
        steps.append(pd.DataFrame({"step": step, "loss": smooth + lean, "smooth": smooth}))
        loss = [0.6 - 0.1 * epoch + 0.2 * seed + lean for epoch in range(epochs)]
        histories.append(pd.DataFrame({"step": range(2, 2 * epochs + 1, 2), "clip_log_loss": loss}))
    return steps, histories


def values(line) -> tuple[list, list]:
    return line.get_xdata().tolist(), [round(float(y), 6) for y in line.get_ydata()]


def strips() -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    clips = [np.full((3, 8, 8, 3), level, np.uint8) for level in (40, 200)]
    clips[0][2] = 90
    return clips, [np.full((3, 3), 1 / 3), np.eye(3)], ["real 7", "fake 9"]


def test_the_train_panel_shows_the_first_seed_raw_and_smoothed():
    left, _ = asrid_figures.step_curves({"Dyn": fit(0.1)}).axes
    raw, smooth = left.get_lines()
    assert values(raw) == ([1, 2, 3, 4], [0.8, 0.7, 0.6, 0.5])
    assert values(smooth) == ([1, 2, 3, 4], [0.7, 0.6, 0.5, 0.4])
    assert raw.get_alpha() < 1 and raw.get_linewidth() < smooth.get_linewidth()


def test_the_valid_panel_shows_every_seed_and_their_mean():
    _, right = asrid_figures.step_curves({"Dyn": fit(0.1)}).axes
    one, two, mean = right.get_lines()
    assert values(one) == ([2, 4], [0.7, 0.6]) and values(two) == ([2, 4], [0.9, 0.8])
    assert values(mean) == ([2, 4], [0.8, 0.7]) and mean.get_linewidth() > one.get_linewidth()


def test_arms_differ_in_colour_and_are_named():
    left, right = asrid_figures.step_curves({"StaNew": fit(0.0), "Dyn": fit(0.1)}, "Figure 8").axes
    assert left.figure.get_suptitle() == "Figure 8"
    assert [text.get_text() for text in right.figure.legends[0].get_texts()] == ["StaNew", "Dyn"]
    colours = [line.get_color() for line in left.get_lines()]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_one_epoch_is_a_dot_not_nothing():
    _, right = asrid_figures.step_curves({"Dyn": fit(0.0, epochs=1)}).axes
    assert right.get_lines()[-1].get_marker() == "o"


def test_a_clip_is_a_strip_of_its_crops_beside_who_looks_at_whom():
    left, right, *others = asrid_figures.frame_attention(*strips()).axes
    (strip,), (weights,) = left.get_images(), right.get_images()
    shown = np.asarray(strip.get_array())
    assert shown.shape == (8, 24, 3) and [shown[4, x, 0] for x in (4, 12, 20)] == [40, 40, 90]
    assert "real 7" in [text.get_text() for text in (left.title, left._left_title)]
    np.testing.assert_allclose(weights.get_array(), 1 / 3)
    (eye,) = others[1].get_images()
    assert np.array_equal(eye.get_array(), np.eye(3))
    assert eye.get_clim() == pytest.approx((1 / 3 - 2 / 3, 1 / 3 + 2 / 3)), "an even look is the colours' middle"


def test_strips_and_titles_must_match():
    clips, weights, titles = strips()
    with pytest.raises(ValueError):
        asrid_figures.frame_attention(clips, weights, titles[:1])


def test_figures_are_the_same_bytes_twice(tmp_path):
    for make in (
        lambda: asrid_figures.step_curves({"StaNew": fit(0.0), "Dyn": fit(0.1)}, "Figure 8"),
        lambda: asrid_figures.frame_attention(*strips()),
    ):
        pngs = [figures.save(make(), "x", tmp_path / str(i), svg=False)[0].read_bytes() for i in range(2)]
        assert pngs[0] == pngs[1] and len(pngs[0]) > 5000
