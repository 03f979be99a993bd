"""The scene of a clip, drawn before rendering: persons and their motion, the lamp, the room and the camera.

`Domain` holds what differs between datasets; everything else of a scene is drawn from the clip's seed. Softness,
noise, colour cast and blur belong to the camera, so that real and forged clips share them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ddet.synth import backdrop
from ddet.synth.animate import Pose, Rig
from ddet.synth.canvas import Array
from ddet.synth.paint import Head
from ddet.synth.render import Light, blend, head_box, lookup, over, shade

Range = tuple[float, float]


@dataclass(frozen=True)
class Domain:
    """The filming conditions of a dataset. Ranges are uniform; angles in degrees, blur in px, noise in grey levels."""

    name: str
    shapes: tuple[tuple[float, float], ...]  # (height, width) in units of the benchmark's frame size
    face: Range  # hairline to chin, in units of the frame size
    yaw: float  # largest
    pitch: float
    roll: float
    speed: float  # of all motion
    shake: float  # of the camera, share of the frame
    power: Range  # of the lamp
    ambient: Range
    across: float
    cast: float  # spread of the colour cast
    soft: Range  # of the skin, texture px: make-up, filters, focus
    blur: Range
    noise: Range
    crf: tuple[int, int]  # added to the benchmark's


DOMAINS = {
    "ffpp": Domain(  # news and interviews: steady, even light
        "ffpp", ((1.0, 1.0),), (0.48, 0.58), 16, 8, 6, 1.0, 0.006, (0.60, 0.85), (0.38, 0.55), 0.5,
        0.03, (0.0, 1.7), (0.0, 0.9), (0.0, 4.0), (-2, 4),
    ),
    "celebdf": Domain(  # celebrities talking to the camera, studio light
        "celebdf", ((1.0, 1.0), (1.0, 1.25)), (0.44, 0.60), 20, 9, 8, 1.2, 0.010, (0.65, 0.95), (0.30, 0.50), 0.7,
        0.05, (0.2, 1.8), (0.0, 1.0), (0.0, 3.5), (-1, 5),
    ),
    "dfdc": Domain(  # amateurs at home: dim, tinted, moving
        "dfdc", ((1.0, 1.4), (1.4, 1.0)), (0.42, 0.54), 22, 10, 9, 1.6, 0.025, (0.40, 0.90), (0.28, 0.50), 0.9,
        0.08, (0.0, 1.8), (0.0, 1.2), (0.5, 7.0), (0, 8),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A rigged head, its shoulders and one pose per frame."""

    rig: Rig
    body: Array
    poses: list[Pose]


@dataclass(frozen=True)
class Scene:
    """Everything that shapes a clip's pixels. `tone` is the camera's 256 x 1 x 3 table, `grain` its noise tile."""

    shape: tuple[int, int]
    people: list[Person]
    light: Light
    room: Array
    camera: Array  # frames x 3: pan x, pan y (px), zoom
    exposure: Array  # frames, gain
    tone: Array
    blur: float
    grain: Array  # int16
    seed: int

    @property
    def frames(self) -> int:
        return len(self.camera)


@dataclass(frozen=True)
class Shot:
    """One rendered frame, and for each person the frame box and texture maps that placed the head."""

    image: Array  # H x W x 3 uint8 RGB, as the camera wrote it
    places: list[tuple[tuple[int, int, int, int], Array, Array]]


def wave(rng: np.random.Generator, seconds: Array, hertz: float) -> Array:
    """Return a smooth random path around 0, mostly within -1..1."""
    rates, phases = hertz * rng.uniform(0.4, 1.3, 3), rng.uniform(0, 2 * np.pi, 3)
    weights = rng.uniform(0.3, 1, 3)
    return np.sin(np.outer(seconds, rates) * 2 * np.pi + phases) @ (weights / weights.sum())


def talk(seed: int, person: int, frames: int, fps: float) -> dict[str, Array]:
    """Draw blinks, speech, smile, brows and gaze of one person over time; a forgery may copy them."""
    rng = np.random.default_rng([seed, person])
    seconds = np.arange(frames) / fps + rng.uniform(0, 10)
    blink_at = np.arange(seconds[0] + rng.uniform(-1, 1), seconds[-1] + 1, rng.uniform(1.5, 3.5))
    blink = np.clip(1.4 - np.abs(seconds[:, None] - blink_at).min(1) / 0.11, 0, 1)
    speaks = np.clip(0.6 + 1.2 * wave(rng, seconds, 0.4), 0, 1) * rng.uniform(0.3, 1)
    mouth = speaks * np.clip(0.35 + 0.75 * wave(rng, seconds, 2.7), 0, 1)
    mood, lift = rng.uniform(-0.2, 0.9), rng.uniform(-0.4, 0.5)
    return {
        "blink": blink, "mouth": mouth, "smile": np.clip(mood + 0.35 * wave(rng, seconds, 0.5), -0.4, 1),
        "brow": lift + 0.5 * wave(rng, seconds, 0.7), "gaze_u": 0.7 * wave(rng, seconds, 0.5),
        "gaze_v": 0.4 * wave(rng, seconds, 0.4),
    }  # fmt: skip


def move(rng, domain: Domain, seconds: Array, at: tuple[float, float], scale: float, acts: dict) -> list[Pose]:
    """Draw a person's poses around `at` (frame px), with the expressions `acts`."""
    t, turn = seconds * domain.speed, np.radians([domain.yaw, domain.pitch, domain.roll])
    base = rng.uniform(-0.45, 0.45, 3)
    yaw, pitch, roll = (a * (b + 0.55 * wave(rng, t, 0.35)) for a, b in zip(turn, base, strict=True))
    x = at[0] + scale * (0.10 * wave(rng, t, 0.3) + 0.25 * np.sin(yaw))
    y = at[1] + scale * 0.07 * wave(rng, t, 0.4)
    size = scale * (1 + 0.03 * wave(rng, t, 0.2))
    columns = zip(x, y, size, yaw, pitch, roll, *acts.values(), strict=True)
    return [Pose(*(float(c) for c in column)) for column in columns]


def compose(domain: Domain, heads: list[Head], seed: int, size: int, frames: int, fps: float) -> Scene:
    """Draw a scene with the given heads, side by side. `size` is the benchmark's frame size in px."""
    rng = np.random.default_rng(seed)
    shapes = [s for s in domain.shapes if s[1] >= s[0] * len(heads) * 0.7] or list(domain.shapes)
    shape = tuple(round(side * size / 2) * 2 for side in shapes[rng.integers(len(shapes))])
    light = _light(rng, domain)
    seconds = np.arange(frames) / fps + rng.uniform(0, 10)
    spots = [(shape[1] * (2 * i + 1) / (2 * len(heads)), shape[0] * 0.5 + 0.02 * size) for i in range(len(heads))]
    acts = [talk(seed, i, frames, fps) for i in range(len(heads))]
    near = size * (1.0 if len(heads) == 1 else 0.85)
    people = [_person(rng, domain, *each, light, seconds, near) for each in zip(heads, spots, acts, strict=True)]
    shake = np.stack([wave(rng, seconds, 0.5) for _ in range(3)], 1) * domain.shake * np.array([size, size, 1])
    noise = rng.uniform(*domain.noise)
    grain = cv2.GaussianBlur(rng.standard_normal((shape[0] + 64, shape[1] + 64, 3)).astype(np.float32), (0, 0), 0.45)
    return Scene(
        shape=shape, people=people, light=light, room=backdrop.room(rng, shape), camera=shake + np.array([0, 0, 1.0]),
        exposure=1 + 0.02 * wave(rng, seconds, 0.6), tone=_tone(rng, domain), blur=rng.uniform(*domain.blur),
        grain=np.rint(grain / grain.std() * noise).astype(np.int16), seed=seed,
    )  # fmt: skip


def _person(
    rng, domain: Domain, head: Head, at: tuple, acts: dict, light: Light, seconds: Array, near: float
) -> Person:
    scale = near * rng.uniform(*domain.face) / 2
    at = at[0] + rng.uniform(-0.05, 0.05) * near, at[1]
    rig = Rig(head, soft=rng.uniform(*domain.soft))
    return Person(rig, backdrop.body(head.who, light.across), move(rng, domain, seconds, at, scale, acts))


def _light(rng: np.random.Generator, domain: Domain) -> Light:
    tint = rng.normal(1, domain.cast, 3)
    return Light(
        rng.uniform(-domain.across, domain.across), rng.uniform(-0.1, 0.8), rng.uniform(*domain.power),
        rng.uniform(*domain.ambient), tuple(tint / tint.mean()),
    )  # fmt: skip


def _tone(rng: np.random.Generator, domain: Domain) -> Array:
    level = np.arange(256)[:, None] / 255
    curve = level ** rng.uniform(0.82, 1.15) * rng.uniform(0.92, 1.05) + rng.uniform(-0.01, 0.03)
    curve = curve + rng.uniform(-0.04, 0.04) * np.sin(2 * np.pi * level)
    return np.clip(curve * rng.normal(1, domain.cast, 3) * 255, 0, 255)


def film(scene: Scene) -> list[Shot]:
    """Render every frame of a scene."""
    return [_shoot(scene, t) for t in range(scene.frames)]


def _shoot(scene: Scene, t: int) -> Shot:
    pan_x, pan_y, zoom = scene.camera[t]
    frame = backdrop.look(scene.room, scene.shape, (pan_x, pan_y), zoom)
    places = [_place(frame, scene, person, t) for person in scene.people]
    return Shot(grained(scene, t, developed(scene, t, frame)), places)


def _place(frame: Array, scene: Scene, person: Person, t: int) -> tuple:
    pose = person.poses[t]
    _shoulders(frame, person, t)
    box = head_box(pose, scene.shape)
    maps = lookup(person.rig.head.relief, pose, box)
    lit = shade(person.rig, person.rig.texture(pose), pose, scene.light)
    over(frame, cv2.remap(lit, *maps, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, 0), box)
    return box, *maps


def _shoulders(frame: Array, person: Person, t: int) -> None:
    """Draw neck and shoulders below the head; they follow its motion only in part."""
    pose, rest = person.poses[t], person.poses[0]
    zoom = 2 * backdrop.BODY_SPAN * pose.scale / backdrop.BODY_PX
    x, y = rest.x + 0.7 * (pose.x - rest.x), rest.y + 0.7 * (pose.y - rest.y)
    matrix = np.float32([
        [zoom, 0, x - backdrop.BODY_SPAN * pose.scale], [0, zoom, y + backdrop.BODY_TOP * pose.scale],
    ])  # fmt: skip
    layer = cv2.warpAffine(person.body, matrix, frame.shape[1::-1], flags=cv2.INTER_LINEAR)
    frame[:] = blend(frame, np.ascontiguousarray(layer[..., :3]), layer[..., 3])


def developed(scene: Scene, t: int, frame: Array) -> Array:
    """Apply the camera's tone and blur to an RGB image (uint8)."""
    table = np.clip(scene.tone * scene.exposure[t], 0, 255).astype(np.uint8)[:, None]
    frame = cv2.LUT(frame, table)
    return cv2.GaussianBlur(frame, (0, 0), scene.blur) if scene.blur > 0.25 else frame


def grained(
    scene: Scene, t: int, frame: Array, box: tuple[int, int, int, int] | None = None, share: float = 1.0
) -> Array:
    """Add `share` of the sensor noise of frame t; `box` says which part of the frame is given."""
    x0, y0 = (box[0], box[1]) if box else (0, 0)
    x, y = (37 * t + scene.seed) % 64 + x0, (23 * t + scene.seed // 64) % 64 + y0
    noise = scene.grain[y : y + frame.shape[0], x : x + frame.shape[1]]
    if share != 1:
        noise = np.rint(noise * np.float32(share)).astype(np.int16)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)
