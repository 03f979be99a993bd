"""Measure ASRID's speed and memory at full size, and one pass over all clips against a loop over clips.

Run: python benchmarks/bench_asrid.py [--rounds 12] [--full-rounds 3]
Full size: MobileNetV3-Small, 30 frames of 380 px, one clip, each network in a process of its own, so that peak memory
is per network. The second table times training steps of the networks of params.yaml at their batch size, in turns: one
pass of the backbone for all crops against one pass per clip, as the released code does; the goal is 1.5 times the
speed in the forward pass.
"""

import argparse
import multiprocessing
import resource
import statistics
import time

import torch
from torch.nn import functional as F

from ddet import params
from ddet.asrid import train as asrid_train
from ddet.models import asrid
from ddet.seeds import seed_everything

FULL = {"Static": ("static_mix", 1.0), "Dyn": ("dynamic", 0.8), "Dyn + Mix": ("dynamic_mix", 0.8)}
FRAMES, SIZE = 30, 380  # the paper's
GOAL = 1.5


def full_size(name: str, rounds: int, threads: int, answer) -> None:
    """Time inference and a step of training of one full-size network on one clip; send times and peak memory."""
    seed_everything(0, threads)
    strategy, w = FULL[name]
    before = peak()
    model = asrid.build("mobilenetv3_small_100", 1000, strategy=strategy, w=w)
    optimiser, loss = torch.optim.AdamW(model.parameters()), asrid.ASRIDLoss("paper", w)
    clip, label = torch.randn(1, FRAMES, 3, SIZE, SIZE), torch.ones(1, dtype=torch.int64)
    infer, step = [], []
    model.eval()
    for turn in range(rounds + 1):
        began = time.perf_counter()
        with torch.inference_mode():
            model(clip)
        infer += [time.perf_counter() - began] * (turn > 0)
    held = peak()
    model.train()
    for turn in range(rounds + 1):
        began = time.perf_counter()
        optimiser.zero_grad()
        loss(model(clip), label).backward()
        optimiser.step()
        step += [time.perf_counter() - began] * (turn > 0)
    size = sum(p.numel() for p in model.parameters())
    answer.put((size, statistics.median(infer), held - before, statistics.median(step), peak() - before))


def peak() -> float:
    """Return the largest memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def loop(model: asrid.Asrid, crops: torch.Tensor) -> torch.Tensor:
    """Score clip by clip, as the released code does."""
    return torch.cat([model(clip[None]) for clip in crops])


def compare(section: params.Asrid, strategy: str, w: float, rounds: int) -> dict[str, tuple[float, float]]:
    """Time both ways in turns: way -> median seconds of the forward pass in training and of the whole step."""
    spec = section.model.model_dump() | {"strategy": strategy, "w": w, "axis_bug": False}
    model, bs = asrid_train.build(spec), section.train.bs
    if section.train.channels_last:
        model = model.to(memory_format=torch.channels_last)
    crops = torch.randn(bs, section.frames, 3, section.model.size, section.model.size)
    label, times = torch.arange(bs) % 2, {"at once": [], "loop": []}
    optimiser = torch.optim.AdamW(model.parameters())
    ways = {"at once": model, "loop": lambda x: loop(model, x)}
    for turn in range(-2, rounds):
        for name, forward in list(ways.items())[:: 1 if turn % 2 else -1]:  # the order has a small effect
            began = time.perf_counter()
            optimiser.zero_grad()
            loss = F.nll_loss(forward(crops)[..., 0], label)
            passed = time.perf_counter()
            loss.backward()
            optimiser.step()
            times[name] += [(passed - began, time.perf_counter() - began)] * (turn >= 0)
    return {name: tuple(map(statistics.median, zip(*taken, strict=True))) for name, taken in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 12), ("full-rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args, whole = parser.parse_args(), params.load()
    section, threads = whole.asrid, whole.runtime.threads
    print(f"full size: {FRAMES} frames of {SIZE} px, one clip, fp32, {threads} threads\n")
    print("| network | parameters | inference, clips/s | memory, MB | training, clips/s | memory, MB |")
    print("|---|---:|---:|---:|---:|---:|")
    context = multiprocessing.get_context("spawn")
    for name in FULL:
        answer = context.Queue()
        process = context.Process(target=full_size, args=(name, args.full_rounds, threads, answer))
        process.start()
        size, infer, held, step, most = answer.get()
        process.join()
        print(f"| {name} | {size:,} | {1 / infer:.2f} | {held:.0f} | {1 / step:.2f} | {most:.0f} |")
    seed_everything(0, threads)
    cfg = section.model
    print(f"\n{cfg.backbone}, {section.frames} frames of {cfg.size} px, batch {section.train.bs}\n")
    print("| network | forward at once, ms | loop | ratio | step at once, ms | loop | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    ratios = {}
    for name, (strategy, w) in FULL.items():
        pairs = list(zip(*compare(section, strategy, w, args.rounds).values(), strict=True))
        ratios[name] = pairs[0][1] / pairs[0][0]
        cells = [f"{once * 1e3:.0f} | {slow * 1e3:.0f} | {slow / once:.2f}" for once, slow in pairs]
        print(f"| {name} | {' | '.join(cells)} |")
    least = min(ratios, key=ratios.get)
    said = "reaches" if ratios[least] >= GOAL else "misses"
    print(f"\nThe least forward pass, {least}, is {ratios[least]:.2f} times as fast: it {said} the goal of {GOAL}.")


if __name__ == "__main__":
    main()
