"""Move a painted face: lids, gaze, jaw, smile and brows, as edits of small patches of its texture."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ddet.synth.canvas import SPAN, Array, edge
from ddet.synth.paint import Head

JAW, SMILE, BROW = 0.17, 0.055, 0.05  # largest displacements, face units


class Pose(NamedTuple):
    """Position, rotation and expression of a head in one frame."""

    x: float  # centre, frame px
    y: float
    scale: float  # px per face unit
    yaw: float  # radians; positive turns the nose to the image's right
    pitch: float  # radians; positive looks down
    roll: float  # radians; positive turns clockwise in the image
    blink: float = 0.0  # 0 open, 1 shut
    mouth: float = 0.0  # 0 shut, 1 wide open
    smile: float = 0.0  # -1 sad, 1 broad
    brow: float = 0.0  # -1 frown, 1 raised
    gaze_u: float = 0.0  # -1..1
    gaze_v: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A rectangle of a texture, with the coordinates of its pixels in face units."""

    rows: slice
    cols: slice
    u: Array
    v: Array

    @classmethod
    def around(cls, size: int, u0: float, v0: float, u1: float, v1: float) -> "Patch":
        at = [int(np.clip((x + SPAN) / (2 * SPAN) * size, 0, size)) for x in (u0, v0, u1, v1)]
        line = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 * SPAN - SPAN
        u, v = np.meshgrid(line[at[0] : at[2]], line[at[1] : at[3]])
        return cls(slice(at[1], at[3]), slice(at[0], at[2]), u, v)

    def of(self, image: Array) -> Array:
        return image[self.rows, self.cols]


class Rig:
    """What animates one head: displacement fields, eyes and mouth, computed once per head.

    A texture carries RGB and matte in one n x n x 4 uint8 array.
    """

    def __init__(self, head: Head, soft: float = 0.0):
        """Rig a head; `soft` blurs its skin by so many texture px (make-up, a beauty filter)."""
        self.head, who = head, head.who
        skin = cv2.GaussianBlur(head.albedo, (0, 0), soft) if soft > 0.2 else head.albedo
        self.rgba = np.dstack([skin, head.alpha])
        self.face = Patch.around(head.size, -0.9, -0.75, 0.9, 1.3)
        self.eyes = [Patch.around(head.size, *_eye_box(who, side)) for side in (-1, 1)]
        self.lips = Patch.around(
            head.size, -who.mouth_w - 0.1, who.mouth_y - 0.05, who.mouth_w + 0.1, who.mouth_y + JAW + 0.07
        )
        self._bases()
        self._eye_parts = [self._eye(patch, side) for patch, side in zip(self.eyes, (-1, 1), strict=True)]

    def _bases(self) -> None:
        """Compute the displacement of the skin of the face patch, in texture px, at full jaw, smile and brow."""
        who, u, v = self.head.who, self.face.u, self.face.v
        px = self.head.size / (2 * SPAN)
        lens = np.clip(1 - (u / who.mouth_w) ** 2, 0, None) ** 0.6
        drop = np.clip(1 - (v - who.mouth_y) / 0.75, 0, 1)
        wide = np.exp(-((u / 0.5) ** 2))
        self.jaw = np.where(v > who.mouth_y, JAW * px * drop * (0.75 * lens + 0.25 * wide * (lens > 0) * lens), 0)
        corner = np.exp(-(((np.abs(u) - who.mouth_w) / 0.13) ** 2) - ((v - who.mouth_y) / 0.12) ** 2)
        cheek = np.exp(-(((np.abs(u) - 0.42) / 0.14) ** 2) - ((v - 0.25) / 0.14) ** 2)
        self.smile_u = (SMILE * px * np.sign(u) * corner).astype(np.float32)
        self.smile_v = (-SMILE * px * (0.9 * corner + 0.4 * cheek)).astype(np.float32)
        raised = np.exp(-(((np.abs(u) - who.eye_x) / 0.2) ** 2) - ((v - who.eye_y + who.brow_gap) / 0.09) ** 2)
        self.brow_v = (-BROW * px * raised).astype(np.float32)
        rows, cols = np.mgrid[self.face.rows, self.face.cols].astype(np.float32)
        self.grid_u, self.grid_v = cols, rows
        self.jaw = self.jaw.astype(np.float32)

    def texture(self, pose: Pose) -> Array:
        """Return the n x n x 4 uint8 texture (RGB, matte) with the expression of `pose`, unlit."""
        out = self.rgba.copy()
        map_u = self.grid_u - np.float32(pose.smile) * self.smile_u
        map_v = self.grid_v - np.float32(pose.smile) * self.smile_v - np.float32(pose.brow) * self.brow_v
        if pose.mouth > 0.02:
            map_v -= np.float32(pose.mouth) * self.jaw
        self.face.of(out)[:] = cv2.remap(self.rgba, map_u, map_v, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        for patch, parts in zip(self.eyes, self._eye_parts, strict=True):
            self._draw_eye(patch.of(out), parts, pose)
        if pose.mouth > 0.02:
            self._draw_cavity(self.lips.of(out), pose)
        return out

    def _eye(self, patch: Patch, side: int) -> dict[str, Array]:
        """Return what is the same for one eye in all frames: lid curves, eyeball, lashes."""
        who = self.head.who
        u, v = patch.u - side * who.eye_x, patch.v - who.eye_y
        v = v + who.eye_tilt * u * side
        x = u / who.eye_w
        up = -who.eye_open * np.clip(1 - np.abs(x - 0.12 * side * -1) ** 2.4, 0, None)
        low = 0.55 * who.eye_open * np.clip(1 - x**2, 0, None)
        white = np.float32([0.88, 0.86, 0.84]) * (1 - 0.38 * np.clip(np.abs(x), 0, 1) ** 2)[..., None]
        white = white * (1 - 0.35 * edge(v - up - 0.02, 0.06))[..., None]
        white = (
            white + np.float32([0.0, -0.10, -0.10]) * edge(np.hypot(x + 0.85 * side, v / 0.05) - 0.12, 0.2)[..., None]
        )
        return {"u": u, "v": v, "up": up, "low": low, "white": white, "wide": edge(np.abs(x) - 1, 0.06)}

    def _draw_eye(self, image: Array, eye: dict[str, Array], pose: Pose) -> None:
        who = self.head.who
        lid = eye["up"] + pose.blink * (eye["low"] - eye["up"])
        v, radius = eye["v"], 0.47 * who.eye_w
        far = np.hypot(eye["u"] - 0.35 * who.eye_w * pose.gaze_u, v + 0.010 - 0.02 * pose.gaze_v) / radius
        iris = np.float32(who.iris) * (0.55 + 0.75 * np.clip(far, 0, 1) - 0.85 * np.clip(far - 0.72, 0, 0.4))[..., None]
        ball = eye["white"] + edge(far - 1, 0.22)[..., None] * (iris - eye["white"])
        ball *= 1 - 0.95 * edge(far - 0.42, 0.18)[..., None]
        glint = np.exp(-(((eye["u"] + 0.025) / 0.015) ** 2) - ((v + 0.035) / 0.015) ** 2)
        ball += 0.8 * glint[..., None]
        inside = edge(lid - v, 0.016) * edge(v - eye["low"], 0.016) * eye["wide"]
        skin = image[..., :3] / np.float32(255)
        skin += inside[..., None] * (ball - skin)
        lash = np.exp(-(((v - lid + 0.006) / (0.011 + 0.006 * who.woman)) ** 2)) * eye["wide"]
        crease = np.exp(-(((v - eye["up"] * 1.45 - 0.01) / 0.010) ** 2)) * eye["wide"] * (1 - 0.7 * pose.blink)
        skin *= 1 - np.clip((0.72 + 0.15 * who.woman) * lash + 0.28 * crease, 0, 0.92)[..., None]
        image[..., :3] = np.clip(skin * 255 + 0.5, 0, 255)

    def _draw_cavity(self, image: Array, pose: Pose) -> None:
        who = self.head.who
        u, v = self.lips.u / (1 + 0.16 * pose.smile), self.lips.v - who.mouth_y
        gap = pose.mouth * JAW * np.clip(1 - (u / (who.mouth_w * 0.93)) ** 2, 0, None) ** 0.6
        v = v + 0.02 * pose.smile * (np.abs(u) / who.mouth_w) ** 2
        inside = edge(-v, 0.014) * edge(v - gap, 0.016) * (gap > 0.004)
        depth = np.clip(v / (JAW * max(pose.mouth, 0.05)), 0, 1)[..., None]
        colour = np.float32([0.16, 0.05, 0.05]) + depth**2 * np.float32([0.36, 0.10, 0.11])
        teeth = edge(v - 0.042, 0.014) * edge(np.abs(u) - 0.72 * who.mouth_w, 0.08)
        enamel = np.float32([0.86, 0.82, 0.74]) * (0.88 + 0.12 * np.cos(u / 0.055 * 2 * np.pi))[..., None]
        enamel *= (1 - 0.45 * (np.abs(u) / who.mouth_w) ** 2)[..., None]
        colour = colour + teeth[..., None] * (enamel - colour)
        skin = image[..., :3] / np.float32(255)
        image[..., :3] = np.clip((skin + inside[..., None] * (colour - skin)) * 255 + 0.5, 0, 255)


def _eye_box(who, side: int) -> tuple[float, float, float, float]:
    wide, high = who.eye_w + 0.05, 0.16
    return side * who.eye_x - wide, who.eye_y - high, side * who.eye_x + wide, who.eye_y + high
