"""The augmentation lists: what they change, and that their draws can be repeated."""

from typing import get_args

import albumentations as A
import numpy as np
import pytest

from ddet import params
from ddet.augment import STEPS, TEXTURE, draw, draw_together, draws, pipeline

MIRRORS = {"HorizontalFlip": 0.5, "VerticalFlip": 0.5}
STRONG = {
    "RandomRotate90": 0.2,
    "Transpose": 0.2,
    **MIRRORS,
    "GaussNoise": 0.2,
    "ShiftScaleRotate": 0.2,
    "Texture": 0.2,
    "HueSaturationValue": 0.2,
}
LISTS = {
    "flips": params.AugmentList(p=1.0, steps=MIRRORS),
    "genconvit": params.AugmentList(p=0.9, steps=STRONG),
    "rotation_flips": params.AugmentList(p=1.0, steps={"Rotate": 0.5, **MIRRORS}),
}


def face(size: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


def only(name: str, p: float = 1.0) -> A.Compose:
    return pipeline(params.AugmentList(p=1.0, steps={name: p}))


def drawn(spec: params.AugmentList, seeds: range) -> list[np.ndarray]:
    steps = pipeline(spec)
    return [draw(steps, face(), seed) for seed in seeds]


def test_params_may_name_just_the_operations_that_are_built():
    assert tuple(STEPS) == get_args(params.STEPS)


@pytest.mark.parametrize(("p", "steps"), [(1.0, {}), (0.0, MIRRORS), (1.0, {"Transpose": 0.0, "Rotate": 0.0})])
def test_a_list_that_changes_nothing_is_none(p, steps):
    spec = params.AugmentList(p=p, steps=steps)
    assert pipeline(spec) is None
    assert [image.tobytes() for image in draws(spec, face(), 3)] == [face().tobytes()] * 3


def test_flips_give_the_four_mirror_images_about_equally_often():
    image = face()
    mirrors = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]]
    counts = np.zeros(4, int)
    for out in drawn(LISTS["flips"], range(200)):
        counts += [np.array_equal(out, m) for m in mirrors]
    assert counts.sum() == 200
    assert counts.min() > 30  # 50 expected, standard deviation 6


def test_steps_run_in_the_order_of_the_list():
    turned, flipped = ({"HorizontalFlip": 1.0, "Transpose": 1.0}, {"Transpose": 1.0, "HorizontalFlip": 1.0})
    one, other = (drawn(params.AugmentList(p=1.0, steps=steps), range(1))[0] for steps in (turned, flipped))
    assert np.array_equal(one, face()[:, ::-1].swapaxes(0, 1))
    assert np.array_equal(other, face().swapaxes(0, 1)[:, ::-1])


@pytest.mark.parametrize(("p", "step", "low", "high"), [(0.9, 1.0, 20, 60), (1.0, 0.2, 280, 360), (0.5, 0.5, 260, 340)])
def test_the_chances_of_list_and_step_multiply(p, step, low, high):
    outs = drawn(params.AugmentList(p=p, steps={"Transpose": step}), range(400))
    assert low < sum(np.array_equal(o, face()) for o in outs) < high  # 40, 320 and 300 expected, deviations 6, 8, 9


def test_genconvit_keeps_one_crop_in_ten_or_so_and_keeps_shape_and_type():
    outs = drawn(LISTS["genconvit"], range(300))
    assert {(o.shape, o.dtype.name) for o in outs} == {((48, 48, 3), "uint8")}
    untouched = sum(np.array_equal(o, face()) for o in outs) / len(outs)
    # skipped with .1; else every step misses with .8 .8 .5 .5 .8 .8 .8 .8 = .066 (a turn may also restore the crop)
    assert 0.08 < untouched < 0.26


@pytest.mark.parametrize("name", LISTS)
def test_the_seed_alone_decides(name):
    again = pipeline(LISTS[name])
    for seed, first in zip(range(20), drawn(LISTS[name], range(20)), strict=True):
        assert np.array_equal(draw(again, face(), seed), first)


def test_noise_is_of_the_strength_meant():
    """GaussNoise of albumentations 2 defaults to a standard deviation of 51 to 112 grey values; meant are 3 to 7."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    spreads = [(draw(only("GaussNoise"), grey, seed).astype(float) - 128).std() for seed in range(20)]
    assert 2.5 < min(spreads) < 4.5 < max(spreads) < 7.5


@pytest.mark.parametrize("name", ["Rotate", "ShiftScaleRotate"])
def test_turns_reach_45_degrees_and_leave_no_black_corner(name):
    image = np.full((65, 65, 3), 60, np.uint8)
    image[31:34, 40:60] = 200  # a short bar to the right of the centre
    angles, darkest = [], []
    for seed in range(60):
        out = draw(only(name), image, seed)
        y, x = (np.mean(axis) - 32 for axis in np.nonzero(out[..., 0] > 150))
        angles.append(abs(np.degrees(np.arctan2(y, x))))
        darkest.append(out.min())
    assert max(angles) > 36 and min(angles) < 10 and np.quantile(angles, 0.9) < 50
    assert min(darkest) > 50


def test_rotate_only_turns():
    """A hill about the centre looks the same from every side, unless it is shifted, scaled or sheared."""
    square = np.add.outer((np.arange(65) - 32) ** 2, (np.arange(65) - 32) ** 2)
    hill = (40 + 200 * np.exp(-square / 200)).astype(np.uint8)[..., None].repeat(3, axis=2)
    near = square < 30**2  # beyond, the corners are filled

    def change(name: str) -> list[int]:
        return [np.abs(draw(only(name), hill, seed).astype(int) - hill)[near].max() for seed in range(10)]

    assert max(change("Rotate")) < 5 < 20 < max(change("ShiftScaleRotate"))


def test_texture_is_one_of_four_each_as_likely():
    texture, image, seen = STEPS["Texture"](1.0), face(), set()
    assert [type(t).__name__ for t in texture.transforms] == list(TEXTURE)
    assert texture.transforms_ps == [0.25] * 4
    record = A.Compose([texture], save_applied_params=True)
    for seed in range(40):
        [(name, _)] = [entry for entry in draw_together(record, seed, image=image)["applied_transforms"]]
        seen.add(name)
    assert seen == set(TEXTURE)


def test_what_is_drawn_together_gets_the_same_draw():
    noise = A.Compose([STEPS["GaussNoise"](1), STEPS["Rotate"](1)], additional_targets={"other": "image"})
    out = draw_together(noise, 3, image=face(), other=face(), mask=np.ones((48, 48), np.uint8))
    assert np.array_equal(out["image"], out["other"]) and out["mask"].all()
    assert not np.array_equal(out["image"], face())
    assert np.array_equal(out["image"], draw(noise, face(), 3))


def test_draws_to_show_are_the_same_on_every_call_and_differ_among_themselves():
    shown = draws(LISTS["flips"], face(), 12)
    assert len(shown) == 12 and len({image.tobytes() for image in shown}) == 4  # the four mirror images
    assert all(np.array_equal(a, b) for a, b in zip(shown, drawn(LISTS["flips"], range(12)), strict=True))
