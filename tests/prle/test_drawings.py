"""The drawing of the method: words fit into their boxes, and it is read aloud."""

import matplotlib as mpl
from drawn_boxes import fits
from matplotlib import pyplot as plt

from ddet.prle import drawings
from ddet.report import alt_text

mpl.use("Agg")


def test_words_fit_and_are_read_aloud():
    figure = drawings.overview()
    assert fits(figure) and alt_text.describe(figure).startswith(
        "Once, on training crops, training crop, several trained"
    )
    plt.close(figure)
