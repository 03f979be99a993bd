"""Rounding, averages and differences on invented tables."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet import published
from ddet.audit import arithmetic, rounding
from ddet.audit.findings import problems


@pytest.mark.parametrize(
    ("x", "digits", "up", "cut"),
    [("0.125", 2, "0.13", "0.12"), ("-0.125", 2, "-0.13", "-0.12"), ("2.675", 2, "2.68", "2.67"), ("3", 0, "3", "3")],
)
def test_half_up_and_truncation(x, digits, up, cut):
    assert rounding.half_up(Fraction(x), digits) == Fraction(up)
    assert rounding.truncate(Fraction(x), digits) == Fraction(cut)


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.integers(0, 5), st.integers(0, 1))
def test_a_rounded_number_lies_in_its_interval(k, n, digits, fewer):
    x = Fraction(k, n)
    low, high = rounding.interval(rounding.show(x, digits), fewer)
    assert low <= x <= high
    assert high - low == Fraction(10**fewer, 10**digits)


def test_counts_within_is_every_count_and_no_other():
    low, high = Fraction("0.8505"), Fraction("0.8515")
    slow = [k for k in range(520) if low <= Fraction(k, 519) <= high]
    assert list(rounding.counts_within(low, high, 519)) == slow
    assert list(rounding.counts_within(Fraction(-1), Fraction(2), 3)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("printed", "value", "slack", "verdict"),
    [
        ("1.67", "5/3", "0", "consistent"),
        ("1.66", "5/3", "0", "truncated"),
        ("1.68", "5/3", "0.02", "within rounding"),
        ("1.68", "5/3", "0.01", "differs"),
        ("-15", "-15.64", "0", "truncated"),
    ],
)
def test_compare(printed, value, slack, verdict):
    assert rounding.compare(printed, Fraction(value), Fraction(slack)) == verdict


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
