"""Leakage by hand: what stands in more than one split, of clips and of frames."""

import pandas as pd
import trees
from manifests import celebdf, dfdc

from ddet.data import leakage
from ddet.data.leakage import ffpp_split_of_target

SPLITS = {"train": [["000", "003"]], "val": [["010", "011"]], "test": [["020", "021"]]}


def test_leakage_by_hand():
    """Two originals with two fakes each, placed by hand: r0's second fake stands apart from its original."""
    clips = dfdc([2, 2])
    split = {"r0": "train", "f0x0": "train", "f0x1": "test", "r1": "test", "f1x0": "test", "f1x1": "dropped"}
    splits = pd.DataFrame(
        {"clip_id": clips.clip_id, "frame_idx": -1, "protocol": "clip", "split": clips.stem.map(split)}
    )
    line = leakage.leakage(clips, splits).iloc[0].to_dict()
    assert line == {
        "dataset": "dfdc", "protocol": "clip", "level": "clip", "rows": 5, "dropped": 1, "source_ids": 2,
        "source_ids_shared": 1, "groups": 2, "groups_shared": 1, "clips_shared": 0, "fakes": 3,
        "fakes_original_elsewhere": 1, "share": 1 / 3,
    }  # fmt: skip


def test_leakage_counts_both_persons_of_a_fake():
    """id1 stands in train as the face put on id0 and in test as itself; as a group, whose clip it is, in test only."""
    clips = celebdf(2, 1, 0, [(0, 1, 0)])
    split = {"id0_0000": "train", "id1_0000": "test", "id0_id1_0000": "train"}
    splits = pd.DataFrame({"clip_id": clips.clip_id, "frame_idx": -1, "protocol": "x", "split": clips.stem.map(split)})
    line = leakage.leakage(clips, splits).iloc[0]
    assert (line.source_ids, line.source_ids_shared, line.groups, line.groups_shared) == (2, 1, 2, 0)


def test_leakage_of_frames():
    clips = dfdc([1])
    rows = [("r0", 0, "train"), ("r0", 9, "test"), ("f0x0", 0, "train"), ("f0x0", 9, "train")]
    splits = pd.DataFrame(rows, columns=["stem", "frame_idx", "split"]).merge(clips[["stem", "clip_id"]], on="stem")
    line = leakage.leakage(clips, splits.assign(protocol="image")).iloc[0]
    assert (line.level, line.clips_shared, line.fakes, line.fakes_original_elsewhere) == ("frame", 1, 2, 2)


def test_ffpp_split_of_df1_targets(tmp_path):
    trees.ffpp(tmp_path, SPLITS)
    trees.df1(tmp_path, {"train": ["020_W001"], "test": ["000_W002", "777_W002"]}, variants=trees.VARIANTS[:1])
    cfg = trees.data(tmp_path, "ffpp", "df1", df1_variants=trees.VARIANTS[:1])
    split = ffpp_split_of_target(trees.manifest(cfg))
    assert split["df1/end_to_end/-/020_W001"] == split["df1/real/-/020"] == "test"
    assert split["df1/end_to_end/-/000_W002"] == "train" and split["df1/end_to_end/-/777_W002"] == ""
