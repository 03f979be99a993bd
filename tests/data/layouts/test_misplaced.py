"""A dataset that lies wrong is named with its remedy, and following the remedy finds it."""

import pytest
import trees

from ddet.data import layouts
from ddet.data.layouts import misplaced
from ddet.errors import InputError


def said(cfg) -> str:
    with pytest.raises(InputError) as e:
        layouts.scan(cfg)
    assert "\n" not in str(e.value)
    return str(e.value)


@pytest.mark.parametrize("deeper", ["Celeb-DF-v2", "unpacked/Celeb-DF-v2"])
def test_a_nested_dataset_is_found_and_the_remedy_works(tmp_path, deeper):
    trees.celebdf(tmp_path, ["id0_0000"], [], ["id0_id1_0000"], [])
    home = tmp_path / "Celeb-DF-v2"
    (tmp_path / "moved" / deeper).parent.mkdir(parents=True)
    home.rename(tmp_path / "moved" / deeper)
    (tmp_path / "moved").rename(home)
    text = said(trees.data(tmp_path, "celebdf"))
    place = f"Celeb-DF-v2/{deeper}"
    assert text.endswith(f"set data.folders.celebdf: {place}") and "holds celebdf deeper" in text
    assert len(layouts.scan(trees.data(tmp_path, "celebdf", folders={"celebdf": place}))) == 2


def test_a_flat_dataset_is_named(tmp_path):
    trees.touch(tmp_path / "Celeb-DF-v2", "id0_0000.mp4", "id0_id1_0000.mp4")
    assert "holds 2 clips, but not in celeb-real and youtube-real" in said(trees.data(tmp_path, "celebdf"))


def test_another_compression_is_said_and_the_remedy_works(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS, c="c40")
    text = said(trees.data(tmp_path, "ffpp"))
    assert "holds no clip of c23, but of c40; set data.compression: c40" in text
    assert layouts.scan(trees.data(tmp_path, "ffpp", compression="c40"))


@pytest.mark.parametrize("dataset", ["ffpp", "celebdf", "dfdc"])
def test_an_empty_folder_is_no_success(tmp_path, dataset):
    (tmp_path / trees.FOLDERS[dataset]).mkdir()
    assert f"holds no clip of {dataset}; fetch it" in said(trees.data(tmp_path, dataset))


def test_every_dataset_has_its_top_folders():
    assert set(misplaced.TOPS) == set(layouts.ADAPTERS)
