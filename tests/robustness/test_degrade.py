"""Degradations by hand: what one pixel becomes, what stays, and which frame and square a crop is cut from."""

import cv2
import numpy as np
import pandas as pd
import pytest
from clips import picture, write_clip

from ddet.data import crops, video
from ddet.robustness import degrade

RNG = np.random.default_rng(5)
FACE = cv2.GaussianBlur(RNG.integers(0, 255, (48, 48, 3), np.uint8), (0, 0), 1.5)


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize(
    ("kind", "levels"),
    [("jpeg", [95, 50, 5]), ("blur", [0.5, 1, 3]), ("resize", [0.9, 0.5, 0.1]), ("noise", [2, 9, 40])],
)
def test_a_harsher_level_leaves_less_of_a_crop(kind, levels):
    made = [degrade.OF_CROPS[kind](FACE, level, 1) for level in levels]
    assert all(m.shape == FACE.shape and m.dtype == np.uint8 for m in made)
    errors = [error(m, FACE) for m in made]
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("kind", ["jpeg", "blur", "resize"])
def test_an_even_colour_stays_itself_channel_by_channel(kind):
    red = np.full((16, 16, 3), (200, 40, 10), np.uint8)
    assert (
        np.abs(degrade.OF_CROPS[kind](red, {"jpeg": 90, "blur": 2.0, "resize": 0.5}[kind], 1) - red.astype(int)).max()
        <= 2
    )


def test_a_blurred_point_is_the_gaussian():
    point = np.zeros((15, 15, 3), np.uint8)
    point[7, 7] = 255
    made = degrade.blur(point, 1.0, 0)
    weight = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    expected = 255 * (weight[3] / weight.sum()) ** 2
    assert abs(int(made[7, 7, 0]) - expected) <= 1 and made[7, 8, 0] == made[8, 7, 0] == made[6, 7, 0]


def test_shrinking_to_half_loses_a_chequerboard():
    board = np.indices((16, 16)).sum(axis=0) % 2 * np.uint8(255)
    made = degrade.resize(np.repeat(board[..., None], 3, axis=2).astype(np.uint8), 0.5, 0)
    assert set(np.unique(made)) <= {127, 128}


def test_noise_has_its_size_and_follows_from_its_seed():
    grey = np.full((100, 100, 3), 128, np.uint8)
    made = degrade.noise(grey, 10.0, 3)
    assert abs(made.mean() - 128) < 0.2 and abs(made.std() - 10) < 0.2
    assert (made == degrade.noise(grey, 10.0, 3)).all() and (made != degrade.noise(grey, 10.0, 4)).any()
    assert np.corrcoef(made[..., 0].ravel() - 128.0, made[..., 1].ravel() - 128.0)[0, 1] < 0.05
    assert degrade.noise(np.full((9, 9, 3), 255, np.uint8), 50.0, 1).max() == 255, "cut, not wrapped around"


@pytest.fixture
def footage(tmp_path):
    """Write a clip of odd sides and a still one, and crops of three frames cut at a square of their own."""
    frames = [np.pad(picture(i), ((0, 1), (0, 1), (0, 0)), mode="edge")[:65, :97] for i in range(12)]
    write_clip(tmp_path / "root/a.mp4", [f[:64, :96] for f in frames])
    place, lines = (10, 4, 30), []
    for index in (0, 5, 8):
        ((_, frame),) = video.read_frames(tmp_path / "root/a.mp4", [index])
        crop = crops.cut(frame, place, 40)
        crops.save_crop(tmp_path / f"faces/crops/{index}.png", crop)
        lines.append(("d/m/-/a", index, 0, 10.0, 4.0, 40.0, 34.0, f"crops/{index}.png", 40, crops.digest(crop), 1))
    names = ["clip_id", "frame_idx", "track", "x0", "y0", "x1", "y1", "crop", "size", "sha", "label"]
    manifest = pd.DataFrame({"clip_id": ["d/m/-/a"], "path": ["a.mp4"], "frames": [12], "fps": [25.0]})
    manifest.to_parquet(tmp_path / "faces/clips.parquet")
    return pd.DataFrame(lines, columns=names), degrade.Footage(tmp_path / "faces", tmp_path / "root")


@pytest.mark.parametrize("kind", degrade.KINDS)
def test_each_crop_is_written_under_its_name_at_its_size(footage, tmp_path, kind):
    rows, where = footage
    level = {"jpeg": 80, "blur": 0.6, "resize": 0.8, "noise": 3.0, "crf": 18}[kind]
    kept = degrade.write(rows.iloc[::-1], kind, level, where, tmp_path / "out")
    assert kept["crop"].tolist() == rows["crop"].tolist()[::-1]
    for crop in rows["crop"]:
        before, after = crops.load_crop(where.faces / crop), crops.load_crop(tmp_path / "out" / crop)
        others = [error(after, crops.load_crop(where.faces / c)) for c in rows["crop"] if c != crop]
        assert after.shape == before.shape and 0 < error(after, before) < min(12, *others)


def test_two_crops_have_noise_of_their_own(footage, tmp_path):
    rows, where = footage
    degrade.write(rows, "noise", 20.0, where, tmp_path)
    gaps = [crops.load_crop(tmp_path / c).astype(int) - crops.load_crop(where.faces / c) for c in rows["crop"][:2]]
    assert np.corrcoef(gaps[0].ravel(), gaps[1].ravel())[0, 1] < 0.1


def test_a_clip_encoded_harder_loses_more_and_the_same_each_time(footage, tmp_path):
    rows, where = footage
    errors = []
    for crf in (20, 45):
        made = []
        for turn in "ab":
            degrade.write(rows, "crf", crf, where, tmp_path / turn)
            made.append(np.stack([crops.load_crop(tmp_path / turn / c) for c in rows["crop"]]))
        assert (made[0] == made[1]).all()
        errors.append(error(made[0], np.stack([crops.load_crop(where.faces / c) for c in rows["crop"]])))
    assert errors[1] > errors[0] + 1


@pytest.mark.parametrize("rate", [0.0, 12.5])
def test_a_clip_of_odd_sides_or_without_a_rate_is_encoded_frame_for_frame(tmp_path, rate):
    images = [np.pad(picture(i), ((0, 1), (0, 1), (0, 0)), mode="edge") for i in range(5)]
    write_clip(tmp_path / "odd.avi", images, codec="ffv1", pix_fmt="bgr0")
    degrade.encoded(tmp_path / "odd.avi", 5, rate, 10, tmp_path / "made.mp4")
    info = video.probe(tmp_path / "made.mp4")
    assert (info.frames, info.width, info.height, info.fps) == (5, 96, 64, rate or degrade.RATE)
    for index, frame in video.read_frames(tmp_path / "made.mp4", range(5)):
        errors = [error(frame, image[:64, :96]) for image in images]
        assert int(np.argmin(errors)) == index


def test_a_frame_that_does_not_come_back_leaves_its_crop_out(footage, tmp_path):
    rows, where = footage
    kept = degrade.write(rows.assign(frame_idx=[0, 5, 99]), "crf", 20, where, tmp_path / "out")
    assert kept["frame_idx"].tolist() == [0, 5]
