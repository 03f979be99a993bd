"""Rooms that a camera looks over, and shoulders below a head."""

from dataclasses import replace

import numpy as np
import pytest

from ddet.synth import backdrop, identity
from ddet.synth.backdrop import BODY_PX, BODY_SPAN, BODY_TOP


def room(seed: int, shape=(60, 80)) -> np.ndarray:
    return backdrop.room(np.random.default_rng(seed), shape)


def test_a_room_is_larger_than_the_frame_and_follows_its_seed():
    walls = [room(seed) for seed in range(8)]
    assert {wall.shape for wall in walls} == {(78, 104, 3)} and walls[0].dtype == np.uint8
    assert np.array_equal(room(3), walls[3])
    assert len({wall.tobytes() for wall in walls}) == 8
    assert all(wall.std() > 2 for wall in walls), "no wall is bare"
    assert np.ptp([wall.mean() for wall in walls]) > 40, "some rooms are dark, some bright"


def stripes(h: int = 26, w: int = 39) -> np.ndarray:
    """Return an image whose pixels tell their column (red) and row (green)."""
    y, x = np.mgrid[0:h, 0:w]
    return np.dstack([x * 5, y * 5, 0 * x]).astype(np.uint8)


def test_the_camera_looks_at_the_middle():
    image = stripes()
    seen = backdrop.look(image, (20, 30), (0.0, 0.0), 1.0)
    assert seen.shape == (20, 30, 3)
    assert np.abs(seen[..., 1].astype(int) - image[3:23, :30, 1]).max() <= 1
    assert np.allclose(seen[10, :, 0], 5 * (np.arange(30) + 4.5), atol=3)


def test_panning_moves_the_view_by_as_many_px():
    image = stripes()
    still = backdrop.look(image, (20, 30), (0.5, 0.0), 1.0).astype(int)
    right = backdrop.look(image, (20, 30), (3.5, 0.0), 1.0).astype(int)
    down = backdrop.look(image, (20, 30), (0.5, 2.0), 1.0).astype(int)
    assert (right[..., 0] - still[..., 0] == 15).all() and np.array_equal(right[..., 1], still[..., 1])
    assert (down[..., 1] - still[..., 1] == 10).all() and np.array_equal(down[..., 0], still[..., 0])


def test_zooming_out_shows_more_of_the_room():
    image = stripes()
    near, far = (backdrop.look(image, (20, 20), (0.0, 0.0), zoom).astype(int) for zoom in (1.0, 1.25))
    for seen, step in ((near, 5), (far, 6.25)):
        assert (seen[10, -1, 0] - seen[10, 0, 0]) / 19 == pytest.approx(step, abs=0.15)


def test_the_view_beyond_the_room_is_mirrored_not_black():
    assert backdrop.look(np.full((26, 26, 3), 90, np.uint8), (20, 20), (200.0, 200.0), 1.0).min() == 90


MAN = replace(identity.sample(2, woman=False), hair_style="short")


def at(u: float, v: float) -> tuple[int, int]:
    return int((v - BODY_TOP) / (2 * BODY_SPAN) * BODY_PX), int((u + BODY_SPAN) / (2 * BODY_SPAN) * BODY_PX)


def test_a_body_is_neck_and_shoulders_and_nothing_beside_the_neck():
    body = backdrop.body(MAN, 0.0)
    assert body.shape == (BODY_PX, BODY_PX, 4) and body.dtype == np.uint8
    alpha = body[..., 3]
    assert alpha[at(0, 0.5)] == 255 and alpha[at(0.8, 0.6)] == 0 and alpha[at(-0.8, 0.6)] == 0
    assert alpha[at(0, 2.5)] == alpha[at(1.0, 2.5)] == alpha[at(-1.0, 2.5)] == 255


def test_the_neck_is_skin_and_the_chest_is_cloth():
    who = replace(MAN, skin=(0.9, 0.7, 0.5), shirt=(0.1, 0.2, 0.8))
    body = backdrop.body(who, 0.0).astype(int)
    neck, chest = body[at(0, 1.0)], body[at(0, 2.5)]
    assert neck[0] > neck[2] + 20 and chest[2] > chest[0] + 40


def test_light_from_a_side_brightens_that_side():
    for across in (-0.8, 0.8):
        body = backdrop.body(MAN, across).astype(float)[..., :3].mean(2)
        left, right = (body[at(u, 2.5)[0] - 8 : at(u, 2.5)[0] + 8, at(u, 2.5)[1] - 8 : at(u, 2.5)[1] + 8].mean()
                       for u in (-1.0, 1.0))  # fmt: skip
        assert (right - left) * across > 0


def test_long_hair_hangs_beside_the_neck():
    short, long = (backdrop.body(replace(MAN, hair_style=style), 0.0) for style in ("short", "long"))
    place = at(0.55, 0.6)
    assert short[place][3] == 0 and long[place][3] > 200
    assert np.array_equal(backdrop.body(MAN, 0.0), short), "a person wears the same on every call"
