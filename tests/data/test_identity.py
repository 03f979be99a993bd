"""The identity protocol: nobody in two splits, and each dataset loses as little as it must."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from manifests import (
    CFG,
    FAST,
    MANIFESTS,
    both_classes,
    celebdf,
    clip,
    dense,
    df1,
    dfdc,
    ffpp,
    frame,
    protocol,
    some_unusable,
)

from ddet import params
from ddet.data import identity, leakage
from ddet.data.splits import make_splits


@FAST
@given(MANIFESTS, st.integers(0, 4), st.integers(0, 99))
def test_identity_protocol_keeps_everyone_in_one_split(clips, every, seed):
    clips = some_unusable(clips, every)
    splits = make_splits(clips, None, params.Splits(seed=seed, ratios=CFG.ratios))
    rows = splits[(splits.protocol == "identity") & (splits.split != "dropped")].merge(clips, on="clip_id")
    standing = {}
    for row in rows.itertuples():
        for name in [*row.source_ids.split(";"), row.group]:
            assert standing.setdefault(name, row.split) == row.split
    table = leakage.leakage(clips, splits).set_index("protocol")
    if "identity" in table.index:
        lost = table.loc["identity", ["source_ids_shared", "groups_shared", "fakes_original_elsewhere"]]
        assert lost.tolist() == [0, 0, 0]


class TestCelebDF:
    def test_identity_says_what_joins_two_splits(self):
        rows = protocol(dense(0), "identity")
        split = {row.source_ids: row.split for row in rows[rows.label == 0].itertuples()}
        for row in rows[rows.label == 1].itertuples():
            where = {split[i] for i in row.source_ids.split(";")}
            assert row.split == (where.pop() if len(where) == 1 else "dropped")
            assert row.split != "dropped" or row.reason.startswith("its source ids stand in ")
        assert set(rows.split[rows.label == 0]) == {"train", "valid", "test"}


class TestDFDC:
    def test_a_fake_without_original_is_dropped_from_the_identity_protocol_only(self):
        lone = clip(
            "dfdc", "dfdc_train_part_0", "lone", 1, ["dfdc:dfdc_train_part_0"], original="", official_split="train"
        )
        clips = pd.concat([dfdc([3] * 10), frame([lone])], ignore_index=True)
        rows = protocol(clips, "identity").set_index("stem")
        assert rows.loc["lone", ["split", "reason"]].tolist() == ["dropped", "its original is unknown"]
        assert protocol(clips, "official").set_index("stem").split["lone"] != "dropped"


class TestFFpp:
    def test_identity_drops_the_test_side_of_a_straddling_group(self):
        clips = ffpp([0, 2, 4, 6, 0, 8], ["train", "train", "train", "valid", "test", "test"])
        rows = protocol(clips, "identity")
        lost = rows[rows.split == "dropped"]
        assert set(lost.stem) == {"008", "009", "008_009", "009_008"}
        assert set(lost.reason) == {"ffpp:g0 stands in train too"} and both_classes(rows)
        assert (protocol(clips, "official").split == protocol(clips, "official").official_split).all()

    def test_valid_yields_to_test(self):
        rows = protocol(ffpp([0, 0], ["valid", "test"]), "identity")
        assert set(rows.split[rows.official_split == "valid"]) == {"dropped"}
        assert set(rows.split[rows.official_split == "test"]) == {"test"}

    def test_without_split_files_groups_are_divided(self):
        rows = protocol(ffpp(range(0, 40, 2), [""] * 20), "identity")
        assert rows.split.value_counts().to_dict() == {"train": 48, "valid": 16, "test": 16} and both_classes(rows)


class TestDF1:
    ACTORS = {0: "train", 1: "train", 2: "train", 3: "valid", 4: "test"}  # noqa: RUF012

    def test_targets_go_to_the_split_that_needs_their_fakes_most(self):
        """Group 0: two fakes in train, one in test. Group 3: one in valid, one in train. Group 6: test only."""
        used = [(0, 0), (1, 1), (2, 4), (3, 3), (4, 2), (6, 4)]
        rows = protocol(df1(used, [t // 3 * 3 for t in range(9)], self.ACTORS), "identity").set_index("stem")
        assert rows.split[["000_W000", "001_W001", "003_W003", "006_W004"]].tolist() == [
            "train",
            "train",
            "valid",
            "test",
        ]
        assert rows.split[["002_W004", "004_W002"]].tolist() == ["dropped"] * 2
        assert rows.reason["002_W004"] == "its source ids stand in train and test"
        assert rows.split[["000", "002", "004", "006"]].tolist() == ["train", "train", "valid", "test"]

    def test_a_tie_goes_to_test(self):
        rows = protocol(df1([(0, 0), (1, 4)], [0, 0], self.ACTORS), "identity")
        assert rows[rows.split != "dropped"].split.unique().tolist() == ["test"]

    def test_an_actor_without_a_split_is_dropped(self):
        rows = protocol(df1([(0, 0), (1, 9), (6, 9)], [t // 3 * 3 for t in range(9)], self.ACTORS), "identity")
        rows = rows.set_index("stem")
        assert rows.split[["000_W000", "000", "001"]].tolist() == ["train"] * 3
        assert rows.split[["001_W009", "006_W009", "006"]].tolist() == ["dropped"] * 3
        assert rows.reason["001_W009"] == "its source ids stand in no split and train"

    def test_a_small_split_is_not_eaten_by_a_large_one(self):
        """One group holds two of the four train fakes and the only valid fake."""
        rows = protocol(
            df1([(0, 0), (1, 1), (2, 3), (3, 0), (4, 2), (6, 4)], [0, 0, 0, 3, 4, 5, 6], self.ACTORS), "identity"
        )
        assert rows[rows.split == "valid"].stem.tolist() == ["002_W003", "000", "001", "002"]
        assert both_classes(rows)

    def test_without_lists_actors_are_divided(self):
        rng = np.random.default_rng(0)
        used = [(t, int(rng.integers(10))) for t in range(60)]
        rows = protocol(df1(used, [t // 2 * 2 for t in range(60)], {}), "identity")
        assert both_classes(rows) and set(protocol(df1(used, range(60), {}), "official").split) == {"dropped"}


def placed(clips: pd.DataFrame, seed: int = 0) -> dict[str, tuple[str, str]]:
    found = identity.place_identity(clips, CFG, np.random.default_rng(seed))
    return {clip_id.rsplit("/", 1)[1]: place for clip_id, place in found.items()}


def test_every_dataset_has_its_way_and_nothing_is_nowhere():
    for clips in (dense(0), dfdc([3] * 10), ffpp(range(6), [""] * 6), df1([(0, 0), (3, 1)], range(4), {0: "train"})):
        found = identity.place_identity(clips, CFG, np.random.default_rng(0))
        assert found.keys() == set(clips.clip_id)
        assert {split for split, _ in found.values()} <= {"train", "valid", "test", "dropped"}
    assert identity.place_identity(clips.iloc[:0], CFG, np.random.default_rng(0)) == {}


def test_own_footage_is_divided_by_person():
    people = [(f"folder:p{i}", f"p{i}/{k}", k) for i in range(20) for k in (0, 1)]
    clips = frame([clip("folder", ("real", "fake")[k], stem, k, [who], group=who) for who, stem, k in people])
    found = identity.place_identity(clips, CFG, np.random.default_rng(0))
    splits = clips.assign(split=[found[i][0] for i in clips.clip_id]).groupby("group").split
    assert (splits.nunique() == 1).all()
    assert splits.first().value_counts().to_dict() == {"train": 12, "valid": 4, "test": 4}
    assert {reason for _, reason in found.values()} == {""}


def test_the_seed_decides_who_goes_where_and_nothing_else():
    assert placed(dense(0), 1) == placed(dense(0), 1) != placed(dense(0), 2)


def test_a_celebrity_without_a_real_clip_of_her_own_is_divided_too():
    clips = celebdf(3, 1, 0, [(0, 1, 0), (0, 2, 0)])
    lone = clips[clips.stem != "id2_0000"]
    assert set(placed(lone)) == set(lone.stem)
    assert placed(lone)["id0_id2_0000"][0] in ("train", "valid", "test", "dropped")
