"""Fits of a second on toy images, and processes that are killed in the middle of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from torch import nn

from ddet import models, params
from ddet.data.augment import pipeline
from ddet.data.crop_loader import ArrayDataset, make_loader
from ddet.seeds import seed_everything
from ddet.training import checkpoint, common, learner

CPU = torch.device("cpu")
STRONG = {"RandomRotate90": 0.2, "HorizontalFlip": 0.5, "GaussNoise": 0.2, "ShiftScaleRotate": 0.2, "Texture": 0.2}
BATCHES = 5  # of an epoch of `toy_dls`: 4 to train, 1 to validate


def config(**changes) -> params.Train:
    base = {"epochs": 3, "bs": 12, "lr": 3e-3, "wd": 0.01, "opt": "adam", "schedule": "one_cycle", "step_epochs": 2}
    rest = {"step_gamma": 0.1, "precision": "fp32", "channels_last": False, "select": "frame_auc"}
    return params.Train(**{**base, **rest, **changes})


def toy_dls(workers: int = 0, augment: dict[str, float] = STRONG) -> DataLoaders:
    """Return 48 train and 16 valid images of 32 px; the fakes (odd) are a little brighter."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = rng.integers(0, 200, (64, 32, 32, 3)) + 8 * labels[:, None, None, None]
    steps = pipeline(params.AugmentList(p=0.9, steps=augment))
    train = ArrayDataset(images[:48].astype(np.uint8), labels[:48], steps, seed=5)
    valid = ArrayDataset(images[48:].astype(np.uint8), labels[48:])
    return DataLoaders(make_loader(train, 12, CPU, workers, shuffle_seed=6), make_loader(valid, 16, CPU), device=CPU)


def toy_model(seed: int = 1) -> nn.Module:
    seed_everything(seed, 1)
    net = {"name": "timm", "backbone": "test_resnet", "size": 32, "form": "released", "swin": None, "width": 1}
    model = models.create(params.Model(**net))
    model.drop_rate = 0.2  # a layer that draws, so that random states matter
    return model


def run(out: Path, job: dict, cbs: tuple = ()):
    """Do one fit as `job` says: training keys, `workers`."""
    cfg = config(**job.get("cfg", {}))
    learn = learner.fit(toy_model(), toy_dls(job.get("workers", 0)), cfg, out, seed=9, cbs=cbs, progress=False)
    common.settle(learn, cfg, out)
    return learn


def written(out: Path) -> tuple[bytes, bytes]:
    return (out / "weights.safetensors").read_bytes(), (out / "history.csv").read_bytes()


class KillAtBatch(Callback):
    """End this process like a power cut after so many batches, training and validation counted alike."""

    def __init__(self, left: int):
        self.left = left

    def before_batch(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def child(job: dict) -> None:
    """Run one job in this (forked) process; `kill` counts batches, or is `save`: while a checkpoint is written."""
    kill = job.get("kill")
    if kill == "save":
        checkpoint.os = type("os", (), {"replace": lambda *_: os.kill(os.getpid(), signal.SIGKILL)})
    run(Path(job["out"]), job, (KillAtBatch(kill),) if isinstance(kill, int) else ())


def serve(jobs: list[dict]) -> None:
    """Fork a process per job after paying the imports once; torch has not computed anything before the forks."""
    endings = []
    for job in jobs:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                child(job)
                code = 0
            finally:
                os._exit(code)
        endings.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(json.dumps(endings))


def in_processes(jobs: list[dict]) -> list[int]:
    """Run the jobs one after another, each in a process of its own; returns how each ended."""
    command = [sys.executable, "-W", "ignore", __file__, json.dumps(jobs)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(learner.__file__).parents[1]), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
