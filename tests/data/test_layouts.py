"""Adapters on official trees: what is there, what was promised, and who is who."""

import json
import shutil

import pytest
import trees

from ddet.data import layouts
from ddet.data.groups import components
from ddet.data.layouts import ffpp
from ddet.data.layouts.base import is_plain_name
from ddet.errors import InputError

SPLITS = {"train": [["000", "003"], ["007", "001"]], "val": [["010", "011"]], "test": [["020", "021"]]}


def by_id(cfg):
    clips = layouts.scan(cfg)
    assert len({c.clip_id for c in clips}) == len(clips)
    return {c.clip_id: c for c in clips}


def test_components_are_named_by_their_smallest_member():
    assert components([("c", "b"), ("d", "d"), ("b", "a")]) == {"a": "a", "b": "a", "c": "a", "d": "d"}


@pytest.mark.parametrize("name", ["../a.mp4", "/a.mp4", "a/b.mp4", "a\\b.mp4", "..", ".", "", "C:a.mp4", "a\n.mp4", 3])
def test_names_that_are_not_plain(name):
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["abc.mp4", "a..b.mp4", "größe 1.mp4", "動画.mp4"])
def test_plain_names(name):
    assert is_plain_name(name)


class TestFFpp:
    def test_a_fake_has_target_source_split_and_original(self, tmp_path):
        trees.ffpp(tmp_path, SPLITS, methods=["Deepfakes", "FaceSwap"])
        clips = by_id(trees.data(tmp_path, "ffpp"))
        assert len(clips) == 8 + 2 * 8
        clip = clips["ffpp/FaceSwap/c23/011_010"]
        assert (clip.label, clip.method, clip.target_id, clip.source_id) == (1, "FaceSwap", "011", "010")
        assert clip.source_ids == ("ffpp:011", "ffpp:010") and clip.official_split == "valid"
        assert clip.original == "ffpp/real/c23/011" and clip.listed_in == "val.json"
        assert clip.path == "FaceForensics++/manipulated_sequences/FaceSwap/c23/videos/011_010.mp4"
        own = clips[clip.original]
        assert (own.label, own.method, own.official_split, own.original) == (0, "real", "valid", own.clip_id)
        assert own.group == clip.group == "ffpp:010"

    def test_the_same_stem_in_two_methods_stays_two_clips(self, tmp_path):
        trees.ffpp(tmp_path, SPLITS, methods=["Deepfakes", "FaceSwap"])
        clips = by_id(trees.data(tmp_path, "ffpp"))
        assert {"ffpp/Deepfakes/c23/000_003", "ffpp/FaceSwap/c23/000_003"} <= clips.keys()

    def test_masks_and_other_compressions_are_no_clips(self, tmp_path):
        folder = trees.ffpp(tmp_path, SPLITS)
        trees.touch(folder / "manipulated_sequences/Deepfakes/masks/videos", "000_003.mp4")
        trees.touch(folder / "manipulated_sequences/Deepfakes/c40/videos", "000_003.mp4")
        assert len(by_id(trees.data(tmp_path, "ffpp"))) == 16

    def test_old_downloads(self, tmp_path):
        """c0 is raw, Neuraltextures is NeuralTextures, and the level youtube may be absent."""
        trees.ffpp(tmp_path, SPLITS, methods=["Neuraltextures"], c="c0", youtube=".")
        clips = by_id(trees.data(tmp_path, "ffpp", compression="raw"))
        assert clips["ffpp/NeuralTextures/raw/000_003"].status == "ok"
        assert clips["ffpp/real/raw/000"].status == "ok" and len(clips) == 16

    def test_promised_but_absent_and_there_but_unlisted(self, tmp_path):
        folder = trees.ffpp(tmp_path, SPLITS)
        videos = folder / "manipulated_sequences/Deepfakes/c23/videos"
        (videos / "000_003.mp4").unlink()
        (folder / "original_sequences/youtube/c23/videos/021.mp4").unlink()
        trees.touch(videos, "000_020.mp4", "notes.mp4")
        trees.touch(folder / "manipulated_sequences/DeepFakeDetection/c23/videos", "01_02__walk__ABCDEFGH.mp4")
        clips = by_id(trees.data(tmp_path, "ffpp"))
        gone = clips["ffpp/Deepfakes/c23/000_003"]
        assert (gone.status, gone.found, gone.reason) == ("unusable", False, "listed in train.json but not found")
        assert clips["ffpp/real/c23/021"].reason == "listed in test.json but not found"
        extra = clips["ffpp/Deepfakes/c23/000_020"]
        assert (extra.status, extra.official_split, extra.reason) == ("ok", "", "not listed in the split files")
        assert clips["ffpp/Deepfakes/c23/notes"].reason == "its name is not TTT_SSS.mp4"
        assert "not one of the five methods" in clips["ffpp/DeepFakeDetection/c23/01_02__walk__ABCDEFGH"].reason

    def test_uploads_join_groups(self, tmp_path):
        folder = trees.ffpp(tmp_path, SPLITS)
        uploads = {"003": "AAAAAAAAAAA 0", "020": "AAAAAAAAAAA 1", "010": "BBBBBBBBBBB 0"}
        trees.touch(folder, "conversion_dict.json", text=json.dumps(uploads))
        families = ffpp.families(folder)
        assert {families[i] for i in ("000", "003", "020", "021")} == {"ffpp:000"}
        assert families["010"] == families["011"] == "ffpp:010"

    def test_without_split_files_pairs_come_from_names(self, tmp_path):
        folder = trees.ffpp(tmp_path, SPLITS)
        for name in SPLITS:
            (folder / f"{name}.json").unlink()
        clips = by_id(trees.data(tmp_path, "ffpp"))
        assert clips["ffpp/real/c23/003"].group == "ffpp:000"
        assert {(c.official_split, c.reason, c.listed_in) for c in clips.values()} == {("", "", "")}

    def test_split_files_of_the_code_repository_are_found(self, tmp_path):
        folder = trees.ffpp(tmp_path, SPLITS)
        (folder / "dataset/splits").mkdir(parents=True)
        for name in SPLITS:
            shutil.move(folder / f"{name}.json", folder / f"dataset/splits/{name}.json")
        assert by_id(trees.data(tmp_path, "ffpp"))["ffpp/real/c23/020"].official_split == "test"

    @pytest.mark.parametrize(
        "entries", [[[0, 3]], [["000"]], [["000", "../003"]], {"000": "003"}, "000", [["000", "0031"]], [["0000", "1"]]]
    )
    def test_a_damaged_split_file_is_refused(self, tmp_path, entries):
        folder = trees.ffpp(tmp_path, SPLITS)
        (folder / "train.json").write_text(json.dumps(entries))
        with pytest.raises(InputError, match=r"train\.json: .* is not a pair of three-digit strings; fetch"):
            layouts.scan(trees.data(tmp_path, "ffpp"))

    def test_an_id_in_two_splits_is_refused(self, tmp_path):
        trees.ffpp(tmp_path, SPLITS | {"val": [["000", "011"]]})
        with pytest.raises(InputError, match=r"val\.json: id 000 stands in train\.json too"):
            layouts.scan(trees.data(tmp_path, "ffpp"))

    def test_text_that_is_no_json(self, tmp_path):
        (trees.ffpp(tmp_path, SPLITS) / "test.json").write_text("[[")
        with pytest.raises(InputError, match=r"test\.json: cannot be read as JSON"):
            layouts.scan(trees.data(tmp_path, "ffpp"))

    def test_a_damaged_conversion_dict_is_refused(self, tmp_path):
        trees.touch(trees.ffpp(tmp_path, SPLITS), "conversion_dict.json", text='{"000": 3}')
        with pytest.raises(InputError, match=r"conversion_dict\.json: id '000' has no upload"):
            layouts.scan(trees.data(tmp_path, "ffpp"))


class TestCelebDF:
    TREE = (
        ["id0_0000", "id1_0000"],
        ["00000", "00001"],
        ["id0_id1_0000", "id1_id0_0000"],
        ["id0_0000", "00001", "id0_id1_0000"],
    )

    def test_labels_people_and_splits(self, tmp_path):
        trees.celebdf(tmp_path, *self.TREE)
        clips = by_id(trees.data(tmp_path, "celebdf"))
        clip = clips["celebdf/Celeb-synthesis/-/id0_id1_0000"]
        assert (clip.label, clip.method, clip.official_split) == (1, "Celeb-synthesis", "test")
        assert (clip.target_id, clip.source_id) == ("id0", "id1")
        assert clip.source_ids == ("celebdf:id0", "celebdf:id1") and clip.group == "celebdf:id0"
        assert clip.original == "celebdf/Celeb-real/-/id0_0000" and clips[clip.original].group == clip.group
        assert clips["celebdf/Celeb-real/-/id1_0000"].official_split == "train"
        youtube = clips["celebdf/YouTube-real/-/00001"]
        assert (youtube.label, youtube.method, youtube.official_split) == (0, "real", "test")
        assert youtube.source_ids == (youtube.group,) == ("celebdf:YouTube-real/00001",)

    def test_the_other_spelling_and_the_extra_level(self, tmp_path):
        folder = trees.celebdf(tmp_path, *self.TREE)
        shutil.move(folder / "YouTube-real", folder / "Youtube-real")
        (folder / "Celeb-real/videos").mkdir()
        for stem in self.TREE[0]:
            shutil.move(folder / f"Celeb-real/{stem}.mp4", folder / f"Celeb-real/videos/{stem}.mp4")
        clips = by_id(trees.data(tmp_path, "celebdf"))
        assert {c.status for c in clips.values()} == {"ok"} and len(clips) == 6
        assert clips["celebdf/YouTube-real/-/00001"].path == "Celeb-DF-v2/Youtube-real/00001.mp4"
        assert clips["celebdf/Celeb-real/-/id0_0000"].path == "Celeb-DF-v2/Celeb-real/videos/id0_0000.mp4"

    def test_an_inverted_list_is_a_hard_error(self, tmp_path):
        folder = trees.celebdf(tmp_path, *self.TREE)
        path = folder / "List_of_testing_videos.txt"
        path.write_text("\n".join(str(1 - int(line[0])) + line[1:] for line in path.read_text().splitlines()))
        with pytest.raises(InputError, match=r"line 1 gives 0 to Celeb-real/.*looks inverted"):
            layouts.scan(trees.data(tmp_path, "celebdf"))

    def test_one_wrong_number_is_enough(self, tmp_path):
        folder = trees.celebdf(tmp_path, *self.TREE)
        with (folder / "List_of_testing_videos.txt").open("a") as f:
            f.write("\n1 Celeb-synthesis/id1_id0_0000.mp4")
        with pytest.raises(InputError, match=r"line 4 gives 1 to Celeb-synthesis/id1_id0_0000\.mp4"):
            layouts.scan(trees.data(tmp_path, "celebdf"))

    def test_a_line_without_a_number(self, tmp_path):
        trees.touch(trees.celebdf(tmp_path, *self.TREE), "List_of_testing_videos.txt", text="Celeb-real/id0_0000.mp4")
        with pytest.raises(InputError, match="line 1 does not begin with 0 or 1"):
            layouts.scan(trees.data(tmp_path, "celebdf"))

    def test_names_that_leave_the_folder_are_refused_and_the_rest_goes_on(self, tmp_path):
        folder = trees.celebdf(tmp_path, *self.TREE)
        with (folder / "List_of_testing_videos.txt").open("a") as f:
            f.write("\n1 Celeb-real/../../x.mp4\n0 /etc/passwd\n0 Celeb-synthesis/id8_id9_0003.mp\n")
        clips = by_id(trees.data(tmp_path, "celebdf"))
        refused = [c for c in clips.values() if c.reason.startswith("refused: List_of_testing_videos.txt names")]
        assert len(refused) == 2 and not any(".." in c.clip_id or c.path or c.found for c in refused)
        cut_off = clips["celebdf/Celeb-synthesis/-/id8_id9_0003"]
        assert cut_off.reason == "listed in List_of_testing_videos.txt but not found"
        assert sum(c.status == "ok" for c in clips.values()) == 6

    def test_without_a_list_there_is_no_official_split(self, tmp_path):
        (trees.celebdf(tmp_path, *self.TREE) / "List_of_testing_videos.txt").unlink()
        assert {c.official_split for c in by_id(trees.data(tmp_path, "celebdf")).values()} == {""}

    def test_odd_names_and_doubled_files(self, tmp_path):
        folder = trees.celebdf(tmp_path, *self.TREE)
        trees.touch(folder / "Celeb-real", "portrait.mp4", "videos/id0_0000.mp4", "._id0_0000.mp4")
        clips = by_id(trees.data(tmp_path, "celebdf"))
        assert clips["celebdf/Celeb-real/-/portrait"].reason == "its name is not idA_CCCC.mp4"
        second = clips["celebdf/Celeb-real/-/id0_0000~2"]
        assert (second.status, second.reason) == ("unusable", "second file of celebdf/Celeb-real/-/id0_0000")
        assert second.path.endswith("videos/id0_0000.mp4") and len(clips) == 8


class TestDF1:
    LISTS = {"train": ["000_W001", "010_W001"], "val": ["001_M002"], "test": ["020_M003"]}  # noqa: RUF012

    @pytest.fixture
    def tree(self, tmp_path):
        trees.ffpp(tmp_path, SPLITS)
        return trees.df1(tmp_path, self.LISTS)

    def test_fakes_have_target_and_actor(self, tmp_path, tree):
        clips = by_id(trees.data(tmp_path, "df1"))
        clip = clips["df1/end_to_end/-/010_W001"]
        assert (clip.label, clip.method, clip.official_split) == (1, "end_to_end", "train")
        assert clip.source_ids == ("ffpp:010", "df1:W001") and clip.group == "ffpp:010"
        assert clips["df1/end_to_end/-/001_M002"].group == "ffpp:001"  # the component of 001 and 007

    def test_the_real_class_is_made_of_the_targets_at_c23(self, tmp_path, tree):
        clips = by_id(trees.data(tmp_path, "df1", compression="c40"))  # whatever FF++ compression is chosen
        reals = {c.stem: c for c in clips.values() if c.label == 0}
        assert reals.keys() == {"000", "010", "001", "020"}
        assert reals["020"].clip_id == clips["df1/end_to_end/-/020_M003"].original == "df1/real/-/020"
        assert reals["020"].path == "FaceForensics++/original_sequences/youtube/c23/videos/020.mp4"
        assert {s: c.official_split for s, c in reals.items()} == {
            "000": "train", "010": "train", "001": "valid", "020": "test",
        }  # fmt: skip

    def test_a_target_in_two_splits_has_its_real_where_most_fakes_are(self, tmp_path):
        trees.ffpp(tmp_path, SPLITS)
        trees.df1(tmp_path, {"train": ["000_W001", "000_W002", "003_W001"], "val": ["003_W003"], "test": ["000_M001"]})
        clips = by_id(trees.data(tmp_path, "df1"))
        assert clips["df1/real/-/000"].official_split == "train"
        assert clips["df1/real/-/003"].official_split == "valid"  # a tie goes to the scarcer split

    def test_without_ffpp_the_reals_are_listed_as_missing(self, tmp_path):
        trees.df1(tmp_path, self.LISTS)
        clips = by_id(trees.data(tmp_path, "df1"))
        assert clips["df1/real/-/000"].reason == "its original is not among the FaceForensics++ c23 clips"
        assert not clips["df1/real/-/000"].found and clips["df1/end_to_end/-/000_W001"].status == "ok"

    def test_lists_and_files_that_disagree(self, tmp_path, tree):
        (tree / "manipulated_videos/end_to_end/000_W001.mp4").unlink()
        trees.touch(tree / "manipulated_videos/end_to_end", "003_W009.mp4", "readme.mp4")
        trees.touch(tree / "source_videos/W001", "W001_light_up.mp4")
        with (tree / "lists/splits/test.txt").open("a") as f:
            f.write("../../etc/passwd\n010_W001.mp4\n")
        clips = by_id(trees.data(tmp_path, "df1"))
        assert clips["df1/end_to_end/-/000_W001"].reason == "listed in train.txt but not found"
        assert clips["df1/end_to_end_mix_2_distortions/-/000_W001"].status == "ok"
        assert clips["df1/end_to_end/-/003_W009"].reason == "not listed in lists/splits"
        assert clips["df1/real/-/003"].official_split == clips["df1/real/-/003"].listed_in == ""
        assert clips["df1/end_to_end/-/readme"].reason == "its name is not TTT_XNNN.mp4"
        twice = clips["df1/end_to_end/-/010_W001"]
        assert (twice.official_split, twice.reason) == ("", "listed in train.txt and test.txt")
        assert sum(c.reason.startswith("refused: test.txt names '../../etc") for c in clips.values()) == 1


class TestFolder:
    def test_clips_and_stills_at_any_depth(self, tmp_path):
        trees.touch(tmp_path / "own/real", "anna/a.mp4", "anna/b.PNG", "c.jpg", ".DS_Store")
        trees.touch(tmp_path / "own/Fake", "anna/x.webm", "y.jpeg", "y.mp4", "notes.txt")
        clips = by_id(trees.data(tmp_path, "folder"))
        assert {i: c.label for i, c in clips.items()} == {
            "folder/real/-/anna/a": 0, "folder/real/-/anna/b": 0, "folder/real/-/c": 0, "folder/fake/-/anna/x": 1,
            "folder/fake/-/y.jpeg": 1, "folder/fake/-/y.mp4": 1, "folder/fake/-/notes": 1,
        }  # fmt: skip
        assert clips["folder/fake/-/anna/x"].group == clips["folder/real/-/anna/a"].group == "folder:anna"
        assert clips["folder/real/-/c"].group == "folder:real/c"
        assert clips["folder/fake/-/notes"].reason == "neither a clip nor a still: .txt"
        assert clips["folder/fake/-/y.mp4"].original == "" and clips["folder/real/-/anna/b"].status == "ok"

    def test_neither_real_nor_fake(self, tmp_path):
        trees.touch(tmp_path / "own", "a.mp4")
        with pytest.raises(InputError, match="own: has neither real/ nor fake/"):
            layouts.scan(trees.data(tmp_path, "folder"))


@pytest.mark.parametrize("dataset", ["ffpp", "celebdf", "dfdc", "df1", "folder"])
def test_an_absent_dataset_is_one_line(tmp_path, dataset):
    with pytest.raises(
        InputError, match=rf"{trees.FOLDERS[dataset].replace('+', '.')}: no such folder for {dataset}; place"
    ):
        layouts.scan(trees.data(tmp_path, dataset))


def test_a_dataset_without_a_folder_in_the_params(tmp_path):
    with pytest.raises(InputError, match=r"data\.folders: does not say where dfdc lies"):
        layouts.scan(trees.data(tmp_path, "dfdc", folders={"ffpp": "x"}))


def test_a_dataset_outside_the_root_keeps_an_absolute_path(tmp_path):
    trees.touch(tmp_path / "elsewhere/real", "a.mp4")
    cfg = trees.data(tmp_path / "root", "folder", folders={"folder": str(tmp_path / "elsewhere")})
    assert layouts.scan(cfg)[0].path == (tmp_path / "elsewhere/real/a.mp4").as_posix()
