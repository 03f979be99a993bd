"""Tracks: overlap by hand, persons that keep their number."""

import numpy as np

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
