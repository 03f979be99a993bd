"""The augmentation lists: what they change, and that their draws can be repeated."""

from typing import get_args

import albumentations as A
import cv2
import numpy as np
import pytest

from ddet import params
from ddet.data.augment import COLOUR, STEPS, TEXTURE, draw, draw_together, draws, pipeline

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
ASRID = {
    "ImageCompression": 0.5,
    "GaussNoise": 0.1,
    "GaussianBlur": 0.05,
    "HorizontalFlip": 0.5,
    "Colour": 0.7,
    "ToGray": 0.2,
    "SlightShiftScaleRotate": 0.5,
}
LISTS = {
    "flips": params.AugmentList(p=1.0, steps=MIRRORS),
    "genconvit": params.AugmentList(p=0.9, steps=STRONG),
    "asrid": params.AugmentList(p=1.0, steps=ASRID),
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


def applied(name: str, seeds: range, p: float = 1.0) -> list[tuple[str, dict]]:
    """Return what one step did to the face, seed by seed, with the numbers that it drew."""
    record = A.Compose([STEPS[name](p)], save_applied_params=True)
    return [entry for seed in seeds for entry in draw_together(record, seed, image=face())["applied_transforms"]]


@pytest.mark.parametrize(("name", "kinds"), [("Texture", TEXTURE), ("Colour", COLOUR)])
def test_one_of_a_choice_is_taken_each_as_likely(name, kinds):
    choice = STEPS[name](1.0)
    assert [type(t).__name__ for t in choice.transforms] == list(kinds)
    assert choice.transforms_ps == pytest.approx([1 / len(kinds)] * len(kinds))
    done = [kind for kind, _ in applied(name, range(40))]
    assert len(done) == 40 and set(done) == set(kinds)


NEW = ["ImageCompression", "GaussianBlur", "Colour", "ToGray", "SlightShiftScaleRotate"]


@pytest.mark.parametrize("name", NEW)
def test_a_step_acts_with_its_chance(name):
    assert 60 < len(applied(name, range(300), 0.3)) < 120  # 90 expected, standard deviation 8


@pytest.mark.parametrize("name", NEW)
def test_a_step_keeps_shape_and_type_and_draws_from_the_seed(name):
    outs = [draw(only(name), face(), seed) for seed in range(12)]
    assert {(o.shape, o.dtype.name) for o in outs} == {((48, 48, 3), "uint8")}
    assert len({o.tobytes() for o in outs}) == (1 if name == "ToGray" else 12)
    again = only(name)
    assert all(np.array_equal(draw(again, face(), seed), o) for seed, o in enumerate(outs))


def test_compression_is_jpeg_of_quality_60_to_100():
    """As in version 1, OpenCV takes red for blue."""
    drawn = [numbers["quality"] for _, numbers in applied("ImageCompression", range(300))]
    assert set(drawn) == set(range(60, 101))
    for seed, quality in enumerate(drawn[:5]):
        packed = cv2.imencode(".jpg", face(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        assert np.array_equal(draw(only("ImageCompression"), face(), seed), cv2.imdecode(packed, 1))


def test_blur_reaches_the_next_pixel_and_no_further():
    spot = np.zeros((15, 15, 3), np.uint8)
    spot[7, 7] = 255
    near = np.zeros((15, 15), bool)
    near[6:9, 6:9] = True
    for seed in range(30):
        out = draw(only("GaussianBlur"), spot, seed)
        assert np.array_equal(out.any(2), near)
        assert abs(int(out[..., 0].sum()) - 255) <= 5 and out[7, 7, 0] == out.max()


def test_gray_is_luma_in_all_channels():
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[0, 0], colours[0, 1], colours[0, 2], colours[0, 3] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)
    out = draw(only("ToGray"), colours, 1)
    assert (np.ptp(out, axis=2) == 0).all()
    assert out[0, :, 0].tolist() == [76, 150, 29, 90]  # .299, .587 and .114 of 255


def test_colour_moves_levels_and_no_pixel():
    """Equal colours stay equal, so that nothing is blurred, moved or noisy. FancyPCA moves all by a level or two."""
    flat, moved = face(6).repeat(8, axis=0).repeat(8, axis=1), {name: [] for name in COLOUR}
    for seed, (kind, _) in enumerate(applied("Colour", range(60))):
        out = draw(only("Colour"), flat, seed)
        assert np.array_equal(out, out[::8, ::8].repeat(8, axis=0).repeat(8, axis=1))
        moved[kind].append(np.abs(out.astype(int) - flat).max())
    assert {kind: np.median(by) > 5 for kind, by in moved.items()} == {name: name != "FancyPCA" for name in COLOUR}
    assert 0 < max(moved["FancyPCA"]) < 8


def test_slight_moves_stay_slight_and_fill_with_black():
    """Fit the map of four marked corners: shift to a tenth, scale to a fifth, turn to 10 degrees."""
    side, corners = 201, np.array([(60, 60), (60, 140), (140, 60), (140, 140)])  # rows and columns
    moves, scales, turns, shades = [], [], [], []
    for seed in range(150):
        found = []
        for y, x in corners:
            image = np.full((side, side, 3), 40, np.uint8)
            image[y - 3 : y + 4, x - 3 : x + 4] = 240
            out = draw(only("SlightShiftScaleRotate"), image, seed)
            found.append(np.mean(np.nonzero(out[..., 0] > 150), axis=1))
        (y0, x0), (y1, x1), (y2, x2), _ = found
        moves.append((np.mean(found, axis=0) - 100) / side)
        turns.append(np.degrees(np.arctan2(y1 - y0, x1 - x0)))
        scales += [np.hypot(y1 - y0, x1 - x0) / 80, np.hypot(y2 - y0, x2 - x0) / 80]
        shades.append(out.min())
    for found, limit in ((moves, 0.1), (turns, 10), (np.subtract(scales, 1), 0.2)):
        assert 0.9 * limit < np.max(found) < 1.03 * limit and -1.03 * limit < np.min(found) < -0.9 * limit
    assert np.median(shades) == 0


@pytest.mark.parametrize("name", ["ShiftScaleRotate", "SlightShiftScaleRotate"])
def test_both_axes_are_scaled_alike(name):
    drawn = [numbers["scale"] for _, numbers in applied(name, range(20))]
    assert all(scale["x"] == scale["y"] for scale in drawn) and len({scale["x"] for scale in drawn}) == 20


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
