"""Tracks: overlap by hand, persons that keep their number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet.data import tracks


def test_iou_by_hand():
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], float)
    b = np.array([[5, 0, 15, 10], [0, 0, 10, 10], [20, 20, 30, 30]], float)
    assert np.allclose(tracks.iou(a, b), [[1 / 3, 1, 0], [0, 0, 0]])


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


def test_areas_and_growing_by_hand():
    two = boxes([0, 0, 4, 2], [1, 1, 1, 5])
    assert tracks.area(two).tolist() == [8, 0]
    assert tracks.grown(two, 2.0).tolist() == [[-2, -1, 6, 3], [1, -1, 1, 7]]
    assert np.array_equal(tracks.grown(two, 1.0), two)
    assert tracks.grown(boxes()).shape == (0, 4)


BOX = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(BOX, max_size=4), st.lists(BOX, max_size=4))
def test_iou_is_that_of_counting_pixels(one, other):
    def cells(x, y, w, h):
        return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}

    a, b = (boxes(*[(x, y, x + w, y + h) for x, y, w, h in part]) for part in (one, other))
    found = tracks.iou(a, b)
    assert found.shape == (len(one), len(other))
    for i, p in enumerate(one):
        for j, q in enumerate(other):
            union = len(cells(*p) | cells(*q))
            assert found[i, j] == pytest.approx(len(cells(*p) & cells(*q)) / union if union else 0)


def test_a_person_who_moves_by_a_head_a_frame_is_followed():
    steps = [boxes([20 * t, 0, 20 * t + 20, 20]) for t in range(5)]
    assert [n.tolist() for n in tracks.link(steps)] == [[0]] * 5
    far = [boxes([60 * t, 0, 60 * t + 20, 20]) for t in range(3)]
    assert sorted(n.item() for n in tracks.link(far)) == [0, 1, 2]


def test_nobody_has_no_number():
    assert tracks.link([]) == [] and [n.tolist() for n in tracks.link([boxes(), boxes()])] == [[], []]


def test_of_equal_persons_the_first_seen_is_the_first():
    a, b = [0, 0, 10, 10], [50, 0, 60, 10]
    assert [n.tolist() for n in tracks.link([boxes(a, b), boxes(b, a)])] == [[0, 1], [1, 0]]
