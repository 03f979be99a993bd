"""Link the face boxes of successive frames by overlap into one track per person."""

import numpy as np

GROWTH = 1.5  # boxes are grown before they are compared: between samples a second apart a head moves by about its size
LINK = 0.1  # least overlap of the grown boxes of one person


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the n x m intersections over union of n x 4 and m x 4 boxes (x0, y0, x1, y1); 0 where both are empty."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    common = np.clip(high - low, 0, None).prod(-1)
    union = area(a)[:, None] + area(b)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def area(boxes: np.ndarray) -> np.ndarray:
    """Return the areas of n x 4 boxes."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def link(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Return a track number per box: for each frame's n x 4 boxes an int array of length n.

    A box joins the track whose last box it overlaps most, else it opens one. Track 0 is the largest on average over
    all frames, where a frame without the person counts as 0: a false alarm in one frame does not win.
    """
    last: list[np.ndarray] = []
    numbers = []
    for boxes in frames:
        numbers.append(_join(last, boxes))
    return _by_size(frames, numbers, len(last))


def _join(last: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
    """Match boxes with the tracks' last boxes, best overlap first; update `last` in place."""
    number = np.full(len(boxes), -1, int)
    overlap = iou(grown(np.reshape(last, (-1, 4))), grown(boxes))
    while overlap.size and overlap.max() >= LINK:
        track, box = np.unravel_index(overlap.argmax(), overlap.shape)
        number[box], last[track] = track, boxes[box]
        overlap[track], overlap[:, box] = 0, 0
    for box in np.flatnonzero(number < 0):
        number[box] = len(last)
        last.append(boxes[box])
    return number


def grown(boxes: np.ndarray, factor: float = GROWTH) -> np.ndarray:
    """Return n x 4 boxes enlarged about their centres."""
    centre, half = (boxes[:, :2] + boxes[:, 2:4]) / 2, (boxes[:, 2:4] - boxes[:, :2]) * factor / 2
    return np.hstack([centre - half, centre + half])


def _by_size(frames: list[np.ndarray], numbers: list[np.ndarray], count: int) -> list[np.ndarray]:
    size = np.zeros(count)
    for boxes, number in zip(frames, numbers, strict=True):
        np.add.at(size, number, area(boxes))
    rank = np.empty(count, int)
    rank[np.argsort(-size, kind="stable")] = np.arange(count)
    return [rank[number] for number in numbers]
