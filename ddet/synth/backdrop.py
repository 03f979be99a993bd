"""Paint the surroundings of a head: the room behind it, of which a moving camera sees a part, and the shoulders."""

import cv2
import numpy as np

from ddet.synth.canvas import Array, edge, to_bytes
from ddet.synth.identity import Identity

MARGIN = 1.3  # the room is this much larger than the frame, so that the camera can move
BODY_SPAN, BODY_TOP, BODY_PX = 2.4, 0.35, 192  # the body texture: half width and top in face units, px a side


def room(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Paint a room (uint8 RGB), MARGIN times the frame's shape: a lit wall, panels, shelves, clutter out of focus."""
    h, w = (round(s * MARGIN) for s in shape)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) / min(h, w)
    wall = rng.uniform(0.15, 0.85) * rng.normal(1, 0.07, 3)
    image = np.ones((h, w, 3), np.float32) * wall.astype(np.float32)
    image *= (1 + rng.uniform(-0.3, 0.3) * (x - 0.5) + rng.uniform(-0.3, 0.3) * (y - 0.5))[..., None]
    for _ in range(rng.integers(2, 9)):
        _thing(rng, image)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 5))
    grain = cv2.resize(rng.standard_normal((h // 6, w // 6)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    return to_bytes(image * (1 + rng.uniform(0, 0.07) * grain)[..., None])


def _thing(rng: np.random.Generator, image: Array) -> None:
    """Draw one panel, lamp or shelf."""
    h, w = image.shape[:2]
    colour = tuple(float(c) for c in np.clip(rng.uniform(0.05, 0.95) * rng.normal(1, 0.2, 3), 0, 1))
    at, size = rng.integers(0, (w, h)), rng.uniform(0.04, 0.5, 2) * (w, h)
    if rng.random() < 0.2:
        cv2.circle(image, tuple(int(a) for a in at), int(size[0] * 0.3), colour, -1, cv2.LINE_AA)
        return
    to = at + size.astype(int)
    cv2.rectangle(image, tuple(int(a) for a in at), tuple(int(t) for t in to), colour, -1)
    if rng.random() < 0.5:
        frame = tuple(c * 0.5 for c in colour)
        cv2.rectangle(image, tuple(int(a) for a in at), tuple(int(t) for t in to), frame, int(rng.integers(2, 6)))


def look(image: Array, shape: tuple[int, int], pan: tuple[float, float], zoom: float) -> Array:
    """Cut the frame that the camera sees; `pan` in px from the middle."""
    h, w = shape
    shift = [(image.shape[1] - w * zoom) / 2 + pan[0], (image.shape[0] - h * zoom) / 2 + pan[1]]
    matrix = np.float32([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (w, h), flags=flags, borderMode=cv2.BORDER_REFLECT)


def body(who: Identity, across: float) -> Array:
    """Paint neck and shoulders (BODY_PX squared, uint8 RGBA), lit from `across` (-1 left .. 1 right)."""
    rng = np.random.default_rng([who.seed, 7])
    line = (np.arange(BODY_PX, dtype=np.float32) + 0.5) / BODY_PX * 2 * BODY_SPAN
    u, v = np.meshgrid(line - BODY_SPAN, line + BODY_TOP)
    neck_wide = who.neck_w * (1 + 0.12 * np.clip(v - 0.9, 0, 1) ** 2)
    neck = edge(np.abs(u) - neck_wide, 0.05)
    slope = 1.16 + 0.08 * who.woman + 0.32 * np.clip(np.abs(u) - who.neck_w, 0, None)
    slope += 2.5 * np.clip(np.abs(u) - (1.45 if who.woman else 1.65), 0, None) ** 2
    collar = 1.20 + (0.26 + 0.15 * who.woman) * np.sqrt(np.clip(1 - (u / (who.neck_w * 1.35)) ** 2, 0, None))
    chest = edge(slope - v, 0.06)
    cloth = chest * edge(collar - v, 0.05)
    side = np.clip(0.80 + 0.30 * across * u / 1.2, 0.3, 1.3)
    round_neck = 1 - 0.45 * np.clip(np.abs(u) / neck_wide, 0, 1) ** 3 * (v < slope + 0.2)
    under_chin = 1 - 0.42 * edge(v - 1.12, 0.4)
    make_up = rng.normal(0.98, 0.03, 3)  # neck and face never match exactly
    skin = np.float32(who.skin) * make_up.astype(np.float32) * (side * round_neck * under_chin)[..., None]
    weave = (
        1
        + 0.06 * np.sin(u * rng.uniform(4, 60)) * (rng.random() < 0.4)
        + 0.04 * rng.standard_normal(u.shape, np.float32)
    )
    shirt = np.float32(who.shirt) * (side * weave * (1 - 0.25 * edge(np.abs(v - collar) - 0.03, 0.04)))[..., None]
    rgb, alpha = skin + cloth[..., None] * (shirt - skin), np.maximum(neck, chest)
    if who.hair_style == "long":
        rgb, alpha = _behind(who, u, v, rgb, alpha, rng)
    return np.dstack([to_bytes(rgb), to_bytes(alpha)])


def _behind(
    who: Identity, u: Array, v: Array, rgb: Array, alpha: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Paint long hair behind neck and shoulders."""
    hang = edge(np.abs(u) - who.width * 1.05, 0.1) * edge(v - rng.uniform(1.0, 1.5), 0.12)
    strand = np.interp(u[0], np.linspace(-2.4, 2.4, 110), rng.normal(0.72, 0.12, 110)).astype(np.float32)
    hair = np.float32(who.hair) * np.clip(strand, 0.3, 1.2)[None, :, None]
    return hair + alpha[..., None] * (rgb - hair), np.maximum(alpha, hang)
