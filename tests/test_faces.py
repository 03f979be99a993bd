"""From clips to crops with a detector that knows the drawn clips: boxes, tracks, reuse, restart, every gap named."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from clips import write_clip, write_sound
from hypothesis import given
from hypothesis import strategies as st

from ddet import params
from ddet.data import crops, detect, faces, tracks, video
from ddet.errors import InputError

RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)


def config(**changes) -> params.Faces:
    base = {"sampling": "even", "fps": 1.0, "every": 10, "frames": 4, "scale": 0.5, "min_face": 40}
    base |= {"thresholds": [0.6, 0.7, 0.7], "track": "largest", "margin": 0.5, "size": 32}
    return params.Faces(**base | changes)


def drawn(boxes: list[tuple], width: int = 128, height: int = 96) -> np.ndarray:
    image = np.full((height, width, 3), 30, np.uint8)
    for x, y, side in boxes:
        image[y : y + side, x : x + side] = 250
    return image


class Squares:
    """Take every bright square for a face; remember how many frames were searched."""

    def __init__(self):
        self.calls = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        self.calls += 1
        count, _, stats, _ = cv2.connectedComponentsWithStats((frame[:, :, 1] > 140).astype(np.uint8))
        found = [[x, y, x + w, y + h, 0.9, *[x + w / 2, y + h / 2] * 5] for x, y, w, h, a in stats[1:count] if a > 30]
        return np.array(sorted(found, key=lambda f: f[0] - f[2]), np.float32).reshape(-1, 15)

    def closer(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        return detect.NONE


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


def make(root: Path, name: str, frames: list[list[tuple]], **size) -> None:
    write_clip(root / f"{name}.mp4", [drawn(boxes, **size) for boxes in frames])


def run(root: Path, out: Path, rows: list[dict], **changes):
    return faces.extract_faces(pd.DataFrame(rows), root, out, config(**changes), RUNTIME, progress=False)


def tree(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


# -- geometry


def test_square_by_hand():
    assert crops.square(np.array([40, 30, 60, 50]), 0.5, 128, 96) == (35, 25, 30)
    assert crops.square(np.array([0, 0, 20, 10]), 0.5, 128, 96) == (0, 0, 30)  # shifted inside
    assert crops.square(np.array([100, 80, 128, 96]), 0.5, 128, 96) == (86, 54, 42)
    assert crops.square(np.array([0, 0, 120, 90]), 0.5, 128, 96) == (12, 0, 96)  # shrunk to the shorter side


@given(st.floats(-20, 140), st.floats(-20, 110), st.floats(1, 90), st.floats(1, 90), st.floats(0, 2))
def test_square_stays_inside_and_keeps_its_side(x, y, w, h, margin):
    x0, y0, side = crops.square(np.array([x, y, x + w, y + h]), margin, 128, 96)
    assert min(x0, y0) >= 0 and x0 + side <= 128 and y0 + side <= 96
    assert side == max(1, min(round(max(x + w - x, y + h - y) * (1 + margin)), 96))


def test_iou_by_hand():
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], float)
    b = np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]], float)
    assert np.allclose(tracks.iou(a, b), [[1 / 3, 1, 0], [0, 0, 0]])


# -- tracks


def boxes(*rows) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def test_tracks_follow_two_persons_whatever_their_order():
    small, large = [0, 0, 20, 20], [60, 0, 100, 40]
    numbers = tracks.link([boxes(small, large), boxes([62, 2, 101, 41], [3, 0, 22, 20]), boxes(small)])
    assert [n.tolist() for n in numbers] == [[1, 0], [0, 1], [1]]


def test_alarm_in_one_frame_is_not_the_largest():
    person, alarm = [0, 0, 30, 30], [100, 100, 145, 145]
    numbers = tracks.link([boxes(person), boxes(alarm, person), boxes(person), boxes()])
    assert [n.tolist() for n in numbers] == [[0], [1, 0], [0], []]


def test_one_face_does_not_continue_two_persons():
    a, b = [0, 0, 22, 22], [15, 0, 35, 20]
    numbers = tracks.link([boxes(a, b), boxes([1, 0, 21, 20]), boxes([2, 0, 22, 20], b)])
    assert [n.tolist() for n in numbers] == [[0, 1], [0], [0, 1]]


def test_person_who_was_away_keeps_the_number():
    a, b = [0, 0, 30, 30], [80, 0, 100, 20]
    assert [n.tolist() for n in tracks.link([boxes(a, b), boxes(b), boxes(b, a)])] == [[0, 1], [1], [1, 0]]


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
    rows = [row(tmp_path, "gaps"), like, row(tmp_path, "part", reason="truncated: 4 of 9 frames can be decoded")]
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
        ["own/part", -1, "used in part: truncated: 4 of 9 frames can be decoded"],
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
    make(tmp_path, "fake", [[(90, 60, 20)]] * 8)  # a detector would go elsewhere
    rows = [row(tmp_path, "fake", "own/real", 1), row(tmp_path, "real")]
    table, rejects = run(tmp_path, tmp_path / "out", rows)
    real, fake = (table[table["clip_id"] == f"own/{n}"].reset_index(drop=True) for n in ("real", "fake"))
    assert rejects.empty and squares.calls == 4
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


# -- crops and masks on disk


def damage(data: bytes, kind: str) -> bytes:
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    checksum = data[:-13] + bytes([data[-13] ^ 255]) + data[-12:]  # of the pixels, before the closing chunk
    return {"empty": b"", "cut": data[:middle], "flipped": flipped, "checksum": checksum, "text": b"a text"}[kind]


@pytest.mark.parametrize("kind", ["empty", "cut", "flipped", "checksum", "text"])
def test_damaged_crop_is_one_line(tmp_path, kind):
    path = tmp_path / "000000_0.png"
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    crops.save_crop(path, image)
    assert np.array_equal(faces.load_crop(path), image)
    path.write_bytes(damage(path.read_bytes(), kind))
    with pytest.raises(InputError) as e:
        faces.load_crop(path)
    assert e.value.where == str(path) and "extract the faces again" in e.value.remedy and "\n" not in str(e.value)


def test_missing_crop():
    with pytest.raises(InputError, match="No such file"):
        faces.load_crop("nowhere.png")


def truth(root: Path, clip_id: str, mask: np.ndarray) -> None:
    (root / clip_id).parent.mkdir(parents=True, exist_ok=True)
    np.savez(root / f"{clip_id}.npz", mask=np.packbits(mask), shape=mask.shape)


def test_masks_in_crop_coordinates(tmp_path):
    mask = np.zeros((2, 20, 30), bool)
    mask[1, 4:8, 10:18] = True
    mask[1, 8, 10] = True  # a quarter of a crop pixel: below one half
    truth(tmp_path, "ffpp/x/c23/a", mask)
    rows = pd.DataFrame({"frame_idx": [0, 1, 1], "label": [1, 1, 1]})
    rows = rows.assign(x0=[0, 10, 10], y0=[0, 4, 4], x1=[20, 26, 14], y1=[20, 20, 8])
    got = faces.crop_masks("ffpp/x/c23/a", rows, tmp_path, 8)
    expected = np.zeros((8, 8), bool)
    expected[:2, :4] = True
    assert not got[0].any() and np.array_equal(got[1], expected) and got[2].all()


def test_masks_of_real_missing_short_and_damaged(tmp_path):
    rows = pd.DataFrame({"frame_idx": [3], "label": [0], "x0": [0], "y0": [0], "x1": [8], "y1": [8]})
    assert not faces.crop_masks("a", rows, tmp_path, 4).any()
    fake = rows.assign(label=1)
    with pytest.raises(InputError, match="no ground truth"):
        faces.crop_masks("a", fake, tmp_path, 4)
    truth(tmp_path, "a", np.ones((2, 8, 8), bool))
    with pytest.raises(InputError, match="holds 2 frames"):
        faces.crop_masks("a", fake, tmp_path, 4)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:90])
    with pytest.raises(InputError, match="damaged ground truth"):
        faces.crop_masks("a", fake, tmp_path, 4)


# -- the detector itself


@pytest.fixture(scope="module")
def mtcnn():
    return detect.Finder(config())


@pytest.mark.parametrize("shape", [(1, 1), (8, 200), (39, 39), (41, 90)])
def test_frames_without_a_face_give_none(mtcnn, shape):
    black = np.zeros((*shape, 3), np.uint8)
    assert mtcnn(black).shape == (0, 15)
    assert mtcnn.closer(black, np.array([0, 0, 30, 30], np.float32)).shape == (0, 15)


def test_noise_is_no_face(mtcnn):
    assert mtcnn(np.random.default_rng(0).integers(0, 255, (41, 90, 3), np.uint8)).shape == (0, 15)


class Forgetful(Squares):
    """Miss every face in the frames named, unless it looks closer."""

    def __init__(self, missed: set[int]):
        super().__init__()
        self.missed = missed

    def __call__(self, frame):
        found = super().__call__(frame)
        return detect.NONE if self.calls - 1 in self.missed else found

    def closer(self, frame, box):
        found = Squares.__call__(Squares(), frame)
        overlap = tracks.iou(box[None, :4], found)[0]
        return found[[overlap.argmax()]] if overlap.max(initial=0) > 0.3 else detect.NONE


@pytest.mark.parametrize("missed, empty", [({2}, []), ({0}, []), ({3, 4}, []), ({0, 1}, [0])])
def test_a_missed_face_is_looked_for_where_the_frames_beside_have_it(tmp_path, missed, empty):
    make(tmp_path, "a", [[(40 + i, 30, 20)] for i in range(5)])
    seen = list(detect.follow(tmp_path / "a.mp4", list(range(5)), Forgetful(missed)))
    assert [i for i, _, found, _ in seen if not len(found)] == empty
    assert all(abs(found[0, 0] - 40 - i) <= 1 for i, _, found, _ in seen if len(found))


def test_no_face_is_found_twice():
    face = np.array([[40, 30, 60, 50, 0.9, *[50, 40] * 5]], np.float32)
    image = drawn([(42, 31, 20)])
    assert len(detect.look(Forgetful(set()), image, Squares()(image), face)) == 1


def test_clamp_and_rescale_by_hand():
    face = np.array([[-5, 10, 150, 60, 0.9, *[50, 40] * 5], [130, 0, 140, 9, 0.9, *[0, 0] * 5]], np.float32)
    assert detect.clamp(face, 128, 96)[:, :4].tolist() == [[0, 10, 128, 60]]
    assert detect.rescale(face, (100, 100), (200, 50))[0, :7].tolist() == pytest.approx([-10, 5, 300, 30, 0.9, 100, 20])


def test_thread_counts_come_back():
    torch.set_num_threads(2)
    with pytest.raises(ValueError), detect.single_thread():
        assert torch.get_num_threads() == cv2.getNumThreads() == 1
        raise ValueError
    assert torch.get_num_threads() == 2


def test_resized_averages_areas_down_and_leaves_a_crop_of_that_size_alone():
    crop = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    assert crops.resized(crop, 64) is crop
    areas = crop.reshape(32, 2, 32, 2, 3).mean((1, 3))
    small = crops.resized(crop, 32)
    assert small.dtype == np.uint8 and np.abs(small - areas).max() <= 0.5


def test_resized_enlarges_smoothly_and_keeps_a_plain_area():
    plain = np.full((20, 20, 3), 77, np.uint8)
    assert np.array_equal(crops.resized(plain, 33), np.full((33, 33, 3), 77, np.uint8))
    step = np.full((20, 20, 3), 50, np.uint8)
    step[:, 10:] = 200
    large = crops.resized(step, 80)[40, :, 0]
    assert (large[0], large[-1]) == (50, 200) and len(np.unique(large)) > 2
    assert large.min() < 50 and large.max() > 200  # cubic interpolation swings over an edge; linear would not
