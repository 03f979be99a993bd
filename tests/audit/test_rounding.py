"""Printed decimals as intervals, in exact arithmetic."""

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
