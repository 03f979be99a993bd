"""Detect faces by MTCNN on reduced frames, and search again, closer, where the frame before or after has one more.

The faces of a frame are a float32 array of n x 15: box x0, y0, x1, y1 in frame px, probability, and the x, y of five
landmarks in frame px (left eye, right eye, nose, left and right corner of the mouth, as the image shows them).
Detection runs on one CPU thread on every machine, since the thread count changes bits; clips run in parallel.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from ddet import params
from ddet.data import tracks, video

SHORT_SIDE = 360  # px; a frame is not reduced below this, for small clips hold small faces
CLOSER = 3.0  # the closer look takes the old box grown by this factor ...
CLOSER_FACES = (96, 60, 200)  # ... resized so that the old box measures this many px, one after another until found
SAME = 0.3  # overlap above which two boxes of one frame are the same face
NONE = np.zeros((0, 15), np.float32)


class Finder:
    """Find the faces of an RGB frame (H x W x 3 uint8).

    Differs: MTCNN.detect takes the full frame. Here the frame is reduced by `cfg.scale`, `cfg.min_face` counts in px
    of the reduced frame, and networks and image have the memory layout that is fastest on a CPU.
    """

    def __init__(self, cfg: params.Faces):
        self.scale, self.min_face = cfg.scale, cfg.min_face
        self.net = MTCNN(keep_all=True, min_face_size=cfg.min_face, thresholds=list(cfg.thresholds), device="cpu")
        for name in ("pnet", "rnet", "onet"):
            # Max pooling, a third of the time, is vectorised for channels-last only.
            setattr(self.net, name, getattr(self.net, name).to(memory_format=torch.channels_last))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Return the faces of a frame, largest first."""
        return self._at(frame, max(self.scale, min(1.0, SHORT_SIDE / min(frame.shape[:2]))))

    def closer(self, frame: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Search only around `box`; return the face that overlaps it most as 1 x 15, or 0 x 15."""
        height, width = frame.shape[:2]
        x0, y0, x1, y1 = np.rint(tracks.grown(box[None, :4], CLOSER)[0]).astype(int)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if min(x1 - x0, y1 - y0) < 2:
            return NONE
        for size in CLOSER_FACES:
            found = self._at(frame[y0:y1, x0:x1], size / max(box[2:4] - box[:2])) + _shift(x0, y0)
            overlap = tracks.iou(box[None, :4], found)[0]
            if (overlap > SAME).any():
                return found[[overlap.argmax()]]
        return NONE

    def _at(self, image: np.ndarray, scale: float) -> np.ndarray:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        if min(size) < self.min_face:  # the smallest face would not fit, and MTCNN fails instead of finding none
            return NONE
        planes = torch.from_numpy(small).permute(2, 0, 1).float().contiguous()
        with torch.inference_mode():
            boxes, probs, points = self.net.detect(planes.permute(1, 2, 0), landmarks=True)
        if boxes is None:
            return NONE
        x, y = image.shape[1] / size[0], image.shape[0] / size[1]
        found = np.hstack([boxes, probs[:, None], points.reshape(-1, 10)]).astype(np.float32)
        return found * _stretch(x, y)


@lru_cache(maxsize=1)
def finder(cfg: str) -> Finder:
    """Return this process's finder for a Faces section given as JSON (a pydantic model cannot be a cache key)."""
    return Finder(params.Faces.model_validate_json(cfg))


def look(find: Finder, frame: np.ndarray, found: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Search again, closer, where the neighbouring frame has a face (`beside`) and this one none; return all faces."""
    for face in beside:
        if len(found) and tracks.iou(tracks.grown(face[None, :4]), tracks.grown(found)).max() >= tracks.LINK:
            continue
        found = np.concatenate([found, find.closer(frame, face)])
    return clamp(found, frame.shape[1], frame.shape[0])


def follow(
    path: Path, indices: list[int], find: Finder, given: dict[int, np.ndarray] | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray, bool]]:
    """Yield (frame_idx, frame, faces, own) for the frames of a clip that decode; own is False for faces from `given`.

    Where the sampled frame before or after has a face that a frame lacks, it is searched again, closer. Boxes are
    clamped to the frame; a box without area is dropped.
    """
    held, before = None, NONE
    for index, frame in video.read_frames(path, indices):
        faces = (given or {}).get(index, NONE)
        own = not len(faces)
        found = look(find, frame, find(frame), before) if own else clamp(faces, frame.shape[1], frame.shape[0])
        if held:
            yield _looked_back(find, held, found)
        held, before = (index, frame, found, own), found
    if held:
        yield held


def _looked_back(find: Finder, held: tuple, after: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, bool]:
    index, frame, found, own = held
    return index, frame, look(find, frame, found, after) if own else found, own


def clamp(faces: np.ndarray, width: int, height: int) -> np.ndarray:
    """Cut boxes to the frame and drop those with less than a pixel left; landmarks stay where they are."""
    faces = faces.copy()
    faces[:, [0, 2]] = faces[:, [0, 2]].clip(0, width)
    faces[:, [1, 3]] = faces[:, [1, 3]].clip(0, height)
    return faces[((faces[:, 2:4] - faces[:, :2]) >= 1).all(1)]


def rescale(faces: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Scale faces (n x 15) from px of a clip of size `old` (width, height) to px of its fake of size `new`."""
    return faces * _stretch(new[0] / old[0], new[1] / old[1])


def _stretch(x: float, y: float) -> np.ndarray:
    return np.array([x, y, x, y, 1] + [x, y] * 5, np.float32)


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([x, y, x, y, 0] + [x, y] * 5, np.float32)


@contextmanager
def single_thread():
    """Run the block on one thread, then restore the thread counts of the process."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
