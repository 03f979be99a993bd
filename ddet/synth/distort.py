"""The distortions of DeeperForensics-1.0, at its five levels.

Paper: DeeperForensics-1.0 release, perturbation/ and lists/manipulated_videos_distortions_meta.
Differs: the release's levels are for clips of 480 lines and more; blur widths, block counts and scale factors are
reduced in proportion to the frame, so that a level hides as much of a face here as it does there.
"""

from collections.abc import Callable

import cv2
import numpy as np

from ddet.errors import InputError
from ddet.synth.paint import Array

LINES = 480  # the frame height that the release's levels assume
LEVELS: dict[str, tuple[float, ...]] = {
    "CS": (0.4, 0.3, 0.2, 0.1, 0.0),  # colour saturation, factor
    "CC": (0.85, 0.725, 0.6, 0.475, 0.35),  # "contrast", which only darkens: factor
    "BW": (16, 32, 48, 64, 80),  # grey blocks, count
    "GNC": (0.001, 0.002, 0.005, 0.01, 0.05),  # Gaussian noise, variance
    "GB": (7, 9, 13, 17, 21),  # Gaussian blur, kernel px
    "JPEG": (2, 3, 4, 5, 6),  # named so, but it scales down and up: factor
    "VC": (30, 32, 35, 38, 40),  # video compression, CRF
}
Steps = tuple[tuple[str, int], ...]
VARIANTS = (
    "end_to_end", "reenact_postprocess", *(f"end_to_end_level_{i}" for i in range(1, 6)),
    "end_to_end_random_level", *(f"end_to_end_mix_{i}_distortions" for i in (2, 3, 4)),
)  # fmt: skip


def draw(variant: str, seed: int) -> Steps:
    """Draw the (type, level) steps of a fake of `variant`, in order; levels 1-5. Compression, if any, comes last.

    Raises:
        InputError: no such variant.
    """
    if variant not in VARIANTS:
        raise InputError(f"variant {variant}", "unknown", f"use one of {', '.join(VARIANTS)}")
    rng = np.random.default_rng(seed)
    kinds = [str(k) for k in rng.permutation(list(LEVELS))]
    if variant.startswith("end_to_end_level_"):
        return ((kinds[0], int(variant[-1])),)
    if variant == "end_to_end_random_level":
        return ((kinds[0], int(rng.integers(1, 6))),)
    if "_mix_" in variant:
        chosen = sorted(kinds[: int(variant.split("_")[4])], key="VC".__eq__)
        return tuple((kind, int(rng.integers(1, 6))) for kind in chosen)
    return ()


def distort(frames: list[Array], steps: Steps, seed: int) -> list[Array]:
    """Apply the steps to RGB frames (uint8). VC is left to the encoder: see `crf`."""
    rng = np.random.default_rng(seed)
    for kind, level in steps:
        if kind != "VC":
            frames = [_APPLY[kind](frame, LEVELS[kind][level - 1], rng) for frame in frames]
    return frames


def crf(steps: Steps, default: int) -> int:
    """Return the encoder's CRF: that of the VC step, else `default`."""
    return next((int(LEVELS["VC"][level - 1]) for kind, level in steps if kind == "VC"), default)


def _saturation(frame: Array, level: float, _rng) -> Array:
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(frame, level, grey, 1 - level, 0)


def _darken(frame: Array, level: float, _rng) -> Array:
    return cv2.convertScaleAbs(frame, alpha=level)


def _blocks(frame: Array, level: float, rng: np.random.Generator) -> Array:
    frame, (h, w) = frame.copy(), frame.shape[:2]
    for _ in range(round(level * h * w / LINES**2)):
        y, x = int(rng.integers(0, h - 8)), int(rng.integers(0, w - 8))
        frame[y : y + 8, x : x + 8] = 128
    return frame


def _noise(frame: Array, level: float, rng: np.random.Generator) -> Array:
    noisy = frame + rng.standard_normal(frame.shape, np.float32) * np.float32(255 * level**0.5)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _blur(frame: Array, level: float, _rng) -> Array:
    sigma = (0.3 * ((level - 1) * 0.5 - 1) + 0.8) * min(frame.shape[:2]) / LINES
    return cv2.GaussianBlur(frame, (0, 0), sigma)


def _rescale(frame: Array, level: float, _rng) -> Array:
    factor = max(1.0, level * min(frame.shape[:2]) / LINES)
    h, w = frame.shape[:2]
    return cv2.resize(cv2.resize(frame, (round(w / factor), round(h / factor)), interpolation=cv2.INTER_AREA), (w, h))


_APPLY: dict[str, Callable[[Array, float, np.random.Generator], Array]] = {
    "CS": _saturation, "CC": _darken, "BW": _blocks, "GNC": _noise, "GB": _blur, "JPEG": _rescale,
}  # fmt: skip
