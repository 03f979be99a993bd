"""DFDC: parts at any depth, twice or in part, each with what its label files say."""

import shutil

import pytest
import trees

from ddet.data.layouts import dfdc

PART = "dfdc_train_part_0"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "DFDC"


def by_id(root):
    return {i.removeprefix("dfdc/"): clip for i, clip in trees.by_id(trees.data(root.parent, "dfdc")).items()}


def test_train_part(root):
    entries = {"r.mp4": trees.real(), "n.mp4": trees.real(original=None), "f.mp4": trees.fake("r.mp4")}
    trees.dfdc_part(root / "deep/down" / PART, entries)
    clips = by_id(root)
    assert len(clips) == 3 and {c.status for c in clips.values()} == {"ok"}
    fake, own = clips[f"{PART}/-/f"], clips[f"{PART}/-/r"]
    assert (fake.label, fake.method, fake.official_split) == (1, "DFDC", "train")
    assert fake.original == own.clip_id == own.original == f"dfdc/{PART}/-/r"
    assert fake.source_ids == own.source_ids == ("dfdc:r",) and fake.group == own.group == "dfdc:r"
    assert (own.label, own.method) == (0, "real") and clips[f"{PART}/-/n"].label == 0
    assert fake.path == f"DFDC/deep/down/{PART}/f.mp4"


def test_promised_but_absent_and_there_without_label(root):
    folder = trees.dfdc_part(root / PART, {"r.mp4": trees.real(), "f.mp4": trees.fake("r.mp4")}, absent=("f.mp4",))
    trees.touch(folder, "u.mp4")
    clips = by_id(root)
    assert (clips[f"{PART}/-/f"].reason, clips[f"{PART}/-/f"].label) == ("listed in metadata.json but not found", 1)
    assert clips[f"{PART}/-/u"].reason == "no label: no metadata.json or labels.csv names it"
    assert clips[f"{PART}/-/u"].label == -1 and clips[f"{PART}/-/r"].status == "ok"


def test_kaggle_sample_and_its_unlabelled_clips(root):
    trees.dfdc_part(root / "train_sample_videos", {"f.mp4": trees.fake("gone.mp4")})
    trees.touch(root / "test_videos", "q.mp4")
    clips = by_id(root)
    assert clips["train_sample_videos/-/f"].group == "dfdc:gone"
    assert clips["train_sample_videos/-/f"].original == "dfdc/train_sample_videos/-/gone"  # named, though not there
    assert clips["test_videos/-/q"].status == "unusable"


@pytest.mark.parametrize(("folder", "split"), [("validation", "valid"), ("test", "test")])
def test_labels_csv(root, folder, split):
    trees.touch(root / folder, "4000.mp4", "4001.mp4")
    trees.touch(root / folder, "labels.csv", text="filename,label\n4000.mp4,1\n4001.mp4,0\n4002.mp4,1\n")
    clips = by_id(root)
    assert [clips[f"{folder}/-/{i}"].label for i in (4000, 4001, 4002)] == [1, 0, 1]
    assert clips[f"{folder}/-/4002"].reason == "listed in labels.csv but not found"
    fake = clips[f"{folder}/-/4000"]
    assert (fake.official_split, fake.original, fake.source_ids) == (split, "", (f"dfdc:{folder}",))
    assert fake.group == "dfdc:4000"  # its own, for want of an original
    own = clips[f"{folder}/-/4001"]
    assert (own.original, own.source_ids, own.group) == (own.clip_id, (f"dfdc:{folder}",), "dfdc:4001")


def test_clips_in_videos_below_the_labels(root):
    trees.touch(root / "test/videos", "a.mp4")
    trees.touch(root / "test", "labels.csv", text="filename,label\na.mp4,1\n")
    clips = by_id(root)
    assert clips.keys() == {"test/-/a"} and clips["test/-/a"].path == "DFDC/test/videos/a.mp4"


def test_one_part_unpacked_twice(root):
    trees.dfdc_part(root / PART, {"r.mp4": trees.real()})
    shutil.copytree(root / PART, root / "again" / PART)
    clips = by_id(root)
    assert clips[f"{PART}/-/r"].status == "ok"
    assert clips[f"{PART}/-/r~2"].reason == f"second file of dfdc/{PART}/-/r"


def test_a_part_unpacked_twice_keeps_the_copy_that_has_the_clip(root):
    trees.dfdc_part(root / "first" / PART, {"r.mp4": trees.real()}, absent=("r.mp4",))
    trees.dfdc_part(root / "second" / PART, {"r.mp4": trees.real()})
    clips = by_id(root)
    assert clips[f"{PART}/-/r"].path == f"DFDC/second/{PART}/r.mp4" and not clips[f"{PART}/-/r~2"].found


def test_scan_takes_every_part_and_those_without_labels(root):
    trees.dfdc_part(root / "a" / PART, {"r.mp4": trees.real()})
    trees.dfdc_part(root / "b" / "dfdc_train_part_7", {"f.mp4": trees.fake("r.mp4")})
    trees.touch(root / "c" / "loose", "x.mp4", ".hidden.mp4", "x.txt")
    clips = dfdc.scan(trees.data(root.parent, "dfdc"))
    assert sorted(clip.clip_id for clip in clips) == [
        "dfdc/dfdc_train_part_0/-/r", "dfdc/dfdc_train_part_7/-/f", "dfdc/loose/-/x",
    ]  # fmt: skip
    assert [clip.status for clip in clips] == ["ok", "ok", "unusable"]


def test_a_folder_videos_with_labels_of_its_own_is_a_part(root):
    trees.touch(root / "test", "labels.csv", text="filename,label\na.mp4,1\n")
    trees.dfdc_part(root / "test/videos", {"b.mp4": trees.real()})
    clips = by_id(root)
    assert clips["test/-/b"].status == "ok" and clips["test/-/a"].reason == "listed in labels.csv but not found"
    assert len(clips) == 2


@pytest.mark.parametrize(
    ("folder", "split"),
    [("dfdc_train_part_49", "train"), ("train_sample_videos", "train"), ("val", "valid"), ("validation", "valid"),
     ("test", "test"), ("other", "")],
)  # fmt: skip
def test_the_split_follows_from_the_part(root, folder, split):
    trees.touch(root / folder, "a.mp4")
    trees.touch(root / folder, "labels.csv", text="filename,label\na.mp4,0\n")
    (clip,) = dfdc.scan(trees.data(root.parent, "dfdc"))
    assert clip.official_split == split
