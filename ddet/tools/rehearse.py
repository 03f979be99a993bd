"""Rehearse the paper profile: all notebooks, full-size networks, miniatures of the four datasets in official trees.

    python -m ddet.tools.rehearse [FOLDER]

What git tracks is copied into a folder of its own, as for the demo. params.yaml there is profiles/paper.yaml with the
cuts of profiles/overlays/rehearsal.yaml, data/raw holds the miniatures, and start weights are drawn at random in timm's
format. Then `dvc repro` runs. A second call goes on where the first stopped.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import safetensors.torch
import torch

from ddet import cluster, params, paths
from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.tools import demo, miniature, overlay

OVERLAY = "profiles/overlays/rehearsal.yaml"
MEANING = "A rehearsal: a few clips and one step per fit, from random weights. The numbers mean nothing."


def lay_out(folder: Path, source: Path = paths.ROOT) -> params.Params:
    """Copy the checkout, write the params, the miniatures and the start weights; return the params.

    Raises:
        InputError: as `demo.lay_out`, or the overlay does not fit the profile.
    """
    demo.lay_out(folder, source, "paper")
    cfg = overlay.lay(source / "profiles/paper.yaml", source / OVERLAY, folder / "params.yaml")
    with cluster.opened(cfg.runtime, folder):
        miniature.make(folder / cfg.data.root, cfg.benchmark, cfg.runtime)
    random_weights(cfg.start, folder)
    return cfg


def random_weights(cfg: params.Start, folder: Path) -> list[Path]:
    """Write weights at random for each backbone of `cfg` that timm would fetch, as the files that it would read.

    Raises:
        InputError: `start.weights` names no folder.
    """
    if cfg.weights is None:
        raise InputError("start.weights", "names no folder", "name one in the overlay: nothing is fetched")
    written = []
    for name in (n for n, source in cfg.backbones.items() if source == "timm"):
        path = folder / cfg.weights / f"{name}.safetensors"
        if not path.is_file():
            torch.manual_seed(0)
            path.parent.mkdir(parents=True, exist_ok=True)
            safetensors.torch.save_model(make_backbone(name), path)
        written.append(path)
    return written


def minutes(folder: Path) -> str:
    """Say how long each notebook of the rehearsal took when it last ran, in minutes."""
    notes = sorted((folder / "data/machine/notebooks").glob("*.json"))
    return ", ".join(f"{note.stem} {json.loads(note.read_text())['wall_s'] / 60:.1f}" for note in notes)


def size_of(folder: Path) -> float:
    """Return the GB of all files below `folder`; what a link leads to is not counted."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e9


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=paths.ROOT / "rehearsal")
    folder, began = parser.parse_args(argv).folder.resolve(), time.monotonic()
    try:
        lay_out(folder)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    laid = (time.monotonic() - began) / 60
    print(f"rehearsal: miniatures and weights in {folder} after {laid:.1f} minutes", flush=True)
    env = {**os.environ, "PYTHONPATH": str(folder), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, env=env)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"\nrehearsal: minutes of each notebook: {minutes(folder)}")
    spent = f"{(time.monotonic() - began) / 60:.1f} minutes, {laid:.1f} of them for miniatures and weights"
    room = f"the largest process took {peak:.1f} GB, the folder holds {size_of(folder):.0f}"
    print(f"rehearsal: {spent}; {room}. {MEANING}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
