"""Figures in words: panels, axes, the names of lines."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from ddet.report import alt_text

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_panels_axes_and_lines_are_named_once():
    figure, (left, right, _) = plt.subplots(1, 3)
    left.plot([0, 1], label="Base")
    left.set(title="loss\nof two", xlabel="epoch", ylabel="nats")
    right.plot([0, 1], label="Base")
    right.plot([0, 1], label="NA")
    right.set(xlabel="epoch")
    left.legend(), right.legend()
    assert alt_text.describe(figure) == "loss of two: nats against epoch; epoch. Lines: Base, NA."


def test_a_legend_of_the_whole_figure_is_read_too():
    figure, axis = plt.subplots()
    axis.plot([0, 1], label="MEP")
    axis.set(title="loss")
    figure.legend()
    assert alt_text.describe(figure) == "loss. Lines: MEP."


def test_a_figure_without_words_is_a_picture():
    assert alt_text.describe(plt.subplots()[0]) == "Picture."
