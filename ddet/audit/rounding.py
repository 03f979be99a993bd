"""Treat a printed decimal as the interval of values that round to it, in exact arithmetic, free of binary rounding."""

from fractions import Fraction
from math import ceil, floor

from ddet import published


def exact(printed: str) -> Fraction:
    """Return the number a cell prints, without binary rounding; `20.81M` is 20.81."""
    return Fraction(printed.strip().lstrip("≈<>~ ").rstrip("M%"))


def unit(printed: str) -> Fraction:
    """Return one unit of the last printed digit, 1/100 for `93.33`."""
    return Fraction(1, 10 ** published.digits(printed))


def half_up(x: Fraction, digits: int) -> Fraction:
    """Round to `digits` decimals, halves away from zero."""
    scaled = floor(abs(x) * 10**digits + Fraction(1, 2))
    return Fraction(scaled if x >= 0 else -scaled, 10**digits)


def truncate(x: Fraction, digits: int) -> Fraction:
    """Cut to `digits` decimals, towards zero."""
    scaled = floor(abs(x) * 10**digits)
    return Fraction(scaled if x >= 0 else -scaled, 10**digits)


def show(x: Fraction, digits: int) -> str:
    """Format an exact number with `digits` decimals, rounded half up."""
    return f"{float(half_up(x, digits)):.{digits}f}"


def compare(printed: str, recomputed: Fraction, slack: Fraction = Fraction(0)) -> str:
    """Judge a printed number against the recomputed one.

    `slack` is how far the recomputed value may be off because its own inputs were rounded before printing.
    Returns "consistent" (rounded half up), "truncated" (cut), "within rounding" or "differs".
    """
    value, digits = exact(printed), published.digits(printed)
    if half_up(recomputed, digits) == value:
        return "consistent"
    if truncate(recomputed, digits) == value:
        return "truncated"
    return "within rounding" if abs(value - recomputed) <= slack else "differs"


def interval(printed: str, fewer: int = 0) -> tuple[Fraction, Fraction]:
    """Return the closed interval of values that round to a printed one, without its last `fewer` digits."""
    half = unit(printed) * 10**fewer / 2
    return exact(printed) - half, exact(printed) + half


def counts_within(low: Fraction, high: Fraction, n: int) -> range:
    """Return the integers k, 0 <= k <= n, for which low <= k/n <= high."""
    return range(max(0, ceil(low * n)), min(n, floor(high * n)) + 1)
