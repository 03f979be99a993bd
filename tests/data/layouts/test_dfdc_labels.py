"""DFDC's label files: both kinds agree, and what cannot be trusted costs its own clips only."""

import json

import pytest
import trees

from ddet.data.layouts import dfdc_labels
from ddet.data.layouts.dfdc_labels import Entry

PART = "dfdc_train_part_0"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "DFDC"


def by_id(root):
    return {i.removeprefix("dfdc/"): clip for i, clip in trees.by_id(trees.data(root.parent, "dfdc")).items()}


def write(folder, text, *files):
    trees.touch(folder, *files)
    trees.touch(folder, "metadata.json", text=text)


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


def read(root, part: str = PART) -> tuple[dict, list]:
    return dfdc_labels.read_labels(root / part, part)


def test_entries_by_hand(root):
    entries = {"r.mp4": trees.real(), "f.mp4": trees.fake("r.mp4"), "n.mp4": trees.fake(None)}
    trees.dfdc_part(root / PART, entries)
    found, refused = read(root)
    assert refused == [] and found == {
        "r": Entry("metadata.json", 0, split="train", traced=True),
        "f": Entry("metadata.json", 1, original="r", split="train", traced=True),
        "n": Entry("metadata.json", 1, split="train", traced=True),
    }


def test_a_file_that_names_no_originals_traces_none(root):
    write(root / "test", '{"a.mp4": {"is_fake": 0}, "b.mp4": {"is_fake": 1}}')
    found, _ = read(root, "test")
    assert found == {"a": Entry("metadata.json", 0), "b": Entry("metadata.json", 1)}


@pytest.mark.parametrize(
    ("raw", "label"), [("REAL", 0), ("real", 0), ("FAKE", 1), ("Fake", 1), ("0", 0), ("1", 1), (" 1 ", 1), ("2", -1)]
)
def test_labels_in_a_csv(root, raw, label):
    trees.touch(root / "test", "labels.csv", text=f"filename,label\na.mp4,{raw}\n")
    entry = read(root, "test")[0]["a"]
    assert entry.label == label and bool(entry.fault) is (label == -1)


@pytest.mark.parametrize(("said", "split"), [("train", "train"), ("validation", "valid"), ("val", "valid"), ("x", "")])
def test_a_split_in_the_metadata_is_taken_over(root, said, split):
    write(root / PART, json.dumps({"a.mp4": trees.real(split=said)}))
    assert read(root)[0]["a"].split == split


def test_of_both_files_the_metadata_tells_more_and_stays(root):
    trees.dfdc_part(root / PART, {"f.mp4": trees.fake("r.mp4")})
    trees.touch(root / PART, "labels.csv", text="filename,label\nf.mp4,1\ng.mp4,0\n")
    found, _ = read(root)
    assert found["f"] == Entry("metadata.json", 1, original="r", split="train", traced=True)
    assert found["g"] == Entry("labels.csv", 0)


def test_a_fault_of_either_file_counts(root):
    write(root / PART, json.dumps({"a.mp4": {"label": "MAYBE"}, "b.mp4": {"label": "REAL"}}))
    trees.touch(root / PART, "labels.csv", text="filename,label\na.mp4,1\nb.mp4,perhaps\n")
    found, _ = read(root)
    assert found["a"].fault.startswith("metadata.json gives") and found["b"].fault.startswith("labels.csv gives")


def test_no_label_file_is_no_entry(root):
    (root / PART).mkdir(parents=True)
    assert read(root) == ({}, [])


HOSTILE = {
    "nested": "[" * 100_000 + "]" * 100_000,
    "nested in an entry": '{"a.mp4": {"label": ' + "[" * 300 + "]" * 300 + "}}",
    "a number of 5,000 digits": '{"a.mp4": {"is_fake": ' + "1" * 5000 + "}}",
    "UTF-16": '{"a.mp4": {"is_fake": 1}}'.encode("utf-16"),
    "nothing": "",
    "no object": "7",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_metadata_file_that_no_one_can_read_costs_its_own_part_only(root, kind):
    trees.dfdc_part(root / "dfdc_train_part_1", {"r.mp4": trees.real()})
    write(root / PART, "", "a.mp4")
    text = HOSTILE[kind]
    (root / PART / "metadata.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    clips = by_id(root)
    assert clips["dfdc_train_part_1/-/r"].status == "ok"
    assert clips[f"{PART}/-/a"].reason.startswith("no label")
    (refused,) = (c for c in clips.values() if c.stem.startswith("refused-"))
    assert refused.reason.startswith("metadata.json: ") and len(refused.reason) < 120


def test_a_csv_field_that_is_too_long_costs_its_own_part_only(root):
    trees.dfdc_part(root / "dfdc_train_part_1", {"r.mp4": trees.real()})
    trees.touch(root / "test", "a.mp4")
    trees.touch(root / "test", "labels.csv", text=f"filename,label\na.mp4,1\n{'x' * 200_000},0\n")
    clips = by_id(root)
    assert clips["dfdc_train_part_1/-/r"].status == "ok" and clips["test/-/a"].reason.startswith("no label")
    assert "labels.csv: cannot be read as CSV (field larger" in "".join(c.reason for c in clips.values())
