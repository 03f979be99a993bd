"""The grid of face units and its brushes, by hand."""

import numpy as np
import pytest

from ddet.synth import canvas, identity
from ddet.synth.canvas import SPAN, Canvas


def test_the_grid_spans_the_texture_and_is_bent_a_little():
    c, straight = Canvas(64, 3), (np.arange(64) + 0.5) / 64 * 2 * SPAN - SPAN
    for found, plain in ((c.u, straight[None, :]), (c.v, straight[:, None])):
        off = np.abs(found - plain)
        assert 0 < off.max() < 0.06, "no face is symmetric, and none is torn"
    assert np.array_equal(c.u, Canvas(64, 3).u) and not np.array_equal(c.u, Canvas(64, 4).u)


def test_noise_is_about_standard_normal_with_features_of_the_size_asked_for():
    rough, smooth = (Canvas(256, 1).noise(cell) for cell in (0.05, 0.5))
    for field in (rough, smooth):
        assert field.shape == (256, 256) and abs(field.mean()) < 0.35 and 0.5 < field.std() < 1.3
    steps = [np.abs(np.diff(field, axis=1)).mean() for field in (rough, smooth)]
    assert steps[0] > 5 * steps[1]
    c = Canvas(32, 1)
    assert not np.array_equal(c.noise(0.3), c.noise(0.3)), "each call draws anew"


def flat(size: int = 351) -> Canvas:
    """Return a canvas that is not bent; pixel (175, 175) is the middle."""
    c = Canvas(size, 0)
    line = (np.arange(size) + 0.5) / size * 2 * SPAN - SPAN
    c.u, c.v = np.meshgrid(line, line)
    return c


def px(x: float) -> int:
    return round((x + SPAN) / (2 * SPAN) * 351 - 0.5)


def test_a_bump_is_a_gaussian_of_height_one():
    hill = flat().bump(0.2, -0.3, 0.1, 0.4)
    assert hill.max() == pytest.approx(1, abs=0.01)
    assert np.unravel_index(hill.argmax(), hill.shape) == (px(-0.3), px(0.2))
    assert hill[px(-0.3), px(0.3)] == pytest.approx(np.exp(-1), abs=0.02)
    assert hill[px(0.1), px(0.2)] == pytest.approx(np.exp(-1), abs=0.02), "wide and high are not exchanged"


def test_a_pair_is_a_bump_on_either_side():
    c = flat()
    hills = c.pair(0.4, 0.1, 0.05, 0.2)
    assert np.allclose(hills, hills[:, ::-1])
    assert np.allclose(hills[:, 180:], c.bump(0.4, 0.1, 0.05, 0.2)[:, 180:])


def test_an_edge_by_hand():
    x = np.array([-1, -0.1, -0.05, 0, 0.05, 0.1, 1])
    assert canvas.edge(x, 0.2).tolist() == pytest.approx([1, 1, 0.75, 0.5, 0.25, 0, 0])


def test_the_skull_is_one_on_its_outline_and_zero_in_the_middle():
    who = identity.sample(3)

    def at(u, v):
        return float(canvas.skull(who, np.array(u), np.array(v)))

    assert at(0.0, 0.0) == 0
    assert at(who.width, 0.0) == at(-who.width, 0.0) == pytest.approx(1)
    assert at(0.0, -1.12) == pytest.approx(1), "the crown"
    assert at(0.0, 1.0) == pytest.approx(1), "the chin lies at v = 1, whatever the jaw"
    assert at(0.3, 0.4) < 1 < at(0.3, 1.1)
    assert at(0.5, -0.01) == pytest.approx(at(0.5, 0.01), abs=0.03), "crown and chin meet"


def test_a_square_jaw_is_wider_below():
    pointed, square = (identity.sample(3).__class__(**{**vars(identity.sample(3)), "jaw": jaw}) for jaw in (0.0, 1.0))
    u, v = np.array(0.45), np.array(0.8)
    assert canvas.skull(square, u, v) < canvas.skull(pointed, u, v)


def test_bytes_are_rounded_and_clipped():
    assert canvas.to_bytes(np.array([-1, 0, 0.5, 0.999, 1, 2])).tolist() == [0, 0, 128, 255, 255, 255]
    assert canvas.to_bytes(np.array([0.1 / 255, 0.6 / 255])).tolist() == [0, 1]
    assert canvas.to_bytes(np.zeros(1)).dtype == np.uint8


@pytest.mark.parametrize("whole", [False, True])
def test_mixing_is_the_plain_blend(whole):
    rng = np.random.default_rng(0)
    base, share = rng.random((12, 12, 3)).astype(np.float32), np.zeros((12, 12), np.float32)
    share[2:5, 3:9] = rng.random((3, 6))
    share[10, 1] = 0.7
    colour = rng.random((12, 12, 3)).astype(np.float32) if whole else (0.2, 0.4, 0.9)
    want = base + share[..., None] * (np.asarray(colour, np.float32) - base)
    mixed = base.copy()
    canvas.mix(mixed, colour, share)
    assert np.allclose(mixed, want, atol=1e-6)
    assert np.array_equal(mixed[share == 0], base[share == 0])


def test_mixing_nothing_changes_nothing():
    base = np.full((4, 4, 3), 0.5, np.float32)
    canvas.mix(base, (1, 1, 1), np.zeros((4, 4)))
    assert (base == 0.5).all()
