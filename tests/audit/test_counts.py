"""Shares as counts, stated percentages, split ratios and shared sources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import count, stated

from ddet import published
from ddet.audit import counts


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
