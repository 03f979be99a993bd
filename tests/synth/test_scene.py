"""Scenes: who sits where, how they move, what the camera adds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from ddet.synth import canvas, identity, paint, render, scene
from ddet.synth.animate import Pose

SIZE = 160


@pytest.fixture(scope="module")
def head() -> paint.Head:
    return paint.paint(identity.sample(11), SIZE)


@pytest.fixture
def one_thread():
    """Small networks run faster so, the more where other processes are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_domains_differ_and_two_people_sit_side_by_side(head):
    made = scene.compose(scene.DOMAINS["dfdc"], [head, head], 3, 160, 2, 8)
    assert made.shape[1] > made.shape[0]
    left, right = (person.poses[0].x for person in made.people)
    assert right - left > 0.3 * made.shape[1]
    shapes = {scene.compose(scene.DOMAINS["dfdc"], [head], s, 160, 1, 8).shape for s in range(8)}
    assert len(shapes) == 2 and all(side % 2 == 0 for shape in shapes for side in shape)


def test_filming_is_deterministic_and_moves(head):
    made = scene.compose(scene.DOMAINS["ffpp"], [head], 3, 160, 3, 2)
    a, b = scene.film(made), scene.film(made)
    assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].image, a[1].image)


def test_mtcnn_finds_the_faces_and_agrees_on_the_landmarks(one_thread):
    mtcnn = MTCNN(keep_all=True, min_face_size=40, device="cpu")
    found, errors = 0, []
    for seed in range(14):
        domain = list(scene.DOMAINS.values())[seed % 3]
        made = scene.compose(domain, [paint.paint(identity.sample(700 + seed), 256)], seed, 224, 1, 8)
        boxes, _, marks = mtcnn.detect(scene.film(made)[0].image, landmarks=True)
        found += boxes is not None
        if boxes is not None:
            person = made.people[0]
            errors.append(np.abs(marks[0] - render.landmarks(person.rig.head, person.poses[0])).mean())
    assert found == 14
    assert np.mean(errors) < 4, "px, of faces about 110 px tall"


def test_a_wave_is_smooth_and_stays_near_zero():
    seconds = np.arange(4000) / 25
    paths = np.stack([scene.wave(np.random.default_rng(seed), seconds, 0.5) for seed in range(5)])
    assert np.abs(paths).max() <= 1 and paths.std() > 0.3 and np.abs(paths.mean(1)).max() < 0.1
    assert np.abs(np.diff(paths)).max() <= 0.5 * 1.3 * 2 * np.pi / 25, "no faster than its highest rate"
    assert not np.allclose(paths[0], paths[1])


def test_talk_keeps_to_the_ranges_of_a_pose_and_is_a_person_s_own():
    for seed in range(5):
        acts = scene.talk(seed, 0, 400, 25)
        assert list(acts) == list(Pose._fields[6:]), "in the order of a pose"
        assert all(len(values) == 400 for values in acts.values())
        for name, low, high in (
            ("blink", 0, 1),
            ("mouth", 0, 1),
            ("smile", -0.4, 1),
            ("brow", -1, 1),
            ("gaze_u", -1, 1),
        ):
            assert low <= acts[name].min() and acts[name].max() <= high, name
    one, same, other, later = (scene.talk(*args, 400, 25) for args in ((1, 0), (1, 0), (1, 1), (2, 0)))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["mouth"], other["mouth"]) and not np.array_equal(one["mouth"], later["mouth"])


def test_people_blink_every_few_seconds_and_have_their_eyes_open_otherwise():
    shut = np.stack([scene.talk(seed, 0, 3000, 25)["blink"] for seed in range(4)])
    blinks = ((shut[:, 1:] >= 0.5) & (shut[:, :-1] < 0.5)).sum(1)
    assert (blinks > 3000 / 25 / 3.6).all() and (blinks < 3000 / 25 / 1.4).all()
    assert (shut == 0).mean() > 0.8 and shut.max() == 1


@pytest.mark.parametrize("domain", scene.DOMAINS.values(), ids=lambda d: d.name)
def test_heads_keep_to_what_their_domain_allows(head, domain):
    limits = np.radians([domain.yaw, domain.pitch, domain.roll])
    for seed in range(6):
        made = scene.compose(domain, [head], seed, 128, 20, 8)
        (person,) = made.people
        turns = np.abs([(p.yaw, p.pitch, p.roll) for p in person.poses])
        assert (turns <= limits + 1e-9).all()
        scales = [p.scale for p in person.poses]
        assert 128 * domain.face[0] / 2 * 0.97 <= min(scales) and max(scales) <= 128 * domain.face[1] / 2 * 1.03
        assert made.frames == len(person.poses) == len(made.exposure) == 20
        assert domain.blur[0] <= made.blur <= domain.blur[1] and made.seed == seed
        assert domain.power[0] <= made.light.power <= domain.power[1]
        assert np.mean(made.light.tint) == pytest.approx(1)
        assert all(0 < p.x < made.shape[1] and 0 < p.y < made.shape[0] for p in person.poses)


def test_a_scene_follows_its_seed(head):
    first, same, other = (scene.compose(scene.DOMAINS["ffpp"], [head], seed, 128, 4, 8) for seed in (3, 3, 4))
    assert first.people[0].poses == same.people[0].poses != other.people[0].poses
    for part in ("room", "camera", "exposure", "tone", "grain"):
        assert np.array_equal(getattr(first, part), getattr(same, part))
        assert not np.array_equal(getattr(first, part), getattr(other, part)), part


@pytest.fixture
def plain(head) -> scene.Scene:
    """A scene whose camera changes nothing."""
    made = scene.compose(scene.DOMAINS["ffpp"], [head], 3, 128, 4, 8)
    identity_tone = np.repeat(np.arange(256.0)[:, None], 3, 1)
    return replace(made, tone=identity_tone, exposure=np.ones(4), blur=0.0)


def test_tone_and_exposure_by_hand(plain):
    frame = np.full((8, 8, 3), (10, 100, 200), np.uint8)
    assert np.array_equal(scene.developed(plain, 0, frame), frame)
    brighter = replace(plain, exposure=np.array([1.0, 1.5, 1.0, 1.0]))
    assert scene.developed(brighter, 1, frame)[0, 0].tolist() == [15, 150, 255]
    assert np.array_equal(scene.developed(brighter, 0, frame), frame), "the gain is that of the frame"
    red = replace(plain, tone=plain.tone * np.array([1.0, 0.5, 0.0]))
    assert scene.developed(red, 0, frame)[0, 0].tolist() == [10, 50, 0]


def test_a_blur_below_a_quarter_px_is_none(plain):
    edge = np.zeros((8, 8, 3), np.uint8)
    edge[:, 4:] = 200
    assert np.array_equal(scene.developed(replace(plain, blur=0.25), 0, edge), edge)
    assert 0 < scene.developed(replace(plain, blur=1.0), 0, edge)[4, 3, 0] < 100


def test_grain_is_added_as_drawn_moves_between_frames_and_is_the_same_in_a_part(plain):
    h, w = plain.shape
    noisy = replace(
        plain, grain=np.random.default_rng(0).integers(-9, 9, (h + 64, w + 64, 3), dtype=np.int16), seed=200
    )
    grey = np.full((h, w, 3), 100, np.uint8)
    for t in range(3):
        x, y = (37 * t + 200) % 64, (23 * t + 200 // 64) % 64
        want = 100 + noisy.grain[y : y + h, x : x + w]
        assert np.array_equal(scene.grained(noisy, t, grey), want)
        part = scene.grained(noisy, t, grey[5:25, 10:40], (10, 5, 40, 25))
        assert np.array_equal(part, want[5:25, 10:40])
    none = scene.grained(noisy, 0, grey, share=0.0)
    half = scene.grained(noisy, 0, grey, share=0.5).astype(int) - 100
    assert (none == 100).all() and np.abs(half).max() <= 5
    white = np.full((h, w, 3), 255, np.uint8)
    assert scene.grained(noisy, 0, white).min() > 240, "levels are clipped, they do not wrap"


def test_a_shot_tells_where_the_head_is_and_which_texture_px_it_shows(head):
    made = scene.compose(scene.DOMAINS["ffpp"], [head], 3, 160, 2, 8)
    for t, shot in enumerate(scene.film(made)):
        ((x0, y0, x1, y1), map_u, map_v), pose = shot.places[0], made.people[0].poses[t]
        assert shot.image.shape == (*made.shape, 3) and map_u.shape == map_v.shape == (y1 - y0, x1 - x0)
        assert x0 < pose.x < x1 and y0 < pose.y < y1
        for mark, point in zip(render.landmarks(head, pose), head.marks, strict=True):
            x, y = (round(float(m)) for m in mark)
            shown = np.array([map_u[y - y0, x - x0], map_v[y - y0, x - x0]])
            want = (point[:2] + canvas.SPAN) / (2 * canvas.SPAN) * head.size
            assert np.abs(shown - want).max() < 5, "texture px"
