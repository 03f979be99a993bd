"""Pre-training crops: targets that describe the picture, reproducible, of nobody in the benchmark."""

import numpy as np
import pytest

from ddet.synth import pretext
from ddet.synth.plan import Who
from ddet.synth.pretext import TARGETS, pretext_batch


@pytest.fixture(scope="module")
def batch():
    return pretext_batch(48, 3, 64, range(4))


def column(targets: np.ndarray, name: str) -> np.ndarray:
    return targets[:, TARGETS.index(name)]


def test_shapes_types_and_ranges(batch):
    crops, targets = batch
    assert crops.shape == (48, 64, 64, 3) and crops.dtype == np.uint8
    assert targets.shape == (48, len(TARGETS)) == (48, 20) and targets.dtype == np.float32
    assert np.isfinite(targets).all() and np.abs(targets).max() <= 1.01


def test_landmarks_lie_inside_and_in_order(batch):
    marks = batch[1][:, -10:].reshape(-1, 5, 2)
    assert marks.min() > 0.05 and marks.max() < 0.95
    assert (marks[:, 0, 0] < marks[:, 1, 0]).all() and (marks[:, 3, 0] < marks[:, 4, 0]).all()
    assert (marks[:, :2, 1].max(1) < marks[:, 3:, 1].min(1)).all()


def test_yaw_moves_the_nose_to_its_side(batch):
    roll = np.radians(30) * column(batch[1], "roll")
    marks = batch[1][:, -10:].reshape(-1, 5, 2)
    middle = marks[:, :2].mean(1)
    upright = [np.cos(roll), np.sin(roll)]  # the head's own axis across, in the crop
    off = ((marks[:, 2] - middle) * np.stack(upright, 1)).sum(1)
    assert np.corrcoef(off, column(batch[1], "yaw"))[0, 1] > 0.95


def test_light_from_a_side_brightens_it(batch):
    crops, targets = batch
    grey = crops.mean(3)
    tilt = (grey[:, 24:48, 36:46].mean((1, 2)) - grey[:, 24:48, 18:28].mean((1, 2))) / grey.mean((1, 2))
    assert np.corrcoef(tilt, column(targets, "light_across"))[0, 1] > 0.5


def test_the_mouth_target_shows_in_the_picture():
    """The open mouths of a batch are darker just below the lips' line than the shut ones, relative to the face."""
    crops, targets = pretext_batch(120, 5, 64, range(4))
    grey, marks = crops.mean(3), targets[:, -10:].reshape(-1, 5, 2)
    dark = []
    for image, five in zip(grey, marks, strict=True):
        x, y = (five[3] + five[4]) / 2 * 64
        dark.append(image[int(y) + 1 : int(y) + 5, int(x) - 3 : int(x) + 4].min() / image.mean())
    assert np.corrcoef(dark, column(targets, "mouth"))[0, 1] < -0.25


def test_same_arguments_same_bits_and_a_longer_batch_begins_alike(batch):
    crops, targets = pretext_batch(8, 3, 64, range(4))
    assert np.array_equal(crops, batch[0][:8]) and np.array_equal(targets, batch[1][:8])
    assert not np.array_equal(pretext_batch(8, 4, 64, range(4))[0], crops)


def test_no_pretraining_identity_is_in_the_benchmark():
    ours = {pretext.person_seed(i) for i in range(2000)}
    theirs = {Who.cast("x", seed, name, i).seed for seed in (0, 1) for name in ("celebdf", "ffpp") for i in range(200)}
    assert len(ours) == 2000 and not ours & theirs
