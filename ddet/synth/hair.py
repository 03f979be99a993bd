"""Paint beard, ears, hair and glasses over the texture of a face."""

import cv2
import numpy as np

from ddet.synth.canvas import Array, Canvas, edge, mix
from ddet.synth.identity import Identity


def beard(c: Canvas, who: Identity, skin: Array) -> None:
    """Paint a beard, as dense as the person's, over cheeks and chin."""
    if who.beard <= 0.02:
        return
    lower = edge(who.mouth_y - 0.10 + 0.12 * np.cos(np.clip(c.u / who.width, -1, 1) * 4) - c.v, 0.22)
    lower *= 1 - 0.95 * edge(((c.u / (who.mouth_w * 1.05)) ** 2 + ((c.v - who.mouth_y - 0.01) / 0.085) ** 2) - 1, 0.5)
    lower = np.maximum(lower, edge(who.width * 0.82 - np.abs(c.u), 0.1) * edge(-c.v, 0.3) * who.beard)
    grain = np.clip(0.6 + 0.4 * c.noise(0.025), 0, 1)
    mix(skin, np.array(who.hair) * 0.6, np.clip(0.95 * who.beard * lower * grain, 0, 0.93))


def ears(c: Canvas, who: Identity, skin: Array, alpha: Array) -> Array:
    """Paint the ears and return the matte with them."""
    ear = ((np.abs(c.u) - who.width * 0.99) / 0.085) ** 2 + ((c.v - 0.12) / 0.20) ** 2
    shape = edge(ear - 1, 0.4)
    fresh = shape * (1 - alpha)
    tone = np.array(who.skin, np.float32) * (0.86 - 0.22 * np.exp(-((ear / 0.45) ** 2)))[..., None]
    mix(skin, tone, fresh)
    return np.maximum(alpha, shape)


def hair(c: Canvas, who: Identity, skin: Array, height: Array, alpha: Array, radius: Array) -> tuple[Array, Array]:
    """Add the hair to texture, height field and matte."""
    cover = _hair_shape(c, who, radius)
    angle, far = np.arctan2(c.u + 0.1, c.v + 1.0), np.hypot(c.u, c.v + 1.0)
    flow = (0.3 * who.hair_volume + 6 * who.curl) * c.noise(0.3) + far * 0.15
    strands = _sample_noise(c, angle * 9 + flow * 4, far * 0.9)
    shine = 0.22 * np.exp(-(((far - 0.42 - 0.05 * c.noise(0.3)) / 0.13) ** 2))
    tone = np.clip(0.85 + 0.26 * strands + shine, 0.25, 1.7)
    share = np.where(radius > 0.97, np.clip(5 * cover, 0, 1), cover)  # no skin in the soft rim of the matte
    mix(skin, np.asarray(who.hair, np.float32) * tone[..., None], share)
    lift = cover * (0.05 + 0.5 * who.hair_volume + 0.012 * strands)
    return (height + lift * (height > 0.05)).astype(np.float32), np.maximum(alpha, cover)


def _hair_shape(c: Canvas, who: Identity, radius: Array) -> Array:
    ragged = who.curl * c.noise(0.05)
    top = edge(radius - 1 - who.hair_volume + ragged, 0.06) * edge(c.v - 0.1, 0.3)
    line = _hairline(c, who) + 1.5 * ragged + 0.012 * c.noise(0.02)
    front = np.maximum(
        edge(c.v - line, 0.10), edge(who.width * 0.93 - np.abs(c.u) + ragged, 0.06) * edge(c.v - 0.05, 0.15)
    )
    if who.hair_style == "bald":
        return 0.35 * edge(radius - 1, 0.06) * edge(c.v - line + 0.05, 0.2)
    if who.hair_style != "long":
        return top * front
    wide = who.width * (1.02 + who.hair_volume) + 0.05 * np.sin(3 * c.v + who.seed % 7)
    curtain = edge(np.abs(c.u) - wide + ragged, 0.06) * edge(c.v - 1.25 + 3 * ragged, 0.25) * edge(-0.35 - c.v, 0.3)
    fall = edge(who.width * (0.90 - 0.10 * np.clip(c.v, 0, 1)) - np.abs(c.u) + ragged, 0.07)
    return np.maximum(top * front, curtain * fall)


def _hairline(c: Canvas, who: Identity) -> Array:
    """Return the hairline of the person's style, as v over u."""
    x = c.u / who.width
    if who.hair_style == "fringe":
        return -0.42 + 0.10 * np.abs(x) + 0.02 * np.sin(22 * x)
    if who.hair_style == "side":
        sign = 1 if who.seed % 2 else -1
        return who.hairline + 0.10 * sign * x + 0.30 * np.clip(sign * x, 0, 1) ** 2
    return who.hairline + (0.30 if who.woman else 0.10) * x**2 - 0.06 * np.cos(5 * x) * (not who.woman)


def _sample_noise(c: Canvas, x: Array, y: Array) -> Array:
    """Look up a noise tile at (x, y), in tiles: long streaks where y moves slowly."""
    tile = cv2.GaussianBlur(c.rng.standard_normal((64, 256)).astype(np.float32), (0, 0), 0.8) * 2.2
    return cv2.remap(
        tile,
        (x * 40 % 256).astype(np.float32),
        (y * 20 % 64).astype(np.float32),
        cv2.INTER_LINEAR,
        None,
        cv2.BORDER_WRAP,
    )


def glasses(c: Canvas, who: Identity, skin: Array) -> None:
    """Paint glasses: rims, bridge and a glint."""
    shape = ((np.abs(c.u) - who.eye_x) / 0.215) ** 4 + ((c.v - who.eye_y - 0.03) / 0.165) ** 4
    rim = edge(np.abs(shape**0.25 - 1) - 0.055, 0.06)
    bridge = edge(np.abs(c.v - who.eye_y + 0.02) - 0.014, 0.02) * edge(np.abs(c.u) - who.eye_x + 0.2, 0.02)
    arm = edge(np.abs(c.v - who.eye_y + 0.03) - 0.014, 0.02) * edge(who.eye_x + 0.2 - np.abs(c.u), 0.02)
    mix(skin, np.array(who.shirt) * 0.25, np.clip(rim + bridge + arm * edge(np.abs(c.u) - 0.8, 0.1), 0, 1) * 0.9)
