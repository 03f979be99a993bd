"""Tiny clips for tests: the colours of every frame encode its index, so that a wrong frame is noticed."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

X264 = {"crf": "12", "preset": "veryfast", "bf": "3", "g": "12", "x264-params": "open-gop=1:scenecut=0"}


def picture(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Draw a moving bright square on a background that changes with time."""
    image = np.full((height, width, 3), (40 + index * 3 % 120, 60, 200 - index * 5 % 150), np.uint8)
    x = index * 4 % (width - 16)
    image[8:24, x : x + 16] = 255
    return image


def write_clip(path: Path, images: list[np.ndarray], fps: int = 25, times: list[int] | None = None, **kwargs) -> Path:
    """Encode RGB images; `times` in milliseconds make the frame rate variable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = images[0].shape[:2]
    codec, pix_fmt = kwargs.get("codec", "libx264"), kwargs.get("pix_fmt", "yuv420p")
    with av.open(str(path), "w", options=kwargs.get("container", {})) as out:
        stream = out.add_stream(codec, rate=fps, options=X264 | kwargs.get("x264", {}) if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if times:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write an mp4 that holds a second of silence and no picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def turn(path: Path, clockwise: int, mirrored: bool = False) -> Path:
    """Make an mp4 ask, in its track header, to be mirrored left and right and then turned by so many degrees."""
    a, b, c, d = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[clockwise]
    a, b = (-a, -b) if mirrored else (a, b)
    one = 1 << 16
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # type; version, times, id, duration, layer, volume
    data[at : at + 36] = matrix
    path.write_bytes(data)
    return path


def trim(source: Path, target: Path, first: int) -> Path:
    """Copy an mp4 without encoding it again, so that it shows frame `first` first; those before it stay in the file."""
    options = {"use_editlist": "1", "avoid_negative_ts": "disabled"}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = old.streams.video[0]
        copied = new.add_stream_from_template(stream)
        shift = first * round(1 / (stream.average_rate * stream.time_base))
        for packet in old.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copied
                new.mux(packet)
    return target


def all_frames(path: Path) -> list[np.ndarray]:
    """Decode everything the slow way, as stored (not turned)."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
