"""The official protocol: the lists are followed, and what they lack is carved out of train."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from manifests import CFG, both_classes, dense, dfdc, ffpp, protocol

from ddet import params
from ddet.data import official


class TestCelebDF:
    def test_official_keeps_the_test_list_and_carves_valid_by_original(self):
        rows = protocol(dense(0), "official")
        assert (rows.split[rows.official_split == "test"] == "test").all() and "dropped" not in set(rows.split)
        carved = rows[rows.official_split == "train"]
        assert set(carved.reason) == {"carved out of the official train part by original"}
        assert set(carved.split) == {"train", "valid"} and (carved.groupby("original").split.nunique() == 1).all()
        assert 0.15 < (carved.split == "valid").mean() < 0.35  # .2 / (.6 + .2)

    def test_without_list_official_drops_all(self):
        rows = protocol(dense(0).assign(official_split=""), "official")
        assert set(zip(rows.split, rows.reason, strict=True)) == {("dropped", "its dataset gives no official split")}


class TestDFDC:
    def test_few_parts_are_carved_by_original(self):
        rows = protocol(dfdc([3] * 10, parts=2), "official")
        assert both_classes(rows) and (rows.groupby("group").split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by original"}

    def test_many_parts_are_carved_whole(self):
        rows = protocol(dfdc([3] * 24, parts=12), "official")
        assert both_classes(rows) and (rows.groupby(rows.clip_id.str.split("/").str[1]).split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by part"}


def place(clips, seed: int = 0) -> dict[str, tuple[str, str]]:
    return official.place_official(clips, CFG, np.random.default_rng(seed))


def test_the_lists_are_followed_as_they_are():
    clips = ffpp([0, 2, 4], ["train", "valid", ""])
    found = place(clips)
    for row in clips.itertuples():
        said = (row.official_split, "") if row.official_split else ("dropped", "its dataset gives no official split")
        assert found[row.clip_id] == said


def test_a_clip_that_is_dropped_keeps_its_own_reason():
    clips = ffpp([0], [""]).assign(reason="not listed in the split files")
    assert set(official.as_listed(clips).values()) == {("dropped", "not listed in the split files")}


def test_only_what_is_missing_is_carved_out_of_train():
    """With test and valid there nothing is carved; without valid the ratios of train and valid hold."""
    full = dfdc([1] * 20).assign(official_split=["train", "valid", "test", "train"] * 10)
    assert official.carve(full, full.group, CFG, np.random.default_rng(0)) == {}
    clips = dfdc([1] * 40).assign(official_split="train")
    tests = clips.clip_id.isin(clips.clip_id[:8])
    clips = clips.assign(official_split=np.where(tests, "test", "train"))
    carved = official.carve(clips, clips.group.rename("original"), CFG, np.random.default_rng(0))
    assert carved.keys() == set(clips.clip_id[~tests])
    counts = Counter(split for split, _ in carved.values())
    assert counts.keys() == {"train", "valid"} and counts["valid"] == pytest.approx(0.25 * len(carved), abs=2)
    assert {reason for _, reason in carved.values()} == {"carved out of the official train part by original"}


def test_a_ratio_of_zero_carves_nothing_for_that_split():
    clips = dfdc([1] * 20)
    none = params.Splits(seed=1, ratios=[0.0, 1.0, 0.0])
    carved = official.carve(clips, clips.group, none, np.random.default_rng(0))
    assert {split for split, _ in carved.values()} == {"valid"}
    with_valid = clips.assign(official_split=["valid", *["train"] * (len(clips) - 1)])
    assert official.carve(with_valid, clips.group, none, np.random.default_rng(0)) == {}, "nothing is wanted"


def test_sizes_count_both_classes_by_name():
    rows = pd.DataFrame({"label": [0, 1, 1, 0, 1]})
    assert official.sizes(rows, pd.Series(list("aabbc"))) == {"a": (1, 1), "b": (1, 1), "c": (0, 1)}


@pytest.mark.parametrize(("parts", "unit"), [(9, "original"), (10, "part")])
def test_whole_parts_are_carved_from_ten_on(parts, unit):
    found = place(dfdc([2] * 20, parts=parts))
    assert {reason.rsplit(" ", 1)[1] for _, reason in found.values()} == {unit}


def test_nothing_is_placed_nowhere():
    assert place(dfdc([1]).iloc[:0]) == {}
