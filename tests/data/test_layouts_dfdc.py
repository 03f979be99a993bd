"""DFDC: parts anywhere, labels from two kinds of file, and label files that cannot be trusted."""

import json
import shutil

import pytest
import trees

from ddet.data import layouts

PART = "dfdc_train_part_0"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "DFDC"


def by_id(root):
    clips = layouts.scan(trees.data(root.parent, "dfdc"))
    assert len({c.clip_id for c in clips}) == len(clips)
    return {c.clip_id.removeprefix("dfdc/"): c for c in clips}


def write(folder, text, *files):
    trees.touch(folder, *files)
    trees.touch(folder, "metadata.json", text=text)


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


def test_test_metadata_with_is_fake(root):
    write(root / "test", '{"a.mp4": {"is_fake": 1}, "b.mp4": {"is_fake": 0}}', "a.mp4", "b.mp4")
    clips = by_id(root)
    assert (clips["test/-/a"].label, clips["test/-/b"].label, clips["test/-/b"].official_split) == (1, 0, "test")


def test_both_label_files_are_compared(root):
    write(root / "test", '{"a.mp4": {"is_fake": 1}, "b.mp4": {"is_fake": 0}}', "a.mp4", "b.mp4", "c.mp4")
    trees.touch(root / "test", "labels.csv", text="filename,label\na.mp4,1\nb.mp4,1\nc.mp4,0\n")
    clips = by_id(root)
    assert clips["test/-/a"].status == "ok" and clips["test/-/c"].label == 0
    assert clips["test/-/b"].reason == "metadata.json says real, labels.csv says fake"


def test_clips_in_videos_below_the_labels(root):
    trees.touch(root / "test/videos", "a.mp4")
    trees.touch(root / "test", "labels.csv", text="filename,label\na.mp4,1\n")
    clips = by_id(root)
    assert clips.keys() == {"test/-/a"} and clips["test/-/a"].path == "DFDC/test/videos/a.mp4"


def test_traversal_is_refused_and_listed(root):
    names = ["../../x.mp4", "/etc/passwd", "a\\b.mp4", "sub/c.mp4", ".."]
    write(root / PART, json.dumps({n: trees.real() for n in names} | {"r.mp4": trees.real()}), "r.mp4")
    trees.touch(root, "x.mp4")
    clips = by_id(root)
    refused = [c for c in clips.values() if c.stem.startswith("refused-")]
    assert len(refused) == 5 and all(c.status == "unusable" and not c.path and not c.found for c in refused)
    assert {repr(n) in "".join(c.reason for c in refused) for n in names} == {True}
    assert not any(".." in i or "\\" in i for i in clips) and clips[f"{PART}/-/r"].status == "ok"


def test_an_original_that_leaves_its_folder(root):
    trees.dfdc_part(root / PART, {"f.mp4": trees.fake("../r.mp4")})
    clip = by_id(root)[f"{PART}/-/f"]
    assert clip.reason == "refused: its original '../r.mp4' is not a plain file name" and clip.original == ""


def test_doubled_keys(root):
    one, other = json.dumps(trees.real()), json.dumps(trees.fake("r.mp4"))
    text = f'{{"a.mp4": {one}, "b.mp4": {one}, "a.mp4": {one}, "b.mp4": {other}}}'
    write(root / PART, text, "a.mp4", "b.mp4")
    clips = by_id(root)
    assert clips[f"{PART}/-/a"].reason == "listed more than once in metadata.json"
    assert clips[f"{PART}/-/a"].status == "ok" and clips[f"{PART}/-/b"].status == "unusable"
    assert clips[f"{PART}/-/b"].reason == "metadata.json lists it more than once, with different entries"


@pytest.mark.parametrize("value", [{"label": "MAYBE"}, {}, 3, None, {"is_fake": 2}, {"label": None}])
def test_unknown_labels(root, value):
    write(root / PART, json.dumps({"a.mp4": value, "r.mp4": trees.real()}), "a.mp4", "r.mp4")
    clips = by_id(root)
    assert clips[f"{PART}/-/a"].reason.startswith("metadata.json gives it the label")
    assert clips[f"{PART}/-/a"].label == -1 and clips[f"{PART}/-/r"].status == "ok"


def test_an_unknown_label_in_the_csv(root):
    trees.touch(root / "test", "a.mp4")
    trees.touch(root / "test", "labels.csv", text="filename,label\na.mp4,perhaps\n")
    assert by_id(root)["test/-/a"].reason == "labels.csv gives it the label 'perhaps'"


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\x00"])
def test_a_damaged_metadata_file_costs_its_own_part_only(root, text):
    write(root / PART, text, "a.mp4")
    trees.dfdc_part(root / "dfdc_train_part_1", {"r.mp4": trees.real()})
    clips = by_id(root)
    assert clips[f"{PART}/-/a"].reason.startswith("no label")
    assert sum(c.reason.startswith("metadata.json: ") for c in clips.values()) == 1
    assert clips["dfdc_train_part_1/-/r"].status == "ok"


def test_a_csv_without_its_header(root):
    trees.touch(root / "test", "a.mp4")
    trees.touch(root / "test", "labels.csv", text="a.mp4,1\n")
    reasons = {c.reason for c in by_id(root).values()}
    assert "labels.csv: has no columns filename and label" in reasons and len(reasons) == 2


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
