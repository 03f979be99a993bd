"""Distortions: variants draw their steps, and each step does what it says."""

import itertools

import cv2
import numpy as np
import pytest

from ddet.errors import InputError
from ddet.synth import distort

STEPS = {
    "end_to_end": 0,
    "end_to_end_level_4": 1,
    "end_to_end_random_level": 1,
    "end_to_end_mix_2_distortions": 2,
    "end_to_end_mix_4_distortions": 4,
}


@pytest.mark.parametrize(("variant", "steps"), STEPS.items())
def test_variants_draw_their_steps(variant, steps):
    for seed in range(20):
        drawn = distort.draw(variant, seed)
        assert len(drawn) == len({kind for kind, _ in drawn}) == steps
        assert all(1 <= level <= 5 for _, level in drawn)
        assert "VC" not in [kind for kind, _ in drawn][:-1], "compression comes last"
        if "level_4" in variant:
            assert drawn[0][1] == 4


def test_an_unknown_variant_is_refused():
    with pytest.raises(InputError, match="end_to_end_mix_4_distortions"):
        distort.draw("end_to_end_level_6", 0)


def test_distortions_on_a_plain_frame():
    frame = np.full((240, 240, 3), (200, 100, 50), np.uint8)
    assert np.ptp(distort.distort([frame], (("CS", 5),), 0)[0], axis=2).max() <= 1, "level 5 leaves no colour"
    assert distort.distort([frame], (("CC", 5),), 0)[0][0, 0].tolist() == [70, 35, 18]
    blocks = distort.distort([frame], (("BW", 5),), 0)[0]
    assert 10 * 64 < (blocks == 128).all(2).sum() <= 20 * 64, "80 blocks of 8 px at 480 lines: 20 at 240, some overlap"
    noise = distort.distort([np.full((240, 240, 3), 128, np.uint8)], (("GNC", 4),), 0)[0]
    assert noise.std() == pytest.approx(25.5, rel=0.03)
    assert np.array_equal(distort.distort([frame], (("GB", 5), ("JPEG", 5)), 0)[0], frame)


def test_compression_sets_the_encoders_crf():
    assert distort.crf((("GB", 1), ("VC", 5)), 23) == 40
    assert distort.crf((("GB", 1),), 23) == 23


def test_every_variant_of_the_release_can_be_drawn_and_the_seed_alone_decides():
    for variant in distort.VARIANTS:
        assert distort.draw(variant, 3) == distort.draw(variant, 3)
    assert len({distort.draw("end_to_end_mix_3_distortions", seed) for seed in range(20)}) > 10
    assert {level for seed in range(40) for _, level in distort.draw("end_to_end_random_level", seed)} == {
        1,
        2,
        3,
        4,
        5,
    }
    assert {kind for seed in range(60) for kind, _ in distort.draw("end_to_end_level_1", seed)} == set(distort.LEVELS)


def test_steps_are_taken_in_order_and_compression_is_left_out():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (48, 48, 3), np.uint8)
    steps = (("CC", 5), ("BW", 5))
    blocks_last, blocks_first = (distort.distort([frame], s, 1)[0] for s in (steps, steps[::-1]))
    assert (blocks_last == 128).all(2).any() and not np.array_equal(blocks_last, blocks_first)
    assert np.array_equal(distort.distort([frame], (("VC", 5),), 1)[0], frame)
    assert distort.distort([frame], (), 1)[0] is frame


def test_the_frames_given_stay_as_they_are():
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    before = frame.copy()
    for kind in distort.LEVELS:
        distort.distort([frame], ((kind, 5),), 0)
    assert np.array_equal(frame, before)


def test_a_higher_level_alters_more():
    frame = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (480, 480, 3), np.uint8), (0, 0), 1)
    for kind in ("CS", "CC", "BW", "GNC", "GB", "JPEG"):
        change = [np.abs(distort.distort([frame], ((kind, n),), 0)[0].astype(int) - frame).mean() for n in range(1, 6)]
        assert all(a < b for a, b in itertools.pairwise(change)), kind


def test_a_level_hides_as_much_of_a_small_frame():
    """The same picture at half the size, blurred at the same level, is the blurred picture at half the size."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((480, 480, 3)), (0, 0), 6)
    large = np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)
    small = cv2.resize(large, (240, 240), interpolation=cv2.INTER_AREA)
    for kind in ("GB", "JPEG"):
        want = cv2.resize(distort.distort([large], ((kind, 5),), 0)[0], (240, 240), interpolation=cv2.INTER_AREA)
        found = distort.distort([small], ((kind, 5),), 0)[0]
        assert np.abs(found.astype(int) - want).mean() < 1.5, kind


def test_each_frame_has_noise_and_blocks_of_its_own():
    frames = [np.full((96, 96, 3), 60, np.uint8)] * 2
    for kind in ("GNC", "BW"):
        one, two = distort.distort(frames, ((kind, 5),), 0)
        again = distort.distort(frames, ((kind, 5),), 0)[0]
        assert not np.array_equal(one, two) and np.array_equal(one, again), kind
