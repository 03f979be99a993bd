"""Measure what a training step gains where its process keeps its memory, and where ReLU6 writes beside its input.

Run: python benchmarks/bench_allocator.py [--rounds 3] [--steps 25]
glibc reads how to allocate when a process starts, so each figure is a process of its own; those of a round follow one
another, and a ratio is of the medians over rounds.
"""

import argparse
import os
import resource
import subprocess
import sys
import time

import pandas as pd
import torch
from torch import nn

from ddet import models, params
from ddet.runs import allocator
from ddet.seeds import seed_everything

PLAIN, KEPT, IN_PLACE = "as the system has it", "kept, large pages", "kept, ReLU6 in place"


def networks() -> dict[str, tuple[params.Model, int]]:
    """Return networks of the default profile with the batch that each is trained with."""
    profile = params.load()
    given = {name: profile.prle.detectors[name] for name in ("EfficientNet", "Xception")}
    sized = {
        name: params.Model(
            name=d.name, backbone=d.backbone, size=profile.prle.size, form="released", swin=None, width=1
        )
        for name, d in given.items()
    }
    found = {name: (net, profile.prle.train.bs) for name, net in sized.items()}
    return found | {"GenConViT": (profile.herd.model, profile.herd.train.bs)}


def timed(name: str, in_place: bool, steps: int) -> None:
    """Print the milliseconds of a step, the median, and the most memory that this process had, in MB."""
    seed_everything(0, 1)
    net, bs = networks()[name]
    model = models.create(net).train().to(memory_format=torch.channels_last)
    for layer in model.modules():
        if in_place and isinstance(layer, nn.ReLU6):
            layer.inplace = True
    x, y, spent = torch.randn(bs, 3, net.size, net.size), torch.arange(bs) % 2, []
    for _ in range(steps):
        began = time.perf_counter()
        nn.functional.cross_entropy(model(x), y).backward()
        spent.append(time.perf_counter() - began)
    print(1000 * sorted(spent)[steps // 2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(name: str, way: str, steps: int) -> list[float]:
    """Return what `timed` prints in a process of its own."""
    env = {k: v for k, v in os.environ.items() if k != allocator.TUNABLES}
    if way != PLAIN:
        env[allocator.TUNABLES] = ":".join(f"{k}={v}" for k, v in allocator.KEEPING.items())
    command = [sys.executable, __file__, "--of", name, "--steps", str(steps), *["--in-place"] * (way == IN_PLACE)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--of", help=argparse.SUPPRESS)
    parser.add_argument("--in-place", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.of:
        timed(asked.of, asked.in_place, asked.steps)
        return
    lines = []
    for name in networks():
        ways = (PLAIN, KEPT, IN_PLACE) if name != "Xception" else (PLAIN, KEPT)
        for way in [way for _ in range(asked.rounds) for way in ways]:
            ms, mb = measured(name, way, asked.steps)
            lines.append({"network": name, "memory": way, "ms a step": ms, "MB": mb})
    table = pd.DataFrame(lines).groupby(["network", "memory"], sort=False).median()
    table["ratio"] = table["ms a step"] / table["ms a step"].groupby("network").transform("first")
    print(table.round({"ms a step": 0, "MB": 0, "ratio": 2}).to_string())


if __name__ == "__main__":
    main()
