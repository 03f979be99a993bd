"""Rounding, averages and differences on invented tables."""

from ddet import published
from ddet.audit import arithmetic
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
