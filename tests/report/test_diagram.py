"""Block diagrams: a box per step with its words, an arrow between neighbours, own steps filled."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from ddet.report import diagram

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_rows_are_chains_of_boxes():
    (axis,) = diagram.flow({"One": ["a", "*own step", "c"], "Two": ["d"]}).axes
    texts = [text.get_text() for text in axis.texts if text.get_text()]
    assert texts == ["One", "a", "own step", "c", "Two", "d"]
    assert len(axis.patches) == 4 and [p.get_facecolor() == (1, 1, 1, 1) for p in axis.patches] == [1, 0, 1, 1]
    tops = [patch.get_y() for patch in axis.patches]
    assert tops[0] == tops[1] == tops[2] > tops[3]
