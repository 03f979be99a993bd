"""Choose the frames of a clip by a sampling rule: by time, every n-th, or spread evenly."""

from pathlib import Path

import numpy as np

from ddet import params
from ddet.data import container
from ddet.errors import InputError

UNEVEN = 0.5  # frames by which a frame may come early or late before a rate counts as variable


def sample(path: str | Path, n_frames: int, fps: float, cfg: params.Faces) -> list[int]:
    """List the frame indices that a sampling takes from a clip, by the times of its frames where its rate varies.

    As `sample_indices` for a constant rate. Sampled by the average rate, a clip that begins with many frames a second
    and ends with few would be sampled most where there is least time.

    Raises:
        InputError: as `sample_indices`, or the file cannot be opened.
    """
    if cfg.sampling != "fps" or n_frames < 3:
        return sample_indices(n_frames, fps, cfg)
    with container.opened(path) as (file, stream):
        times = [float(t * stream.time_base) for t in container.read_packets(file, stream).times]
    if len(times) != n_frames or not _is_uneven(times):
        return sample_indices(n_frames, fps, cfg)
    wanted = np.arange(int((times[-1] - times[0]) * cfg.fps) + 1) / cfg.fps + times[0]
    after = np.searchsorted(times, wanted).clip(1, n_frames - 1)
    earlier = wanted - np.take(times, after - 1) <= np.take(times, after) - wanted
    return sorted({int(i) for i in after - earlier})


def _is_uneven(times: list[float]) -> bool:
    """Return whether a frame is further from an even spacing than UNEVEN steps."""
    even = np.linspace(times[0], times[-1], len(times))
    return bool(np.abs(np.array(times) - even).max() > UNEVEN * (even[1] - even[0]))


def sample_indices(n_frames: int, fps: float, cfg: params.Faces) -> list[int]:
    """List the frame indices that a sampling takes from a clip of `n_frames` frames, ascending.

    fps: the frames nearest to t = 0, 1/cfg.fps, 2/cfg.fps ... seconds, all of them when the clip is slower than that.
    every: every `cfg.every`-th, at most `cfg.frames`.  even: `cfg.frames` evenly spaced with both ends; all when fewer.

    Paper: Herd Mentality samples 1 fps, ASRID every 10th up to 30, DeepfakeBench 32 evenly spaced.

    Raises:
        InputError: sampling by time from a clip without a frame rate.
    """
    if cfg.sampling == "every":
        return list(range(0, n_frames, cfg.every))[: cfg.frames]
    if cfg.sampling == "even":
        return _spread(n_frames, cfg.frames)
    if n_frames < 2:
        return list(range(n_frames))
    if fps <= 0:
        raise InputError("faces.sampling", "fps, but the clip does not tell its frame rate", "use every or even")
    step = max(fps / cfg.fps, 1.0)
    return [i for i in (int(k * step + 0.5) for k in range(int(n_frames / step) + 1)) if i < n_frames]


def _spread(n: int, k: int) -> list[int]:
    if n <= k:
        return list(range(n))
    return [0] if k == 1 else [(i * (n - 1) + (k - 1) // 2) // (k - 1) for i in range(k)]
