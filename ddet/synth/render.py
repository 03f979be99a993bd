"""Render frames: turn a head by parallax, light it by Lambert's law, put shoulders and a moving background behind.

A point (u, v) of height h goes to the frame by a rotation (yaw, then pitch, then roll), a scale and a shift, without
perspective. The renderer needs the inverse, which depends on h at the answer: a few fixed-point steps find it.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ddet.synth.animate import Pose, Rig
from ddet.synth.canvas import SPAN, Array
from ddet.synth.paint import Head

STEPS = 3  # of the fixed point; two more change no pixel by more than a grey level or two


@dataclass(frozen=True)
class Light:
    """A lamp and the room's ambient light."""

    across: float  # -1 from the image's left .. 1 from the right
    up: float  # -1 from below .. 1 from above
    power: float  # of the lamp
    ambient: float
    tint: tuple[float, float, float]  # RGB gain

    @cached_property
    def direction(self) -> Array:
        at = np.array([self.across, -self.up, 1.0])
        return at / np.linalg.norm(at)


def rotation(pose: Pose) -> Array:
    """Return the 3 x 3 matrix of yaw, then pitch (roll is applied in the image plane)."""
    cy, sy, cp, sp = np.cos(pose.yaw), np.sin(pose.yaw), np.cos(pose.pitch), np.sin(pose.pitch)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return pitch @ yaw


def project(points: Array, pose: Pose) -> Array:
    """Project k x 3 points (u, v, height) to k x 2 frame px."""
    x, y = (rotation(pose) @ points.T)[:2]
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    return np.stack([pose.x + pose.scale * (x * c - y * s), pose.y + pose.scale * (x * s + y * c)], axis=1)


def landmarks(head: Head, pose: Pose) -> Array:
    """Return the 5 landmarks in frame px (5 x 2), moved by smile and jaw."""
    marks = head.marks.astype(np.float64).copy()
    marks[3:, 0] *= 1 + 0.2 * pose.smile
    return project(marks, pose)


def lookup(relief: Array, pose: Pose, box: tuple[int, int, int, int]) -> tuple[Array, Array]:
    """Find the texture px that each frame px of `box` (x0, y0, x1, y1) shows: two float32 maps for cv2.remap."""
    size = len(relief)
    px = np.float32(size / (2 * SPAN))
    x, y = _unrolled(pose, box)
    cy, sy, cp, sp = (np.float32(f(a)) for a in (pose.yaw, pose.pitch) for f in (np.cos, np.sin))
    map_u, map_v = x * (px / cy), y * (px / cp)
    middle = np.float32(SPAN) * px - np.float32(0.5)
    map_u += middle
    map_v += middle
    across, along = x * (px / cy) + middle, y * (px / cp) + middle
    for _ in range(STEPS):
        h = cv2.remap(relief, map_u, map_v, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, 0)
        map_u = across - h * (px * sy / cy)
        # the height after yaw is cy h - sy u
        map_v = along - (h * (cy * px) - (map_u - middle) * sy) * (sp / cp)
    return map_u, map_v


def _unrolled(pose: Pose, box: tuple[int, int, int, int]) -> tuple[Array, Array]:
    c, s = np.cos(pose.roll) / pose.scale, np.sin(pose.roll) / pose.scale
    dx = np.arange(box[0], box[2], dtype=np.float32)[None] - np.float32(pose.x)
    dy = np.arange(box[1], box[3], dtype=np.float32)[:, None] - np.float32(pose.y)
    c, s = np.float32(c), np.float32(s)
    return dx * c + dy * s, dy * c - dx * s


def head_box(pose: Pose, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the frame rectangle (x0, y0, x1, y1) that holds the whole head."""
    reach = 1.42 * pose.scale
    low = max(0, int(pose.y - reach)), min(shape[0], int(pose.y + reach) + 1)
    side = max(0, int(pose.x - reach)), min(shape[1], int(pose.x + reach) + 1)
    return side[0], low[0], side[1], low[1]


def shade(rig: Rig, texture: Array, pose: Pose, light: Light) -> Array:
    """Light a texture (n x n x 4 uint8): Lambert shading by the height field's normals, and a little gloss."""
    toward = rotation(pose).T @ light.direction
    halfway = light.direction + np.array([0.0, 0.0, 1.0])  # between the lamp and the camera
    half = rotation(pose).T @ (halfway / np.linalg.norm(halfway))
    both = cv2.transform(rig.head.normals, np.float32([toward, half]))
    levels = np.clip(both * np.float32(255), 0, 255).astype(np.uint8)
    gain, gloss = _curves(light)
    lit = cv2.multiply(texture[..., :3], cv2.LUT(cv2.merge([levels[..., 0]] * 3), gain), scale=1 / 128)
    lit = cv2.add(lit, cv2.LUT(cv2.merge([levels[..., 1]] * 3), gloss))
    return np.dstack([lit, texture[..., 3]])


def _curves(light: Light) -> tuple[Array, Array]:
    """Return two 256 x 1 x 3 tables: gain in 1/128 by the cosine to the lamp, gloss by that to the half vector."""
    cosine = np.arange(256)[:, None] / 255
    warm = cosine ** np.array([0.9, 1.0, 1.06])  # light bleeds through skin, red most
    gain = (light.ambient + light.power * warm) * np.array(light.tint)
    gloss = 0.10 * light.power * cosine**24 * np.array(light.tint)
    return (
        np.clip(gain * 128, 0, 255).astype(np.uint8)[:, None],
        np.clip(gloss * 255, 0, 255).astype(np.uint8)[:, None],
    )


def over(frame: Array, layer: Array, box: tuple[int, int, int, int]) -> None:
    """Blend an RGBA layer (uint8) over the frame's `box`, in place."""
    part = frame[box[1] : box[3], box[0] : box[2]]
    part[:] = blend(part, np.ascontiguousarray(layer[..., :3]), layer[..., 3])


def blend(below: Array, above: Array, alpha: Array) -> Array:
    """Mix two uint8 images by a uint8 matte; where the matte is 0 `below` stays bit for bit."""
    share = cv2.merge([alpha] * 3)
    return cv2.add(
        cv2.multiply(above, share, scale=1 / 255), cv2.multiply(below, cv2.bitwise_not(share), scale=1 / 255)
    )
