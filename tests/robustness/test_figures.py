"""Curves on one scale with a legend beside them, and sentences with the numbers of the table."""

import numpy as np
import pandas as pd
import pytest

from ddet.data import crops
from ddet.robustness import curves, degrade, figures


def told(low: float = -0.25, high: float = -0.15, end: float = 0.7) -> pd.DataFrame:
    lines = []
    for paper, arm in (("Herd", "NA"), ("ASRID", "StaNew")):
        for kind in degrade.KINDS:
            for level, auc, change, ends in ((None, 0.9, 0.0, (0.0, 0.0)), (1.0, 0.89, -0.01, (-0.02, 0.01)),
                                             (2.0, end, end - 0.9, (low, high))):  # fmt: skip
                lines.append([paper, arm, kind, level, "frame_auc", auc, auc - 0.02, auc + 0.02, change, *ends])
                lines[-1] += [80, 40, 20, 3]
    return pd.DataFrame(lines, columns=curves.COLUMNS)


def test_all_panels_have_one_scale_and_every_paper_a_line_with_its_levels():
    figure = figures.curves(told())
    assert [axis.get_title() for axis in figure.axes] == [title for title, _ in figures.TITLES.values()]
    assert set(figures.TITLES) == set(degrade.KINDS)
    assert len({axis.get_ylim() for axis in figure.axes}) == 1
    for axis in figure.axes:
        lines = [line for line in axis.get_lines() if not line.get_label().startswith("_")]
        assert [line.get_label() for line in lines] == ["Herd: NA", "ASRID: StaNew"]
        assert lines[0].get_ydata().tolist() == [0.9, 0.89, 0.7] and len(axis.collections) == 2
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["as is", "1", "2"]


def test_the_legend_lies_outside_the_panels():
    figure = figures.curves(told())
    (legend,) = figure.legends
    figure.canvas.draw()
    assert all(axis.get_legend() is None for axis in figure.axes)
    assert legend.get_window_extent().y1 <= min(axis.get_window_extent().y0 for axis in figure.axes)


def test_a_sentence_has_the_cost_of_the_harshest_level_and_the_first_that_costs_for_certain():
    first, second = figures.sentence(told()).splitlines()
    assert first.startswith(
        "Herd (NA), 0.900 as is: jpeg 2: -0.200 [-0.250, -0.150], first lower for certain at 2; blur"
    )
    assert second.startswith("ASRID (StaNew)") and first.count("first lower") == len(degrade.KINDS)


def test_a_sentence_says_where_nothing_is_certain_or_all_is_below_chance():
    assert "jpeg 2: -0.200 [-0.450, +0.050], at no level lower for certain" in figures.sentence(told(-0.45, 0.05))
    assert "jpeg 2: -0.500 [-0.600, -0.400], below chance, first lower" in figures.sentence(told(-0.6, -0.4, 0.4))
    assert "below chance" not in figures.sentence(told(-0.6, -0.4, 0.49))
    assert "jpeg 2: -0.200, at no level lower" in figures.sentence(told(np.nan, np.nan))


@pytest.mark.parametrize("count", [1, 3])
def test_the_sheet_shows_the_ends_of_each_degradation(tmp_path, monkeypatch, count):
    crop = np.random.default_rng(1).integers(0, 255, (20, 20, 3), np.uint8)
    crops.save_crop(tmp_path / "faces/a.png", crop)

    def write(rows, kind, level, where, out):
        crops.save_crop(out / "a.png", degrade.noise(crop, level, 1))
        return rows

    monkeypatch.setattr(degrade, "write", write)
    rows = pd.DataFrame({"label": [0, 1], "crop": ["b.png", "a.png"]})
    levels = [curves.UNTOUCHED, *((kind, float(n)) for kind in degrade.KINDS for n in range(1, count + 1))]
    figure = figures.sheet(rows, levels, degrade.Footage(tmp_path / "faces", tmp_path), tmp_path / "out")
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    ends = [f"{kind} {n}" for kind in degrade.KINDS for n in dict.fromkeys((1, count))]
    assert titles == ["as is", *ends]
