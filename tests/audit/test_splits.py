"""Stated split ratios against stated sizes, and shared sources."""

import pytest
from invented import count, stated

from ddet.audit import splits
from ddet.audit.findings import problems


@pytest.mark.parametrize(
    ("ratio", "operands", "verdict"),
    [
        ("16:4:5", "train; valid; test", "consistent"),
        ("6:2:2", "; valid; test", "differs"),
        ("5:4:5", "; valid; test", "consistent"),
    ],
)
def test_split_ratios(ratio, operands, verdict):
    (found,) = splits.ratios(stated(ratio=ratio, operands=operands), count)
    assert (found.verdict, found.check) == (verdict, 10)


def test_a_nested_split_is_recognised():
    (found,) = splits.ratios(stated(ratio="6:2:2", operands="; valid; test"), count)
    assert "20 % cut off for test and then 20 % of the rest" in found.sentence
    (other,) = splits.ratios(stated(ratio="8:1:1", operands="; valid; test"), count)
    assert "cut off" not in other.sentence


def test_shared_sources_leak():
    (found,) = splits.leakage(stated(operands="valid; test"), count)
    assert (found.verdict, found.recomputed) == ("leaks", "80.0 %")
    assert not problems(splits.leakage(stated(operands="none; test"), count))
