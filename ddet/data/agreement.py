"""Compare a fake with its original before boxes are reused: the same length and rate, and faces in the same places.

Datasets promise that a fake has the frames of its original. Copies of them that were trimmed, mirrored or set to
another rate do not, and boxes taken over by frame index would then cut out a wall.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ddet.data import detect, tracks, video

RATE = 0.02  # relative difference of two frame rates that counts as none: 29.97 is 30
SHAPE = 0.05  # of two aspect ratios
OVERLAP = 0.3  # least intersection over union of a face of the fake with one of the original


def disagreement(
    fake: Mapping, original: Mapping, indices: Sequence[int], given: Mapping[int, np.ndarray], path: Path,
    find: detect.Finder,
) -> str:  # fmt: skip
    """Return why the faces of an original do not hold for its fake; "" where they do.

    `fake` and `original` are rows of the manifest, `given` the original's faces by frame index, in px of the fake. The
    fake's faces are found anew in its middle frame and, where they are elsewhere there or the lengths differ, in the
    first and last; most of these frames decide, so that a false alarm in one does not. A frame in which nothing is
    found says nothing: a forgery may hide a face from the detector.
    """
    if not same_shape(fake, original):
        return "its frames have another shape than those of its original"
    if abs(fake["fps"] - original["fps"]) > RATE * original["fps"]:
        return f"{fake['fps']:.4g} frames a second, its original has {original['fps']:.4g}"
    shown = [i for i in indices if len(given.get(i, ()))]
    apart = _apart(path, shown[len(shown) // 2 :][:1], given, find)
    if any(apart) or fake["frames"] != original["frames"]:
        apart += _apart(path, [*shown[:1], *shown[-1:]], given, find)
    return "its faces are elsewhere than those of its original" if sum(apart) > len(apart) / 2 else ""


def _apart(path: Path, indices: Sequence[int], given: Mapping[int, np.ndarray], find: detect.Finder) -> list[bool]:
    """Return for each of these frames in which a face is found whether all that are found are elsewhere."""
    looks = [(found, given[i]) for i, frame in video.read_frames(path, indices) if len(found := find(frame))]
    return [bool(tracks.iou(found[:, :4], known[:, :4]).max() < OVERLAP) for found, known in looks]


def same_shape(fake: Mapping, original: Mapping) -> bool:
    """Return whether the frames of two clips have the same proportions."""
    return abs(fake["width"] * original["height"] / (fake["height"] * original["width"]) - 1) <= SHAPE
