"""Crops: compute the square around a face, cut it out, write and read it, and cut the forgery mask alike."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from ddet.errors import InputError


def square(box: np.ndarray, margin: float, width: int, height: int) -> tuple[int, int, int]:
    """Return x0, y0, side in whole px of the square crop of a box.

    The side is the box's longest side times 1 + margin, centred on the box. A square that leaves the frame is first
    shrunk to the frame's shorter side if it is larger than that, then shifted inside: it never needs filling.
    Paper: FaceForensics++ crops a square of 1.3 times the longest side.
    """
    x0, y0, x1, y1 = (float(v) for v in box[:4])
    side = max(1, min(round(max(x1 - x0, y1 - y0) * (1 + margin)), width, height))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    return min(max(left, 0), width - side), min(max(top, 0), height - side), side


def cut(frame: np.ndarray, place: tuple[int, int, int], size: int) -> np.ndarray:
    """Cut a square (x0, y0, side) out of an RGB frame, resized to size x size: area to shrink, linear to enlarge."""
    x0, y0, side = place
    patch = frame[y0 : y0 + side, x0 : x0 + side]
    return cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)


def digest(crop: np.ndarray) -> str:
    """Return the first 16 hex digits of the SHA-256 of a crop's pixels."""
    return hashlib.sha256(np.ascontiguousarray(crop).tobytes()).hexdigest()[:16]


def write(path: Path, data: bytes) -> None:
    """Write a file atomically: after a kill it is complete or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def save_crop(path: Path, crop: np.ndarray) -> int:
    """Write an RGB crop as PNG, atomically; return the size of the file in bytes."""
    data = cv2.imencode(".png", crop[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    write(path, data)
    return len(data)


def load_crop(path: str | Path) -> np.ndarray:
    """Read a crop: size x size x 3 uint8 RGB.

    Raises:
        InputError: not there, or not a whole PNG (every checksum is verified).
    """
    remedy = "delete it and extract the faces again"
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise InputError(path, f"cannot be read ({e.strerror})", "extract the faces again") from None
    try:
        Image.open(BytesIO(data), formats=["PNG"]).verify()  # decoders ignore a wrong checksum
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as e:
        cause = "empty file" if not data else f"damaged PNG ({type(e).__name__})"
        raise InputError(path, cause, remedy) from None


def resized(crop: np.ndarray, size: int) -> np.ndarray:
    """Resize a crop to size x size: area interpolation to shrink, cubic to enlarge."""
    if crop.shape[:2] == (size, size):
        return crop
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if crop.shape[0] > size else cv2.INTER_CUBIC)


def crop_masks(clip_id: str, rows: pd.DataFrame, truth_root: str | Path, size: int) -> np.ndarray:
    """Return the ground truth in crop coordinates: n x size x size bool, True = forged pixel.

    `rows` are rows of faces.parquet of one clip. A crop pixel is forged when at least half of its area is; enlarged
    crops take the nearest frame pixel. Real clips have no truth file and nothing forged.

    Raises:
        InputError: a fake's truth is missing, damaged, or shorter than the clip.
    """
    masks = np.zeros((len(rows), size, size), bool)
    if not len(rows) or not rows["label"].any():
        return masks
    path = Path(truth_root) / f"{clip_id}.npz"
    truth = _truth(path)
    for n, row in enumerate(rows.itertuples()):
        if row.frame_idx >= len(truth):
            raise InputError(path, f"holds {len(truth)} frames, frame {row.frame_idx} is asked for", "render it again")
        patch = truth[row.frame_idx, int(row.y0) : int(row.y1), int(row.x0) : int(row.x1)].astype(np.float32)
        mode = cv2.INTER_AREA if len(patch) > size else cv2.INTER_NEAREST
        masks[n] = cv2.resize(patch, (size, size), interpolation=mode) >= 0.5
    return masks


def _truth(path: Path) -> np.ndarray:
    """Read a clip's packed T x H x W mask."""
    try:
        with np.load(path) as file:
            shape = tuple(int(n) for n in file["shape"])
            return np.unpackbits(file["mask"], count=int(np.prod(shape))).reshape(shape)
    except FileNotFoundError:
        raise InputError(path, "no ground truth for this fake", "render the benchmark again") from None
    except Exception as e:  # zipfile, zlib and numpy each have errors of their own for a damaged file
        raise InputError(path, f"damaged ground truth ({type(e).__name__})", "render the benchmark again") from None
