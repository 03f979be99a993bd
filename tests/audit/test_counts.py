"""Shares as counts, stated percentages, split ratios and shared sources."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet import published
from ddet.audit import counts, splits
from ddet.audit.findings import problems

COUNTS = {"wrong": 863, "all": 13543, "valid": 160, "test": 200, "train": 640, "none": 0}


def count(expression):
    return sum(COUNTS[part.strip()] for part in expression.split("+"))


@given(st.integers(1, 600), st.data(), st.integers(1, 4))
def test_every_count_prints_a_possible_share(n, data, digits):
    k = data.draw(st.integers(0, n))
    assert k in counts.possible(f"{k / n:.{digits}f}", n)


def test_possible_by_hand():
    assert list(counts.possible("0.833", 30)) == [25]
    assert list(counts.possible("0.833", 140)) == []
    assert list(counts.possible("0.5", 30)) == [14, 15, 16]


def test_smallest_n():
    assert counts.smallest_n(["0.900", "0.833"], 1000) == 30
    assert counts.smallest_n(["0.8000", "0.1234"], 30) is None


def test_impossible_accuracies_are_found():
    frame = published.tidy({"a": {"acc": "0.833"}, "b": {"acc": "0.850"}, "c": {"acc": "0.85"}}, "invented", "I")
    found = counts.accuracies_as_counts(frame, {"a": 30, "b": 30, "c": 30, "absent": 30}, "acc")
    assert [(f.row, f.verdict) for f in found] == [("a", "consistent"), ("b", "infeasible"), ("c", "infeasible")]
    assert "25/30 = 0.8333, 26/30 = 0.8667" in found[1].sentence


def stated(**columns):
    line = {"id": "x", "source": "invented", "where": "1", "words": "something"}
    return pd.DataFrame([{**line, **columns}])


@pytest.mark.parametrize(
    ("printed", "relation", "kind", "operands", "verdict"),
    [
        ("6.37", "=", "percent", "wrong; all", "consistent"),
        ("6.73", "=", "percent", "wrong; all", "differs"),
        ("6.38", "=", "percent", "wrong; all", "differs"),
        ("6.4", "~", "percent", "wrong; all", "consistent"),
        ("7", "~", "percent", "wrong; all", "consistent"),
        ("8", "~", "percent", "wrong; all", "differs"),
        ("360", "=", "sum", "valid; test", "consistent"),
        ("32000", "=", "product", "valid; test", "consistent"),
        ("0.44", "=", "ratio", "valid; valid + test", "consistent"),
        ("100", "<", "sum", "valid; test", "differs"),
        ("100", ">", "sum", "valid; test", "consistent"),
    ],
)
def test_stated_shares(printed, relation, kind, operands, verdict):
    line = stated(printed=printed, relation=relation, kind=kind, operands=operands)
    (found,) = counts.shares(line, count)
    assert (found.verdict, found.about, found.check) == (verdict, "x", 7)


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
