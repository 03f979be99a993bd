"""Write clips as H.264 mp4, atomically and with the same bytes each time; truncate clips; store forgery masks."""

import io
import os
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ddet import isa
from ddet.synth.canvas import Array

# x264 weighs more modes where the CPU has SSSE3, so pictures differ, and has other code again for AVX-512.
ASM = "AVX2" if "avx2" in isa.flags() else "auto"
# With its macroblock tree, x264 gives other bytes for the same frames from one call to the next (seen on an AVX-512
# CPU; its plain C code does not): two clips in three differed between two runs, and none without the tree.
OPTIONS = {
    "threads": "1",
    "x264-params": f"threads=1:sliced-threads=0:lookahead-threads=1:mbtree=0:asm={ASM}",
}
RATE = 16000  # of the audio track, Hz


def write_mp4(
    path: Path, frames: Sequence[Array], fps: float, crf: int, audio: bool = False, preset: str = "veryfast"
) -> None:
    """Encode RGB frames (uint8, even sides) to `path`, which appears only when whole; `preset` is one of x264's."""
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(part), "w", format="mp4", options={"fflags": "+bitexact"}) as box:
        stream = box.add_stream("libx264", rate=rate, options={**OPTIONS, "preset": preset, "crf": str(crf)})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        sound = _add_sound(box) if audio else None
        for frame in frames:
            box.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        box.mux(stream.encode())
        if sound:
            _hum(box, sound, len(frames) / fps)
    os.replace(part, path)


def _add_sound(box) -> av.AudioStream:
    sound = box.add_stream("aac", rate=RATE)
    sound.layout = "mono"
    return sound


def _hum(box, sound, seconds: float) -> None:
    """Write a quiet 150 Hz tone: clips of some datasets have an audio track, and nothing here reads it."""
    wave = 0.05 * np.sin(2 * np.pi * 150 * np.arange(int(seconds * RATE)) / RATE)
    frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
    frame.rate = RATE
    box.mux(sound.encode(frame))
    box.mux(sound.encode())


def truncate(path: Path) -> None:
    """Cut a clip to half its bytes: its index, at the end, is lost."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def write_truth(path: Path, truth: Array) -> None:
    """Store a forgery's ground truth (T x H x W bool) as an npz of `mask` (packed bits) and `shape`.

    NumPy's own writer asks for 64-bit sizes, which patch releases of Python write differently.
    """
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(part, "w") as box:
        for name, array in {"mask": np.packbits(truth), "shape": np.array(truth.shape)}.items():
            data = io.BytesIO()
            np.save(data, array)
            box.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED)
    os.replace(part, path)


def read_truth(path: Path) -> Array:
    """Read the ground truth that `write_truth` stored: T x H x W bool."""
    with np.load(path) as kept:
        shape = tuple(kept["shape"])
        return np.unpackbits(kept["mask"], count=int(np.prod(shape))).reshape(shape).astype(bool)
