"""Controls: rectangles as large as the region, parts where the landmarks are, and the same images masked as PRLE."""

import numpy as np
import pytest
import torch
from drawn import examples
from fastai.data.core import DataLoaders
from hypothesis import given
from hypothesis import strategies as st

from ddet.data import crop_loader, region_loader
from ddet.data import landmarks as data_landmarks
from ddet.errors import InputError
from ddet.prle import controls, exploit

FACE = np.array([(30.0, 40), (70, 40), (50, 60), (36, 78), (64, 78)])  # upright, 40 px between the eyes


@examples(60)
@given(st.floats(0.01, 1.0), st.integers(0, 2**31), st.sampled_from([0.1, 0.5, 1.0]))
def test_a_rectangle_is_as_large_as_the_region_at_every_alpha(share, seed, alpha):
    size = 200
    mask = controls.Rectangles(np.array([share]), size)(0, seed) <= alpha
    lines, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = np.ptp(lines) + 1, np.ptp(columns) + 1
    assert mask.sum() == height * width, "a rectangle"
    assert 1 / 3 - 0.2 <= height / width <= 3.3 or min(height, width) < 15
    slack = (height + width + 2) / size**2  # of pixels on the edge
    assert abs(mask.mean() - alpha * share) <= slack


def test_rectangles_nest_about_their_centre_and_stay_in_the_crop():
    levels = controls.Rectangles(np.array([0.25]), 96)(0, 5)
    small, large = levels <= 0.3, levels <= 1.0
    assert (large | ~small).all() and small.sum() < large.sum()
    middle = [np.flatnonzero(m.any(axis=1)).mean() for m in (small, large)]
    assert middle[0] == pytest.approx(middle[1], abs=1)
    assert levels.dtype == np.float32 and levels.min() == 0 and np.isinf(levels).mean() == pytest.approx(0.75, abs=0.02)


def test_rectangles_are_anywhere_and_of_any_shape():
    draw = controls.Rectangles(np.array([0.1]), 64)
    found = [draw(0, seed) <= 1 for seed in range(300)]
    covered = np.mean(found, axis=0)
    assert all(corner.max() > 0 for corner in (covered[:3, :3], covered[-3:, :3], covered[:3, -3:], covered[-3:, -3:]))
    assert covered[24:40, 24:40].mean() > covered.mean(), "whole rectangles: the middle is hidden more often"
    heights = np.array([m.any(axis=1).sum() / m.any(axis=0).sum() for m in found])
    assert heights.min() < 0.45 and heights.max() > 2.2 and np.median(heights) == pytest.approx(1, abs=0.25)
    np.testing.assert_array_equal(draw(0, 3), draw(0, 3))


@pytest.mark.parametrize("share", [0.0, 1.0, 1e-6])
def test_rectangles_of_nothing_of_everything_and_of_a_pixel(share):
    mask = controls.Rectangles(np.array([share]), 32)(0, 1) <= 1
    assert mask.sum() == {0.0: 0, 1.0: 32 * 32, 1e-6: 1}[share]


@pytest.mark.parametrize(("part", "inside"), [("nose", FACE[2]), ("eyes", (FACE[0] + FACE[1]) / 2)])
def test_parts_lie_on_their_landmarks(part, inside):
    mask = controls.part_mask(FACE, part, 100)
    assert mask[int(inside[1]), int(inside[0])]


def test_an_upright_face_by_hand():
    """40 px between the eyes: an eye is 15.8 x 5.1, the nose 18.2 x 33, the lips 28 x 11."""
    expected = {"eyes": (22, 77, 37, 42), "nose": (41, 59, 35, 68), "mouth": (36, 63, 75, 85)}
    for part, box in expected.items():
        lines, columns = (np.flatnonzero(controls.part_mask(FACE, part, 100).any(axis=axis)) for axis in (1, 0))
        assert (columns[0], columns[-1], lines[0], lines[-1]) == pytest.approx(box, abs=1), part
    assert controls.part_mask(FACE, "eyes", 100)[40, 50], "the hull of both eyes spans the bridge of the nose"


def test_the_eyes_are_those_that_other_masks_hide():
    """`landmarks.eyes` hides twice the width and three times the height of an eye: ours lie within."""
    wide = data_landmarks.eyes(FACE[None], 100)[0]
    own = controls.part_mask(FACE, "eyes", 100)
    own[:, 40:60] = False
    assert not (own & ~wide).any()


@pytest.mark.parametrize("part", ["nose", "eyes", "mouth"])
def test_parts_turn_and_grow_with_the_face(part):
    turned = np.stack([FACE[:, 1], 100 - FACE[:, 0]], axis=1)  # by 90 degrees
    upright, lying = controls.part_mask(FACE, part, 100), controls.part_mask(turned, part, 100)
    assert (np.rot90(upright) != lying).sum() <= 2 * 40, "but for rounding at the edge"
    twice = controls.part_mask(2 * FACE, part, 200)
    assert twice.sum() == pytest.approx(4 * upright.sum(), rel=0.15)


def test_each_part_is_drawn_the_mouth_twice_as_often():
    draw = controls.Parts(FACE[None], np.ones(1), 100)
    named = {name: controls.part_mask(FACE, name, 100) for name in ("nose", "eyes", "mouth")}
    counts = dict.fromkeys(named, 0)
    for seed in range(400):
        levels = draw(0, seed)
        assert set(np.unique(levels)) == {0, np.inf}
        (name,) = [n for n, mask in named.items() if np.array_equal(levels == 0, mask)]
        counts[name] += 1
    assert [n / 400 for n in counts.values()] == pytest.approx([0.25, 0.25, 0.5], abs=0.07)


def test_a_face_without_landmarks_has_those_of_the_others():
    landmarks = np.stack([FACE, np.full((5, 2), np.nan), FACE + 4])
    draw = controls.Parts(landmarks, np.ones(3), 100)
    np.testing.assert_array_equal(draw.landmarks[1], FACE + 2)
    assert all((draw(1, seed) == 0).any() for seed in range(5))
    with pytest.raises(InputError, match="none of 1 crops has any"):
        controls.Parts(landmarks[1:2], np.ones(1), 100)


def masked(source, n: int, epochs: int = 4) -> np.ndarray:
    """Tell which of n images each epoch masks, at p = .5."""
    images = np.full((n, 32, 32, 3), 255, np.uint8)
    plain = crop_loader.ArrayDataset(images, np.arange(n) % 2, seed=9)
    dls = DataLoaders(*(crop_loader.make_loader(plain, 7, torch.device("cpu")) for _ in range(2)))
    region_loader.attach(dls, source)
    found = []
    for dls.train.dataset.epoch in range(epochs):
        for shown, levels, draws, _ in dls.train:
            after = exploit.hide(shown, levels, exploit.Exploit(0.5).alphas(draws))
            found.append((after != shown).flatten(1).any(dim=1))
    return torch.cat(found).numpy()


def test_controls_mask_the_images_that_primary_regions_mask():
    maps = np.random.default_rng(0).random((20, 32, 32)).astype(np.float16)
    maps[maps < 0.8] = 0
    maps[3] = 0  # no primary region: no control either
    shares = (maps > 0).mean(axis=(1, 2))
    primary = masked(exploit.Primary(maps), 20)
    assert 0.3 < primary.mean() < 0.7 and not primary[3::20].any()
    landmarks = np.repeat(FACE[None] * 0.32, 20, axis=0)
    for source in (controls.Rectangles(shares, 32), controls.Parts(landmarks, shares, 32)):
        np.testing.assert_array_equal(masked(source, 20), primary)


@pytest.mark.parametrize("share", [0.003, 0.02, 0.15, 0.6])
def test_a_grown_part_hides_the_share_at_alpha_1_and_alpha_of_it_below(share):
    mask = controls.part_mask(FACE, "mouth", 100)
    levels = controls.grown(mask, share)
    for alpha in (0.25, 0.5, 1.0):
        assert (levels <= alpha).mean() == pytest.approx(alpha * share, abs=1e-4)
    hidden = levels <= 1
    assert not (hidden & ~mask).any() or not (mask & ~hidden).any(), "the outline moves in or out"
    assert levels.dtype == np.float32 and levels.min() == 0


def test_parts_grow_where_that_is_asked_and_only_where_there_is_a_region():
    draw = controls.Parts(np.stack([FACE, FACE]), np.array([0.15, 0.0]), 100, grow=True)
    areas = {(draw(0, seed) <= 1).mean() for seed in range(12)}
    assert areas == {0.15} and np.isinf(draw(1, 0)).all()
    plain = controls.Parts(FACE[None], np.array([0.15]), 100)
    assert max((plain(0, seed) <= 1).mean() for seed in range(12)) < 0.1
