"""Read video files: count their frames, choose frames by a sampling rule, decode those to upright RGB.

`frame_idx` is the rank of a frame in presentation order, counted from 0, so a variable frame rate makes no difference.
Only the frames asked for are converted; between them the decoder seeks to the nearest keyframe and leaves out frames
that no other frame refers to.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from ddet import params
from ddet.errors import InputError

# Containers and stills that are read. Playlists (hls, concat) stay out: they open other files and addresses.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,"
    "tiff_pipe,mp3,wav,flac,aac"
)
INDEXED = {"mov", "matroska"}  # containers whose seek lands on a keyframe at or before the time asked for
REMEDY = "replace the file or leave it out"


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a clip; `width` and `height` are those of the upright frame.

    rotation: degrees counter-clockwise that the container asks for (0, 90, 180 or 270), already applied to frames.
    counted: "packets" where the container's tables agree with each other, "decoded" where every frame was decoded.
    note: "" or why fewer frames than declared can be used.
    """

    fps: float
    width: int
    height: int
    frames: int
    rotation: int
    has_audio: bool
    counted: str = "packets"
    note: str = ""


@dataclass(frozen=True)
class _Packets:
    """Presentation times of a stream's frames and of its keyframes, and why not to trust them ("" = reliable)."""

    times: list[int]
    keys: list[int]
    doubt: str


def probe(path: str | Path) -> VideoInfo:
    """Read the properties of a clip or still, if possible without decoding all of it.

    Frames are counted from packets (milliseconds); where these contradict the container's own count, lack distinct
    times or break off, every frame is decoded and counted instead.

    Raises:
        InputError: no such file, empty, not a video, sound only, or not one frame that decodes.
    """
    with _opened(path) as (container, stream):
        packets = _packets(container, stream)
        declared, fps = stream.frames, stream.average_rate or stream.guessed_rate
        has_audio = bool(container.streams.audio)
    first = next(_in_order(path, 1), None)
    if first is None:
        raise InputError(path, packets.doubt or "no frame can be decoded", REMEDY)
    count = sum(1 for _ in _in_order(path, 1)) if packets.doubt else len(packets.times)
    short = f"truncated: {count} of {declared} frames can be decoded" if count < declared else ""
    rotation = _rotation(first)
    width, height = (first.height, first.width) if rotation % 180 else (first.width, first.height)
    counted = "decoded" if packets.doubt else "packets"
    return VideoInfo(float(fps or 0), width, height, count, rotation, has_audio, counted, short or packets.doubt)


def read_frames(path: str | Path, indices: Iterable[int], threads: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (frame_idx, RGB frame) for each index asked for, ascending, each once.

    Frames are H x W x 3 uint8, upright. An index that the clip does not hold, or that cannot be decoded, is not
    yielded: compare with what was asked for.

    Raises:
        InputError: as `probe`.
    """
    wanted = sorted(set(indices))
    with _opened(path) as (container, stream):
        packets, indexed = _packets(container, stream), bool(INDEXED & set(container.format.name.split(",")))
    if packets.doubt:
        frames = _by_order(path, wanted, threads)
    else:
        frames = _by_time(path, packets, [i for i in wanted if 0 <= i < len(packets.times)], indexed, threads)
    for index, frame in frames:
        yield index, _upright(frame)


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
    if fps <= 0:
        raise InputError("faces.sampling", "fps, but the clip does not tell its frame rate", "use every or even")
    step = max(fps / cfg.fps, 1.0)
    return [i for i in (int(k * step + 0.5) for k in range(int(n_frames / step) + 1)) if i < n_frames]


def _spread(n: int, k: int) -> list[int]:
    if n <= k:
        return list(range(n))
    return [0] if k == 1 else [(i * (n - 1) + (k - 1) // 2) // (k - 1) for i in range(k)]


@contextmanager
def _opened(path: str | Path):
    """Open a file and its video stream; every failure becomes one InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", "check the path")
    if path.stat().st_size == 0:
        raise InputError(path, "empty file", REMEDY)
    try:
        container = av.open(f"file:{path}", metadata_errors="replace", container_options={"format_whitelist": FORMATS})
    except (av.error.FFmpegError, OSError) as e:
        raise InputError(path, _why_not(path, e), REMEDY) from None
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise InputError(path, "sound only" if container.streams.audio else "no video stream", REMEDY)
        yield container, streams[0]


def _why_not(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "may not be read"
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] == b"ftyp"
    return "truncated: the index of its frames (moov) is missing" if is_mp4 else "not a video"


def _packets(container, stream) -> _Packets:
    """Read packet headers only; nothing is decoded."""
    times, keys, doubt = [], [], ""
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if packet.is_corrupt:
                    doubt = "truncated: a packet is incomplete"
    except av.error.FFmpegError:
        doubt = "truncated: it breaks off"
    if None in times or len(set(times)) < len(times):
        return _Packets([], [], doubt or "frames without times of their own")
    if not doubt and stream.frames not in (0, len(times)):
        doubt = "the container's frame count is wrong"
    if not keys or min(times) < min(keys):
        doubt = doubt or "it does not begin with a keyframe"
    return _Packets(sorted(times), sorted(keys), doubt)


def _in_order(path: str | Path, threads: int) -> Iterator[av.VideoFrame]:
    """Decode from the start, skipping packets that do not decode."""
    with _opened(path) as (container, stream):
        _set_threads(stream, threads)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                break
            yield from _decode(packet)
        yield from _decode(None, stream)


def _decode(packet, stream=None) -> list[av.VideoFrame]:
    """Decode one packet, or flush the decoder; a damaged packet gives no frame."""
    try:
        return packet.decode() if packet is not None else stream.decode(None)
    except (av.error.FFmpegError, EOFError):
        return []


def _by_order(path: str | Path, wanted: list[int], threads: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Find frames by counting decoded frames: correct for any file, but slow."""
    last, left = wanted[-1] if wanted else -1, set(wanted)
    for index, frame in enumerate(_in_order(path, threads)):
        if index > last:
            return
        if index in left:
            yield index, frame


def _by_time(path, packets: _Packets, wanted: list[int], indexed: bool, threads: int):
    """Find frames by their times: seek to the keyframe before each group, skip unreferenced frames."""
    with _opened(path) as (container, stream):
        _set_threads(stream, threads)
        for start, group in _groups(packets, wanted, indexed):
            if indexed:
                container.seek(start, stream=stream, backward=True)
            yield from _group(container, stream, {packets.times[i]: i for i in group})


def _groups(packets: _Packets, wanted: list[int], indexed: bool) -> list[tuple[int, list[int]]]:
    """Group wanted frames by the keyframe they depend on; a container without an index is read from its start."""
    if not indexed:
        return [(packets.times[0], wanted)] if wanted else []
    groups: dict[int, list[int]] = {}
    for i in wanted:
        key = packets.keys[bisect_right(packets.keys, packets.times[i]) - 1]
        groups.setdefault(key, []).append(i)
    return list(groups.items())


def _group(container, stream, wanted: dict[int, int]) -> Iterator[tuple[int, av.VideoFrame]]:
    last = max(wanted)
    for packet in container.demux(stream):
        # Frames that others refer to are always decoded; of the rest only those asked for.
        stream.codec_context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in wanted else "NONREF"
        for frame in _decode(packet):
            if frame.pts in wanted:
                yield wanted[frame.pts], frame
            if frame.pts >= last:
                return


def _set_threads(stream, threads: int) -> None:
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "SLICE"


def _rotation(frame: av.VideoFrame) -> int:
    """Return the counter-clockwise quarter turns that set a frame upright, in degrees."""
    return round(frame.rotation / 90) * 90 % 360


def _upright(frame: av.VideoFrame) -> np.ndarray:
    turns = _rotation(frame) // 90
    image = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
