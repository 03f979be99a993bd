"""Say which pixels of a crop are forged: rendered truth, FF++'s official masks, or the difference to the original.

Paper: FFD (Dang et al., CVPR 2020) takes the difference of a fake and the frame that it was forged from, in grey.
Differs: official masks come first, since they know what was blended in without a visible trace; FF++ has them for four
of its methods, not for FaceShifter, Celeb-DF and DFDC have none. A difference counts from FAINT on, as in the paper's
evaluation, so that all masks are of one kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ddet import params, paths
from ddet.data import video
from ddet.data.crops import crop_masks, load_crop, resized
from ddet.errors import InputError
from ddet.hashing import digest

TRUTH, OFFICIAL, DIFFERENCE, UNKNOWN = "rendered truth", "official mask", "difference to the original", "none"
FAINT = 0.1  # of a difference that counts as forged: encoding alone changes every pixel a little


@dataclass(frozen=True)
class Masks:
    """Where masks lie: the benchmark's truth (None on real data), and the root of FF++ (None where it is not used)."""

    truth: Path | None = None
    ffpp: Path | None = None

    def file_of(self, clip_id: str) -> Path | None:
        """Return the file that holds the masks of a fake clip, None where there is none."""
        if self.truth is not None:
            return self.truth / f"{clip_id}.npz"
        dataset, method, _, stem = clip_id.split("/")
        if dataset != "ffpp" or self.ffpp is None:
            return None
        file = self.ffpp / "manipulated_sequences" / method / "masks" / "videos" / f"{stem}.mp4"
        return file if file.is_file() else None


def masks_of(cfg: params.Data, synthetic: bool) -> Masks:
    """Return where masks lie for the data of a params file: beside the rendered clips, or in the tree of FF++."""
    root = paths.resolve(cfg.root)
    if synthetic:
        return Masks(truth=root / "truth")
    return Masks(ffpp=root / cfg.folders["ffpp"] if "ffpp" in cfg.datasets else None)


def kinds(rows: pd.DataFrame, where: Masks) -> np.ndarray:
    """Say of each fake in `rows` what its mask comes from (TRUTH, OFFICIAL, DIFFERENCE, UNKNOWN); of a real one "".

    Args:
        rows: crops with the column `untouched` of `originals.beside`.
    """
    files = {clip: where.file_of(clip) for clip in rows["clip_id"].unique()}
    own = TRUTH if where.truth is not None else OFFICIAL
    told = [
        "" if label == 0 else own if files[clip] else DIFFERENCE if real else UNKNOWN
        for clip, label, real in zip(rows["clip_id"], rows["label"], rows["untouched"], strict=True)
    ]
    return np.array(told, dtype=object)


def of_crops(rows: pd.DataFrame, where: Masks, crops: Path, size: int) -> np.ndarray:
    """Return the forged share of each pixel of the crops `rows`: float32 n x size x size in [0, 1], zeros for a real.

    A frame that an official mask does not hold is compared with its original.

    Raises:
        InputError: a fake without a mask and without its original, a mask that is damaged or not as large as its clip.
    """
    masks, told = np.zeros((len(rows), size, size), np.float32), kinds(rows, where)
    for clip_id in dict.fromkeys(rows.loc[rows["label"] == 1, "clip_id"]):
        at = np.flatnonzero(rows["clip_id"] == clip_id)
        part, kind = rows.iloc[at], told[at[0]]
        if kind == TRUTH:
            masks[at] = crop_masks(clip_id, part, where.truth, size)
            continue
        found = _official(where.file_of(clip_id), part, size) if kind == OFFICIAL else {}
        for n, row in zip(at, part.itertuples(), strict=True):
            masks[n] = found[row.frame_idx] if row.frame_idx in found else _difference(row, crops, size)
    return masks


def fingerprint(rows: pd.DataFrame, where: Masks) -> str:
    """Hash the files of the fakes among `rows` that hold masks, for the key of a run that reads them."""
    files = {where.file_of(clip) for clip in rows.loc[rows["label"] == 1, "clip_id"].unique()} - {None}
    try:
        return digest(b"".join(f"{file.stem} ".encode() + file.read_bytes() for file in sorted(files)))
    except OSError as e:
        raise InputError(e.filename, "no ground truth for this fake", "render the benchmark again") from None


def _official(file: Path, rows: pd.DataFrame, size: int) -> dict[int, np.ndarray]:
    """Read the masks of one clip from its official video: frame_idx -> float32 size x size, for frames that it has."""
    squares, found = {int(row.frame_idx): row for row in rows.itertuples()}, {}
    for index, frame in video.read_frames(file, squares):
        row = squares[index]
        if (theirs := frame.shape[1::-1]) != (ours := (int(row.width), int(row.height))):
            cause = f"its masks have {theirs[0]} x {theirs[1]} px, the clip {ours[0]} x {ours[1]}"
            raise InputError(file, cause, "fetch masks and clips of one release, or move these masks away")
        found[index] = _cut(frame, row, size)
    return found


def _cut(frame: np.ndarray, row: tuple, size: int) -> np.ndarray:
    # The video is lossy: a pixel of it is forged where it is nearer to white than to black.
    patch = (frame[int(row.y0) : int(row.y1), int(row.x0) : int(row.x1), 0] >= 128).astype(np.float32)
    return cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA if len(patch) > size else cv2.INTER_NEAREST)


def _difference(row: tuple, crops: Path, size: int) -> np.ndarray:
    if not row.untouched:
        where = f"{row.clip_id}, frame {row.frame_idx}"
        raise InputError(where, "has neither a mask nor the frame it was forged from", "leave it out, or add the masks")
    fake, real = (_grey(Path(crops) / crop, size) for crop in (row.crop, row.untouched))
    return (np.abs(fake - real) > FAINT).astype(np.float32)


def _grey(path: Path, size: int) -> np.ndarray:
    return cv2.cvtColor(resized(load_crop(path), size), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def sentence(told: Iterable[str]) -> str:
    """Say in one line how many fakes have which kind of mask."""
    counts = pd.Series([kind for kind in told if kind], dtype=object).value_counts()
    return ", ".join(f"{kind}: {n} fakes" for kind, n in counts.items()) or "no fakes"
