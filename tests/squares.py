"""Drawn clips whose faces are bright squares, and a finder that knows them."""

from pathlib import Path

import cv2
import numpy as np
from clips import write_clip

from ddet import params
from ddet.data import detect


def config(**changes) -> params.Faces:
    base = {"sampling": "even", "fps": 1.0, "every": 10, "frames": 4, "scale": 0.5, "min_face": 40}
    base |= {"thresholds": [0.6, 0.7, 0.7], "track": "largest", "margin": 0.5, "size": 32}
    return params.Faces(**base | changes)


def drawn(boxes: list[tuple], width: int = 128, height: int = 96) -> np.ndarray:
    image = np.full((height, width, 3), 30, np.uint8)
    for x, y, side in boxes:
        image[y : y + side, x : x + side] = 250
    return image


class Squares:
    """Take every bright square for a face; remember how many frames were searched."""

    def __init__(self):
        self.calls = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        self.calls += 1
        count, _, stats, _ = cv2.connectedComponentsWithStats((frame[:, :, 1] > 140).astype(np.uint8))
        found = [[x, y, x + w, y + h, 0.9, *[x + w / 2, y + h / 2] * 5] for x, y, w, h, a in stats[1:count] if a > 30]
        return np.array(sorted(found, key=lambda f: f[0] - f[2]), np.float32).reshape(-1, 15)

    def closer(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        return detect.NONE


def make(root: Path, name: str, frames: list[list[tuple]], **size) -> None:
    write_clip(root / f"{name}.mp4", [drawn(boxes, **size) for boxes in frames])
