"""Your own footage: any depth, stills, persons by folder."""

import pytest
import trees

from ddet.data import layouts
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
        layouts.scan(trees.data(tmp_path, "folder"))
