"""Eye rectangles and face ellipses: the released geometry by hand, edges, and crops without landmarks."""

import numpy as np
import pandas as pd
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st

from ddet.data import faces
from ddet.data import landmarks as data_landmarks


def points(left: tuple[float, float], right: tuple[float, float]) -> np.ndarray:
    """Give one crop's landmarks, 1 x 5 x 2: both eyes, and a nose and a mouth that must not matter."""
    return np.array([[left, right, (1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]])


def row_of(landmarks: np.ndarray, **more) -> dict:
    return dict(zip(data_landmarks.POINTS, landmarks.ravel(), strict=True)) | more


def test_the_columns_are_those_of_the_table_of_faces():
    assert data_landmarks.POINTS == faces.POINTS


def test_an_upright_face_by_hand():
    """100 px between the eyes: an eye is 39.6 x 12.7, its rectangle 79.2 x 38.1 about the landmark."""
    boxes = data_landmarks.eye_boxes(points((60, 100), (160, 100)), 224)
    assert boxes.dtype.kind == "i" and boxes.shape == (1, 2, 4)
    assert boxes.tolist() == [[[20, 81, 100, 119], [120, 81, 200, 119]]]


def test_the_proportions_are_those_of_the_released_geometry_on_68_points():
    """An eye's bounding rectangle (x, y, w, h) gives the one from (x - w // 2, y - h) of size 2w x 3h."""
    w, h, between = 40, 13, 101  # 40 / 101 = .396, 13 / 101 = .129
    x, y = 50, 90  # of the left eye's bounding rectangle
    released = np.array([x - w // 2, y - h, x - w // 2 + 2 * w, y - h + 3 * h])
    left = (x + w / 2, y + h / 2)
    ours = data_landmarks.eye_boxes(points(left, (left[0] + between, left[1])), 300)[0, 0]
    assert np.abs(ours - released).max() <= 1


def test_a_rolled_face_has_narrower_and_higher_eyes():
    """Eyes one above the other, 100 px apart: an eye is 12.7 wide and 39.6 high."""
    assert data_landmarks.eye_boxes(points((100, 60), (100, 160)), 400)[0, 0].tolist() == [87, 1, 113, 119]
    at_30 = data_landmarks.eye_boxes(points((200, 200), (200 + 100 * np.cos(np.pi / 6), 250)), 400)[0, 0]
    width, height = np.hypot(39.6 * 0.75**0.5, 12.7 * 0.5), np.hypot(39.6 * 0.5, 12.7 * 0.75**0.5)
    assert at_30[2:] - at_30[:2] == pytest.approx([2 * width, 3 * height], abs=1)


@examples(80)
@given(st.lists(st.floats(-300, 300), min_size=4, max_size=4), st.integers(8, 200))
def test_boxes_stay_in_the_crop_and_mirror_with_the_face(at, size):
    boxes = data_landmarks.eye_boxes(points(at[:2], at[2:]), size)
    assert boxes.min() >= 0 and boxes.max() <= size and (boxes[..., 2:] >= boxes[..., :2]).all()
    left, right = (size - at[2], at[3]), (size - at[0], at[1])  # left and right swap
    mirrored = data_landmarks.eyes(points(left, right), size)[:, :, ::-1]
    assert (
        mirrored != data_landmarks.eyes(points(at[:2], at[2:]), size)
    ).sum() <= 8 * size  # edges may round the other way


def test_eyes_at_the_edge_are_clamped_and_those_beyond_hide_nothing():
    assert data_landmarks.eye_boxes(points((5, 4), (105, 4)), 100)[0].tolist() == [[0, 0, 45, 23], [65, 0, 100, 23]]
    assert data_landmarks.eye_boxes(points((-50, 40), (50, 40)), 100)[0, 0].tolist() == [0, 21, 0, 59]
    gone = points((-150, 40), (-50, 40))
    assert not data_landmarks.eyes(gone, 100).any()


def test_a_crop_without_landmarks_is_left_unmasked_and_counted():
    some = points((30, 40), (70, 40))
    none, half, outside = np.full_like(some, np.nan), some.copy(), points((-150, 40), (-50, 40))
    half[0, 1] = np.nan  # one eye: no distance, hence no size
    one_outside = points((-40, 40), (60, 40))
    landmarks = np.concatenate([some, none, half, outside, one_outside])
    assert data_landmarks.eyes(landmarks, 96).any(axis=(1, 2)).tolist() == [True, False, False, False, True]
    assert data_landmarks.count_unmasked(data_landmarks.eye_boxes(landmarks, 96)) == 3


def test_hidden_pixels_are_black_the_others_and_the_input_stay():
    images = np.random.default_rng(0).integers(1, 256, (2, 40, 40, 3), np.uint8)
    before, landmarks = images.copy(), np.concatenate([points((10, 20), (30, 20)), points((12, 10), (28, 14))])
    boxes, eyes = data_landmarks.eye_boxes(landmarks, 40), data_landmarks.eyes(landmarks, 40)
    hidden = data_landmarks.hide(images, eyes)
    slow = before.copy()
    for n, pair in enumerate(boxes):
        for x0, y0, x1, y1 in pair:
            slow[n, y0:y1, x0:x1] = 0
    assert hidden.dtype == np.uint8 and np.array_equal(hidden, slow) and np.array_equal(images, before)
    assert np.array_equal(data_landmarks.hide(images[1], eyes[1]), slow[1])


def test_landmarks_follow_the_size_of_their_own_crop():
    stored = points((20, 40), (60, 44))
    rows = [row_of(stored, size=112), row_of(np.full((5, 2), np.nan), size=112), row_of(2 * stored, size=224)]
    found = data_landmarks.landmarks_of(pd.DataFrame(rows, index=[3, 3, 3]), 56)
    assert found.shape == (3, 5, 2) and np.isnan(found[1]).all()
    assert np.array_equal(found[0], stored[0] / 2) and np.array_equal(found[2], stored[0] / 2)


def test_eye_boxes_are_in_px_of_the_size_asked_for():
    rows = pd.DataFrame([row_of(points((20, 40), (60, 44)), size=112), row_of(points((11, 20), (30, 22)), size=56)])
    found = data_landmarks.eye_boxes_of(rows, 56)
    for box, crop in zip(found, (points((10, 20), (30, 22)), points((11, 20), (30, 22))), strict=True):
        assert np.array_equal(box, data_landmarks.eye_boxes(crop, 56)[0])
    assert data_landmarks.eye_boxes_of(rows.iloc[:0], 56).shape == (0, 2, 4)


def placed(x0: float, side: float, box: tuple[float, float, float, float]) -> dict:
    where = {"x0": x0, "y0": 0.0, "x1": x0 + side, "y1": side}
    return where | dict(zip(["box_x0", "box_y0", "box_x1", "box_y1"], box, strict=True))


def test_the_face_is_the_ellipse_in_the_box():
    box = (120.0, 40.0, 160.0, 100.0)
    mask = data_landmarks.face(pd.DataFrame([placed(100, 100, box)], index=[9]), 200)[0]  # a frame px is two crop px
    assert mask.sum() == pytest.approx(np.pi * 40 * 60, rel=0.01)  # half axes of 40 and 60 crop px
    lines, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert (columns[0], columns[-1], lines[0], lines[-1]) == (40, 119, 80, 199)
    assert np.array_equal(mask[:, 40:120], mask[:, 40:120][:, ::-1])


def test_a_face_beyond_the_crop_or_without_a_box_is_cut_or_missing():
    boxes = [(80.0, 0.0, 120.0, 100.0), (np.nan,) * 4, (130.0, 20.0, 130.0, 60.0)]
    found = data_landmarks.face(pd.DataFrame([placed(100, 100, box) for box in boxes]), 50)
    assert found[0, :, 0].any() and not found[0, :, 10:].any()  # the left half of the ellipse lies outside
    assert not found[1:].any()
