"""Footage to score: one file, a folder at any depth, a list, a dataset by its adapter."""

import json

import pytest
import trees
from clips import picture, write_clip
from PIL import Image

from ddet import params, paths
from ddet.errors import InputError
from ddet.scoring import footage

SMOKE = params.load(paths.ROOT / "profiles" / "smoke.yaml")
CFG = SMOKE.model_copy(update={"runtime": trees.RUNTIME})


def still(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def test_a_folder_without_labels_is_searched_at_any_depth(tmp_path):
    still(tmp_path / "a.png", picture(0))
    write_clip(tmp_path / "deep" / "er" / "a.mp4", [picture(i) for i in range(3)])
    (tmp_path / "notes.txt").write_text("not footage")
    clips, root = footage.find(tmp_path, "folder", CFG)
    assert root == tmp_path and clips["path"].tolist() == ["a.png", "deep/er/a.mp4"]
    assert clips["clip_id"].is_unique and clips["frames"].tolist() == [1, 3] and set(clips["label"]) == {-1}


def test_a_single_file_is_found_without_its_neighbours(tmp_path):
    for name in ("a.png", "b.png"):
        still(tmp_path / name, picture(0))
    clips, root = footage.find(tmp_path / "b.png", "folder", CFG)
    assert root == tmp_path and clips["path"].tolist() == ["b.png"]


@pytest.mark.parametrize("names", [("real", "fake"), ("Real", "FAKE")])
def test_real_and_fake_folders_are_labels(tmp_path, names):
    for name in names:
        still(tmp_path / name / "a.png", picture(0))
    clips, root = footage.find(tmp_path, "folder", CFG)
    labels = dict(zip(clips["path"], clips["label"], strict=True))
    assert labels == {f"{tmp_path.name}/{names[0]}/a.png": 0, f"{tmp_path.name}/{names[1]}/a.png": 1}
    assert all((root / path).is_file() for path in clips["path"])


def test_a_dataset_is_read_by_its_adapter(tmp_path):
    part = tmp_path / "DFDC" / "dfdc_train_part_0"
    write_clip(part / "aaaaaaaaaa.mp4", [picture(0)])
    meta = {"aaaaaaaaaa.mp4": {"label": "REAL"}, "bbbbbbbbbb.mp4": {"label": "FAKE", "original": "aaaaaaaaaa.mp4"}}
    (part / "metadata.json").write_text(json.dumps(meta))
    clips, _ = footage.find(tmp_path / "DFDC", "dfdc", CFG)
    assert clips["status"].tolist() == ["ok", "unusable"] and clips["label"].tolist() == [0, 1]


@pytest.mark.parametrize("name", ["nowhere.mp4", "empty"])
def test_nothing_to_score_is_one_line(tmp_path, name):
    (tmp_path / "empty").mkdir()
    said = "no such file or folder" if name == "nowhere.mp4" else "holds no clip and no still"
    with pytest.raises(InputError, match=f"{name}: {said}") as e:
        footage.find(tmp_path / name, "folder", CFG)
    assert "\n" not in str(e.value)


def test_links_are_followed_and_what_is_hidden_is_left_out(tmp_path):
    still(tmp_path / "disk" / "a.jpg", picture(0))
    still(tmp_path / "in" / ".ipynb_checkpoints" / "b.jpg", picture(0))
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert footage.find(tmp_path / "in", "folder", CFG)[0]["path"].tolist() == ["linked/a.jpg"]


def test_every_ending_that_is_scored_alone_is_found_in_a_folder(tmp_path):
    for suffix in sorted(footage.KNOWN):
        (tmp_path / f"x{suffix}").write_bytes(b"x")
    assert len(footage.find(tmp_path, "folder", CFG)[0]) == len(footage.KNOWN) >= 20


def test_a_list_is_relative_to_what_its_files_share(tmp_path):
    files = [still(tmp_path / name, picture(0)) for name in ("a/1.png", "b/c/2.png")]
    clips, root = footage.listed([*files, files[0]], CFG)
    assert root == tmp_path and clips["path"].tolist() == ["a/1.png", "b/c/2.png"]
    with pytest.raises(InputError, match="names no file"):
        footage.listed([], CFG)


def test_the_dfdc_excerpt_lists_its_three_absent_clips(real_footage):
    clips, root = footage.find(real_footage / "dfdc_layout", "dfdc", CFG)
    assert len(clips) == 5 and root == real_footage.resolve()
    absent = clips[clips["status"] == "unusable"]
    assert len(absent) == 3 and absent["reason"].str.contains("metadata.json but not found").all()
    assert clips.loc[clips["status"] == "ok", "stem"].tolist() == ["abofeumbvv", "abqwwspghj"]
    assert clips.loc[clips["status"] == "ok", "frames"].tolist() == [300, 300]
