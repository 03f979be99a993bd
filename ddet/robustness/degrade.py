"""Degrade what a detector sees: crops one by one, or clips by encoding them once more, cut at the same squares."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ddet.data import crops, video
from ddet.seeds import derive
from ddet.synth import encode

SQUARE = ["x0", "y0", "x1", "y1"]
CRF = "crf"
RATE = 25.0  # frames a second of what has no rate


def jpeg(crop: np.ndarray, quality: float, seed: int) -> np.ndarray:
    """Compress a crop (uint8 S x S x 3, RGB) as a JPEG of this quality (1 to 100) and read it again."""
    coded = cv2.imencode(".jpg", crop[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1]


def blur(crop: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Blur a crop by a Gaussian with this standard deviation, px."""
    return cv2.GaussianBlur(crop, (0, 0), sigma)


def resize(crop: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Shrink a crop to this share of its side, at least 1 px, and enlarge it to its size again."""
    side = len(crop)
    return crops.resized(crops.resized(crop, max(1, round(side * share))), side)


def noise(crop: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Add Gaussian noise with this standard deviation in grey levels, anew for each pixel and channel."""
    drawn = np.random.default_rng(seed).normal(0, sigma, crop.shape)
    return np.clip(np.rint(crop + drawn), 0, 255).astype(np.uint8)


OF_CROPS: dict[str, Callable[[np.ndarray, float, int], np.ndarray]] = {
    "jpeg": jpeg,
    "blur": blur,
    "resize": resize,
    "noise": noise,
}
KINDS = (*OF_CROPS, CRF)


@dataclass(frozen=True)
class Footage:
    """Where crops and clips lie: the folder of the tables and crops, and the folder that holds the datasets."""

    faces: Path
    root: Path


def write(rows: pd.DataFrame, kind: str, level: float, where: Footage, out: Path) -> pd.DataFrame:
    """Write the crops of `rows`, degraded, below `out` under the names that they have below `where.faces`.

    A clip is encoded once more as a whole, and its crops are cut at the squares of `rows`: no face is looked for
    again. The noise of a crop follows from its pixels and the level.

    Returns:
        The rows that were written: all, but for frames that a clip, once encoded, no longer shows.
    """
    if kind == CRF:
        _write_encoded(rows, int(level), where, out)
        return rows[[(out / crop).is_file() for crop in rows["crop"]]]
    for row in rows.itertuples():
        crop = crops.load_crop(where.faces / row.crop)
        crops.save_crop(out / row.crop, OF_CROPS[kind](crop, level, derive("robustness", kind, level, row.sha)))
    return rows


def _write_encoded(rows: pd.DataFrame, crf: int, where: Footage, out: Path) -> None:
    clips = pd.read_parquet(where.faces / "clips.parquet").set_index("clip_id")
    with tempfile.TemporaryDirectory() as folder:
        for clip_id, own in rows.groupby("clip_id", sort=True):
            clip, target = clips.loc[clip_id], Path(folder) / "clip.mp4"
            encoded(where.root / clip["path"], int(clip["frames"]), clip["fps"], crf, target)
            for index, frame in video.read_frames(target, own["frame_idx"]):
                for row in own[own["frame_idx"] == index].itertuples():
                    place = int(row.x0), int(row.y0), int(row.x1 - row.x0)
                    crops.save_crop(out / row.crop, crops.cut(frame, place, int(row.size)))


def encoded(clip: Path, frames: int, fps: float, crf: int, target: Path) -> None:
    """Encode all frames of a clip once more to `target`, by the same x264 settings as the benchmark's clips.

    Odd sides lose their last line, since H.264 stores colours at half the size.
    """
    encode.write_mp4(target, _Frames(clip, frames), fps or RATE, crf)


class _Frames(Sequence):
    """The frames of a clip, decoded when they are asked for, so that a long clip need not fit into memory."""

    def __init__(self, clip: Path, count: int):
        self.clip, self.count = clip, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        return next(self._read([index]))

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._read(range(self.count))

    def _read(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        for _, frame in video.read_frames(self.clip, indices):
            yield frame[: len(frame) // 2 * 2, : frame.shape[1] // 2 * 2]
