"""Forgeries: the truth covers what was altered, each mechanism stays in its region, distortions do what they say."""

from dataclasses import replace

import numpy as np
import pytest

from ddet.synth import forge as forge_module
from ddet.synth import identity, paint, render, scene
from ddet.synth.canvas import SPAN
from ddet.synth.forge import METHODS, Grid, forge, matte, stable

FRAMES = 3
EVERY = sorted(METHODS)


@pytest.fixture(scope="module")
def heads() -> list[paint.Head]:
    return [paint.paint(identity.sample(seed, woman=True), 184) for seed in (21, 22, 23)]


@pytest.fixture(scope="module")
def filmed(heads):
    made = scene.compose(scene.DOMAINS["ffpp"], heads[:1], 4, 160, FRAMES, 4)
    return made, scene.film(made)


def forged(filmed, heads, name, seed=1):
    return forge(*filmed, heads[1], scene.talk(9, 0, FRAMES, 4), METHODS[name], seed)


@pytest.mark.parametrize("name", EVERY)
def test_truth_covers_every_altered_pixel_and_little_else(filmed, heads, name):
    frames, truth = forged(filmed, heads, name)
    assert truth.shape == (FRAMES, 160, 160) and truth.dtype == bool
    for shot, frame, mask in zip(filmed[1], frames, truth, strict=True):
        altered = (frame != shot.image).any(2)
        assert not (altered & ~mask).any()
        assert altered.sum() > 0.75 * mask.sum() > 100


@pytest.mark.parametrize("name", EVERY)
def test_forging_is_deterministic_and_the_seed_matters(filmed, heads, name):
    a, b, other = (forged(filmed, heads, name, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, other)


def test_neural_textures_touch_the_lower_face_only(filmed, heads):
    _, truth = forged(filmed, heads, "NeuralTextures")
    for t, mask in enumerate(truth):
        person = filmed[0].people[0]
        marks = render.landmarks(person.rig.head, person.poses[t])
        rows, columns = np.nonzero(mask)
        assert rows.min() > marks[2, 1] - 3, "below the tip of the nose"
        assert columns.min() > marks[0, 0] - 15 and columns.max() < marks[1, 0] + 15


def test_regions_are_ordered_by_size(heads):
    area = {name: (matte(heads[0], METHODS[name]) > 128).sum() for name in EVERY}
    assert area["NeuralTextures"] < area["Face2Face"] < area["Deepfakes"]
    assert area["FaceSwap"] < area["Deepfakes"]


def test_a_swap_depends_on_the_source_and_a_reenactment_on_her_acts(filmed, heads):
    acts = scene.talk(9, 0, FRAMES, 4)
    shut = {key: np.zeros(FRAMES) for key in acts}
    wide = {**shut, "mouth": np.ones(FRAMES)}
    swaps = [forge(*filmed, head, acts, METHODS["Deepfakes"], 1)[0] for head in heads[1:]]
    assert not np.array_equal(*swaps)
    for name in ("Face2Face", "NeuralTextures"):
        transfers = [forge(*filmed, heads[1], a, METHODS[name], 1)[0] for a in (shut, wide)]
        assert np.abs(transfers[0][0].astype(int) - transfers[1][0]).max() > 40, name
        other = forge(*filmed, heads[2], wide, METHODS[name], 1)[0]
        assert np.array_equal(transfers[1], other), "her looks do not enter"


def test_jitter_varies_over_time_and_can_be_taken_out(heads):
    """On a still scene, a stable generator repeats its face; the standard one does not."""
    made = scene.compose(scene.DOMAINS["ffpp"], heads[:1], 4, 160, 2, 4)
    pose = made.people[0].poses[0]
    still = scene.Scene(**{
        **vars(made), "people": [scene.Person(made.people[0].rig, made.people[0].body, [pose, pose])],
        "camera": np.repeat(made.camera[:1], 2, 0), "exposure": np.ones(2), "grain": np.zeros_like(made.grain),
    })  # fmt: skip
    shots, acts = scene.film(still), scene.talk(9, 0, 2, 4)
    whole = METHODS["Deepfakes"]
    for method, same in ((replace(whole, shift=0), False), (replace(whole, flicker=0), False), (stable(whole), True)):
        frames, _ = forge(still, shots, heads[1], acts, method, 1)
        assert np.array_equal(*frames) == same


def test_one_of_two_people_is_forged(heads):
    made = scene.compose(scene.DOMAINS["dfdc"], heads[:2], 3, 160, 2, 4)
    shots = scene.film(made)
    for person in (0, 1):
        _, truth = forge(made, shots, heads[2], scene.talk(9, 0, 2, 4), METHODS["DFDC:fair"], 1, person)
        for t in range(2):
            centre = np.nonzero(truth[t])[1].mean()
            near = [abs(p.poses[t].x - centre) for p in made.people]
            assert near[person] < 0.3 * near[1 - person]


def test_a_forgery_stays_close_to_its_target(filmed, heads):
    """Colour is matched: inside the mask the mean level moves little, and FaceShifter's least of the swaps."""
    error = {}
    for name in ("FaceSwap", "FaceShifter"):
        frames, truth = forged(filmed, heads, name)
        pairs = zip(filmed[1], frames, truth, strict=True)
        error[name] = np.mean([abs(f[m].mean(0) - s.image[m].mean(0)).mean() for s, f, m in pairs])
    assert error["FaceShifter"] < error["FaceSwap"] < 25


# the traces of a generator

QUIET = replace(stable(METHODS["Face2Face"]), cast=0.0, sharpen=0.0, tint=(1.0, 1.0, 1.0))


@pytest.mark.parametrize("waves", [8, 20])
@pytest.mark.parametrize(("kind", "down", "across"), [("rows", 1, 0), ("columns", 0, 1), ("checks", 1, 1)])
def test_a_pattern_has_the_period_and_the_strength_that_its_grid_says(kind, down, across, waves):
    """The texture is 2 x SPAN face units wide, so that waves of a period of 2 x SPAN / n are n on it."""
    grid = Grid(kind, 0.08, 2 * SPAN / waves)
    pattern = forge_module._pattern(grid, 240, np.array([0.3, 2.0]))
    assert pattern.shape == (240, 240, 3) and pattern.dtype == np.float32
    assert (pattern == pattern[..., :1]).all(), "brightness alone"
    spectrum = np.abs(np.fft.fft2(pattern[..., 0])) / 240**2
    assert spectrum[0, 0] == pytest.approx(1, abs=1e-6), "as bright as before, on average"
    spectrum[0, 0] = 0
    found = {(min(y, 240 - y), min(x, 240 - x)) for y, x in np.argwhere(spectrum > 1e-5)}
    assert found == {(waves * down, waves * across)}, "one wave and nothing else"
    lines = 4 if kind == "checks" else 2  # a product of two cosines is four lines of a quarter, one is two of a half
    assert np.sort(spectrum.ravel())[-lines:] == pytest.approx([0.08 / lines] * lines, rel=1e-4)
    assert np.abs(pattern - 1).max() == pytest.approx(0.08, rel=0.03)


def test_a_pattern_begins_where_its_phase_says():
    grid = Grid("rows", 0.1, 2 * SPAN / 10)
    one, other = (forge_module._pattern(grid, 100, np.array([0.0, shift])) for shift in (0.0, np.pi))
    np.testing.assert_allclose(one + other, 2, atol=1e-6)
    across = forge_module._pattern(grid, 100, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(across, one, "rows have no phase across")


def generated(filmed, method, seed=1):
    """Generate the first frame's face on its target's texture, before it is placed: n x n x 4 uint8."""
    person = filmed[0].people[0]
    rng, straight = np.random.default_rng(seed), np.array([[1.0, 0, 0], [0, 1, 0]])
    made = forge_module._Generator(method, person.rig, matte(person.rig.head, method), straight, rng)
    return made, made.face(person.poses[0], filmed[0])


def test_a_generated_face_carries_the_pattern_and_none_leaves_it_untouched(filmed):
    bare, face = generated(filmed, QUIET)
    assert bare.pattern is None
    flat, same = generated(filmed, replace(QUIET, grid=Grid("checks", 0.0, 0.2)))
    assert (flat.pattern == 1).all() and np.array_equal(face, same)
    made, patterned = generated(filmed, replace(QUIET, grid=Grid("checks", 0.09, 0.2)))
    assert np.array_equal(face[..., 3], patterned[..., 3]), "the matte has none"
    expected = np.rint(face[..., :3] * made.pattern).clip(0, 255)
    assert np.abs(expected - patterned[..., :3]).max() <= 1
    assert np.abs(patterned[..., :3].astype(int) - face[..., :3]).max() > 8


def test_the_pattern_differs_between_clips(filmed):
    method = replace(QUIET, grid=Grid("columns", 0.09, 0.2))
    patterns = [generated(filmed, method, seed)[0].pattern for seed in (1, 1, 2)]
    assert np.array_equal(*patterns[:2]) and not np.array_equal(*patterns[1:])


@pytest.mark.parametrize("tint", [(1.2, 1.0, 0.8), (0.9, 1.1, 1.0)])
def test_a_tint_multiplies_the_channels_of_the_face(filmed, heads, tint):
    wide = replace(QUIET, kind="swap", region="oval", grain=0.0)
    acts = scene.talk(9, 0, FRAMES, 4)
    (plain, truth), (tinted, _) = (
        forge(*filmed, heads[1], acts, replace(wide, tint=gain), 1) for gain in ((1.0, 1.0, 1.0), tint)
    )
    altered = np.abs(tinted[0].astype(int) - plain[0]).max(2)
    assert not altered[~truth[0]].any()
    rows, columns = np.nonzero(truth[0])
    middle = np.zeros_like(truth[0])
    (top, bottom), (left, right) = (np.quantile(at, [0.25, 0.75]).astype(int) for at in (rows, columns))
    middle[top:bottom, left:right] = True  # where the matte is full
    light = (plain[0].max(2) < 200) & (plain[0].min(2) > 30)  # not cut off at white, not lost in rounding
    safe = middle & light
    assert safe.sum() > 150
    found = tinted[0][safe].sum(0) / plain[0][safe].astype(float).sum(0)
    assert found == pytest.approx(tint, rel=0.02)


def test_a_method_has_no_trace_unless_it_says_so():
    assert Grid().kind == "none" and replace(QUIET, grid=Grid()).grid == Grid()
    bare = forge_module.Method("swap", "oval", 100, 0.3, 1.0, 0, 0, 0, 1)
    assert (bare.tint, bare.grid, bare.sharpen) == ((1.0, 1.0, 1.0), Grid(), 0.0)
