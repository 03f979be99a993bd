"""A painted head: normals, landmarks, what each trait shows."""

from dataclasses import replace

import numpy as np
import pytest

from ddet.synth import identity, paint
from ddet.synth.canvas import SPAN

SIZE = 160


@pytest.fixture(scope="module")
def head() -> paint.Head:
    return paint.paint(identity.sample(11), SIZE)


def test_normals_are_unit_vectors_towards_the_camera(head):
    assert np.allclose(np.linalg.norm(head.normals, axis=2), 1, atol=1e-5)
    assert head.normals[..., 2].min() > 0


def px(u: float, v: float, size: int = SIZE) -> tuple[int, int]:
    return int((v + SPAN) / (2 * SPAN) * size), int((u + SPAN) / (2 * SPAN) * size)


def test_arrays_have_the_sizes_and_types_that_they_say(head):
    assert head.size == SIZE
    assert head.albedo.shape == (SIZE, SIZE, 3) and head.albedo.dtype == head.alpha.dtype == np.uint8
    assert head.alpha.shape == head.height.shape == (SIZE, SIZE) and head.height.dtype == np.float32
    assert head.normals.shape == (SIZE, SIZE, 3) and head.normals.dtype == np.float32
    assert head.marks.shape == (5, 3)


def test_the_matte_is_whole_inside_and_nothing_at_the_border(head):
    assert head.alpha[px(0, 0.3)] == 255
    assert not head.alpha[0].any() and not head.alpha[:, 0].any() and not head.alpha[:, -1].any()


def test_the_nose_stands_out_and_the_sockets_lie_back():
    for seed in range(6):
        head = paint.paint(identity.sample(seed), SIZE)
        who = head.who
        nose, eye, cheek = (
            head.height[px(*at)] for at in ((0, who.nose_tip), (who.eye_x - 0.1, who.eye_y), (0.42, 0.22))
        )
        assert nose > cheek > eye - 0.05 and nose > eye + 0.05
        assert head.height[px(0, who.nose_tip)] == pytest.approx(head.height.max(), abs=0.1)


def test_landmarks_stand_at_their_traits_and_on_the_relief(head):
    who = head.who
    assert np.allclose(head.marks[:2, :2], [(-who.eye_x, who.eye_y), (who.eye_x, who.eye_y)])
    assert np.allclose(head.marks[2, :2], (0, who.nose_tip))
    assert np.allclose(head.marks[3:, 1], who.mouth_y) and head.marks[3, 0] == -head.marks[4, 0] < 0
    for u, v, height in head.marks:
        assert height == head.height[px(u, v)]


def test_normals_lean_down_the_slope(head):
    """Left of the middle the face falls off to the left, and so leans left."""
    row = px(0, 0.3)[0]
    left, right = head.normals[row, px(-0.55, 0)[1], 0], head.normals[row, px(0.55, 0)[1], 0]
    assert left < -0.2 and right > 0.2
    assert head.normals[px(0, 0.95)][1] > 0.1, "the chin leans down"


def test_the_relief_is_the_height_smoothed(head):
    assert head.relief.shape == head.height.shape and head.relief is head.relief
    assert abs(head.relief.mean() - head.height.mean()) < 0.01
    assert np.abs(np.diff(head.relief, axis=0)).max() < np.abs(np.diff(head.height, axis=0)).max()


def painted(**traits) -> paint.Head:
    plain = replace(
        identity.sample(4, woman=False), beard=0.0, glasses=False, moles=0, freckles=0.0, blotch=0.0, pores=0.0
    )
    return paint.paint(replace(plain, **traits), SIZE)


@pytest.mark.parametrize(
    ("traits", "place"),
    [
        ({"glasses": True}, lambda who: (who.eye_x, who.eye_y + 0.195)),
        ({"beard": 1.0}, lambda who: (0, 0.85)),
        ({"lip": (0.0, 0.9, 0.0)}, lambda who: (0, who.mouth_y + 0.5 * who.lip_low)),
        ({"skin": (0.3, 0.2, 0.1)}, lambda who: (0.3, 0.3)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_trait_shows_at_its_place_and_leaves_the_ground(traits, place):
    plain, other = painted(), painted(**traits)
    at = px(*place(plain.who))
    assert np.abs(plain.albedo[at].astype(int) - other.albedo[at]).max() > 25
    assert np.array_equal(plain.marks[:, :2], other.marks[:, :2])


def test_lips_are_redder_than_the_skin_beside_them():
    head = painted(skin=(0.9, 0.7, 0.6), lip=(0.7, 0.2, 0.2))
    lip, cheek = (head.albedo[px(*at)].astype(int) for at in ((0, head.who.mouth_y + 0.03), (0.35, 0.4)))
    assert lip[0] - lip[1] > cheek[0] - cheek[1] + 20
