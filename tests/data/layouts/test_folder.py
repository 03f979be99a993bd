"""Your own footage: any depth, stills, persons by folder."""

import pytest
import trees

from ddet.data.layouts import folder
from ddet.errors import InputError


def test_clips_and_stills_at_any_depth(tmp_path):
    trees.touch(tmp_path / "own/real", "anna/a.mp4", "anna/b.PNG", "c.jpg", ".DS_Store")
    trees.touch(tmp_path / "own/Fake", "anna/x.webm", "y.jpeg", "y.mp4", "notes.txt")
    clips = trees.by_id(trees.data(tmp_path, "folder"))
    assert {i: c.label for i, c in clips.items()} == {
        "folder/real/-/anna/a": 0, "folder/real/-/anna/b": 0, "folder/real/-/c": 0, "folder/fake/-/anna/x": 1,
        "folder/fake/-/y.jpeg": 1, "folder/fake/-/y.mp4": 1, "folder/fake/-/notes": 1,
    }  # fmt: skip
    assert clips["folder/fake/-/anna/x"].group == clips["folder/real/-/anna/a"].group == "folder:anna"
    assert clips["folder/real/-/c"].group == "folder:real/c"
    assert clips["folder/fake/-/notes"].reason == "neither a clip nor a still: .txt"
    assert clips["folder/fake/-/y.mp4"].original == "" and clips["folder/real/-/anna/b"].status == "ok"


def test_neither_real_nor_fake(tmp_path):
    trees.touch(tmp_path / "own", "a.mp4")
    with pytest.raises(InputError, match="own: has neither real/ nor fake/"):
        folder.scan(trees.data(tmp_path, "folder"))


@pytest.mark.parametrize("name", ["a.MP4", "a.mov", "a.mkv", "a.jpg", "a.JPEG", "a.png"])
def test_suffixes_of_either_case_are_clips_or_stills(tmp_path, name):
    trees.touch(tmp_path / "own/fake", name)
    (clip,) = folder.scan(trees.data(tmp_path, "folder"))
    assert (clip.stem, clip.status, clip.label) == ("a", "ok", 1)


def test_a_file_without_suffix_is_listed(tmp_path):
    trees.touch(tmp_path / "own/real", "README")
    (clip,) = folder.scan(trees.data(tmp_path, "folder"))
    assert (clip.status, clip.reason) == ("unusable", "neither a clip nor a still: no suffix")


def test_the_first_folder_names_the_person_at_any_depth(tmp_path):
    trees.touch(tmp_path / "own/real", "anna/monday/1.mp4", "anna/2.mp4", "ben/1.mp4")
    groups = {clip.stem: clip.group for clip in folder.scan(trees.data(tmp_path, "folder"))}
    assert groups == {"anna/monday/1": "folder:anna", "anna/2": "folder:anna", "ben/1": "folder:ben"}


def test_a_real_clip_is_its_own_original_and_other_folders_are_passed_over(tmp_path):
    trees.touch(tmp_path / "own/REAL", "a.mp4")
    trees.touch(tmp_path / "own/maybe", "b.mp4")
    (clip,) = folder.scan(trees.data(tmp_path, "folder"))
    assert clip.original == clip.clip_id == "folder/real/-/a" and clip.path == "own/REAL/a.mp4"
