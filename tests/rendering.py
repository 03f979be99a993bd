"""A synthetic benchmark of a few tiny clips, and a function that decodes them."""

from pathlib import Path

import av
import numpy as np

from ddet import params

METHODS = ["Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures"]
VARIANTS = ["end_to_end", "end_to_end_mix_2_distortions", "end_to_end_level_5", "reenact_postprocess"]


def benchmark(**changes) -> params.Benchmark:
    keys = {
        "render": True, "seed": 1, "frame_size": 128, "frames": 2, "fps": 8.0, "crf": 23, "unusable": 3,
        "ffpp": {"pairs": 3, "methods": METHODS},
        "celebdf": {"identities": 4, "clips_per_identity": 1, "youtube": 2, "fakes": 4},
        "dfdc": {"parts": 2, "originals": 2, "fakes": 3, "two_person": 1.0, "test_clips": 2},
        "df1": {"actors": 4, "variants": VARIANTS},
        "jitter": {"people": 2},
    }  # fmt: skip
    return params.Benchmark.model_validate(keys | changes)


def runtime(jobs: int, backend: str) -> params.Runtime:
    return params.Runtime(threads=1, device="cpu", isa="avx2", jobs=jobs, backend=backend, workers=0, fits=1)


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as box:
        return [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]


def stems(root: Path, folder: str) -> list[str]:
    """Name the clips of a folder, without their endings."""
    return sorted(p.stem for p in (root / folder).glob("*.mp4"))
