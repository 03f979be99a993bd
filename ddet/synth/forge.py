"""Forge a filmed clip by mechanism: whole-face swaps, expression transfer, mouth re-synthesis.

A forgery is made in the target's texture space, placed by the same maps as the target's own face, filmed by the same
camera, and blended over the target's frames. So it has the target's pose, light and motion, and differs only by the
errors of its generator. Those are set in `METHODS` alone.
"""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from ddet.synth.animate import Pose, Rig
from ddet.synth.canvas import SPAN, Array, edge, to_bytes
from ddet.synth.paint import Head
from ddet.synth.render import blend, shade
from ddet.synth.scene import Scene, Shot, developed, grained

FLOOR = 6  # a matte below this (of 255) alters nothing and is cut to 0


@dataclass(frozen=True)
class Grid:
    """A regular pattern that a generator's upsampling leaves on the faces it makes."""

    kind: Literal["none", "checks", "rows", "columns"] = "none"
    strength: float = 0.0  # largest change of brightness, share
    period: float = 0.2  # face units


@dataclass(frozen=True)
class Method:
    """The mechanism, resolution and errors of a generator. Lengths in face units (half of hairline to chin)."""

    kind: Literal["swap", "expression", "mouth"]
    region: Literal["oval", "inner", "face", "mouth"]
    pixels: float  # resolution: generated px from hairline to chin
    feather: float  # width of the matte's edge
    match: float  # share of the colour difference that is corrected
    cast: float  # sd of the colour error of a clip
    shift: float  # sd of the position error of a frame
    flicker: float  # sd of the colour error of a frame
    grain: float  # share of the camera's noise that the generated face carries
    sharpen: float = 0.0  # over-sharpening after the generator
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)  # colour bias of the generator, RGB gain
    grid: Grid = Grid()


# Each generator has traces of its own (a pattern, a tint, ringing, a seam), strong enough that a detector trained on it
# is competent, and shares weak ones with the others (a low resolution, a feathered edge, little noise). Set with
# `python -m ddet.tools.regime` on plain detectors, so that home is easy and away is not, as in the papers.
WARM, MAGENTA, BLUE = (1.13, 0.97, 0.90), (1.08, 0.92, 1.06), (0.94, 1.00, 1.08)  # tints, RGB gain
GREEN, CYAN = (0.95, 1.07, 0.97), (0.96, 1.03, 1.03)
FINE, COARSE, STRIPES = Grid("checks", 0.070, 0.20), Grid("checks", 0.060, 0.26), Grid("columns", 0.030, 0.20)
ROWS, TEETH, BLOCKS = Grid("rows", 0.055, 0.18), Grid("columns", 0.090, 0.15), Grid("checks", 0.090, 0.26)
METHODS = {
    # FaceForensics++
    "Deepfakes": Method("swap", "oval", 56, 0.24, 0.90, 0.020, 0.010, 0.010, 0.85, grid=FINE),
    "FaceSwap": Method("swap", "inner", 118, 0.06, 0.70, 0.030, 0.012, 0.014, 0.90, tint=WARM),
    "Face2Face": Method("expression", "face", 112, 0.12, 0.95, 0.014, 0.008, 0.008, 0.85, sharpen=1.0, tint=MAGENTA),
    "FaceShifter": Method("swap", "oval", 110, 0.32, 0.95, 0.014, 0.005, 0.005, 0.90, grid=ROWS),
    "NeuralTextures": Method("mouth", "mouth", 118, 0.10, 0.97, 0.014, 0.008, 0.006, 0.85, sharpen=2.5, grid=TEETH),
    # Celeb-DF v2: better colour, smoother over time
    "Celeb-synthesis": Method("swap", "oval", 98, 0.30, 0.92, 0.016, 0.006, 0.006, 0.90, tint=BLUE, grid=STRIPES),
    # DFDC: several generators of different quality
    "DFDC:coarse": Method("swap", "oval", 70, 0.22, 0.75, 0.040, 0.014, 0.014, 0.75, tint=GREEN),
    "DFDC:fair": Method("swap", "oval", 92, 0.28, 0.88, 0.022, 0.008, 0.008, 0.85, tint=GREEN, grid=COARSE),
    "DFDC:sharp": Method(
        "swap", "inner", 116, 0.14, 0.80, 0.025, 0.010, 0.010, 0.85, sharpen=1.2, tint=GREEN, grid=COARSE
    ),
    "DFDC:neural": Method("expression", "face", 104, 0.16, 0.93, 0.016, 0.008, 0.008, 0.80, tint=GREEN, grid=BLOCKS),
    # DeeperForensics-1.0
    "end_to_end": Method("swap", "oval", 104, 0.32, 0.95, 0.012, 0.005, 0.004, 0.92, tint=CYAN),
    "reenact_postprocess": Method("swap", "inner", 98, 0.18, 0.90, 0.020, 0.010, 0.008, 0.85, tint=CYAN),
}


def stable(method: Method) -> Method:
    """Return the same generator without errors that change from frame to frame."""
    return replace(method, shift=0.0, flicker=0.0)


def forge(
    scene: Scene, shots: list[Shot], source: Head, acts: dict[str, Array], method: Method, seed: int, person: int = 0
) -> tuple[list[Array], Array]:
    """Forge one person of a filmed clip.

    `source` lends the face to a swap; `acts` (scene.talk) lends the expression to the other kinds.
    Returns the frames (uint8 RGB) and the truth, T x H x W bool: True where the forgery may have altered a pixel.
    Outside it, frames equal the target's bit for bit.
    """
    rng = np.random.default_rng(seed)
    target = scene.people[person]
    rig = Rig(source, soft=rng.uniform(0, 0.5)) if method.kind == "swap" else target.rig
    generator = _Generator(method, rig, matte(target.rig.head, method), _aligned(rig.head, target.rig.head), rng)
    frames, truth = [], np.zeros((len(shots), *scene.shape), bool)
    for t, shot in enumerate(shots):
        pose = _performed(target.poses[t], acts, t, method)
        face = generator.face(pose, scene)
        frame, truth[t] = generator.blended(scene, t, shot, shot.places[person], face)
        frames.append(frame)
    return frames, truth


def matte(head: Head, method: Method) -> Array:
    """Return the blending weight of the method on the target's texture: n x n uint8, 0 where it changes nothing."""
    who = head.who
    line = (np.arange(head.size, dtype=np.float32) + 0.5) / head.size * 2 * SPAN - SPAN
    u, v = np.meshgrid(line, line)
    brow = who.eye_y - who.brow_gap
    if method.region == "mouth":
        low, high, wide = who.nose_tip + 0.10, 0.93, who.mouth_w + 0.16
        far = np.hypot(u / wide, (v - (low + high) / 2) / ((high - low) / 2))
        reach = wide
    elif method.region == "inner":  # from above the brows to below the mouth, nearly square
        low, high = brow - 0.10, who.mouth_y + 0.20
        far = (np.abs(u / (who.width * 0.80)) ** 3.2 + np.abs((v - (low + high) / 2) / ((high - low) / 2)) ** 3.2) ** (
            1 / 3.2
        )
        reach = who.width * 0.8
    elif method.region == "face":  # what moves with the expression: brows and eyes, cheeks and mouth
        brows = np.hypot(u / (who.width * 0.78), (v - brow - 0.05) / 0.26)
        mouth = np.hypot(u / (who.mouth_w + 0.20), (v - who.mouth_y) / 0.34)
        far, reach = np.minimum(brows, mouth), 0.4
    else:
        far = np.hypot(u / (who.width * 0.86), (v - 0.16) / 0.80)
        reach = 0.75
    return to_bytes(edge(far - 1 + method.feather / (2 * reach), method.feather / reach))


def _aligned(source: Head, target: Head) -> Array:
    """Return the 2 x 3 affine map, in texture px, that best aligns the source's landmarks with the target's."""
    a, b = ((head.marks[:, :2] + SPAN) / (2 * SPAN) * head.size for head in (source, target))
    return np.linalg.lstsq(np.c_[a, np.ones(5)], b, rcond=None)[0].T


def _performed(pose: Pose, acts: dict[str, Array], t: int, method: Method) -> Pose:
    """Return the target's pose at frame t, with the source's expression where the method transfers it."""
    if method.kind == "swap":
        return pose
    keys = ("mouth", "smile") if method.kind == "mouth" else ("mouth", "smile", "brow", "blink")
    return pose._replace(**{key: float(acts[key][t]) for key in keys})


class _Generator:
    """The generator of one forged clip: its constant errors are drawn once, the others per frame."""

    def __init__(self, method: Method, rig: Rig, weight: Array, align: Array, rng: np.random.Generator):
        self.method, self.rig, self.weight, self.align, self.rng = method, rig, weight, align, rng
        self.cast = rng.normal(1, method.cast, 3) * method.tint
        self.pattern = _pattern(method.grid, rig.head.size, rng.uniform(0, 2 * np.pi, 2))

    def face(self, pose: Pose, scene: Scene) -> Array:
        """Generate the face on the target's texture: n x n x 4 uint8, the matte as fourth channel."""
        lit = shade(self.rig, self.rig.texture(pose), pose, scene.light)[..., :3]
        size = len(lit)
        small = max(8, round(self.method.pixels * SPAN))  # the texture is SPAN faces high
        slip = self.rng.normal(0, self.method.shift, 2) * size / (2 * SPAN)
        lit = cv2.warpAffine(lit, self.align, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if small < size:
            lit = cv2.resize(cv2.resize(lit, (small, small), interpolation=cv2.INTER_AREA), (size, size))
        if self.method.sharpen:
            lit = cv2.addWeighted(
                lit, 1 + self.method.sharpen, cv2.GaussianBlur(lit, (0, 0), 1.5), -self.method.sharpen, 0
            )
        if self.pattern is not None:
            lit = cv2.multiply(lit, self.pattern, dtype=cv2.CV_8U)
        moved = np.float32([[1, 0, slip[0]], [0, 1, slip[1]]])
        return cv2.warpAffine(np.dstack([lit, self.weight]), moved, (size, size), flags=cv2.INTER_LINEAR)

    def blended(self, scene: Scene, t: int, shot: Shot, place: tuple, texture: Array) -> tuple[Array, Array]:
        """Place the face, correct its colour, film it, blend it. Returns the frame and its truth (H x W bool)."""
        box, map_u, map_v = place
        rows, cols = slice(box[1], box[3]), slice(box[0], box[2])
        layer = cv2.remap(texture, map_u, map_v, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, 0)
        alpha = np.where(layer[..., 3] < FLOOR, np.uint8(0), layer[..., 3])
        face = developed(scene, t, np.ascontiguousarray(layer[..., :3]))
        below = shot.image[rows, cols]
        face = cv2.LUT(face, self._gain(below, face, alpha))
        face = grained(scene, t, face, box, self.method.grain)
        frame, truth = shot.image.copy(), np.zeros(scene.shape, bool)
        frame[rows, cols] = blend(below, face, alpha)
        truth[rows, cols] = alpha > 0
        return frame, truth

    def _gain(self, below: Array, face: Array, alpha: Array) -> Array:
        """Return the colour correction towards the target's mean, errors included, as a 256 x 1 x 3 table."""
        inside = (alpha > 128).astype(np.uint8)
        want, have = (np.array(cv2.mean(image, inside)[:3]) for image in (below, face))
        gain = 1 + self.method.match * (want / np.maximum(have, 1) - 1)
        gain = np.clip(gain, 0.2, 4) * self.cast * (1 + self.rng.normal(0, self.method.flicker))
        return np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)[:, None]


def _pattern(grid: Grid, size: int, phase: Array) -> Array | None:
    """Return the relative change of brightness on a texture, float32 n x n x 3; None where there is no pattern."""
    if grid.kind == "none":
        return None
    line = (np.arange(size, dtype=np.float64) + 0.5) / size * 2 * SPAN
    along, down = (np.cos(line * 2 * np.pi / grid.period + shift) for shift in phase)
    wave = {
        "checks": np.outer(down, along),
        "rows": np.outer(down, np.ones(size)),
        "columns": np.outer(np.ones(size), along),
    }
    return np.repeat((1 + grid.strength * wave[grid.kind]).astype(np.float32)[..., None], 3, axis=2)
