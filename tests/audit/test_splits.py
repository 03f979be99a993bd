"""Stated split ratios against stated sizes, and shared sources."""

import pandas as pd
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


def test_the_sentence_names_sizes_and_what_the_ratio_asks_for():
    (found,) = splits.ratios(stated(ratio="6:2:2", operands="; valid; test"), count)
    assert found.sentence.startswith("1: something (6:2:2); sizes 160 and 200, where the ratio asks for 180 and 180.")
    assert (found.about, found.printed, found.recomputed, found.table, found.column) == (
        "x", "6:2:2", "180 and 180", "text", "split ratio",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("valid", "verdict"), [(193, "consistent"), (208, "consistent"), (209, "differs"), (192, "differs")]
)
def test_a_hundredth_of_the_whole_may_be_off(valid, verdict):
    sizes = {"a": valid, "b": 200}
    (found,) = splits.ratios(stated(ratio="1:1", operands="a; b"), lambda name: sizes[name.strip()])
    assert found.verdict == verdict


def test_a_ratio_and_its_sizes_must_match():
    with pytest.raises(ValueError):
        splits.ratios(stated(ratio="6:2:2", operands="valid; test"), count)


def test_shared_sources_by_hand():
    (found,) = splits.leakage(stated(operands="valid; test"), count)
    assert found.sentence == "1: something: 160 of 200 (80.0 %)." and (found.check, found.column) == (
        10,
        "shared sources",
    )
    assert (found.about, found.printed) == ("x", "160")


def test_each_line_is_judged():
    lines = pd.concat([stated(ratio=r, operands="valid; test") for r in ("4:5", "5:4")], ignore_index=True)
    assert [f.verdict for f in splits.ratios(lines, count)] == ["consistent", "differs"]
