"""Celeb-DF: labels from folders, a list in which 1 means real, and lists that cannot be trusted."""

import shutil

import pytest
import trees

from ddet.data.layouts import celebdf
from ddet.errors import InputError

TREE = (
    ["id0_0000", "id1_0000"],
    ["00000", "00001"],
    ["id0_id1_0000", "id1_id0_0000"],
    ["id0_0000", "00001", "id0_id1_0000"],
)


def test_labels_people_and_splits(tmp_path):
    trees.celebdf(tmp_path, *TREE)
    clips = trees.by_id(trees.data(tmp_path, "celebdf"))
    clip = clips["celebdf/Celeb-synthesis/-/id0_id1_0000"]
    assert (clip.label, clip.method, clip.official_split) == (1, "Celeb-synthesis", "test")
    assert (clip.target_id, clip.source_id) == ("id0", "id1")
    assert clip.source_ids == ("celebdf:id0", "celebdf:id1") and clip.group == "celebdf:id0"
    assert clip.original == "celebdf/Celeb-real/-/id0_0000" and clips[clip.original].group == clip.group
    assert clips["celebdf/Celeb-real/-/id1_0000"].official_split == "train"
    youtube = clips["celebdf/YouTube-real/-/00001"]
    assert (youtube.label, youtube.method, youtube.official_split) == (0, "real", "test")
    assert youtube.source_ids == (youtube.group,) == ("celebdf:YouTube-real/00001",)


def test_the_other_spelling_and_the_extra_level(tmp_path):
    folder = trees.celebdf(tmp_path, *TREE)
    shutil.move(folder / "YouTube-real", folder / "Youtube-real")
    (folder / "Celeb-real/videos").mkdir()
    for stem in TREE[0]:
        shutil.move(folder / f"Celeb-real/{stem}.mp4", folder / f"Celeb-real/videos/{stem}.mp4")
    clips = trees.by_id(trees.data(tmp_path, "celebdf"))
    assert {c.status for c in clips.values()} == {"ok"} and len(clips) == 6
    assert clips["celebdf/YouTube-real/-/00001"].path == "Celeb-DF-v2/Youtube-real/00001.mp4"
    assert clips["celebdf/Celeb-real/-/id0_0000"].path == "Celeb-DF-v2/Celeb-real/videos/id0_0000.mp4"


def test_an_inverted_list_is_a_hard_error(tmp_path):
    folder = trees.celebdf(tmp_path, *TREE)
    path = folder / "List_of_testing_videos.txt"
    path.write_text("\n".join(str(1 - int(line[0])) + line[1:] for line in path.read_text().splitlines()))
    with pytest.raises(InputError, match=r"line 1 gives 0 to Celeb-real/.*looks inverted"):
        celebdf.scan(trees.data(tmp_path, "celebdf"))


def test_one_wrong_number_is_enough(tmp_path):
    folder = trees.celebdf(tmp_path, *TREE)
    with (folder / "List_of_testing_videos.txt").open("a") as f:
        f.write("\n1 Celeb-synthesis/id1_id0_0000.mp4")
    with pytest.raises(InputError, match=r"line 4 gives 1 to Celeb-synthesis/id1_id0_0000\.mp4"):
        celebdf.scan(trees.data(tmp_path, "celebdf"))


def test_a_line_without_a_number(tmp_path):
    trees.touch(trees.celebdf(tmp_path, *TREE), "List_of_testing_videos.txt", text="Celeb-real/id0_0000.mp4")
    with pytest.raises(InputError, match="line 1 does not begin with 0 or 1"):
        celebdf.scan(trees.data(tmp_path, "celebdf"))


def test_names_that_leave_the_folder_are_refused_and_the_rest_goes_on(tmp_path):
    folder = trees.celebdf(tmp_path, *TREE)
    with (folder / "List_of_testing_videos.txt").open("a") as f:
        f.write("\n1 Celeb-real/../../x.mp4\n0 /etc/passwd\n0 Celeb-synthesis/id8_id9_0003.mp\n")
    clips = trees.by_id(trees.data(tmp_path, "celebdf"))
    refused = [c for c in clips.values() if c.reason.startswith("refused: List_of_testing_videos.txt names")]
    assert len(refused) == 2 and not any(".." in c.clip_id or c.path or c.found for c in refused)
    cut_off = clips["celebdf/Celeb-synthesis/-/id8_id9_0003"]
    assert cut_off.reason == "listed in List_of_testing_videos.txt but not found"
    assert sum(c.status == "ok" for c in clips.values()) == 6


def test_without_a_list_there_is_no_official_split(tmp_path):
    (trees.celebdf(tmp_path, *TREE) / "List_of_testing_videos.txt").unlink()
    assert {c.official_split for c in trees.by_id(trees.data(tmp_path, "celebdf")).values()} == {""}


def test_odd_names_and_doubled_files(tmp_path):
    folder = trees.celebdf(tmp_path, *TREE)
    trees.touch(folder / "Celeb-real", "portrait.mp4", "videos/id0_0000.mp4", "._id0_0000.mp4")
    clips = trees.by_id(trees.data(tmp_path, "celebdf"))
    assert clips["celebdf/Celeb-real/-/portrait"].reason == "its name is not idA_CCCC.mp4"
    second = clips["celebdf/Celeb-real/-/id0_0000~2"]
    assert (second.status, second.reason) == ("unusable", "second file of celebdf/Celeb-real/-/id0_0000")
    assert second.path.endswith("videos/id0_0000.mp4") and len(clips) == 8
