"""Measure what augmentation and masked eyes add to a training step of Herd's network; the goal is at most 15 % over NA.

Run: python benchmarks/bench_herd.py [--rounds 20] [--crops 256]
Network, recipe, lists of operations, threads and loader workers are those of params.yaml, the crops invented. All
figures come from this one run: in each round every arm takes one step of the same network, so that they can be
compared; ratios are of medians. Network and optimiser do the same work in every arm, so "by loading" is what the ratio
would be if nothing but the loading differed: on a busy machine it is the steadier of the two.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ddet import models, params
from ddet.data import landmarks
from ddet.data.augment import draw, pipeline
from ddet.data.crop_loader import CropDataset, device, make_loader
from ddet.data.crops import save_crop
from ddet.herd import weighted_loss
from ddet.seeds import seed_everything
from ddet.training import learner

ARMS = {  # name -> the arm of params.yaml whose list acts, and whether the eyes are hidden before it does
    "NA": ("NA", False),
    "NA, masked eyes": ("NA", True),
    "RF": ("RF", False),
    "RF-code": ("RF-code", False),
    "Rot + RF": ("Rot + RF", False),
    "Base": ("Base", False),
    "Base, masked eyes": ("Base", True),
}
GOAL = 1.15


def invented(count: int, size: int, root: Path) -> pd.DataFrame:
    """Write `count` crops of noise on a slope of grey below `root`, and return their rows with landmarks of a face."""
    rng, face = np.random.default_rng(0), np.array([(0.35, 0.4), (0.65, 0.4), (0.5, 0.6), (0.4, 0.75), (0.6, 0.75)])
    slope = np.linspace(60, 180, size)[:, None, None]
    for i in range(count):
        save_crop(root / f"{i}.png", np.clip(slope + rng.normal(0, 20, (size, size, 3)), 0, 255).astype(np.uint8))
    points = dict(zip(landmarks.POINTS, (face * size).ravel(), strict=True))
    rows = pd.DataFrame({"crop": [f"{i}.png" for i in range(count)], "label": np.arange(count) % 2})
    return rows.assign(size=size, **points)


class Arm:
    """One way to show the crops: `load` gives a batch, `alone` masks and augments one image."""

    def __init__(self, dataset: CropDataset, bs: int, on: torch.device, workers: int):
        self.dataset = dataset
        loader = make_loader(dataset, bs, on, workers, shuffle_seed=1)
        self.batches: Iterator = itertools.chain.from_iterable(itertools.repeat(loader))
        self.loading, self.steps, self.images = [], [], []

    def load(self) -> tuple[torch.Tensor, torch.Tensor]:
        return next(self.batches)

    def alone(self, index: int) -> np.ndarray:
        image = self.dataset.image(index)
        return draw(self.dataset.transform, image, index) if self.dataset.transform else image


class Step:
    """Forward, backward and optimiser step of the section's network by the section's recipe."""

    def __init__(self, section: params.Herd, on: torch.device):
        cfg, self.on = section.train, on
        layout = torch.channels_last if cfg.channels_last else torch.contiguous_format
        self.model = models.create(section.model).to(on, memory_format=layout).train()
        optimisers = {
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
            "sgd": partial(torch.optim.SGD, momentum=0.9),
        }
        self.optimiser = optimisers[cfg.opt](self.model.parameters(), lr=cfg.lr, weight_decay=cfg.wd)
        self.loss = weighted_loss.weighted(section.weight, section.weighted_class, on)
        self.cast = torch.autocast(on.type, learner.DTYPES[cfg.precision], enabled=cfg.precision != "fp32")

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimiser.zero_grad()
        with self.cast:
            logits = self.model(x)
        self.loss(logits.float(), y).backward()
        self.optimiser.step()
        if self.on.type == "cuda":
            torch.cuda.synchronize()


def take_turns(arms: dict[str, Arm], step: Step, rounds: int) -> None:
    """Time a step and the preparation of one image of every arm in each round, after two rounds of warm-up."""
    for turn in range(-2, rounds):
        for arm in arms.values():
            began = time.perf_counter()
            batch = arm.load()
            loaded = time.perf_counter()
            step(*batch)
            ended = time.perf_counter()
            for index in range(16):
                arm.alone((16 * turn + index) % len(arm.dataset))
            if turn >= 0:
                arm.loading.append(loaded - began)
                arm.steps.append(ended - began)
                arm.images.append((time.perf_counter() - ended) / 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 20), ("crops", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args, whole = parser.parse_args(), params.load()
    cfg, on = whole.herd, device(whole.runtime.device)
    seed_everything(0, whole.runtime.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = invented(args.crops, whole.faces.size, Path(folder))
        boxes = landmarks.eye_boxes_of(rows, cfg.model.size)
        arms = {}
        for name, (arm, masked) in ARMS.items():
            steps, hidden = pipeline(cfg.list_of(cfg.arms[arm])), boxes if masked else None
            dataset = CropDataset(rows, Path(folder), steps, cfg.model.size, 0, hidden=hidden)
            arms[name] = Arm(dataset, cfg.train.bs, on, whole.runtime.workers)
        take_turns(arms, Step(cfg, on), args.rounds)
    threads, workers = whole.runtime.threads, whole.runtime.workers
    print(f"{cfg.model.name} / {cfg.model.backbone}, {cfg.model.size} px, batch {cfg.train.bs}, {cfg.train.precision};")
    print(f"{on.type}, {threads} threads, {workers} workers, medians of {args.rounds} rounds\n")
    print("| arm | step, ms | of it loading, ms | ratio to NA | by loading | mask and list alone, µs an image |")
    print("|---|---:|---:|---:|---:|---:|")
    base, least = (statistics.median(times) for times in (arms["NA"].steps, arms["NA"].loading))
    ratios = {}
    for name, arm in arms.items():
        step, loading, image = (statistics.median(times) for times in (arm.steps, arm.loading, arm.images))
        ratios[name], by_loading = step / base, 1 + (loading - least) / base
        shown = f"{step * 1e3:.1f} | {loading * 1e3:.1f} | {ratios[name]:.3f} | {by_loading:.3f} | {image * 1e6:.0f}"
        print(f"| {name} | {shown} |")
    most = max(ratios, key=ratios.get)
    said = "within" if ratios[most] <= GOAL else "beyond"
    print(f"\nThe dearest, {most}, takes {ratios[most]:.3f} times a step of NA: {said} the goal of {GOAL}.")


if __name__ == "__main__":
    main()
