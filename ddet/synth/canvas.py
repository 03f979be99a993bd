"""The grid that a face is painted on, in face units, and its brushes."""

import cv2
import numpy as np

from ddet.synth.identity import Identity

SPAN = 1.75  # the texture covers [-SPAN, SPAN] face units in u and v
Array = np.ndarray


class Canvas:
    """The grid (U, V) of a texture of `size` px a side, and the soft shapes drawn on it."""

    def __init__(self, size: int, seed: int):
        self.size, self.rng = size, np.random.default_rng(seed)
        line = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 * SPAN - SPAN
        u, v = np.meshgrid(line, line)
        # a smooth random warp of the grid, since no face is symmetric
        self.u, self.v = u + 0.012 * self.noise(0.5), v + 0.012 * self.noise(0.5)

    def noise(self, cell: float) -> Array:
        """Return smooth noise, n x n, about N(0, 1), whose features are `cell` face units wide."""
        cells = max(2, min(self.size, round(2 * SPAN / cell)))
        field = self.rng.standard_normal((cells, cells)).astype(np.float32)
        return cv2.resize(field, (self.size, self.size), interpolation=cv2.INTER_CUBIC)

    def bump(self, u: float, v: float, wide: float, high: float) -> Array:
        """Return a Gaussian hill of height 1 at (u, v): n x n."""
        return np.exp(-(((self.u - u) / wide) ** 2) - ((self.v - v) / high) ** 2)

    def pair(self, u: float, v: float, wide: float, high: float) -> Array:
        """Return such a hill on both sides of the face."""
        return np.exp(-(((np.abs(self.u) - u) / wide) ** 2) - ((self.v - v) / high) ** 2)


def edge(x: Array, width: float) -> Array:
    """Return a soft step, `width` wide: 1 where x is well below 0, 0 where it is well above."""
    return np.clip(0.5 - x / width, 0, 1)


def skull(who: Identity, u: Array, v: Array) -> Array:
    """Return the radius of (u, v) relative to the outline of the head: 1 on the outline, 0 in the middle."""
    wide = who.width * (1 - (0.20 - 0.12 * who.jaw) * np.clip(v, 0, 1.2) ** 1.5)
    across = np.abs(u) / wide
    crown = (across**2.5 + np.abs(v / 1.12) ** 2.5) ** 0.4
    chin = np.sqrt(across**2 + np.abs(v) ** (2.1 + 1.0 * who.jaw))
    return np.where(v < 0, crown, chin)


def to_bytes(x: Array) -> Array:
    """Turn [0, 1] into uint8."""
    return (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)


def mix(base: Array, colour: Array | tuple, share: Array) -> None:
    """Blend `colour` (one, or n x n x 3) into `base` (n x n x 3) in place where `share` (n x n) says."""
    rows, cols = (np.flatnonzero(share.max(axis) > 1e-3) for axis in (1, 0))
    if len(rows) == 0:
        return
    part = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)  # most strokes are small
    colour = np.asarray(colour, np.float32)
    colour = colour[part] if colour.ndim == 3 else colour
    base[part] += share[part][..., None].astype(np.float32) * (colour - base[part])
