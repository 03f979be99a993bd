"""Protocols: nobody in two splits where that is promised, every clip accounted for, the same on every machine."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import trees
from hypothesis import given
from hypothesis import strategies as st
from manifests import (
    CFG,
    FAST,
    MANIFESTS,
    both_classes,
    clip,
    dense,
    dfdc,
    frame,
    protocol,
    some_unusable,
)

from ddet import params
from ddet.data import leakage
from ddet.data.splits import make_splits


@FAST
@given(MANIFESTS, st.integers(0, 4), st.randoms(use_true_random=False))
def test_every_clip_once_per_protocol_whatever_the_order(clips, every, random):
    clips = some_unusable(clips, every)
    faces = pd.DataFrame([(c, f) for c in clips.clip_id[1:] for f in (0, 0, 7)], columns=["clip_id", "frame_idx"])
    splits = make_splits(clips, faces, CFG)
    whole = splits[splits.protocol != "image"]
    assert whole.groupby("protocol").clip_id.agg(sorted).map(lambda x: x == sorted(clips.clip_id)).all()
    assert set(splits.protocol) == {"official", "clip", "identity", "image"} and (whole.frame_idx == -1).all()
    assert not splits.duplicated(["protocol", "clip_id", "frame_idx"]).any()
    assert set(splits[splits.protocol == "image"].clip_id) == set(clips.clip_id)
    lost = splits[splits.clip_id.isin(clips.clip_id[clips.status != "ok"])]
    assert set(lost.split) <= {"dropped"} and set(lost.reason) <= {"broken"}
    assert (splits.reason[splits.split == "dropped"] != "").all()
    order = random.sample(range(len(clips)), len(clips))
    again = make_splits(clips.iloc[order], faces.iloc[::-1], CFG)
    pd.testing.assert_frame_equal(again, splits)


class TestCelebDF:
    @pytest.mark.parametrize("seed", range(4))
    def test_small_sets_get_both_classes_everywhere(self, seed):
        clips = dense(seed)
        for name in ("official", "clip", "identity"):
            assert both_classes(protocol(clips, name)), name


class TestDFDC:
    def test_asrid_clip_protocol(self):
        """5190 clips of 679 originals, 7:2:1: the published counts, and most originals in more than one split."""
        rng = np.random.default_rng(0)
        fakes_of = 1 + rng.multinomial(5190 - 2 * 679, np.full(679, 1 / 679))
        clips = dfdc(fakes_of.tolist())
        splits = make_splits(clips, None, params.Splits(seed=1, ratios=[0.7, 0.2, 0.1]))
        counts = Counter(splits.split[splits.protocol == "clip"])
        assert counts == {"train": 3633, "valid": 1038, "test": 519}  # as in its folds.json
        table = leakage.leakage(clips, splits).set_index("protocol")
        assert table.loc["clip", "groups"] == 679 and table.loc["clip", "groups_shared"] / 679 > 0.7  # 520 of 679 there
        assert table.loc["clip", "share"] > 0.3 and table.loc["identity", "share"] == 0

    @pytest.mark.parametrize("name", ["official", "identity"])
    def test_a_released_test_set_stays_and_only_valid_is_carved(self, name):
        test = [
            clip("dfdc", "test", f"t{i}", i % 2, ["dfdc:test"], group=f"dfdc:t{i}", official_split="test")
            for i in range(4)
        ]
        rows = protocol(pd.concat([dfdc([3] * 10), frame(test)], ignore_index=True), name)
        assert set(rows.split[rows.clip_id.str.contains("/test/")]) == {"test"}
        assert set(rows.split[~rows.clip_id.str.contains("/test/")]) == {"train", "valid"}


class TestImage:
    def test_frames_are_split_and_flagged(self):
        clips = dense(0)
        faces = pd.DataFrame(
            [(c, f) for c in clips.clip_id[1:] for f in range(0, 50, 5)], columns=["clip_id", "frame_idx"]
        )
        rows = protocol(clips, "image", params.Splits(seed=1, ratios=[1.0, 0.0, 0.0]), faces)  # Herd's own ratios hold
        frames = rows[rows.frame_idx >= 0]
        share = frames.split.value_counts(normalize=True)
        assert share.round(2).to_dict() == {"train": 0.6, "valid": 0.2, "test": 0.2} and both_classes(rows)
        assert set(frames.reason) == {"leaky: frames of one clip stand in several splits"}
        assert frames.groupby("clip_id").split.nunique().max() == 3
        two_tracks = make_splits(clips, pd.concat([faces, faces]), CFG)
        pd.testing.assert_frame_equal(two_tracks, make_splits(clips, faces, CFG))
        bare = rows[rows.frame_idx < 0]
        assert bare[["split", "reason"]].to_numpy().tolist() == [["dropped", "no face was kept"]]

    def test_without_faces_there_is_no_image_protocol(self):
        assert "image" not in set(make_splits(dense(0), None, CFG).protocol)


def test_the_seed_changes_the_split_and_datasets_do_not_disturb_each_other():
    a, b = dense(0), dfdc([3] * 10)
    both = make_splits(pd.concat([a, b]), None, CFG)
    pd.testing.assert_frame_equal(both[both.clip_id.isin(a.clip_id)].reset_index(drop=True), make_splits(a, None, CFG))
    assert not make_splits(a, None, params.Splits(seed=2, ratios=CFG.ratios)).equals(make_splits(a, None, CFG))


def test_from_files_to_splits(tmp_path):
    """The whole way once: trees of all datasets, indexed, split, tabulated."""
    pairs = {"train": [["000", "003"]], "val": [["010", "011"]], "test": [["020", "021"]]}
    trees.ffpp(tmp_path, pairs)
    trees.df1(tmp_path, {"train": ["000_W001"], "val": ["010_W002"], "test": ["020_W003"]})
    trees.celebdf(tmp_path, [f"id{i}_0000" for i in range(6)], [], ["id0_id1_0000"], ["id0_0000"])
    trees.dfdc_part(tmp_path / "DFDC/dfdc_train_part_0", {"r.mp4": trees.real(), "f.mp4": trees.fake("r.mp4")})
    trees.touch(tmp_path / "own/real", "a.mp4")
    clips = trees.manifest(trees.data(tmp_path, "ffpp", "celebdf", "dfdc", "df1", "folder"))
    splits = make_splits(clips, None, CFG)
    rows = splits[splits.protocol == "official"].merge(clips, on="clip_id")
    assert both_classes(rows[rows.dataset == "df1"]) and both_classes(rows[rows.dataset == "ffpp"])
    table = leakage.leakage(clips, splits)
    assert len(table) == 15 and table.loc[table.protocol == "identity", "source_ids_shared"].sum() == 0
