"""The renderer: geometry against a slow plain version, expressions where they belong, faces that a detector finds."""

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from hypothesis import given, settings
from hypothesis import strategies as st

from ddet.synth import canvas, identity, paint, render, scene
from ddet.synth.animate import Pose, Rig

SIZE = 160
angle = st.floats(-0.35, 0.35)


@pytest.fixture(scope="module")
def head() -> paint.Head:
    return paint.paint(identity.sample(11), SIZE)


@pytest.fixture(scope="module")
def rig(head) -> Rig:
    return Rig(head)


@pytest.fixture
def one_thread():
    """Small networks run faster so, the more where other processes are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def straight(**acts: float) -> Pose:
    return Pose(80, 78, 45, 0, 0, 0, **acts)


def test_same_seed_same_person_and_another_seed_another():
    assert identity.sample(5) == identity.sample(5)
    assert identity.sample(5) != identity.sample(6)
    a, b = (paint.paint(identity.sample(5), 64) for _ in range(2))
    assert np.array_equal(a.albedo, b.albedo) and np.array_equal(a.normals, b.normals)


def test_fixing_the_sex_keeps_the_other_draws():
    woman, man = identity.sample(5, woman=True), identity.sample(5, woman=False)
    assert (woman.woman, man.woman) == (True, False)
    assert woman.skin == man.skin and woman.iris == man.iris
    assert woman.beard == 0


def test_normals_are_unit_vectors_towards_the_camera(head):
    assert np.allclose(np.linalg.norm(head.normals, axis=2), 1, atol=1e-5)
    assert head.normals[..., 2].min() > 0


@settings(max_examples=25, deadline=None)
@given(yaw=angle, pitch=st.floats(-0.2, 0.2), roll=angle, u=st.floats(-0.3, 0.3), v=st.floats(-0.3, 0.5))
def test_lookup_inverts_project(yaw, pitch, roll, u, v):
    """A dome of known height: project a point of it, look up the frame px, come back to the point."""
    size = 200
    line = (np.arange(size) + 0.5) / size * 2 * canvas.SPAN - canvas.SPAN
    grid = np.meshgrid(line, line)
    dome = (0.5 * np.exp(-(grid[0] ** 2) - grid[1] ** 2)).astype(np.float32)
    pose = Pose(100, 100, 50, yaw, pitch, roll)
    x, y = render.project(np.array([[u, v, 0.5 * np.exp(-(u**2) - v**2)]]), pose)[0]
    map_u, map_v = render.lookup(dome, pose, (0, 0, 200, 200))
    back = [float(bilinear(m, x, y)) / size * 2 * canvas.SPAN - canvas.SPAN for m in (map_u + 0.5, map_v + 0.5)]
    assert back == pytest.approx([u, v], abs=0.02)


def bilinear(image: np.ndarray, x: float, y: float) -> float:
    i, j = int(y), int(x)
    a, b = y - i, x - j
    return (1 - a) * ((1 - b) * image[i, j] + b * image[i, j + 1]) + a * (
        (1 - b) * image[i + 1, j] + b * image[i + 1, j + 1]
    )


@pytest.mark.parametrize(("turn", "axis", "sign"), [("yaw", 0, 1), ("pitch", 1, 1)])
def test_positive_angles_move_the_nose_right_and_down(head, turn, axis, sign):
    still = render.landmarks(head, straight())[2]
    moved = render.landmarks(head, straight()._replace(**{turn: 0.3}))[2]
    assert sign * (moved - still)[axis] > 2


def test_roll_turns_clockwise(head):
    left, right = render.landmarks(head, straight()._replace(roll=0.2))[:2]
    assert left[0] < right[0] and left[1] < right[1]


def test_light_from_the_left_brightens_the_left_cheek(rig):
    texture = rig.texture(straight())
    cheeks = []
    for across in (-0.8, 0.8):
        lit = render.shade(rig, texture, straight(), render.Light(across, 0.2, 0.8, 0.3, (1, 1, 1)))
        middle, row = SIZE // 2, int(SIZE * 0.55)
        cheeks.append([lit[row, middle - 18, :3].mean(), lit[row, middle + 18, :3].mean()])
    assert cheeks[0][0] > cheeks[0][1] and cheeks[1][0] < cheeks[1][1]


def test_each_act_moves_its_own_part_only(rig):
    rest = rig.texture(straight()).astype(int)
    eye, mouth = (int((v + canvas.SPAN) / (2 * canvas.SPAN) * SIZE) for v in (0.15, 0.40))
    for acts, rows in (({"blink": 1.0}, slice(0, eye)), ({"mouth": 0.8}, slice(mouth, SIZE))):
        changed = np.abs(rig.texture(straight(**acts)).astype(int) - rest).max((1, 2))
        elsewhere = np.ones(SIZE, bool)
        elsewhere[rows] = False
        assert changed[rows].max() > 40, acts
        assert changed[elsewhere].max() == 0, acts


def test_the_open_mouth_is_dark_and_the_shut_eye_has_no_white(rig, head):
    def at(texture, u, v):
        px = [int((c + canvas.SPAN) / (2 * canvas.SPAN) * SIZE) for c in (v, u)]
        return texture[px[0], px[1], :3].astype(int)

    who = head.who
    open_mouth = rig.texture(straight(mouth=1.0))
    assert at(open_mouth, 0, who.mouth_y + 0.10).mean() < 0.7 * at(rig.texture(straight()), 0, 0.85).mean()
    white = [at(rig.texture(straight(blink=b)), -who.eye_x - 0.08, who.eye_y)[2] for b in (0.0, 1.0)]
    assert white[0] > white[1] + 20


def test_blend_keeps_what_lies_below_a_zero_matte():
    rng = np.random.default_rng(0)
    below, above = rng.integers(0, 256, (2, 16, 16, 3), np.uint8)
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:8] = 255
    mixed = render.blend(below, above, alpha)
    assert np.array_equal(mixed[alpha == 0], below[alpha == 0])
    assert np.array_equal(mixed[4:8], above[4:8])


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
