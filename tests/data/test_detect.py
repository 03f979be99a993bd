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
