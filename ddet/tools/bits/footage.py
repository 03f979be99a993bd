"""From frames to samples: a rendered clip encoded and decoded, the faces in it, and every augmentation of a picture."""

import tempfile
from pathlib import Path

import av
import numpy as np

from ddet import params
from ddet.data import augment, crops, detect, video
from ddet.synth import encode, write
from ddet.synth.scene import film
from ddet.tools.bits import digest, primitives

PROFILE = "profiles/smoke.yaml"


def settings() -> dict:
    """Return the sections that say what is rendered and how faces are found."""
    whole = params.load(PROFILE)
    return {"benchmark": whole.benchmark.model_dump(), "faces": whole.faces.model_dump()}


def compute() -> dict[str, str]:
    """Return name -> hash."""
    whole = params.load(PROFILE)
    shots = film(write.compose_take(write.plan(whole.benchmark).takes[0], whole.benchmark))
    frames = [shot.image for shot in shots]
    with tempfile.TemporaryDirectory() as folder:
        found, decoded = _clip(Path(folder) / "clip.mp4", frames, whole.benchmark)
    return found | _faces(decoded[:4], whole.faces) | _augmented(primitives.picture())


def _clip(path: Path, frames: list[np.ndarray], cfg: params.Benchmark) -> tuple[dict[str, str], list[np.ndarray]]:
    encode.write_mp4(path, frames, cfg.fps, cfg.crf, audio=True)
    with av.open(str(path)) as box:
        parts = {s.type: digest(*(bytes(p) for p in packets(box, s))) for s in box.streams}
    decoded = [frame for _, frame in video.read_frames(path, range(len(frames)))]
    found = {f"clip {kind}": parts[kind] for kind in ("video", "audio")}
    return found | {"clip file": digest(path.read_bytes()), "clip decoded": digest(*decoded)}, decoded


def packets(box: av.container.InputContainer, stream: av.stream.Stream) -> list[av.Packet]:
    """Read a stream's packets from the start."""
    box.seek(0)
    return [packet for packet in box.demux(stream) if packet.size]


def _faces(frames: list[np.ndarray], cfg: params.Faces) -> dict[str, str]:
    with detect.single_thread():
        find = detect.Finder(cfg)
        found = [find(frame) for frame in frames]
    cut = []
    for frame, faces in zip(frames, found, strict=True):
        places = [crops.square(face, cfg.margin, frame.shape[1], frame.shape[0]) for face in faces]
        cut += [crops.cut(frame, place, cfg.size) for place in places]
    return {"faces found": digest(*found), "faces cut": digest(*cut)}


def _augmented(image: np.ndarray) -> dict[str, str]:
    made = {}
    for name, make in (augment.STEPS | augment.TEXTURE | augment.COLOUR).items():
        spec = augment.A.Compose([make(1)])
        made[f"augment {name}"] = digest(*(augment.draw(spec, image, seed) for seed in range(4)))
    return made
