"""The forest plot: places on the scale, one figure per unit, verdicts by shape, real text."""

import re
from xml.etree import ElementTree

import pytest
from ledger_lines import NAN, outcome, untested

from ddet.report import forest
from ddet.report.forest import ALONE, DESK, PHONE
from ddet.report.outcomes import POINTS

NAMES = {"herd": "Herd", "asrid": "ASRID"}


def drawing(figure: str, screen: str = "wide") -> ElementTree.Element:
    """Parse the first drawing of a figure for a kind of screen: it must be whole XML."""
    return ElementTree.fromstring(re.search(rf'<svg class="{screen}" viewBox=.*?</svg>', figure, re.DOTALL)[0])


def test_one_figure_per_unit_and_none_without_effects():
    loss = outcome(metric="clip_log_loss", paper="asrid")
    assert forest.forest([untested()], NAMES) == ""
    assert forest.forest([outcome(), untested()], NAMES).count("<figure>") == 1
    both = forest.forest([loss, outcome()], NAMES)
    assert both.count("<figure>") == 2 and both.index("in points") < both.index("in nats")


def test_the_scale_holds_effects_intervals_stated_sizes_and_null():
    scale = forest._Scale([outcome(effect=0.1, low=0.05, high=0.15, size=(-0.2, -0.2))], POINTS)
    assert scale.low < -0.2 and scale.high > 0.15
    assert DESK.words < scale.x(-0.2) < scale.x(0.0) < scale.x(0.15) < DESK.words + DESK.plot
    middle = (scale.low + scale.high) / 2
    assert scale.x(middle) == DESK.words + DESK.plot / 2
    assert dict((text, x) for x, text in scale.ticks())["0"] == scale.x(0.0)


def test_a_far_interval_is_cut_and_marked():
    wide = outcome(effect=0.1, low=-5.0, high=5.0)
    scale = forest._Scale([wide], POINTS)
    assert scale.high < 1 and scale.x(5.0) == DESK.words + DESK.plot
    assert forest._interval(wide, scale, 0).count("<path") == 2
    near = outcome(effect=0.1, low=0.05, high=0.15)
    assert forest._interval(near, forest._Scale([near], POINTS), 0).count("<path") == 0
    assert forest._interval(outcome(low=NAN, high=NAN), scale, 0) == ""


def test_a_row_says_everything_and_leads_to_its_page():
    figure = forest.forest([outcome(), outcome(id="b", verdict="undecided")], NAMES, up="../")
    tree = drawing(figure)
    titles = [node.text for node in tree.iter("title")]
    assert titles[0] == ("training without <list> is better: +12.6 [+8.0, +17.1] points, holds; stated: +8.21 points")
    assert [a.get("href") for a in tree.iter("a")] == ["../claims/herd-aug-f1.html", "../claims/b.html"]
    texts = ["".join(node.itertext()) for node in tree.iter("text")]
    assert "Herd" in texts and "+12.6 [+8.0, +17.1]" in texts and "training without <list> is better" in texts
    assert len(list(tree.iter("rect"))) == 3, "two stated ranges and the square of the undecided"


def test_marks_differ_by_shape():
    shapes = {verdict: re.sub(r"[\d.-]+", "", forest.mark(verdict, 8, 8)) for verdict in forest.WORDS}
    assert len({shapes[v] for v in ("holds", "fails", "undecided", "not testable here")}) == 4


@pytest.mark.parametrize("size", [(float("-inf"), 0.2), (0.1, float("inf")), (0.1, 0.2)])
def test_an_open_range_is_drawn_to_the_edge(size):
    shown = outcome(size=size)
    scale = forest._Scale([shown], POINTS)
    finite = sum(abs(end) < 1 for end in size)
    assert forest._stated(shown, scale, 0).count("<line") == finite
    assert float(re.search(r'width="([\d.]+)"', forest._stated(shown, scale, 0))[1]) > 0


def test_long_words_are_broken_and_short_plots_have_none():
    long = outcome(claim="word " * 40)
    assert len(list(drawing(forest.forest([long], NAMES)).iter("tspan"))) > 2
    assert list(drawing(forest.forest([long], NAMES, labelled=False)).iter("tspan")) == []


@pytest.mark.parametrize("labelled", [True, False])
def test_a_phone_has_a_drawing_of_its_own_with_the_same_rows(labelled):
    figure = forest.forest([outcome(claim="word " * 30), outcome(id="b")], NAMES, labelled=labelled)
    wide, narrow = drawing(figure), drawing(figure, "narrow")
    assert figure.count("<svg class=") == 2 and figure.count("<figcaption>") == 1
    assert [node.text for node in wide.iter("title")] == [node.text for node in narrow.iter("title")]
    assert len(list(narrow.iter("a"))) == 2 * labelled and int(narrow.get("viewBox").split()[2]) <= 358
    assert int(narrow.get("viewBox").split()[3]) <= int(wide.get("viewBox").split()[3]) * (2 if labelled else 1)


def test_words_stand_beside_the_interval_on_a_desk_and_above_it_on_a_phone():
    assert DESK.height(2) == 2 * 17 + 10 and DESK.places(2) == (22 - 8.5 + 4, 22)
    assert PHONE.height(2) == 3 * 17 + 10 and PHONE.places(2) == (5 + 13, 61 - 13.5)
    assert PHONE.height(0) == DESK.height(0) == ALONE.height(0) == 27 and ALONE.places(0)[1] == DESK.places(0)[1]
    assert PHONE.width == 352 and ALONE.numbers_at == 844 and DESK.width == ALONE.width == 1050
