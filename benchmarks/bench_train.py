"""Measure images per second of a training step: the cost of augmentation, and the gain of bf16 with channels-last.

Run: python benchmarks/bench_train.py [--size 96] [--bs 32] [--seconds 3] [--threads 2]
All figures of a row come from this one run, interleaved, so that they can be compared; ratios are to plain fp32.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from ddet import models, params
from ddet.data.augment import pipeline
from ddet.data.crop_loader import ArrayDataset, device, make_loader
from ddet.seeds import seed_everything

NETWORKS = {
    "genconvit_ed / test_convnext": ("genconvit_ed", "test_convnext"),
    "timm / test_resnet": ("timm", "test_resnet"),
    "timm / test_efficientnet": ("timm", "test_efficientnet"),
}
ARMS = {
    "fp32, none": ("none", False),
    "fp32, flips": ("flips", False),
    "fp32, genconvit": ("genconvit", False),
    "bf16 channels_last, none": ("none", True),
}


def endless(augment: str, size: int, bs: int, on: torch.device, workers: int) -> Iterator:
    """Yield batches of random crops endlessly, augmented as in a fit."""
    images = np.random.default_rng(0).integers(0, 256, (8 * bs, size, size, 3), np.uint8)
    dataset = ArrayDataset(images, np.arange(len(images)) % 2, pipeline(params.load().herd.augment_lists[augment]))
    loader = make_loader(dataset, bs, on, workers, shuffle_seed=1)
    return itertools.chain.from_iterable(itertools.repeat(loader))


class Arm:
    """One way to train one network; `step` loads a batch, goes forward and back, and returns its seconds."""

    def __init__(self, network: str, augment: str, fast: bool, args: argparse.Namespace, on: torch.device):
        name, backbone = NETWORKS[network]
        cfg = params.Model(name=name, backbone=backbone, size=args.size, form="released", swin=None, width=16)
        layout = torch.channels_last if fast else torch.contiguous_format
        self.model = models.create(cfg).to(on, memory_format=layout).train()
        self.optimiser = torch.optim.AdamW(self.model.parameters())
        self.batches = endless(augment, args.size, args.bs, on, args.workers)
        self.cast = torch.autocast(on.type, torch.bfloat16, enabled=fast)
        self.on, self.seconds = on, []

    def step(self) -> float:
        began = time.perf_counter()
        x, y = next(self.batches)
        self.optimiser.zero_grad()
        with self.cast:
            logits = self.model(x)
        nn.functional.cross_entropy(logits.float(), y).backward()
        self.optimiser.step()
        if self.on.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began


def compare(network: str, args: argparse.Namespace, on: torch.device) -> dict[str, float]:
    """Return images per second of each arm, from the median step; the arms take turns."""
    arms = {label: Arm(network, augment, fast, args, on) for label, (augment, fast) in ARMS.items()}
    for arm in arms.values():
        arm.step(), arm.step()
    ends = time.monotonic() + args.seconds * len(arms)
    while time.monotonic() < ends or len(arms["fp32, none"].seconds) < 5:
        for arm in arms.values():
            arm.seconds.append(arm.step())
    return {label: args.bs / statistics.median(arm.seconds) for label, arm in arms.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("size", 96), ("bs", 32), ("seconds", 3), ("threads", 2), ("workers", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    seed_everything(0, args.threads)
    on = device("auto")
    print(f"{on.type}, {args.size} px, batch {args.bs}, {args.threads} threads, {args.workers} workers\n")
    print("| network | img/s fp32 |", *(f"{label} |" for label in list(ARMS)[1:]))
    print("|---|---:|" + "---:|" * (len(ARMS) - 1))
    for network in NETWORKS:
        speeds = compare(network, args, on)
        base, *others = speeds.values()
        print(f"| {network} | {base:.0f} |", *(f"x {speed / base:.2f} |" for speed in others), flush=True)


if __name__ == "__main__":
    main()
