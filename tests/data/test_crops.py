"""Crops: the square around a face by hand, whole files or none, damage in one line, masks in crop pixels."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet.data import crops, faces
from ddet.errors import InputError


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


def test_a_cut_by_hand():
    """A square of 4 px halved: each px of the crop is the mean of 2 x 2."""
    frame = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3)
    found = crops.cut(frame, (3, 2, 4), 2)
    patch = frame[2:6, 3:7].astype(float)
    assert np.abs(found - patch.reshape(2, 2, 2, 2, 3).mean((1, 3))).max() <= 0.5
    assert np.array_equal(crops.cut(frame, (3, 2, 4), 4), frame[2:6, 3:7])


def test_a_cut_that_is_enlarged_stays_within_its_levels():
    frame = np.full((20, 20, 3), 50, np.uint8)
    frame[:, 10:] = 200
    found = crops.cut(frame, (5, 5, 10), 40)
    assert found.shape == (40, 40, 3) and found.min() == 50 and found.max() == 200


def test_a_digest_is_of_the_pixels_alone():
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    assert crops.digest(image) == hashlib.sha256(image.tobytes()).hexdigest()[:16]
    assert crops.digest(image[:, ::-1][:, ::-1]) == crops.digest(np.asfortranarray(image)) == crops.digest(image)
    other = image.copy()
    other[3, 3, 1] ^= 1
    assert crops.digest(other) != crops.digest(image)


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "a.bin"
    crops.write(path, b"one")
    assert path.read_bytes() == b"one" and [p.name for p in path.parent.iterdir()] == ["a.bin"]

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(crops.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        crops.write(path, b"two")
    assert path.read_bytes() == b"one" and [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_a_crop_comes_back_as_it_was_and_its_size_is_told(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    size = crops.save_crop(tmp_path / "a.png", image)
    assert size == (tmp_path / "a.png").stat().st_size
    assert np.array_equal(crops.load_crop(str(tmp_path / "a.png")), image), "red stays red"


def test_no_rows_no_masks(tmp_path):
    rows = pd.DataFrame(columns=["frame_idx", "label", "x0", "y0", "x1", "y1"])
    assert crops.crop_masks("a", rows, tmp_path, 4).shape == (0, 4, 4)
