"""Render any number of labelled real faces: crops whose pose, expression, light and landmarks are known.

They replace ImageNet where there is no internet: a backbone is pre-trained by regression on these targets.
No crop is forged, and no person here occurs in the benchmark.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ddet.seeds import derive
from ddet.synth import backdrop, identity
from ddet.synth.animate import Pose, Rig
from ddet.synth.canvas import Array
from ddet.synth.paint import paint
from ddet.synth.render import Light, landmarks
from ddet.synth.scene import Person, Scene, film

TARGETS: tuple[str, ...] = (
    "yaw", "pitch", "roll",  # in units of 30 degrees
    "blink", "mouth", "smile",  # 0..1, 0..1, -1..1
    "light_across", "light_up",  # about -1..1
    "blur", "grain",  # of the camera, over the whole picture: 0..1 of the strongest
    *(f"{mark}_{axis}" for mark in ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth") for axis in "xy"),
)  # fmt: skip
TURN = np.radians(30)
BOX = 1.71  # MTCNN's box is so many face units tall here, measured over 60 faces; its middle lies 0.12 below ours
MARGIN = (1.15, 1.45)  # side of the crop over that of the box
BLUR, GRAIN = 1.2, 7  # the strongest of the camera: sd in px, and in grey levels
ROOMS, NOISE = 24, 96  # backgrounds a batch; px by which the noise tile exceeds a crop


def pretext_batch(n: int, seed: int, size: int, identities: Sequence[int]) -> tuple[Array, Array]:
    """Render n real-face crops of the people numbered `identities`.

    Returns crops, n x size x size x 3 uint8 RGB, and targets, n x len(TARGETS) float32; landmarks are in shares of the
    crop, in MTCNN's order. The same arguments give the same bits; each crop depends on `seed` and its number only.
    """
    crops, targets = np.empty((n, size, size, 3), np.uint8), np.empty((n, len(TARGETS)), np.float32)
    rng = np.random.default_rng(derive("pretext", "rooms", seed))
    rooms = [backdrop.room(rng, (size, size)) for _ in range(ROOMS)]
    grain = rng.standard_normal((size + NOISE, size + NOISE, 3)).astype(np.float32)
    for i in range(n):
        crops[i], targets[i] = _crop(derive("pretext", seed, i), size, identities, rooms, grain)
    return crops, targets


def person_seed(number: int) -> int:
    """Return the seed of a pre-training identity; the benchmark derives its own under another name."""
    return derive("pretext", "person", number)


@lru_cache(maxsize=512)
def _cast(number: int, size: int) -> tuple[Rig, Array]:
    rng = np.random.default_rng([person_seed(number), 1])
    head = paint(identity.sample(person_seed(number)), max(128, round(size * 1.6 / 2) * 2))
    return Rig(head, soft=rng.uniform(0, 1)), backdrop.body(head.who, rng.uniform(-0.8, 0.8))


def _crop(seed: int, size: int, identities: Sequence[int], rooms: list[Array], grain: Array) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    rig, body = _cast(int(identities[rng.integers(len(identities))]), size)
    pose, light = _pose(rng, size), _light(rng)
    blur, strength = rng.uniform(0, BLUR), rng.uniform(0.5, GRAIN)
    noise = np.rint(np.roll(grain, rng.integers(0, size, 2), (0, 1)) * strength).astype(np.int16)
    scene = Scene(
        shape=(size, size), people=[Person(rig, body, [pose])], light=light, room=rooms[rng.integers(len(rooms))],
        camera=np.array([[*rng.uniform(-0.1, 0.1, 2) * size, 1.0]]), exposure=np.ones(1), tone=_tone(rng),
        blur=blur, grain=noise, seed=seed,
    )  # fmt: skip
    marks = landmarks(rig.head, pose) / size
    acts = (pose.blink, pose.mouth, pose.smile, light.across, light.up, blur / BLUR, strength / GRAIN)
    angles = np.array([pose.yaw, pose.pitch, pose.roll]) / TURN
    return film(scene)[0].image, np.concatenate([angles, acts, marks.ravel()]).astype(np.float32)


def _pose(rng: np.random.Generator, size: int) -> Pose:
    scale = size / (BOX * rng.uniform(*MARGIN))
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * np.radians([28, 14, 14])
    x, y = size / 2 + rng.uniform(-0.10, 0.10, 2) * scale
    blink = rng.choice([0.0, 1.0, rng.random()], p=[0.6, 0.2, 0.2])
    mouth = max(0.0, rng.uniform(-0.5, 1))
    return Pose(
        x, y - 0.12 * scale, scale, yaw, pitch, roll, blink, mouth, rng.uniform(-0.4, 1), *rng.uniform(-0.8, 0.8, 3)
    )


def _light(rng: np.random.Generator) -> Light:
    tint = rng.normal(1, 0.06, 3)
    return Light(
        rng.uniform(-1, 1), rng.uniform(-0.2, 0.9), rng.uniform(0.4, 0.95), rng.uniform(0.25, 0.55),
        tuple(tint / tint.mean()),
    )  # fmt: skip


def _tone(rng: np.random.Generator) -> Array:
    level = np.arange(256)[:, None] / 255
    return np.clip(255 * level ** rng.uniform(0.8, 1.2) * rng.normal(1, 0.05, 3) * rng.uniform(0.85, 1.05), 0, 255)


def sheet(crops: Array, targets: Array) -> Array:
    """Draw each crop's landmarks on it and join the crops in a row, for inspection."""
    out = crops.copy()
    for crop, marks in zip(out, targets[:, -10:].reshape(-1, 5, 2) * crops.shape[1], strict=True):
        for x, y in marks:
            cv2.circle(crop, (round(float(x)), round(float(y))), 1, (0, 255, 0), -1)
    return np.hstack(list(out))
