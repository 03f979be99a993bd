"""From clips to crops with a detector that knows the drawn clips: boxes, tracks, reuse, restart, every gap named."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from clips import write_clip, write_sound
from squares import Squares, config, drawn, make

from ddet import params
from ddet.data import crops, detect, faces, video
from ddet.errors import InputError

RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)


@pytest.fixture
def squares(monkeypatch):
    finder = Squares()
    monkeypatch.setattr(detect, "finder", lambda cfg: finder)
    return finder


def row(root: Path, name: str, original: str = "", label: int = 0, **changes) -> dict:
    """Describe a clip as the index does."""
    info = video.probe(root / f"{name}.mp4")
    size = {"fps": info.fps, "width": info.width, "height": info.height, "frames": info.frames}
    base = {"clip_id": f"own/{name}", "original": original or f"own/{name}", "path": f"{name}.mp4", "label": label}
    return base | size | {"status": "ok", "reason": ""} | changes


def run(root: Path, out: Path, rows: list[dict], **changes):
    return faces.extract_faces(pd.DataFrame(rows), root, out, config(**changes), RUNTIME, progress=False)


def tree(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


# -- extraction


def test_crop_by_hand(tmp_path, squares):
    make(tmp_path, "a", [[(40, 30, 20)]] * 6)
    table, rejects = run(tmp_path, tmp_path / "out", [row(tmp_path, "a")])
    assert rejects.empty and list(rejects.columns) == ["clip_id", "frame_idx", "reason"]
    assert table["frame_idx"].tolist() == [0, 2, 3, 5] and list(table.columns) == faces.COLUMNS
    first = table.iloc[0]
    assert [first[c] for c in faces.SQUARE] == [35, 25, 65, 55]
    assert [first[c] for c in faces.BOX] == [40, 30, 60, 50]
    assert first[["lm_x0", "lm_y4"]].tolist() == [16.0, 16.0]  # the centre of a 32 px crop
    assert (first["boxes_from"], first["crop"]) == ("own", "crops/own/a/000000_0.png")
    assert (table.dtypes[["frame_idx", "track", "label", "prob"]] == ["int32", "int16", "int8", "float32"]).all()
    crop = faces.load_crop(tmp_path / "out" / first["crop"])
    assert crop.shape == (32, 32, 3) and crops.digest(crop) == first["sha"]
    assert table["size"].tolist() == [32] * 4 and table["size"].dtype == "int32"
    assert crop[16, 16].min() > 230 and crop[2, 2].max() < 50
    on_disk = pd.read_parquet(tmp_path / "out" / "faces.parquet")
    pd.testing.assert_frame_equal(on_disk, table)
    assert (tmp_path / "out" / "rejects.csv").read_text() == "clip_id,frame_idx,reason\n"


def test_two_persons_give_two_tracks(tmp_path, squares):
    make(tmp_path, "two", [[(10, 10, 18), (80 + i, 40, 30)] for i in range(4)])
    table, _ = run(tmp_path, tmp_path / "all", [row(tmp_path, "two")], track="all")
    assert table.groupby("track")["box_x0"].min().tolist() == [80, 10]
    table, _ = run(tmp_path, tmp_path / "one", [row(tmp_path, "two")])
    assert table["track"].tolist() == [0] * 4 and (table["box_x0"] >= 80).all()


def test_every_gap_has_its_reason(tmp_path, squares):
    face, other = (40, 30, 20), (100, 5, 12)
    make(tmp_path, "gaps", [[face], [], [other], [face]])
    make(tmp_path, "none", [[]] * 9)
    make(tmp_path, "part", [[face]] * 4)
    (tmp_path / "empty.mp4").write_bytes(b"")
    write_sound(tmp_path / "sound.mp4")
    (tmp_path / "text.mp4").write_text("a text")
    like = row(tmp_path, "none")
    rows = [row(tmp_path, "gaps"), like, row(tmp_path, "part", reason="cut short at 44%: 4 of 9 frames can be decoded")]
    for name in ("empty", "sound", "text", "gone"):
        rows.append(like | {"clip_id": f"own/{name}", "original": "", "path": f"{name}.mp4"})
    rows.append(like | {"clip_id": "own/unusable", "status": "unusable", "reason": "no frame can be decoded"})
    table, rejects = run(tmp_path, tmp_path / "out", rows)
    assert rejects.values.tolist() == [
        ["own/empty", -1, "empty file"],
        ["own/gaps", 1, "no face in frame"],
        ["own/gaps", 2, "only another face in frame"],
        ["own/gone", -1, "no such file"],
        ["own/none", -1, "no face in any of 4 frames"],
        ["own/part", -1, "used in part: cut short at 44%: 4 of 9 frames can be decoded"],
        ["own/sound", -1, "sound only"],
        ["own/text", -1, "not a video"],
        ["own/unusable", -1, "no frame can be decoded"],
    ]
    assert table.groupby("clip_id").size().to_dict() == {"own/gaps": 2, "own/part": 4}


def test_frames_that_are_not_there_are_named(tmp_path, squares):
    make(tmp_path, "short", [[(40, 30, 20)]] * 4)
    _, rejects = run(tmp_path, tmp_path / "out", [row(tmp_path, "short", frames=10)])  # the manifest is out of date
    assert rejects.values.tolist() == [["own/short", i, "frame cannot be decoded"] for i in (6, 9)]


def test_rotated_odd_and_unicode_clips(tmp_path, squares):
    images = [drawn([(40, 30, 21)], width=129, height=97)] * 3
    write_clip(tmp_path / "Ünï 顔.mp4", images, pix_fmt="yuv444p")
    table, _ = run(tmp_path, tmp_path / "out", [row(tmp_path, "Ünï 顔")])
    assert len(table) == 3 and faces.load_crop(tmp_path / "out" / table["crop"][0]).shape == (32, 32, 3)


# -- fakes


def test_fake_takes_the_boxes_of_its_original_by_frame_index(tmp_path, squares):
    make(tmp_path, "real", [[(10 + 6 * i, 30, 20)] for i in range(8)])
    make(tmp_path, "fake", [[(13 + 6 * i, 33, 20)] for i in range(8)])  # a detector would go a little elsewhere
    rows = [row(tmp_path, "fake", "own/real", 1), row(tmp_path, "real")]
    table, rejects = run(tmp_path, tmp_path / "out", rows)
    real, fake = (table[table["clip_id"] == f"own/{n}"].reset_index(drop=True) for n in ("real", "fake"))
    assert rejects.empty and squares.calls == 4 + 1  # and one look whether the two agree
    pd.testing.assert_frame_equal(fake[faces.BOX], real[faces.BOX])
    assert fake["boxes_from"].eq("original").all() and fake["label"].eq(1).all()


def test_boxes_are_rescaled_to_a_fake_of_another_size(tmp_path, squares):
    make(tmp_path, "real", [[(40, 30, 20)]] * 4)
    make(tmp_path, "half", [[]] * 4, width=64, height=48)
    table, _ = run(tmp_path, tmp_path / "out", [row(tmp_path, "half", "own/real", 1), row(tmp_path, "real")])
    half = table[table["clip_id"] == "own/half"].iloc[0]
    assert [half[c] for c in faces.BOX] == [20, 15, 30, 25]


def test_fake_of_another_length_or_shape(tmp_path, squares):
    make(tmp_path, "real", [[(10 + 2 * i, 30, 20)] for i in range(9)])
    make(tmp_path, "short", [[]] * 6)
    make(tmp_path, "tall", [[(10, 10, 20)]] * 4, width=64, height=96)
    rows = [row(tmp_path, "real"), row(tmp_path, "short", "own/real", 1), row(tmp_path, "tall", "own/real", 1)]
    table, _ = run(tmp_path, tmp_path / "out", rows)
    short, tall = (table[table["clip_id"] == f"own/{n}"] for n in ("short", "tall"))
    assert short["box_x0"].tolist() == [10 + 2 * i for i in (0, 2, 3, 5)]
    assert short["boxes_from"].eq("original").all() and tall["boxes_from"].eq("own").all()


@pytest.mark.parametrize("original", ["own/missing", "own/broken", "own/faceless", ""])
def test_fake_is_searched_where_its_original_cannot_serve(tmp_path, squares, original):
    make(tmp_path, "faceless", [[], [], [], []])
    make(tmp_path, "fake", [[(40, 30, 20)]] * 4)
    (tmp_path / "broken.mp4").write_text("text")
    rows = [row(tmp_path, "faceless"), row(tmp_path, "fake", label=1) | {"original": original}]
    rows.append(rows[0] | {"clip_id": "own/broken", "original": "own/broken", "path": "broken.mp4"})
    table, _ = run(tmp_path, tmp_path / "out", rows)
    assert table["clip_id"].eq("own/fake").sum() == 4 and table["boxes_from"].eq("own").all()


# -- restart


def family(root: Path) -> list[dict]:
    make(root, "a", [[(40, 30, 20)]] * 5)
    make(root, "b", [[(20 + i, 30, 24)] for i in range(5)])
    make(root, "c", [[(50, 20, 24)]] * 5)
    return [row(root, "a"), row(root, "b", "own/a", 1), row(root, "c")]


def test_killed_run_continues_and_ends_the_same(tmp_path, squares, monkeypatch):
    rows = family(tmp_path)
    run(tmp_path, tmp_path / "straight", rows)
    for stop in (1, 5, 10):
        out, save, left = tmp_path / f"killed{stop}", crops.save_crop, [stop]

        def dying(path, crop, save=save, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return save(path, crop)

        with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
            m.setattr(crops, "save_crop", dying)
            run(tmp_path, out, rows)
        assert not (out / "faces.parquet").exists()
        done = {p: p.stat().st_mtime_ns for p in (out / faces.PARTS).glob("*.json")}
        assert len(done) == stop // 4
        run(tmp_path, out, rows)
        assert all(p.stat().st_mtime_ns == t for p, t in done.items())
        assert tree(out) == tree(tmp_path / "straight")


def test_finished_run_searches_nothing(tmp_path, squares):
    rows = family(tmp_path)
    run(tmp_path, tmp_path / "out", rows)
    calls = squares.calls
    run(tmp_path, tmp_path / "out", rows)
    assert squares.calls == calls


def test_other_params_leave_nothing_of_the_old(tmp_path, squares):
    rows = family(tmp_path)
    run(tmp_path, tmp_path / "out", rows, frames=5, size=48)
    run(tmp_path, tmp_path / "out", rows[:1])
    run(tmp_path, tmp_path / "fresh", rows[:1])
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_changed_clip_and_lost_or_cut_crop_are_done_again(tmp_path, squares):
    rows, out = family(tmp_path), tmp_path / "out"
    run(tmp_path, out, rows)
    whole = tree(out)
    (out / "crops/own/a/000000_0.png").unlink()
    (out / "crops/own/c/000000_0.png").write_bytes(b"cut")
    run(tmp_path, out, rows)
    assert tree(out) == whole
    make(tmp_path, "c", [[(60, 40, 24)]] * 5)
    table, _ = run(tmp_path, out, rows)
    assert table[table["clip_id"] == "own/c"]["box_x0"].tolist() == [60.0] * 4


# -- output folder


def test_output_folder_that_is_a_file(tmp_path, squares):
    rows = family(tmp_path)
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        run(tmp_path, tmp_path / "out", rows)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_full_or_read_only_disk_is_one_line_and_loses_nothing(tmp_path, squares, monkeypatch, code):
    rows, out, replace, left = family(tmp_path), tmp_path / "out", os.replace, [6]

    def failing(*args):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        return replace(*args)

    with monkeypatch.context() as m, pytest.raises(InputError) as e:
        m.setattr(os, "replace", failing)
        run(tmp_path, out, rows)
    assert os.strerror(code) in e.value.cause and "\n" not in str(e.value)
    assert len(list((out / faces.PARTS).glob("*.json"))) == 1 and not list(out.rglob("*.tmp"))
    run(tmp_path, out, rows)
    run(tmp_path, tmp_path / "straight", rows)
    assert tree(out) == tree(tmp_path / "straight")


def test_progress_goes_to_stderr_and_can_be_silent(tmp_path, squares, capsys):
    rows = family(tmp_path)
    run(tmp_path, tmp_path / "out", rows)
    assert capsys.readouterr() == ("", "")
    faces.extract_faces(pd.DataFrame(rows), tmp_path, tmp_path / "out", config(), RUNTIME)
    said = capsys.readouterr()
    assert said.out == "" and "3/3" in said.err


def test_a_mirrored_fake_is_searched_on_its_own_and_counted(tmp_path, squares):
    make(tmp_path, "real", [[(10, 30, 20)]] * 6)
    make(tmp_path, "fake", [[(98, 30, 20)]] * 6)
    table, rejects = run(tmp_path, tmp_path / "out", [row(tmp_path, "real"), row(tmp_path, "fake", "own/real", 1)])
    fake = table[table["clip_id"] == "own/fake"]
    assert set(fake["boxes_from"]) == {"own"} and (fake["box_x0"] >= 96).all()
    assert rejects.values.tolist() == [
        ["own/fake", -1, "faces found anew: its faces are elsewhere than those of its original"]
    ]


def test_a_dataset_s_own_rule_holds_for_its_clips(tmp_path, squares):
    make(tmp_path, "a", [[(40, 30, 20)]] * 6)
    clips = [row(tmp_path, "a") | {"clip_id": f"{name}/real/-/a", "original": ""} for name in ("dfdc", "celebdf")]
    own = params.FacesByDataset(**config().model_dump(), datasets={"dfdc": {"size": 48, "frames": 2}})
    table, _ = faces.extract_faces(pd.DataFrame(clips), tmp_path, tmp_path / "out", own, RUNTIME, progress=False)
    assert table.groupby("clip_id")["size"].agg(list).to_dict() == {
        "celebdf/real/-/a": [32] * 4, "dfdc/real/-/a": [48] * 2,
    }  # fmt: skip
