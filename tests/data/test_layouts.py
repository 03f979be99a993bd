"""Adapters on official trees: what is there, what was promised, and who is who."""

from pathlib import Path

import pytest
import trees

from ddet.data import layouts
from ddet.errors import InputError


@pytest.mark.parametrize("dataset", ["ffpp", "celebdf", "dfdc", "df1", "folder"])
def test_an_absent_dataset_is_one_line(tmp_path, dataset):
    with pytest.raises(
        InputError, match=rf"{trees.FOLDERS[dataset].replace('+', '.')}: no such folder for {dataset}; place"
    ):
        layouts.scan(trees.data(tmp_path, dataset))


def test_chosen_datasets_come_together_sorted_and_unique(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS)
    trees.touch(tmp_path / "own/real", "a.mp4", "b.mp4")
    both = layouts.scan(trees.data(tmp_path, "folder", "ffpp"))
    ids = [clip.clip_id for clip in both]
    assert ids == sorted(ids) and len(set(ids)) == len(ids) == 16 + 2
    assert both == layouts.scan(trees.data(tmp_path, "ffpp", "folder"))
    assert [clip.clip_id for clip in layouts.scan(trees.data(tmp_path, "folder"))] == ids[-2:]


def test_every_dataset_that_params_know_has_an_adapter():
    assert set(layouts.ADAPTERS) == set(trees.FOLDERS)
    with pytest.raises(ValueError, match="datasets"):
        trees.data(Path("."), "forensics")
