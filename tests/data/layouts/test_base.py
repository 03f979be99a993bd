"""What adapters share: safe names, damaged files, unique ids."""

import pytest
import trees

from ddet.data import layouts
from ddet.data.layouts import base
from ddet.data.layouts.base import Clip, is_plain_name
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


CLIP = Clip("x", "part", "stem", 0, path="a/stem.mp4", listed_in="list.txt")


def test_a_clip_is_named_by_all_four():
    assert CLIP.clip_id == "x/part/-/stem"
    assert Clip("x", "part", "stem", 0, "c23").clip_id == "x/part/c23/stem"


def test_the_first_reason_counts_and_a_fault_outweighs_a_remark():
    assert (CLIP.status, CLIP.reason) == ("ok", "")
    broken = CLIP.unusable("one").unusable("two")
    assert (broken.status, broken.reason) == ("unusable", "one")
    noted = CLIP.remark("one").remark("two")
    assert (noted.status, noted.reason) == ("ok", "one")
    assert noted.unusable("fault").reason == "fault" and broken.remark("note").reason == "one"


def test_an_absent_clip_has_no_path():
    gone = CLIP.absent()
    assert (gone.found, gone.path, gone.reason) == (False, "", "listed in list.txt but not found")
    assert CLIP.path == "a/stem.mp4", "clips are values"


def test_litter_and_other_files_are_no_clips(tmp_path):
    trees.touch(tmp_path / "b", "2.mp4", "1.MP4", "._1.mp4", "x.txt", "deep/3.mp4")
    trees.touch(tmp_path / "a", "9.mp4")
    found = base.mp4s(tmp_path / "b", tmp_path / "a", tmp_path / "absent")
    assert [f.relative_to(tmp_path).as_posix() for f in found] == ["a/9.mp4", "b/1.MP4", "b/2.mp4"]


def test_subfolders_are_sorted_and_none_where_nothing_is(tmp_path):
    trees.touch(tmp_path, "b/x", "a/x", "file")
    assert [f.name for f in base.subfolders(tmp_path)] == ["a", "b"] and base.subfolders(tmp_path / "absent") == []


def test_refused_names_enter_the_reason_alone_and_are_told_apart():
    one, other = (base.refused("x", "p", name, "list.txt") for name in ("../a\n", "../b\n"))
    assert one.clip_id.startswith("x/p/-/refused-") and one.clip_id != other.clip_id
    assert (one.status, one.found, one.label) == ("unusable", False, base.UNLABELLED)
    assert one.reason == r"refused: list.txt names '../a\n', which is not a plain file name"
    assert (
        one == base.refused("x", "p", "../a\n", "list.txt") and len(base.refused("x", "p", "y" * 999, "f").reason) < 160
    )


def test_doubled_keys_are_seen(tmp_path):
    (tmp_path / "a.json").write_text('\ufeff{"a": 1, "b": {"c": 2}, "a": 3}', encoding="utf-8")
    found = base.read_json(tmp_path / "a.json")
    assert found == [("a", 1), ("b", [("c", 2)]), ("a", 3)] and isinstance(found, base.Pairs)


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe{}", b""])
def test_what_is_no_json_is_one_line(tmp_path, data):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.json: cannot be read as JSON \(\w+\); fetch the file again"):
        base.read_json(tmp_path / "a.json")
    with pytest.raises(InputError, match="FileNotFoundError"):
        base.read_json(tmp_path / "absent.json")


def test_of_two_files_of_one_id_the_found_one_wins_then_the_smaller_path():
    def clip(path: str, found: bool = True) -> Clip:
        return Clip("x", "p", "s", 0, path=path, found=found)

    kept, second, third = base.distinct([clip("", False), clip("b"), clip("a")])
    assert (kept.clip_id, kept.path, kept.status) == ("x/p/-/s", "a", "ok")
    assert (second.clip_id, second.path, second.reason) == ("x/p/-/s~2", "b", "second file of x/p/-/s")
    assert (third.clip_id, third.found) == ("x/p/-/s~3", False)


def test_a_required_dataset_must_be_there(tmp_path):
    cfg = trees.data(tmp_path, "folder")
    assert base.home(cfg, "folder", required=False) == tmp_path / "own"
    with pytest.raises(InputError, match="no such folder for folder"):
        base.home(cfg, "folder")


def test_a_place_is_relative_to_the_root(tmp_path):
    cfg = trees.data(tmp_path, "folder")
    assert base.place(tmp_path / "own" / "a.mp4", cfg) == "own/a.mp4"
    assert base.place(tmp_path.parent / "a.mp4", cfg) == (tmp_path.parent / "a.mp4").as_posix()


def test_links_are_followed_and_loops_are_not(tmp_path):
    trees.touch(tmp_path / "disk/part", "a.mp4")
    trees.touch(tmp_path / "home", "b.mp4")
    (tmp_path / "home/part").symlink_to(tmp_path / "disk/part", target_is_directory=True)
    (tmp_path / "home/part/again").symlink_to(tmp_path / "home", target_is_directory=True)
    (tmp_path / "home/gone").symlink_to(tmp_path / "nowhere")
    found = base.files_below(tmp_path / "home")
    assert [f.relative_to(tmp_path / "home").as_posix() for f in found] == ["b.mp4", "part/a.mp4"]


def test_a_part_of_dfdc_on_another_disk_is_read(tmp_path):
    trees.dfdc_part(tmp_path / "disk/dfdc_train_part_3", {"a.mp4": trees.real()})
    (tmp_path / "DFDC").mkdir()
    (tmp_path / "DFDC/dfdc_train_part_3").symlink_to(tmp_path / "disk/dfdc_train_part_3", target_is_directory=True)
    assert list(trees.by_id(trees.data(tmp_path, "dfdc"))) == ["dfdc/dfdc_train_part_3/-/a"]


def test_hidden_folders_hold_no_clips(tmp_path):
    trees.touch(tmp_path / "own/real", "a.mp4", ".ipynb_checkpoints/a-checkpoint.mp4", "p/.b.mp4")
    trees.touch(tmp_path / "own/.real", "c.mp4")
    assert list(trees.by_id(trees.data(tmp_path, "folder"))) == ["folder/real/-/a"]


def test_a_name_that_is_no_utf_8_is_listed_with_its_bytes_and_stops_nothing(tmp_path):
    trees.touch(tmp_path / "own/real", "a.mp4")
    (tmp_path / "own/real" / "gr\udcf6\udcdfe.mp4").write_text("")  # Latin-1 bytes, as Python shows them
    clips = trees.by_id(trees.data(tmp_path, "folder"))
    odd = clips[r"folder/real/-/gr\udcf6\udcdfe"]
    assert (odd.status, odd.reason, odd.path) == ("unusable", "its name is no UTF-8: rename it", "")
    assert clips["folder/real/-/a"].status == "ok"
    trees.manifest(trees.data(tmp_path, "folder")).to_parquet(tmp_path / "clips.parquet")


def test_parts_that_are_asked_for_are_read_alone_and_must_be_there(tmp_path):
    for n in range(3):
        trees.dfdc_part(tmp_path / f"DFDC/dfdc_train_part_{n}", {f"{n}.mp4": trees.real()})
    chosen = trees.by_id(trees.data(tmp_path, "dfdc", dfdc_parts=["dfdc_train_part_0", "dfdc_train_part_2"]))
    assert [clip.stem for clip in chosen.values()] == ["0", "2"]
    with pytest.raises(InputError, match=r"dfdc_train_part_7: no such part; fetch it"):
        layouts.scan(trees.data(tmp_path, "dfdc", dfdc_parts=["dfdc_train_part_7"]))
