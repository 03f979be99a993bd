"""FaceForensics++: targets, sources, uploads, old downloads, and split files that cannot be trusted."""

import json
import shutil

import pytest
import trees

from ddet.data.layouts import ffpp
from ddet.errors import InputError


def test_a_fake_has_target_source_split_and_original(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS, methods=["Deepfakes", "FaceSwap"])
    clips = trees.by_id(trees.data(tmp_path, "ffpp"))
    assert len(clips) == 8 + 2 * 8
    clip = clips["ffpp/FaceSwap/c23/011_010"]
    assert (clip.label, clip.method, clip.target_id, clip.source_id) == (1, "FaceSwap", "011", "010")
    assert clip.source_ids == ("ffpp:011", "ffpp:010") and clip.official_split == "valid"
    assert clip.original == "ffpp/real/c23/011" and clip.listed_in == "val.json"
    assert clip.path == "FaceForensics++/manipulated_sequences/FaceSwap/c23/videos/011_010.mp4"
    own = clips[clip.original]
    assert (own.label, own.method, own.official_split, own.original) == (0, "real", "valid", own.clip_id)
    assert own.group == clip.group == "ffpp:010"


def test_the_same_stem_in_two_methods_stays_two_clips(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS, methods=["Deepfakes", "FaceSwap"])
    clips = trees.by_id(trees.data(tmp_path, "ffpp"))
    assert {"ffpp/Deepfakes/c23/000_003", "ffpp/FaceSwap/c23/000_003"} <= clips.keys()


def test_masks_and_other_compressions_are_no_clips(tmp_path):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    trees.touch(folder / "manipulated_sequences/Deepfakes/masks/videos", "000_003.mp4")
    trees.touch(folder / "manipulated_sequences/Deepfakes/c40/videos", "000_003.mp4")
    assert len(trees.by_id(trees.data(tmp_path, "ffpp"))) == 16


def test_old_downloads(tmp_path):
    """c0 is raw, Neuraltextures is NeuralTextures, and the level youtube may be absent."""
    trees.ffpp(tmp_path, trees.PAIRS, methods=["Neuraltextures"], c="c0", youtube=".")
    clips = trees.by_id(trees.data(tmp_path, "ffpp", compression="raw"))
    assert clips["ffpp/NeuralTextures/raw/000_003"].status == "ok"
    assert clips["ffpp/real/raw/000"].status == "ok" and len(clips) == 16


def test_promised_but_absent_and_there_but_unlisted(tmp_path):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    videos = folder / "manipulated_sequences/Deepfakes/c23/videos"
    (videos / "000_003.mp4").unlink()
    (folder / "original_sequences/youtube/c23/videos/021.mp4").unlink()
    trees.touch(videos, "000_020.mp4", "notes.mp4")
    trees.touch(folder / "manipulated_sequences/DeepFakeDetection/c23/videos", "01_02__walk__ABCDEFGH.mp4")
    clips = trees.by_id(trees.data(tmp_path, "ffpp"))
    gone = clips["ffpp/Deepfakes/c23/000_003"]
    assert (gone.status, gone.found, gone.reason) == ("unusable", False, "listed in train.json but not found")
    assert clips["ffpp/real/c23/021"].reason == "listed in test.json but not found"
    extra = clips["ffpp/Deepfakes/c23/000_020"]
    assert (extra.status, extra.official_split, extra.reason) == ("ok", "", "not listed in the split files")
    assert clips["ffpp/Deepfakes/c23/notes"].reason == "its name is not TTT_SSS.mp4"
    assert "not one of the five methods" in clips["ffpp/DeepFakeDetection/c23/01_02__walk__ABCDEFGH"].reason


def test_uploads_join_groups(tmp_path):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    uploads = {"003": "AAAAAAAAAAA 0", "020": "AAAAAAAAAAA 1", "010": "BBBBBBBBBBB 0"}
    trees.touch(folder, "conversion_dict.json", text=json.dumps(uploads))
    families = ffpp.families(folder)
    assert {families[i] for i in ("000", "003", "020", "021")} == {"ffpp:000"}
    assert families["010"] == families["011"] == "ffpp:010"


def test_without_split_files_pairs_come_from_names(tmp_path):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    for name in trees.PAIRS:
        (folder / f"{name}.json").unlink()
    clips = trees.by_id(trees.data(tmp_path, "ffpp"))
    assert clips["ffpp/real/c23/003"].group == "ffpp:000"
    assert {(c.official_split, c.reason, c.listed_in) for c in clips.values()} == {("", "", "")}


def test_split_files_of_the_code_repository_are_found(tmp_path):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    (folder / "dataset/splits").mkdir(parents=True)
    for name in trees.PAIRS:
        shutil.move(folder / f"{name}.json", folder / f"dataset/splits/{name}.json")
    assert trees.by_id(trees.data(tmp_path, "ffpp"))["ffpp/real/c23/020"].official_split == "test"


@pytest.mark.parametrize(
    "entries", [[[0, 3]], [["000"]], [["000", "../003"]], {"000": "003"}, "000", [["000", "0031"]], [["0000", "1"]]]
)
def test_a_damaged_split_file_is_refused(tmp_path, entries):
    folder = trees.ffpp(tmp_path, trees.PAIRS)
    (folder / "train.json").write_text(json.dumps(entries))
    with pytest.raises(InputError, match=r"train\.json: .* is not a pair of three-digit strings; fetch"):
        ffpp.scan(trees.data(tmp_path, "ffpp"))


def test_an_id_in_two_splits_is_refused(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS | {"val": [["000", "011"]]})
    with pytest.raises(InputError, match=r"val\.json: id 000 stands in train\.json too"):
        ffpp.scan(trees.data(tmp_path, "ffpp"))


def test_text_that_is_no_json(tmp_path):
    (trees.ffpp(tmp_path, trees.PAIRS) / "test.json").write_text("[[")
    with pytest.raises(InputError, match=r"test\.json: cannot be read as JSON"):
        ffpp.scan(trees.data(tmp_path, "ffpp"))


def test_a_damaged_conversion_dict_is_refused(tmp_path):
    trees.touch(trees.ffpp(tmp_path, trees.PAIRS), "conversion_dict.json", text='{"000": 3}')
    with pytest.raises(InputError, match=r"conversion_dict\.json: id '000' has no upload"):
        ffpp.scan(trees.data(tmp_path, "ffpp"))


def test_a_missing_clip_that_is_there_in_another_compression_is_said(tmp_path):
    folder = trees.ffpp(tmp_path, {"train": [["000", "003"]]})
    there = folder / "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"
    (folder / "manipulated_sequences/Deepfakes/c40/videos").mkdir(parents=True)
    there.rename(folder / "manipulated_sequences/Deepfakes/c40/videos/000_003.mp4")
    gone = trees.by_id(trees.data(tmp_path, "ffpp"))["ffpp/Deepfakes/c23/000_003"]
    assert gone.reason == "listed in train.json but not found at c23, but at c40" and not gone.found
