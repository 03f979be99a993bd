"""Rounding, averages and differences on invented tables."""

from ddet import published
from ddet.audit import arithmetic, papers
from ddet.audit.findings import problems


def table(rows):
    return published.tidy(rows, "invented", "I")


def test_averages_are_told_apart():
    rows = {
        "rounded": {"a": "1.00", "b": "2.00", "c": "2.01", "mean": "1.67"},
        "cut": {"a": "1.00", "b": "2.00", "c": "2.00", "mean": "1.66"},
        "wrong": {"a": "1.00", "b": "2.00", "c": "2.00", "mean": "1.76"},
        "partial": {"a": "1.00", "b": "-", "c": "2.00", "mean": "1.50"},
    }
    found = arithmetic.averages(table(rows), {"mean": ["a", "b", "c"]})
    assert [(f.row, f.verdict) for f in found] == [
        ("rounded", "consistent"),
        ("cut", "truncated"),
        ("wrong", "differs"),
    ]
    (wrong,) = problems(found)
    assert (wrong.check, wrong.column, wrong.printed, wrong.recomputed) == (1, "mean", "1.76", "1.6667")
    assert "1.76 is not what its cells give (mean of 3 cells = 1.6667)" in wrong.sentence


def test_a_mean_of_two_divides_by_two():
    (found,) = arithmetic.averages(table({"row": {"a": "1.0", "b": "2.0", "mean": "1.5"}}), {"mean": ["a", "b"]})
    assert (found.verdict, found.recomputed) == ("consistent", "1.500")


def test_differences_refer_to_the_row_above_without_any():
    rows = {
        "base one": {"x": "69.38"},
        "one": {"x": "66.56", "x difference": "-2.82"},
        "base two": {"x": "70.00"},
        "two": {"x": "66.56", "x difference": "-3.44"},
        "off": {"x": "66.56", "x difference": "-2.82"},
        "unrounded": {"x": "66.56", "x difference": "-3.45"},
    }
    found = arithmetic.differences(table(rows))
    verdicts = {f.row: f.verdict for f in found}
    assert verdicts == {"one": "consistent", "two": "consistent", "off": "differs", "unrounded": "within rounding"}
    assert "66.56 - 70.00 (base two) = -3.4400" in next(f for f in found if f.row == "off").sentence
    assert [f.row for f in problems(found)] == ["off"]


def cut_table(means: list[tuple[int, bool]]):
    """Invent rows of five cells whose mean ends in .2 k of the last digit, printed cut or rounded."""
    rows = {}
    for i, (fifths, cut) in enumerate(means):
        cells = {f"c{j}": f"{60 + i + (0.01 if j < fifths else 0):.2f}" for j in range(5)}
        rows[f"r{i}"] = cells | {"AVG": f"{60 + i + (0 if cut else 0.01):.2f}"}
    return published.tidy(rows, "invented", "I")


PARTS = {"AVG": [f"c{j}" for j in range(5)]}


def test_means_that_are_all_cut_are_one_more_finding_with_its_probability():
    """Means .6 of a unit up: by hand P(error of a mean of 5 < -.1) = Phi(-.1 sqrt 60) = .2193, twelve times 1.2e-8."""
    found = arithmetic.averages(cut_table([(3, True)] * 12), PARTS)
    assert [f.verdict for f in found] == ["truncated"] * 12 + ["cut"]
    assert found[-1].row == "(all rows)" and found[-1].recomputed == "12 of 12"
    assert "12 are cut; rounding would print so many with probability 1e-08" in found[-1].sentence


def test_a_few_cut_means_among_rounded_ones_are_no_pattern():
    """One of twelve: by hand 1 - (1 - .2193)^12 = .95; three of three: .2193^3 = .0105; four: .0023; five: .0005."""
    one = cut_table([(3, True)] + [(3, False)] * 11)
    assert "cut" not in {f.verdict for f in arithmetic.averages(one, PARTS)}
    said = [arithmetic.averages(cut_table([(3, True)] * n), PARTS)[-1].verdict for n in (3, 4, 5)]
    assert said == ["truncated", "truncated", "cut"]


def test_means_whose_rounding_is_cutting_tell_nothing():
    assert {f.verdict for f in arithmetic.averages(cut_table([(2, True)] * 30), PARTS)} == {"consistent"}


def test_the_pattern_of_table_three_is_found():
    found = [f for f in papers.audit() if f.verdict == "cut"]
    assert [(f.paper, f.table, f.column, f.recomputed) for f in found] == [("prle", "III", "AVG", "16 of 21")]
