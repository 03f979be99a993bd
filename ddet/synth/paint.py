"""Paint an identity once: an albedo texture, a matte and a height field, in face units on a square grid.

This is done once per person; each frame only warps and lights the result.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ddet.synth import hair
from ddet.synth.canvas import SPAN, Array, Canvas, edge, mix, skull, to_bytes
from ddet.synth.identity import Identity


@dataclass(frozen=True)
class Head:
    """A painted person. Arrays are n x n; `marks` are the 5 landmarks (u, v, height) in MTCNN's order."""

    who: Identity
    albedo: Array  # n x n x 3 uint8 RGB, unlit, eyes shut, mouth shut
    alpha: Array  # n x n uint8: head and hair
    height: Array  # n x n float32, face units
    normals: Array  # n x n x 3 float32, unit length
    marks: Array  # 5 x 3 float32

    @property
    def size(self) -> int:
        return len(self.alpha)

    @cached_property
    def relief(self) -> Array:
        """Return the height field for the parallax warp: smoothed, so that the inversion of the warp converges."""
        return cv2.GaussianBlur(self.height, (0, 0), 0.03 * self.size / (2 * SPAN))


def paint(who: Identity, size: int = 256) -> Head:
    """Paint a person on textures of `size` px a side. The same identity and size give the same bits."""
    canvas = Canvas(size, who.seed)
    radius = skull(who, canvas.u, canvas.v)
    height = _relief(canvas, who, radius)
    albedo = _skin(canvas, who)
    _lips(canvas, who, albedo)
    _brows(canvas, who, albedo)
    _shadows(canvas, who, albedo)
    hair.beard(canvas, who, albedo)
    alpha = hair.ears(canvas, who, albedo, edge(radius - 1, 0.05))
    height, alpha = hair.hair(canvas, who, albedo, height, alpha, radius)
    if who.glasses:
        hair.glasses(canvas, who, albedo)
    normals = _normals(height + who.pores * 0.06 * canvas.noise(0.025), size)
    return Head(who, to_bytes(albedo), to_bytes(alpha), height, normals, _marks(who, height))


def _marks(who: Identity, height: Array) -> Array:
    size = len(height)
    points = [(-who.eye_x, who.eye_y), (who.eye_x, who.eye_y), (0, who.nose_tip)]
    points += [(-who.mouth_w * 0.92, who.mouth_y), (who.mouth_w * 0.92, who.mouth_y)]
    at = [(int((v + SPAN) / (2 * SPAN) * size), int((u + SPAN) / (2 * SPAN) * size)) for u, v in points]
    return np.array([(u, v, height[i]) for (u, v), i in zip(points, at, strict=True)], np.float32)


def _relief(c: Canvas, who: Identity, radius: Array) -> Array:
    h = who.depth * np.clip(1 - radius**2, 0, None) ** 0.62
    inside = edge(radius - 0.97, 0.1)
    along = np.clip((c.v - who.eye_y + 0.06) / (who.nose_tip - who.eye_y + 0.06), 0, 1)
    below = edge(c.v - who.nose_tip - 0.03, 0.09)
    ridge = np.exp(-((c.u / (0.055 + 0.045 * along)) ** 2)) * (0.25 + 0.75 * along) * below * (along > 0)
    h += inside * who.nose_high * cv2.GaussianBlur(ridge.astype(np.float32), (0, 0), 0.012 * c.size / SPAN)
    h += inside * 0.35 * who.nose_high * c.pair(who.nose_w * 0.72, who.nose_tip + 0.01, 0.045, 0.055)
    h += inside * 0.035 * c.pair(0.26, who.eye_y - who.brow_gap, 0.2, 0.07)
    h -= inside * 0.075 * c.pair(who.eye_x - 0.02, who.eye_y, 0.15, 0.085)
    h += inside * 0.040 * c.pair(who.eye_x, who.eye_y, 0.085, 0.055)
    h += inside * 0.045 * c.pair(0.42, 0.22, 0.15, 0.16)
    h += inside * 0.030 * c.bump(0, who.mouth_y - 0.02, who.mouth_w, 0.05)
    h += inside * 0.030 * c.bump(0, who.mouth_y + 0.045, who.mouth_w * 0.7, 0.035)
    h -= inside * 0.035 * c.bump(0, who.mouth_y + 0.13, 0.18, 0.04)
    h -= inside * 0.012 * c.bump(0, who.mouth_y - 0.12, 0.025, 0.05)
    h += inside * 0.050 * c.bump(0, 0.86, 0.18, 0.10)
    return (h - inside * (0.01 + 0.03 * who.age) * _folds(c, who)).astype(np.float32)


def _folds(c: Canvas, who: Identity) -> Array:
    """Return the depth of the lines from nose to mouth corners and of the bags below the eyes."""
    t = np.clip((c.v - who.nose_tip) / (who.mouth_y + 0.05 - who.nose_tip), 0, 1)
    line = who.nose_w * 1.1 + (who.mouth_w * 1.22 - who.nose_w * 1.1) * t**0.8
    fold = np.exp(-(((np.abs(c.u) - line) / 0.03) ** 2)) * edge(np.abs(t - 0.5) - 0.45, 0.15)
    bag_v = who.eye_y + 0.12 - 0.25 * (np.abs(c.u) - who.eye_x) ** 2
    return fold + 0.7 * np.exp(-(((c.v - bag_v) / 0.022) ** 2)) * np.exp(-(((np.abs(c.u) - who.eye_x) / 0.13) ** 2))


def _skin(c: Canvas, who: Identity) -> Array:
    skin = np.empty((c.size, c.size, 3), np.float32)
    skin[:] = who.skin
    red = (
        0.7 * c.pair(0.42, 0.25, 0.2, 0.18) + 0.6 * c.bump(0, who.nose_tip, 0.12, 0.12) + who.blotch * 6 * c.noise(0.22)
    )
    skin *= 1 + red[..., None] * np.float32([0.02, -0.06, -0.05])
    skin *= 1 + (who.blotch * c.noise(0.11) + who.pores * c.noise(0.03))[..., None]
    spots = edge(1.75 - c.noise(0.028), 0.6) * (c.pair(0.25, 0.18, 0.4, 0.28)) * min(1.0, who.freckles * 1.6)
    mix(skin, np.array(who.skin) * [0.72, 0.55, 0.45], 0.7 * spots)
    for _ in range(who.moles):
        u, v, r = c.rng.uniform(-0.55, 0.55), c.rng.uniform(-0.5, 0.85), c.rng.uniform(0.010, 0.022)
        mix(skin, (0.22, 0.12, 0.09), 0.85 * c.bump(u, v, r, r))
    return skin


def _lips(c: Canvas, who: Identity, skin: Array) -> None:
    x = c.u / who.mouth_w
    line = who.mouth_y + 0.012 * np.cos(3 * x) - 0.012
    full = np.clip(1 - x**2, 0, None)
    up = who.lip_up * full**0.8 * (1 - 0.22 * np.exp(-((x / 0.16) ** 2)))
    low = who.lip_low * full**0.7
    inside = edge(line - up - c.v, 0.022) * edge(c.v - line - low, 0.028) * edge(np.abs(x) - 1, 0.08)
    tone = 1 + 0.05 * c.noise(0.03) - 0.16 * (c.v < line)
    mix(skin, np.asarray(who.lip, np.float32) * tone[..., None], 0.85 * inside)
    mix(skin, (0.20, 0.07, 0.07), 0.75 * np.exp(-(((c.v - line) / 0.011) ** 2)) * edge(np.abs(x) - 1, 0.12))
    gleam = c.bump(0, who.mouth_y + 0.5 * who.lip_low, who.mouth_w * 0.5, 0.016)
    mix(skin, (1, 0.9, 0.88), (0.16 + 0.1 * who.woman) * gleam * inside)


def _brows(c: Canvas, who: Identity, skin: Array) -> None:
    x = (np.abs(c.u) - who.eye_x) / (who.eye_w * 1.45)
    mid = who.eye_y - who.brow_gap - who.brow_arch * (1 - (x - 0.25) ** 2) + 0.03 * np.clip(x, 0, 2) ** 2
    thick = who.brow_thick * np.clip(1.15 - 0.55 * (x + 1) / 2, 0.2, None)
    body = edge(np.abs(c.v - mid) - thick, 0.035) * edge(np.abs(x) - 1, 0.25)
    strands = np.clip(0.75 + 0.35 * c.noise(0.022), 0, 1)
    mix(skin, np.array(who.hair) * 0.55, who.brow_dark * body * strands)


def _shadows(c: Canvas, who: Identity, skin: Array) -> None:
    """Darken the skin by ambient occlusion: sockets, nostrils, under the nose and lip, towards the outline."""
    dark = 0.24 * c.pair(who.eye_x - 0.03, who.eye_y - 0.03, 0.14, 0.07)
    dark += (0.10 + 0.14 * who.age) * c.pair(who.eye_x, who.eye_y + 0.10, 0.12, 0.05)
    dark += 0.25 * c.bump(0, who.nose_tip + 0.075, who.nose_w * 0.9, 0.03)
    dark += 0.20 * c.pair(who.nose_w * 1.0, who.nose_tip + 0.02, 0.022, 0.05)
    dark += 0.22 * c.bump(0, who.mouth_y + 0.10, who.mouth_w * 0.55, 0.028)
    dark += 0.10 * c.pair(who.mouth_w * 1.05, who.mouth_y, 0.03, 0.035)
    dark += (0.04 + 0.16 * who.age) * _folds(c, who)
    dark += 0.16 * np.clip(skull(who, c.u, c.v), 0, 1) ** 6
    holes = c.pair(who.nose_w * 0.46, who.nose_tip + 0.055, 0.030, 0.018)
    skin *= 1 - np.clip(dark, 0, 0.8)[..., None] * np.float32([0.8, 1.0, 1.05])
    mix(skin, (0.12, 0.05, 0.04), 0.9 * np.clip(holes * 1.3, 0, 1))


def _normals(height: Array, size: int) -> Array:
    smooth = cv2.GaussianBlur(height.astype(np.float32), (0, 0), 0.6)
    per_px = size / (2 * SPAN)
    du, dv = (cv2.Sobel(smooth, cv2.CV_32F, *d, ksize=3, scale=per_px / 8) for d in ((1, 0), (0, 1)))
    steep = 1.6 / np.maximum(1.6, np.hypot(du, dv))  # the rim of the skull must not turn fully away
    normal = np.dstack([-du * steep, -dv * steep, np.ones_like(du)])
    return normal / np.linalg.norm(normal, axis=2, keepdims=True)
