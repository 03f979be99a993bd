"""Open a video file safely, and read the headers of its packets: how many frames it shows, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av

from ddet.data import stills
from ddet.errors import InputError

# Containers that are read. Playlists (hls, concat) stay out: they open other files and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,gif,mp3,wav,flac,aac"
UNTIMED = {"avi"}  # containers that store no times: with B-frames their packets pretend the order of decoding


@dataclass(frozen=True)
class Packets:
    """Presentation times of a stream's frames and of its keyframes, and why not to trust them ("" = reliable).

    trimmed: packets that the container holds and asks not to show.
    """

    times: list[int]
    keys: list[int]
    doubt: str
    trimmed: int = 0


@contextmanager
def opened(path: str | Path) -> Iterator[tuple]:
    """Open a file and its video stream; every failure becomes one InputError."""
    path = _there(path)
    try:
        container = av.open(f"file:{path}", metadata_errors="replace", container_options={"format_whitelist": FORMATS})
    except (av.error.FFmpegError, OSError) as e:
        raise InputError(path, _why_not(path, e), stills.REMEDY) from None
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise InputError(path, "sound only" if container.streams.audio else "no video stream", stills.REMEDY)
        yield container, streams[0]


def is_still(path: str | Path) -> bool:
    """Return whether a file is a picture, by its first bytes.

    Raises:
        InputError: no such file, or an empty one.
    """
    try:
        return stills.begins_as_one(_there(path))
    except PermissionError:
        return False


def _there(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", "check the path")
    if path.stat().st_size == 0:
        raise InputError(path, "empty file", stills.REMEDY)
    return path


def _why_not(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "may not be read"
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] == b"ftyp"
    return "truncated: the index of its frames (moov) is missing" if is_mp4 else "not a video"


def read_packets(container, stream) -> Packets:
    """Read packet headers only; nothing is decoded."""
    times, keys, doubt, trimmed = [], [], "", 0
    try:
        for packet in container.demux(stream):
            if packet.size and packet.is_discard:
                trimmed += 1
            elif packet.size:
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
                if packet.is_corrupt:
                    doubt = "cut short: a packet is incomplete"
    except av.error.FFmpegError:
        doubt = "cut short: it breaks off"
    read = len(times) + trimmed
    if not doubt and len(stream.index_entries) == read:  # all that the index names was read: the rest is not shown
        trimmed = max(trimmed, stream.frames - len(times))
    if None in times or len(set(times)) < len(times) or _pretends(container, times):
        return Packets([], [], doubt or "times renumbered: frames are without times of their own", trimmed)
    if not doubt and stream.frames not in (0, len(times) + trimmed):
        doubt = "the container's frame count is wrong"
    if not keys or min(times) < min(keys):
        doubt = doubt or "it does not begin with a keyframe"
    return Packets(sorted(times), sorted(keys), doubt, trimmed)


def _pretends(container, times: list[int]) -> bool:
    """Return whether times are the order of decoding: of a codec with B-frames, in a container without times."""
    untimed = UNTIMED & set(container.format.name.split(","))
    codec = container.streams.video[0].codec_context
    return bool(untimed) and codec.codec.reorder and all(a < b for a, b in pairwise(times))
