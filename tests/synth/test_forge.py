"""Forgeries: the truth covers what was altered, each mechanism stays in its region, distortions do what they say."""

from dataclasses import replace

import numpy as np
import pytest

from ddet.synth import identity, paint, render, scene
from ddet.synth.forge import METHODS, forge, matte, stable

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
