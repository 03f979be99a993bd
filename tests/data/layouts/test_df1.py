"""DeeperForensics-1.0: fakes by target and actor, reals borrowed from FF++, lists and files that disagree."""

import pytest
import trees

from ddet.data.layouts import df1

LISTS = {"train": ["000_W001", "010_W001"], "val": ["001_M002"], "test": ["020_M003"]}


@pytest.fixture
def tree(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS)
    return trees.df1(tmp_path, LISTS)


def test_fakes_have_target_and_actor(tmp_path, tree):
    clips = trees.by_id(trees.data(tmp_path, "df1"))
    clip = clips["df1/end_to_end/-/010_W001"]
    assert (clip.label, clip.method, clip.official_split) == (1, "end_to_end", "train")
    assert clip.source_ids == ("ffpp:010", "df1:W001") and clip.group == "ffpp:010"
    assert clips["df1/end_to_end/-/001_M002"].group == "ffpp:001"  # the component of 001 and 007


def test_the_real_class_is_made_of_the_targets_at_c23(tmp_path, tree):
    clips = trees.by_id(trees.data(tmp_path, "df1", compression="c40"))  # whatever FF++ compression is chosen
    reals = {c.stem: c for c in clips.values() if c.label == 0}
    assert reals.keys() == {"000", "010", "001", "020"}
    assert reals["020"].clip_id == clips["df1/end_to_end/-/020_M003"].original == "df1/real/-/020"
    assert reals["020"].path == "FaceForensics++/original_sequences/youtube/c23/videos/020.mp4"
    assert {s: c.official_split for s, c in reals.items()} == {
        "000": "train", "010": "train", "001": "valid", "020": "test",
    }  # fmt: skip


def test_a_target_in_two_splits_has_its_real_where_most_fakes_are(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS)
    trees.df1(tmp_path, {"train": ["000_W001", "000_W002", "003_W001"], "val": ["003_W003"], "test": ["000_M001"]})
    clips = trees.by_id(trees.data(tmp_path, "df1"))
    assert clips["df1/real/-/000"].official_split == "train"
    assert clips["df1/real/-/003"].official_split == "valid"  # a tie goes to the scarcer split


def test_without_ffpp_the_reals_are_listed_as_missing(tmp_path):
    trees.df1(tmp_path, LISTS)
    clips = trees.by_id(trees.data(tmp_path, "df1"))
    assert clips["df1/real/-/000"].reason == "its original is not among the FaceForensics++ c23 clips"
    assert not clips["df1/real/-/000"].found and clips["df1/end_to_end/-/000_W001"].status == "ok"


def test_lists_and_files_that_disagree(tmp_path, tree):
    (tree / "manipulated_videos/end_to_end/000_W001.mp4").unlink()
    trees.touch(tree / "manipulated_videos/end_to_end", "003_W009.mp4", "readme.mp4")
    trees.touch(tree / "source_videos/W001", "W001_light_up.mp4")
    with (tree / "lists/splits/test.txt").open("a") as f:
        f.write("../../etc/passwd\n010_W001.mp4\n")
    clips = trees.by_id(trees.data(tmp_path, "df1"))
    assert clips["df1/end_to_end/-/000_W001"].reason == "listed in train.txt but not found"
    assert clips["df1/end_to_end_mix_2_distortions/-/000_W001"].status == "ok"
    assert clips["df1/end_to_end/-/003_W009"].reason == "not listed in lists/splits"
    assert clips["df1/real/-/003"].official_split == clips["df1/real/-/003"].listed_in == ""
    assert clips["df1/end_to_end/-/readme"].reason == "its name is not TTT_XNNN.mp4"
    twice = clips["df1/end_to_end/-/010_W001"]
    assert (twice.official_split, twice.reason) == ("", "listed in train.txt and test.txt")
    assert sum(c.reason.startswith("refused: test.txt names '../../etc") for c in clips.values()) == 1


def test_scan_adds_the_reals_once_whatever_the_variants(tmp_path, tree):
    cfg = trees.data(tmp_path, "df1")
    clips = df1.scan(cfg)
    assert len(clips) == len(trees.VARIANTS) * 4 + 4 and sum(clip.label == 0 for clip in clips) == 4
    one = df1.scan(cfg.model_copy(update={"df1_variants": trees.VARIANTS[:1]}))
    assert {clip.clip_id for clip in one} < {clip.clip_id for clip in clips} and len(one) == 8


def test_source_videos_are_no_clips(tmp_path, tree):
    cfg = trees.data(tmp_path, "df1")
    before = df1.scan(cfg)
    trees.touch(tree / "source_videos/W001", "000_W001.mp4", "777_W001.mp4")
    assert df1.scan(cfg) == before


def test_without_lists_no_clip_has_a_split_and_none_is_blamed(tmp_path):
    trees.ffpp(tmp_path, trees.PAIRS)
    folder = trees.df1(tmp_path, LISTS)
    for file in (folder / "lists/splits").iterdir():
        file.unlink()
    clips = df1.scan(trees.data(tmp_path, "df1"))
    assert {(clip.official_split, clip.reason, clip.listed_in) for clip in clips} == {("", "", "")}
