"""The manifest: its types, its reasons, and the table of what should be there beside what is."""

import clips as tiny
import pandas as pd
import pytest
import trees

from ddet import params
from ddet.data import index
from ddet.errors import InputError

SPLITS = {"train": [["000", "003"]], "val": [["010", "011"]], "test": [["020", "021"]]}
CELEB = (["id0_0000", "id1_0000"], ["00000"], ["id0_id1_0000"], ["id0_0000", "id0_id1_0000"])


def test_columns_types_and_order(tmp_path):
    trees.ffpp(tmp_path, SPLITS)
    frame = trees.manifest(trees.data(tmp_path, "ffpp"))
    assert list(frame.columns) == list(index.COLUMNS)
    assert {c: str(t) for c, t in frame.dtypes.items()} == index.COLUMNS
    assert list(frame.clip_id) == sorted(frame.clip_id) and frame.clip_id.is_unique
    row = frame.set_index("clip_id").loc["ffpp/Deepfakes/c23/003_000"]
    assert row.source_ids == "ffpp:003;ffpp:000" and (row.fps, row.width, row.height, row.frames) == (25, 64, 48, 10)
    frame.to_parquet(tmp_path / "clips.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "clips.parquet"), frame)


def test_a_clip_that_cannot_be_read_is_a_row_with_its_reason(tmp_path):
    trees.ffpp(tmp_path, SPLITS)

    def probe(path):
        if path.stem == "000":
            raise InputError(path, "empty file", "replace it")
        if path.stem == "003":
            raise PermissionError
        return trees.VideoInfo(25.0, 64, 48, int(path.stem != "010"), 0, False, note="truncated" * (path.stem == "011"))

    frame = trees.manifest(trees.data(tmp_path, "ffpp"), probe).set_index("stem")
    assert dict(frame.reason[frame.status == "unusable"]) == {
        "000": "empty file", "003": "cannot be read (PermissionError)", "010": "no frames",
    }  # fmt: skip
    assert frame.loc["011", ["status", "reason"]].tolist() == ["ok", "truncated"]
    assert list(index.unusable(frame.reset_index()).reason) == [
        "empty file",
        "cannot be read (PermissionError)",
        "no frames",
    ]


def test_real_files_in_worker_processes(tmp_path):
    """A clip, a still, an empty file and text named mp4, looked into by two processes."""
    own = tmp_path / "own"
    tiny.write_clip(own / "real/clip größe.mp4", [tiny.picture(i) for i in range(5)])
    tiny.write_clip(own / "fake/still.png", [tiny.picture(0)], codec="png", pix_fmt="rgb24", container={"update": "1"})
    trees.touch(own / "fake", "empty.mp4")
    trees.touch(own / "fake", "text.mp4", text="no video at all\n" * 9)
    runtime = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=2, backend="loky", workers=0, fits=1)
    frame = index.build_index(trees.data(tmp_path, "folder"), runtime, progress=False).set_index("stem")
    assert frame.loc["clip größe", ["width", "height", "frames", "label"]].tolist() == [96, 64, 5, 0]
    assert frame.loc["still", ["width", "frames", "status", "label"]].tolist() == [96, 1, "ok", 1]
    assert frame.status[["empty", "text"]].tolist() == ["unusable"] * 2 and frame.reason["empty"] == "empty file"
    assert frame.reason["text"]


def test_command_line(tmp_path, capsys):
    trees.dfdc_part(tmp_path / "parts/dfdc_train_part_0", {"f.mp4": trees.fake("r.mp4")})
    code = index.main(["--root", str(tmp_path), "--dataset", "dfdc", "--folder", "parts"])
    assert code == 2, "a run without a usable clip is no success"
    out = capsys.readouterr().out
    assert "119154" not in out and "100000" in out
    assert "1 of 1 clips unusable:" in out and "dfdc/dfdc_train_part_0/-/f: empty file" in out


def test_command_line_with_a_wrong_folder(tmp_path, capsys):
    assert index.main(["--root", str(tmp_path), "--dataset", "dfdc", "--folder", "nowhere"]) == 2
    assert "no such folder for dfdc; place the dataset there" in capsys.readouterr().err


def test_no_usable_clip_ends_an_index(tmp_path):
    trees.dfdc_part(tmp_path / "DFDC/dfdc_train_part_0", {"f.mp4": trees.fake("r.mp4")})
    with pytest.raises(InputError, match=r"none of 1 clips can be used, the first: empty file"):
        index.build_index(trees.data(tmp_path, "dfdc"), trees.RUNTIME, progress=False)


def test_real_dfdc_part(real_footage):
    """Five clips in the metadata, two of them there: three are listed as missing, nothing stops."""
    cfg = trees.data(real_footage, "dfdc", folders={"dfdc": "dfdc_layout"})
    frame = index.build_index(cfg, trees.RUNTIME, progress=False)
    assert (
        frame.found.tolist() == [False, False, False, True, True]
        and (frame.status == "ok").tolist() == frame.found.tolist()
    )
    assert frame.label.tolist() == [1, 1, 0, 1, 1] and set(frame.listed_in) == {"metadata.json"}
    assert set(frame.reason[~frame.found]) == {"listed in metadata.json but not found"}
    there = frame[frame.found]
    assert there.stem.tolist() == ["abofeumbvv", "abqwwspghj"] and there.has_audio.all()
    assert there[["width", "height", "frames"]].to_numpy().tolist() == [[1920, 1080, 300]] * 2
    assert there.original.str.endswith(("atvmxvwyns", "qzimuostzz")).all()
