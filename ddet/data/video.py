"""Read video files: count their frames, and decode those that are asked for to upright RGB.

`frame_idx` is the rank of a frame in presentation order, counted from 0, so a variable frame rate makes no difference.
Only the frames asked for are converted; between them the decoder seeks to the nearest keyframe and leaves out frames
that no other frame refers to. Where a seek does not lead to a picture (intra refresh), the clip is decoded in order.
A still is a clip of one frame.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from ddet.data import stills
from ddet.data.container import Packets, is_still, opened, read_packets
from ddet.data.upright import orientation, upright
from ddet.errors import InputError

INDEXED = {"mov", "matroska"}  # containers whose seek lands on a keyframe at or before the time asked for


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a clip; `width` and `height` are those of the upright frame.

    rotation: degrees counter-clockwise that the container asks for (0, 90, 180 or 270), already applied to frames.
    counted: "packets" where the container's tables agree with each other, "decoded" where every frame was decoded.
    note: "" or what the case is: cut short at a share of what was declared, trimmed, times renumbered, mirrored.
    """

    fps: float
    width: int
    height: int
    frames: int
    rotation: int
    has_audio: bool
    counted: str = "packets"
    note: str = ""


def probe(path: str | Path) -> VideoInfo:
    """Read the properties of a clip or still, if possible without decoding all of it.

    Frames are counted from packets (milliseconds); where these contradict the container's own count, lack distinct
    times or break off, every frame is decoded and counted instead.

    Raises:
        InputError: no such file, empty, not a video, sound only, or not one frame that decodes.
    """
    if is_still(path):
        still = stills.read(path)
        height, width = still.image.shape[:2]
        return VideoInfo(0.0, width, height, 1, still.rotation, False, "decoded", still.note)
    with opened(path) as (container, stream):
        packets = read_packets(container, stream)
        declared, fps = stream.frames - packets.trimmed, stream.average_rate or stream.guessed_rate
        has_audio = bool(container.streams.audio)
    first = next(_in_order(path, 1), None)
    if first is None:
        raise InputError(path, packets.doubt or "no frame can be decoded", stills.REMEDY)
    count = sum(1 for _ in _in_order(path, 1)) if packets.doubt else len(packets.times)
    mirrored, turns = orientation(first)
    width, height = (first.height, first.width) if turns % 2 else (first.width, first.height)
    counted, note = "decoded" if packets.doubt else "packets", _note(count, declared, packets, mirrored)
    return VideoInfo(float(fps or 0), width, height, count, turns * 90, has_audio, counted, note)


def _note(count: int, declared: int, packets: Packets, mirrored: bool) -> str:
    """Say what a user of the clip should know: that frames are missing first."""
    if count < declared:
        return f"cut short at {count / declared:.0%}: {count} of {declared} frames can be decoded"
    told = [packets.doubt] if packets.doubt else []
    told += [f"trimmed: {packets.trimmed} frames are there and not shown"] if packets.trimmed else []
    return "; ".join([*told, "mirrored, as its container asks"] if mirrored else told)


def read_frames(path: str | Path, indices: Iterable[int], threads: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (frame_idx, RGB frame) for each index asked for, ascending, each once.

    Frames are H x W x 3 uint8, upright. An index that the clip does not hold, or that cannot be decoded, is not
    yielded: compare with what was asked for.

    Raises:
        InputError: as `probe`.
    """
    wanted = sorted(set(indices))
    if is_still(path):
        yield from [(0, stills.read(path).image)] if 0 in wanted else []
        return
    with opened(path) as (container, stream):
        packets, indexed = read_packets(container, stream), bool(INDEXED & set(container.format.name.split(",")))
    if packets.doubt:
        frames = _by_order(path, wanted, threads)
    else:
        frames = _by_time(path, packets, [i for i in wanted if 0 <= i < len(packets.times)], indexed, threads)
    for index, frame in frames:
        yield index, upright(frame)


def _in_order(path: str | Path, threads: int) -> Iterator[av.VideoFrame]:
    """Decode from the start, skipping packets that do not decode."""
    with opened(path) as (container, stream):
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


def _by_time(path, packets: Packets, wanted: list[int], indexed: bool, threads: int):
    """Find frames by their times: seek to the keyframe before each group, skip unreferenced frames."""
    with opened(path) as (container, stream):
        _set_threads(stream, threads)
        for start, group in _groups(packets, wanted, indexed):
            if indexed:
                container.seek(start, stream=stream, backward=True)
            found = list(_group(container, stream, {packets.times[i]: i for i in group}))
            if indexed and len(found) < len(group):  # the seek led to no picture, and the next may not either
                break
            yield from found
        else:
            return
    left = {packets.times[i]: i for i in wanted if i >= group[0]}
    yield from ((left[f.pts], f) for f in _in_order(path, threads) if f.pts in left)


def _groups(packets: Packets, wanted: list[int], indexed: bool) -> list[tuple[int, list[int]]]:
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
