"""Printed decimals as intervals, in exact arithmetic."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet.audit import rounding


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


@pytest.mark.parametrize(
    ("printed", "value", "unit"),
    [("93.33", "9333/100", "1/100"), (" 20.81M ", "2081/100", "1/100"), ("≈ 0.2", "1/5", "1/10"), ("97%", "97", "1"),
     ("-0.50", "-1/2", "1/100"), ("<5", "5", "1")],
)  # fmt: skip
def test_what_a_cell_prints_is_read_exactly(printed, value, unit):
    assert rounding.exact(printed) == Fraction(value) and rounding.unit(printed) == Fraction(unit)


@given(st.fractions(), st.integers(0, 6))
def test_rounding_and_cutting_are_those_of_the_decimal_module(x, digits):
    exact = Decimal(x.numerator) / Decimal(x.denominator)
    step = Decimal(1).scaleb(-digits)
    if Fraction(exact) == x:  # a decimal of finite length
        assert rounding.half_up(x, digits) == Fraction(exact.quantize(step, ROUND_HALF_UP))
        assert rounding.truncate(x, digits) == Fraction(exact.quantize(step, ROUND_DOWN))
    assert abs(rounding.half_up(x, digits) - x) <= Fraction(1, 2 * 10**digits)
    assert abs(rounding.truncate(x, digits)) <= abs(x)
    assert rounding.half_up(-x, digits) == -rounding.half_up(x, digits)


def test_showing_by_hand():
    assert [rounding.show(Fraction(n, 8), 2) for n in (1, -1, 3, 8)] == ["0.13", "-0.13", "0.38", "1.00"]
    assert rounding.show(Fraction(5, 2), 0) == "3"


def test_an_interval_by_hand():
    assert rounding.interval("0.9") == (Fraction("0.85"), Fraction("0.95"))
    assert rounding.interval("93.33", fewer=1) == (Fraction("93.28"), Fraction("93.38"))


def test_no_count_lies_within_an_empty_or_foreign_interval():
    assert list(rounding.counts_within(Fraction("0.51"), Fraction("0.52"), 10)) == []
    assert list(rounding.counts_within(Fraction(2), Fraction(3), 10)) == []
    assert list(rounding.counts_within(Fraction(-2), Fraction(-1), 10)) == []


def test_a_number_within_its_slack_on_either_side():
    for printed, verdict in (("1.69", "within rounding"), ("1.65", "within rounding"), ("1.64", "differs")):
        assert rounding.compare(printed, Fraction(5, 3), Fraction("0.025")) == verdict
