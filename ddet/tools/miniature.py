"""Make miniatures of the four datasets: few rendered clips, in the official trees, with the frames that real ones have.

Sizes, lengths and rates are those of the datasets, so that what a full-HD clip of 10 s does to index, sampling, face
detection and disk is seen before anyone has the data. A rendered clip is enlarged, set into a frame of the dataset's
size and played to and fro until it is as long as a real one, and so are the videos of its masks. Lists are copied.
"""

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from ddet import params
from ddet.data import video
from ddet.synth import encode, write

CRF = 23
PRESET = "ultrafast"  # a third of the time of the benchmark's own preset; these clips are looked at for shape alone


@dataclass(frozen=True)
class Shape:
    """What a clip of a dataset is: px, frames, frames a second, and whether it has sound."""

    width: int
    height: int
    frames: int
    fps: float
    audio: bool = False


SHAPES = {  # by the folder of a dataset; Celeb-DF's sizes vary about this one, FF++'s about 720 lines
    "FaceForensics++": Shape(1280, 720, 400, 25.0),
    "Celeb-DF-v2": Shape(944, 500, 390, 30.0),
    "DFDC": Shape(1920, 1080, 300, 30000 / 1001, audio=True),
    "DeeperForensics-1.0": Shape(1280, 720, 400, 25.0),
}


def make(out: Path, cfg: params.Benchmark, runtime: params.Runtime, shapes: dict[str, Shape] | None = None) -> int:
    """Render the benchmark of `cfg` and write its enlarged copy to `out`; return the number of clips.

    Clips that cannot be used (empty, cut short) are copied as they are. What `out` has of an earlier call is kept,
    if it is newer than the clip that it was made from.
    """
    rendered = out.with_name(f"{out.name}_rendered")
    clips = write.render_benchmark(rendered, cfg, runtime)
    shapes = SHAPES if shapes is None else shapes
    usable = clips[clips["unusable"].isna()]
    jobs = [
        (row.path, shapes[Path(row.path).parts[0]]) for row in usable.itertuples() if Path(row.path).parts[0] in shapes
    ]
    count = len(jobs)
    masks = (file.relative_to(rendered) for file in sorted(rendered.rglob("masks/videos/*.mp4")))
    jobs += [(name.as_posix(), shapes[name.parts[0]]) for name in masks if name.parts[0] in shapes]
    enlarged = {path for path, _ in jobs}
    for file in sorted(f for f in rendered.rglob("*") if f.is_file()):
        name = file.relative_to(rendered)
        if name.parts[0] in shapes and name.as_posix() not in enlarged and _older(out / name, file):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, out / name)
    lacking = [(path, shape) for path, shape in jobs if _older(out / path, rendered / path)]
    with parallel_config(backend=runtime.backend):
        tasks = (delayed(enlarge)(rendered / path, out / path, shape) for path, shape in lacking)
        done = Parallel(n_jobs=runtime.jobs, return_as="generator_unordered")(tasks)
        deque(tqdm(done, "miniatures", len(lacking), unit="clip", mininterval=5), maxlen=0)
    return count


def _older(target: Path, source: Path) -> bool:
    return not target.is_file() or target.stat().st_mtime_ns < source.stat().st_mtime_ns


def enlarge(source: Path, target: Path, shape: Shape) -> None:
    """Write a clip with the frames of `source` at the size, length and rate of `shape`."""
    info = video.probe(source)
    frames = [set_in(frame, shape) for _, frame in video.read_frames(source, range(info.frames))]
    encode.write_mp4(target, list(to_and_fro(frames, shape.frames)), shape.fps, CRF, shape.audio, PRESET)


def set_in(frame: np.ndarray, shape: Shape) -> np.ndarray:
    """Enlarge a frame to the height of `shape`, and fill what lacks at its sides with its own edges."""
    height, width = frame.shape[:2]
    scale = min(shape.height / height, shape.width / width)
    size = round(width * scale), round(height * scale)
    large = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    left, top = (shape.width - size[0]) // 2, (shape.height - size[1]) // 2
    rest = shape.height - size[1] - top, shape.width - size[0] - left
    return cv2.copyMakeBorder(large, top, rest[0], left, rest[1], cv2.BORDER_REPLICATE)


def to_and_fro(frames: Sequence[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Yield `count` frames: forwards, backwards, and so on, so that no step is larger than one of the clip's own."""
    period = max(2 * len(frames) - 2, 1)
    for i in range(count):
        at = i % period
        yield frames[at if at < len(frames) else period - at]
