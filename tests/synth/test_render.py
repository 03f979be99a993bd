"""The renderer: geometry against a slow plain version, expressions where they belong, faces that a detector finds."""

import numpy as np
import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st

from ddet.synth import canvas, identity, paint, render
from ddet.synth.animate import Pose, Rig

SIZE = 160
angle = st.floats(-0.35, 0.35)


@pytest.fixture(scope="module")
def head() -> paint.Head:
    return paint.paint(identity.sample(11), SIZE)


@pytest.fixture(scope="module")
def rig(head) -> Rig:
    return Rig(head)


@pytest.fixture
def one_thread():
    """Small networks run faster so, the more where other processes are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def straight(**acts: float) -> Pose:
    return Pose(80, 78, 45, 0, 0, 0, **acts)


@examples(25)
@given(yaw=angle, pitch=st.floats(-0.2, 0.2), roll=angle, u=st.floats(-0.3, 0.3), v=st.floats(-0.3, 0.5))
def test_lookup_inverts_project(yaw, pitch, roll, u, v):
    """A dome of known height: project a point of it, look up the frame px, come back to the point."""
    size = 200
    line = (np.arange(size) + 0.5) / size * 2 * canvas.SPAN - canvas.SPAN
    grid = np.meshgrid(line, line)
    dome = (0.5 * np.exp(-(grid[0] ** 2) - grid[1] ** 2)).astype(np.float32)
    pose = Pose(100, 100, 50, yaw, pitch, roll)
    x, y = render.project(np.array([[u, v, 0.5 * np.exp(-(u**2) - v**2)]]), pose)[0]
    map_u, map_v = render.lookup(dome, pose, (0, 0, 200, 200))
    back = [float(bilinear(m, x, y)) / size * 2 * canvas.SPAN - canvas.SPAN for m in (map_u + 0.5, map_v + 0.5)]
    assert back == pytest.approx([u, v], abs=0.02)


def bilinear(image: np.ndarray, x: float, y: float) -> float:
    i, j = int(y), int(x)
    a, b = y - i, x - j
    return (1 - a) * ((1 - b) * image[i, j] + b * image[i, j + 1]) + a * (
        (1 - b) * image[i + 1, j] + b * image[i + 1, j + 1]
    )


@pytest.mark.parametrize(("turn", "axis", "sign"), [("yaw", 0, 1), ("pitch", 1, 1)])
def test_positive_angles_move_the_nose_right_and_down(head, turn, axis, sign):
    still = render.landmarks(head, straight())[2]
    moved = render.landmarks(head, straight()._replace(**{turn: 0.3}))[2]
    assert sign * (moved - still)[axis] > 2


def test_roll_turns_clockwise(head):
    left, right = render.landmarks(head, straight()._replace(roll=0.2))[:2]
    assert left[0] < right[0] and left[1] < right[1]


def test_light_from_the_left_brightens_the_left_cheek(rig):
    texture = rig.texture(straight())
    cheeks = []
    for across in (-0.8, 0.8):
        lit = render.shade(rig, texture, straight(), render.Light(across, 0.2, 0.8, 0.3, (1, 1, 1)))
        middle, row = SIZE // 2, int(SIZE * 0.55)
        cheeks.append([lit[row, middle - 18, :3].mean(), lit[row, middle + 18, :3].mean()])
    assert cheeks[0][0] > cheeks[0][1] and cheeks[1][0] < cheeks[1][1]


def test_blend_keeps_what_lies_below_a_zero_matte():
    rng = np.random.default_rng(0)
    below, above = rng.integers(0, 256, (2, 16, 16, 3), np.uint8)
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:8] = 255
    mixed = render.blend(below, above, alpha)
    assert np.array_equal(mixed[alpha == 0], below[alpha == 0])
    assert np.array_equal(mixed[4:8], above[4:8])
