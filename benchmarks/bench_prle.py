"""Measure the cost of PRLE: localisation, fusion, and training with hidden regions, each as a ratio within one run.

Run: python benchmarks/bench_prle.py [--rounds 15] [--full-rounds 3] [--crops 64] [--batch 8] [--jobs 2] [--write]
Networks are the slim detectors at 96 px, in 1 also the full-size ones at 256 px, the weights and crops random. In each
round every candidate does the same work once; ratios are of medians.

1. Grad-CAM of a batch: images a second against a bare forward pass (goal .85) and pytorch-grad-cam (goal 3). Full
   size with `--jobs` threads, everything else with one.
2. Fusion of three detectors' maps of 256 px by `union`: maps a second (goal 1,000) in memory by one process, then
   read, fused and written by `--jobs`, which depends on the disk; and by loops over pixels. The maps are 8 x 8 cells
   made larger, as Grad-CAM's are; steeper ones, and more so noise, have more pixels to decide.
3. A training epoch with PRLE against one without, at p = .5, and with its controls (goal .99 of the images a second).
   The same with full-size networks: `--write` puts these ratios into data/measured/, where Table VIII reads them.
4. Multiply-adds and parameters of the full-size detectors, which PRLE leaves as they are (Table VIII); nothing is run.
"""

import argparse
import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from ddet import models, params, paths
from ddet.attention import grad_cam
from ddet.data import crop_loader, region_loader
from ddet.models import cost, zoo
from ddet.prle import controls, exploit, fusion, map_store, map_writer
from ddet.runs import processes
from ddet.seeds import seed_everything

SLIM = {"Xception": "slim_xception", "EfficientNet": "lite0_stride8", "VGG": "slim_vgg", "ResNet-50": "slim_resnet"}
FULL = {"Xception": "legacy_xception", "EfficientNet": "efficientnet_b4", "VGG": "vgg16", "ResNet-50": "resnet50"}
F3NET = {"F3-Net": "f3net", "F3-Net, mixing": "f3net_mix"}
PAPER = {"Xception": (540.15, 20.81), "ResNet-50": (493.38, 25.56)}  # Table VIII: GFLOPs of a batch of 64, M parameters
SIZE, CPU = 96, torch.device("cpu")
MEASURED = paths.DATA / "measured" / "prle_throughput.csv"
TAU1, LAM = 0.3, 0.15


def built(name: str, xception: str, size: int) -> nn.Module:
    """Build a timm network, or F3-Net of `xception`."""
    if name not in F3NET.values():
        return models.make_backbone(name, num_classes=2)
    cfg = {"backbone": xception, "size": size, "form": "released", "swin": None, "width": 1}
    return models.create(params.Model(name=name, **cfg))


def take_turns(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run every candidate once per round, after two rounds of warm-up; return their median seconds.

    The order is reversed from one round to the next, since it has an effect of a few per cent.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(-2, rounds):
        for name, work in list(candidates.items())[:: 1 if turn % 2 else -1]:
            began = time.perf_counter()
            work()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


def localising(names: dict[str, str], size: int, rounds: int, bs: int) -> None:
    print(f"| detector, {size} px, batch {bs} | forward, images/s | Grad-CAM | to forward | to pytorch-grad-cam |")
    print("|---|---:|---:|---:|---:|")
    images, labels = torch.randn(bs, 3, size, size), torch.arange(bs) % 2
    for shown, name in names.items():
        model = built(name, "slim_xception", size).eval()
        layers = zoo.cam_layers(model, size)

        def forward(model=model) -> None:
            with torch.no_grad():
                model(images)

        def fast(model=model, layers=layers) -> None:
            grad_cam.attention_maps(model, layers, images, labels)

        def library(model=model, layers=layers) -> None:
            with GradCAM(model, layers) as engine:
                engine(images, [ClassifierOutputTarget(c) for c in labels.tolist()])

        took = take_turns({"forward": forward, "fast": fast, "library": library}, rounds)
        speed = {key: bs / seconds for key, seconds in took.items()}
        ratios = f"{speed['fast'] / speed['forward']:.2f} | {speed['fast'] / speed['library']:.2f}"
        print(f"| {shown} | {speed['forward']:.0f} | {speed['fast']:.0f} | {ratios} |")


def fused_slowly(maps: np.ndarray) -> np.ndarray:
    """Fuse T x H x W pixel by pixel, as PRLE's released code searches."""
    rows, columns = maps.shape[1:]
    fused = np.zeros((rows, columns))
    for y, x in np.ndindex(rows, columns):
        square = maps[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        pairs = itertools.product(square, maps[:, y, x])
        if any(np.abs(near - centre).mean() > LAM for near, centre in pairs):
            fused[y, x] = square.max()
    mean = maps.mean(axis=0)
    return np.maximum(fused, np.where(mean > TAU1, mean, 0))


def first_two(batches: map_store.Batches) -> list[np.ndarray]:
    return list(batches(0, 2))


def fusing(crops: int, jobs: int) -> None:
    coarse = torch.rand(crops, 3, 8, 8)
    maps = nn.functional.interpolate(coarse, (256, 256), mode="bilinear").half().numpy()
    with tempfile.TemporaryDirectory() as folder:
        stores = [
            map_writer.write(Path(folder) / str(t), lambda start, stop, t=t: [maps[start:stop, t]], crops, 256, "-")
            for t in range(3)
        ]
        batches = fusion.of_stores(stores, "union", tau1=TAU1, lam=LAM)
        processes.together([(first_two, batches)] * jobs, jobs)  # starts the workers that `write` will find
        turns = itertools.count()

        def stored() -> None:
            into = Path(folder) / f"fused{next(turns)}"
            map_writer.write(into, batches, crops, 256, "-", shard=-(-crops // jobs), jobs=jobs)

        def fused() -> None:
            for one in torch.from_numpy(maps).split(1):
                fusion.fuse(one, "union", tau1=TAU1, lam=LAM)

        seconds = take_turns({"fused": fused, "stored": stored}, 5)
    began = time.perf_counter()
    slow = fused_slowly(maps[0].astype(np.float32))
    loop = time.perf_counter() - began
    ours = fusion.fuse(torch.from_numpy(maps[:1]), "union", tau1=TAU1, lam=LAM)[0].numpy()
    assert np.mean(np.abs(ours - slow) > 1e-5) < 1e-4
    alone, together = (f"{crops / seconds[name]:.0f} maps/s" for name in ("fused", "stored"))
    print(f"union of 3 maps of 256 px: {alone} in one process; {together} read, fused and written by {jobs};")
    print(f"pixel by pixel {1 / loop:.2f} maps/s in one")


class Epoch:
    """One pass over the training crops: loading, hiding, and the steps of a network and its optimiser."""

    def __init__(
        self, name: str, images: np.ndarray, bs: int, source: region_loader.Regions | None, cb: exploit.Exploit | None
    ):
        plain = crop_loader.ArrayDataset(images, np.arange(len(images)) % 2, seed=1)
        loader = [crop_loader.make_loader(plain, bs, CPU, shuffle_seed=1) for _ in range(2)]
        self.dls, self.cb = DataLoaders(*loader, device=CPU), cb
        if source is not None:
            region_loader.attach(self.dls, source)
        self.model = models.make_backbone(name, num_classes=2)
        self.optimiser = torch.optim.Adam(self.model.parameters(), 2e-4)

    def __call__(self) -> None:
        for *inputs, labels in self.dls.train:
            images = inputs[0]
            if self.cb is not None:
                _, found, draws = inputs
                images = exploit.hide(images, found, self.cb.alphas(draws), self.cb.fill, draws[:, 2])
            self.optimiser.zero_grad()
            exploit.risk(self.model(images), labels).backward()
            self.optimiser.step()


def training(names: dict[str, str], size: int, rounds: int, crops: int, bs: int, controlled: bool) -> pd.DataFrame:
    """Print the throughput of an epoch with hidden regions over that without, and return PRLE's beside inference's."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (crops, size, size, 3), np.uint8)
    maps = np.maximum(rng.random((crops, size, size)) - 0.7, 0).astype(np.float16)
    shares = np.full(crops, 0.3)
    face = np.array([(0.35, 0.4), (0.65, 0.4), (0.5, 0.6), (0.4, 0.75), (0.6, 0.75)]) * size
    sources = {"PRLE": (exploit.Primary(maps), exploit.Exploit(0.5))}
    if controlled:
        sources |= {
            "PRLE, noise": (exploit.Primary(maps), exploit.Exploit(0.5, fill="noise")),
            "rectangles": (controls.Rectangles(shares, size), exploit.Exploit(0.5)),
            "parts": (controls.Parts(np.repeat(face[None], crops, axis=0), shares, size), exploit.Exploit(0.5)),
        }
    print(f"| training, {size} px, batch {bs} | images/s without | {' | '.join(sources)} | inference, PRLE |")
    print("|---|---:|" + "---:|" * (len(sources) + 1))
    measured = []
    for shown, name in names.items():
        epochs = {"plain": Epoch(name, images, bs, None, None)}
        epochs |= {key: Epoch(name, images, bs, *given) for key, given in sources.items()}
        took = take_turns(epochs, rounds)
        ratios = {key: took["plain"] / took[key] for key in sources}
        ready = take_turns({key: partial(infer, epochs[key].model, images) for key in ("plain", "PRLE")}, rounds)
        inference = ready["plain"] / ready["PRLE"]
        line = [shown, f"{crops / took['plain']:.1f}", *(f"{r:.3f}" for r in (*ratios.values(), inference))]
        print(f"| {' | '.join(line)} |")
        measured.append([shown, name, ratios["PRLE"], inference])
    table = pd.DataFrame(measured, columns=["detector", "backbone", "training", "inference"])
    machine = f"CPU {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, 1 thread"
    return table.assign(size=size, batch=bs, rounds=rounds, machine=machine)


@torch.inference_mode()
def infer(model: nn.Module, images: np.ndarray) -> None:
    model.eval()(crop_loader.normalise((torch.from_numpy(images), None))[0])
    model.train()


def sizes() -> None:
    print("| detector | parameters, M | GMACs an image, 256 px | 299 px | 64 images, 299 px | Table VIII |")
    print("|---|---:|---:|---:|---:|---:|")
    for shown, name in (FULL | F3NET).items():
        build = partial(built, name, "legacy_xception")
        macs = {size: cost.count(partial(build, size), size)[1] / 1e9 for size in (256, 299)}
        million = cost.count(partial(build, 299), 299)[0] / 1e6
        theirs = "{} G, {} M".format(*PAPER[shown]) if shown in PAPER else "-"
        print(f"| {shown} | {million:.2f} | {macs[256]:.2f} | {macs[299]:.2f} | {64 * macs[299]:.1f} | {theirs} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rounds", 15), ("full-rounds", 3), ("crops", 64), ("batch", 8), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    seed_everything(0, threads=1)
    print(f"CPU, 1 thread a process but for {args.jobs} at 256 px in 1, medians of {args.rounds} rounds\n")
    localising(SLIM | F3NET, SIZE, args.rounds, args.batch)
    print()
    torch.set_num_threads(args.jobs)  # a batch of the full size has work for all cores
    localising(FULL, 256, args.full_rounds, args.batch)
    torch.set_num_threads(1)
    print()
    fusing(4 * args.crops, args.jobs)
    print()
    training(SLIM, SIZE, args.rounds, args.crops, 32, controlled=True)
    print()
    named = {name: FULL[name] for name in ("Xception", "ResNet-50")}
    measured = training(named, 256, 2 * args.full_rounds, 8, 8, controlled=False)
    if args.write:
        MEASURED.parent.mkdir(exist_ok=True)
        measured.to_csv(MEASURED, index=False, float_format="%.4f")
    print()
    sizes()


if __name__ == "__main__":
    main()
