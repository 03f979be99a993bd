"""A face that moves: each act in its own place."""

import numpy as np
import pytest

from ddet.synth import canvas, identity, paint
from ddet.synth.animate import Patch, Pose, Rig

SIZE = 160


@pytest.fixture(scope="module")
def head() -> paint.Head:
    return paint.paint(identity.sample(11), SIZE)


@pytest.fixture(scope="module")
def rig(head) -> Rig:
    return Rig(head)


def straight(**acts: float) -> Pose:
    return Pose(80, 78, 45, 0, 0, 0, **acts)


def test_each_act_moves_its_own_part_only(rig):
    rest = rig.texture(straight()).astype(int)
    eye, mouth = (int((v + canvas.SPAN) / (2 * canvas.SPAN) * SIZE) for v in (0.15, 0.40))
    for acts, rows in (({"blink": 1.0}, slice(0, eye)), ({"mouth": 0.8}, slice(mouth, SIZE))):
        changed = np.abs(rig.texture(straight(**acts)).astype(int) - rest).max((1, 2))
        elsewhere = np.ones(SIZE, bool)
        elsewhere[rows] = False
        assert changed[rows].max() > 40, acts
        assert changed[elsewhere].max() == 0, acts


def test_the_open_mouth_is_dark_and_the_shut_eye_has_no_white(rig, head):
    def at(texture, u, v):
        px = [int((c + canvas.SPAN) / (2 * canvas.SPAN) * SIZE) for c in (v, u)]
        return texture[px[0], px[1], :3].astype(int)

    who = head.who
    open_mouth = rig.texture(straight(mouth=1.0))
    assert at(open_mouth, 0, who.mouth_y + 0.10).mean() < 0.7 * at(rig.texture(straight()), 0, 0.85).mean()
    white = [at(rig.texture(straight(blink=b)), -who.eye_x - 0.08, who.eye_y)[2] for b in (0.0, 1.0)]
    assert white[0] > white[1] + 20


def test_a_patch_covers_its_rectangle_and_knows_its_face_units():
    patch = Patch.around(350, -0.5, -1.0, 0.5, 0.0)
    assert (patch.rows, patch.cols) == (slice(75, 175), slice(125, 225))
    assert patch.u.shape == patch.v.shape == (100, 100)
    assert (patch.u[0, 0], patch.v[0, 0]) == pytest.approx((-0.495, -0.995))
    assert (patch.u[-1, -1], patch.v[-1, -1]) == pytest.approx((0.495, -0.005))
    image = np.arange(350 * 350).reshape(350, 350)
    assert np.array_equal(patch.of(image), image[75:175, 125:225])
    patch.of(image)[:] = -1
    assert image[75, 125] == -1, "a patch is a window, not a copy"


def test_a_patch_ends_at_the_texture():
    patch = Patch.around(100, -9, -9, 9, 9)
    assert (patch.rows, patch.cols) == (slice(0, 100), slice(0, 100))


def test_rest_is_the_painted_face_but_for_open_eyes(rig, head):
    texture = rig.texture(straight())
    changed = np.abs(texture[..., :3].astype(int) - head.albedo).max(2) > 1
    eyes = np.zeros_like(changed)
    for patch in rig.eyes:
        patch.of(eyes)[:] = True
    assert changed[eyes].mean() > 0.1 and not changed[~eyes].any()
    assert np.array_equal(texture[..., 3], head.alpha)


def test_moving_leaves_the_rig_as_it_was(rig):
    before = rig.rgba.copy()
    first = rig.texture(straight(mouth=1.0, blink=0.5, smile=1.0))
    rig.texture(straight())
    assert np.array_equal(rig.rgba, before)
    assert np.array_equal(rig.texture(straight(mouth=1.0, blink=0.5, smile=1.0)), first)


def test_a_soft_rig_blurs_the_skin_and_not_the_matte(head):
    plain, soft = Rig(head, 0.1), Rig(head, 1.5)
    assert np.array_equal(plain.rgba, np.dstack([head.albedo, head.alpha])), "below .2 px nothing is done"
    rough = [np.abs(np.diff(r.rgba[40:120, 40:120, :3].astype(int), axis=0)).mean() for r in (plain, soft)]
    assert rough[1] < 0.7 * rough[0] and np.array_equal(soft.rgba[..., 3], head.alpha)


def test_the_gaze_moves_the_iris(rig, head):
    """To the image's right the darkest part of the right eye moves right."""
    patch, who = rig.eyes[1], head.who

    def pupil(gaze: float) -> float:
        level = patch.of(rig.texture(straight(gaze_u=gaze)))[..., :3].astype(float).sum(2)
        near = (np.abs(patch.v - who.eye_y) < 0.02) & (np.abs(patch.u - who.eye_x) < 0.11)
        weight = np.where(near, (level < np.quantile(level[near], 0.3)), 0)
        return float((patch.u * weight).sum() / weight.sum())

    assert pupil(1.0) > pupil(0.0) + 0.015 and pupil(-1.0) < pupil(0.0) - 0.015


def test_a_wider_mouth_shows_a_larger_cavity(rig):
    rest = rig.texture(straight()).astype(int)
    areas = []
    for mouth in (0.3, 0.6, 1.0):
        dark = rig.texture(straight(mouth=mouth)).astype(int)
        areas.append((np.abs(dark - rest).max(2) > 25).sum())
    assert areas[0] < areas[1] < areas[2]
    assert np.array_equal(rig.texture(straight(mouth=0.02)), rig.texture(straight())), "shut"


def test_raised_brows_and_a_smile_go_up(rig, head):
    """Content moves up: the texture there resembles what lay below it."""
    who, size = head.who, head.size
    for acts, (u, v) in (
        ({"brow": 1.0}, (who.eye_x, who.eye_y - who.brow_gap)),
        ({"smile": 1.0}, (who.mouth_w, who.mouth_y)),
    ):
        y, x = (int((c + canvas.SPAN) / (2 * canvas.SPAN) * size) for c in (v, u))
        rest, moved = (rig.texture(straight(**a))[..., :3].astype(float) for a in ({}, acts))
        error = {
            d: np.abs(moved[y - 4 : y + 4, x - 4 : x + 4] - rest[y - 4 + d : y + 4 + d, x - 4 : x + 4]).mean()
            for d in (-2, 0, 2)
        }
        assert error[2] < error[-2], acts
