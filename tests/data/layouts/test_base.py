"""What adapters share: safe names, damaged files, unique ids."""

import pytest
import trees

from ddet.data import layouts
from ddet.data.layouts.base import is_plain_name
from ddet.errors import InputError


@pytest.mark.parametrize("name", ["../a.mp4", "/a.mp4", "a/b.mp4", "a\\b.mp4", "..", ".", "", "C:a.mp4", "a\n.mp4", 3])
def test_names_that_are_not_plain(name):
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["abc.mp4", "a..b.mp4", "größe 1.mp4", "動画.mp4"])
def test_plain_names(name):
    assert is_plain_name(name)


def test_a_dataset_without_a_folder_in_the_params(tmp_path):
    with pytest.raises(InputError, match=r"data\.folders: does not say where dfdc lies"):
        layouts.scan(trees.data(tmp_path, "dfdc", folders={"ffpp": "x"}))


def test_a_dataset_outside_the_root_keeps_an_absolute_path(tmp_path):
    trees.touch(tmp_path / "elsewhere/real", "a.mp4")
    cfg = trees.data(tmp_path / "root", "folder", folders={"folder": str(tmp_path / "elsewhere")})
    assert layouts.scan(cfg)[0].path == (tmp_path / "elsewhere/real/a.mp4").as_posix()
