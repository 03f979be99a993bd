"""The augmentation lists: what they change, and that their draws can be repeated."""

import numpy as np
import pytest

from ddet.augment import LISTS, draw, draws, pipeline
from ddet.errors import InputError


def face(size: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


def drawn(name: str, seeds: range) -> list[np.ndarray]:
    steps = pipeline(name)
    return [draw(steps, face(), seed) for seed in seeds]


def test_none_changes_nothing():
    assert pipeline("none") is None


def test_flips_give_the_four_mirror_images_about_equally_often():
    image = face()
    mirrors = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]]
    counts = np.zeros(4, int)
    for out in drawn("flips", range(200)):
        counts += [np.array_equal(out, m) for m in mirrors]
    assert counts.sum() == 200
    assert counts.min() > 30  # 50 expected, standard deviation 6


def test_genconvit_keeps_one_crop_in_ten_or_so_and_keeps_shape_and_type():
    outs = drawn("genconvit", range(300))
    assert {(o.shape, o.dtype.name) for o in outs} == {((48, 48, 3), "uint8")}
    untouched = sum(np.array_equal(o, face()) for o in outs) / len(outs)
    # skipped with .1; else every step misses with .8 .8 .5 .5 .8 .8 .8 .8 = .066 (a turn may also restore the crop)
    assert 0.08 < untouched < 0.26


@pytest.mark.parametrize("name", ["flips", "genconvit"])
def test_the_seed_alone_decides(name):
    again = pipeline(name)
    for seed, first in zip(range(20), drawn(name, range(20)), strict=True):
        assert np.array_equal(draw(again, face(), seed), first)


def test_noise_is_of_the_strength_meant():
    """GaussNoise of albumentations 2 defaults to a standard deviation of 51 to 112 grey values; meant are 3 to 7."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    [noise] = [t for group in pipeline("genconvit").transforms[0].transforms for t in getattr(group, "transforms", [])][
        :1
    ]
    noise.p = 1
    assert 2.5 < (noise(image=grey)["image"].astype(float) - 128).std() < 8


def test_unknown_name_lists_the_known():
    with pytest.raises(InputError) as e:
        pipeline("mixup")
    assert all(name in str(e.value) for name in LISTS)


def test_draws_to_show_are_the_same_on_every_call_and_differ_among_themselves():
    shown = draws("flips", face(), 12)
    assert len(shown) == 12 and len({image.tobytes() for image in shown}) == 4  # the four mirror images
    assert all(np.array_equal(a, b) for a, b in zip(shown, drawn("flips", range(12)), strict=True))


def test_draws_of_a_list_that_changes_nothing_are_the_crop_itself():
    assert [image.tobytes() for image in draws("none", face(), 3)] == [face().tobytes()] * 3
