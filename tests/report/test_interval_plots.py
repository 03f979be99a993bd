"""Figures of estimates: what is drawn is what was given, and the same bytes twice."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ddet.report import alt_text, cells, figures, interval_plots
from ddet.report.tables import Column, Table
from ddet.stats.bootstrap import Estimate

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def swept(*x: float) -> pd.DataFrame:
    """Lay out two metrics over a knob: f = x / 10 with an interval of .1 to either side, g a constant."""
    table = pd.DataFrame({"x": x, "f": np.array(x) / 10, "g": 0.5})
    return table.assign(f_low=table.f - 0.1, f_high=table.f + 0.1, g_low=0.4, g_high=0.7)


def estimate(value: float, low: float, high: float, *per_seed: float) -> Estimate:
    return Estimate(value, low, high, 0.0, per_seed, 9, 9, 9, 200, 0, True)


ESTIMATES = {"Base": estimate(0.7, 0.6, 0.9, 0.65, 0.75), "NA": estimate(0.8, 0.75, 0.85, 0.8)}
DRAWN = {
    "sweep": lambda: interval_plots.lines_with_intervals(
        {"balanced": swept(4, 1, 2), "10:1": swept(1, 8)}, "x", "fg", "w"
    ),
    "points": lambda: interval_plots.points_with_intervals(ESTIMATES, "AUC"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_same_figure_same_bytes(name, tmp_path):
    one, two = (figures.save(DRAWN[name](), name, tmp_path / run) for run in ("1", "2"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_lines_have_a_panel_per_table_and_a_band_per_metric():
    left, right = DRAWN["sweep"]().axes
    assert [axis.get_title() for axis in (left, right)] == ["balanced", "10:1"]
    assert [line.get_label() for line in left.lines] == ["f", "g"]
    assert [line.get_color() for line in right.lines] == list(figures.COLOURS[:2])
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[1, 0.1], [2, 0.2], [4, 0.4]])  # in order of the knob
    band = left.collections[0].get_paths()[0].get_extents()
    np.testing.assert_allclose(band.get_points(), [[1, 0.0], [4, 0.5]], atol=1e-12)
    np.testing.assert_allclose(right.collections[1].get_paths()[0].get_extents().get_points(), [[1, 0.4], [8, 0.7]])
    assert [t.get_text() for t in left.figure.legends[0].get_texts()] == ["f", "g"]


def test_the_knob_is_drawn_on_a_logarithmic_axis_that_names_its_values():
    table = swept(1 / 1.85, 1, 1.85, 10)
    (axis,) = interval_plots.lines_with_intervals({"one": table}, "x", ["f"], "weight of fake").axes
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
    assert axis.get_xlabel().startswith("AUC\nmean, interval for people and seeds")


def test_an_estimate_without_an_interval_is_still_a_point():
    (axis,) = interval_plots.points_with_intervals({"NA": estimate(0.8, np.nan, np.nan, 0.8)}, "AUC").axes
    assert axis.lines[2].get_xydata().tolist() == [[0.8, 0]]


def compared(ours: Estimate | None, paper: float) -> cells.Cell:
    return cells.Cell(ours, str(paper), paper, 2, 100, ("k",))


def test_a_cell_lies_as_far_from_the_line_as_from_the_paper():
    made = {"A": {"AUC": compared(ESTIMATES["Base"], 75.0)}, "B": {"AUC": compared(None, 60.0)}}
    (axis,) = interval_plots.against_paper(Table("Table 9", "", (Column("AUC", "frame_auc", 100),), made)).axes
    (points,) = axis.containers
    assert points[0].get_xydata().tolist() == [[75.0, pytest.approx(-5.0)]]  # ours is 70, B was not run
    (bar,) = points[2][0].get_segments()
    np.testing.assert_allclose(bar, [[75, -15], [75, 15]])  # from 60 to 90
    assert alt_text.describe(axis.figure).startswith("Table 9: ours minus the paper's against the paper's number.")


def test_columns_are_told_apart_by_dataset_and_metric():
    names = [f"{data} {metric}" for data in ("DFDC", "DF-1.0", "Celeb-DF", "AVG") for metric in ("ACC", "AUC")]
    found = interval_plots.told_apart(names)
    assert found["DFDC ACC"] == (figures.COLOURS[0], "o") and found["AVG AUC"] == (figures.COLOURS[3], "^")
    assert len(set(found.values())) == 8


def test_columns_that_make_no_grid_have_a_colour_each_and_then_another_shape():
    few = interval_plots.told_apart(["Tr.", "Ave. Tr.", "Val."])
    assert [colour for colour, _ in few.values()] == list(figures.COLOURS[:3])
    many = interval_plots.told_apart([str(i) for i in range(9)])
    assert len(set(many.values())) == 9 and many["8"] == (figures.COLOURS[1], "^")


def test_points_have_the_colour_and_shape_of_their_column():
    cell = compared(ESTIMATES["Base"], 75.0)
    columns = tuple(Column(f"{data} {metric}", "frame_auc", 100) for data in "AB" for metric in ("ACC", "AUC"))
    (axis,) = interval_plots.against_paper(Table("T", "", columns, {"r": {c.title: cell for c in columns}})).axes
    drawn = {held.get_label(): (held[0].get_color(), held[0].get_marker()) for held in axis.containers}
    assert drawn == interval_plots.told_apart([c.title for c in columns])
