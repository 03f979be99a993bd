"""The detector: none where there is none, a closer look where the frame beside has a face, geometry by hand."""

import cv2
import numpy as np
import pytest
import torch
from squares import Squares, config, drawn, make

from ddet.data import detect, tracks


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


def test_a_frame_is_reduced_as_far_as_small_clips_allow(monkeypatch):
    """Scale .5, but no side below SHORT_SIDE, and never enlarged."""
    finder, seen = detect.Finder(config(scale=0.5)), []
    monkeypatch.setattr(finder, "_at", lambda image, scale: seen.append(scale) or detect.NONE)
    for shape in ((1440, 2000), (720, 1280), (480, 640), (200, 300)):
        finder(np.zeros((*shape, 3), np.uint8))
    assert seen == [0.5, 0.5, 0.75, 1.0]


class FoundAt:
    """Stand in for MTCNN's networks: one face, in px of the image that it is given."""

    def __init__(self, *box: float):
        self.box, self.shapes = box, []

    def detect(self, image, landmarks):
        self.shapes.append(tuple(image.shape[:2]))
        if not self.box:
            return None, [None], None
        x0, y0, x1, y1 = self.box
        points = [[x0, y0], [x1, y0], [(x0 + x1) / 2, (y0 + y1) / 2], [x0, y1], [x1, y1]]
        return np.array([self.box]), np.array([0.9]), np.array([points])


def test_faces_are_told_in_px_of_the_whole_frame():
    finder = detect.Finder(config(scale=0.5))
    finder.net = FoundAt(20, 30, 60, 80)
    (face,) = finder(np.zeros((1000, 2000, 3), np.uint8))
    assert finder.net.shapes == [(500, 1000)]
    assert face.tolist() == pytest.approx([40, 60, 120, 160, 0.9, 40, 60, 120, 60, 80, 110, 40, 160, 120, 160])
    assert face.dtype == np.float32


def test_no_face_is_none():
    finder = detect.Finder(config())
    finder.net = FoundAt()
    assert finder(np.zeros((400, 400, 3), np.uint8)).shape == (0, 15)


def test_a_closer_look_sees_the_surroundings_at_several_sizes_and_tells_px_of_the_frame():
    finder = detect.Finder(config())
    finder.net = FoundAt()
    assert finder.closer(np.zeros((500, 500, 3), np.uint8), np.array([200, 200, 240, 220], np.float32)).shape == (0, 15)
    grown = [(round(60 * size / 40), round(120 * size / 40)) for size in detect.CLOSER_FACES]
    assert finder.net.shapes == grown
    finder.net = FoundAt(96, 48, 192, 96)  # at 96 px a face: 2.4 times as large
    (face,) = finder.closer(np.zeros((500, 500, 3), np.uint8), np.array([200, 200, 240, 220], np.float32))
    assert face[:4].tolist() == pytest.approx([200, 200, 240, 220]) and len(finder.net.shapes) == 1


def test_a_closer_look_that_finds_another_face_has_found_none():
    finder = detect.Finder(config())
    finder.net = FoundAt(0, 0, 20, 20)
    assert not len(finder.closer(np.zeros((500, 500, 3), np.uint8), np.array([200, 200, 240, 220], np.float32)))


def test_a_finder_is_made_once_for_each_section():
    detect.finder.cache_clear()
    text = config().model_dump_json()
    assert detect.finder(text) is detect.finder(text)
    assert detect.finder(config(scale=1.0).model_dump_json()).scale == 1.0
    detect.finder.cache_clear()


def test_given_faces_are_taken_over_and_said_to_be(tmp_path):
    make(tmp_path, "a", [[(40, 30, 20)]] * 3)
    given = {0: np.array([[10, 10, 500, 30, 1.0, *[5, 5] * 5]], np.float32), 2: detect.NONE}
    found = {i: (faces, own) for i, _, faces, own in detect.follow(tmp_path / "a.mp4", [0, 1, 2], Squares(), given)}
    assert found[0][0][0, :4].tolist() == [10, 10, 128, 30] and found[0][1] is False, "clamped to the frame"
    assert found[1][1] is found[2][1] is True and abs(found[2][0][0, 0] - 40) <= 1
