"""List the fits and maps that a profile would ask for, with what each costs: nothing is trained or read."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ddet import models, params
from ddet.asrid import arms as asrid_arms
from ddet.asrid import train as asrid_train
from ddet.data.crop_table import SHAPES_A_RUN
from ddet.data.layouts.ffpp import METHODS
from ddet.hashing import canonical, digest
from ddet.herd import arms as herd_arms
from ddet.prle import arms as prle_arms
from ddet.prle import map_store, primary
from ddet.runs.planned import Inputs, Row

FORWARD_AND_BACK = 3  # times the operations of a forward pass
OPERATIONS = 2  # of a multiply-add
KEPT = 4  # copies of the weights in memory while they are fitted: weights, gradients, two of the optimiser
FLOAT = 4  # bytes
HALF = 2


def fits(cfg: params.Params, crops: pd.DataFrame) -> pd.DataFrame:
    """Return a line a distinct run: paper, backbone, bytes of its weights, operations, memory in bytes."""
    rows = {"herd": herd_rows(cfg.herd), "asrid": asrid_rows(cfg.asrid, cfg.benchmark.render)}
    rows["prle"] = prle_arms.plan(cfg.prle, prle_arms.fits(cfg.prle), _given(), _maps_of(cfg.prle))
    found = {}
    for paper, planned in rows.items():
        for config in (phase for row in planned for phase in row.phases):
            found.setdefault((paper, digest(canonical(config).encode())), _cost(cfg, paper, config, crops))
    lines = [(paper, *line) for (paper, _), line in found.items()]
    return pd.DataFrame(lines, columns=["paper", "backbone", "bytes", "operations", "memory"])


def herd_rows(section: params.Herd) -> list[Row]:
    """List Herd's fits: the arms, the sweep, and Base and one more arm under the leaky protocols."""
    best = list(dict.fromkeys([next(iter(section.arms)), list(section.arms)[1]]))
    arms = section.arms | herd_arms.sweep(section) | herd_arms.leaky(section, best)
    return herd_arms.plan(section, arms, _given())


def asrid_rows(section: params.Asrid, synthetic: bool) -> list[Row]:
    """List ASRID's fits; where the data are real, without those on clips that only the renderer makes."""
    arms = {}
    for part in ("static", "dynamic"):
        arms |= asrid_arms.of_part(section, part, synthetic)
    return asrid_arms.plan(section, arms, _given())


def maps(cfg: params.Params, crops: pd.DataFrame) -> pd.DataFrame:
    """Return a line a stored set of maps: how many crops, and the bytes; found by the code that would make them."""
    section, listed = cfg.prle, prle_arms.fits(cfg.prle)
    if "ffpp" not in set(crops["dataset"]):
        return pd.DataFrame({"crops": [], "bytes": []}, dtype="int64")
    hiding = {name: fit for name, fit in listed.items() if prle_arms.hides(fit)}
    given = Inputs({name: _training_crops(crops, name) for name in {f.crop_set for f in hiding.values()}}, {}, {})
    parts = {}  # many fits share one
    for one in primary.due(section, hiding, given):
        seen = {"": one.rows} | one.seen
        parts |= {(one.fit.crop_set, one.seed, source): rows for source, rows in seen.items()}
    store = _Counter({map_store.identity(rows): len(rows) for rows in parts.values()})
    plain = [(name, 0, Path(name)) for name, fit in listed.items() if not prle_arms.hides(fit)]
    trained = pd.DataFrame(plain, columns=["arm", "seed", "folder"])
    primary.localise(store, section, hiding, trained, given, cfg.runtime)
    counts = pd.Series(list(store.found.values()), dtype="int64")
    return pd.DataFrame({"crops": counts, "bytes": counts * section.size**2 * HALF})


class _Counter:
    """Stand in for a store of runs: note what is asked for, make nothing."""

    def __init__(self, sizes: dict[str, int]):
        self.sizes, self.found = sizes, {}

    def get(self, config: dict[str, Any], fn: Callable) -> Path:
        key = digest(canonical(config).encode())
        self.found[key] = self.sizes[config["data_hash"]]
        return Path(key)

    def get_many(self, asks: list[tuple[dict[str, Any], Callable]], jobs: int) -> list[Path]:
        return [self.get(*ask) for ask in asks]


def _given() -> Inputs:
    """Stand in for crops and start weights, whose hashes tell runs apart and nothing else."""

    class Named(dict):
        def __missing__(self, name: str) -> str:
            return name

    return Inputs({}, Named(), Named())


def _training_crops(crops: pd.DataFrame, crop_set: str) -> pd.DataFrame:
    """Stand in for the training crops of a crop set: as many as `crops` counts, a clip a face, every group in two."""
    (train, reals) = crops.set_index("dataset").loc["ffpp", ["train", "reals"]]
    fakes = {method: (train - reals) // len(METHODS) for method in METHODS if crop_set in (prle_arms.WHOLE, method)}
    names = [f"ffpp/{method}/c23/{i:05d}" for method, n in {"real": reals, **fakes}.items() for i in range(n)]
    rows = pd.DataFrame(0, index=range(len(names)), columns=SHAPES_A_RUN)
    groups = [int(name[-5:]) // 2 for name in names]
    return rows.assign(
        clip_id=names, split="train", sha=crop_set, group=groups, label=["/real/" not in n for n in names]
    )


def _maps_of(section: params.Prle) -> dict[str, list[str]]:
    """Name the maps of each seed of a fit by what makes them, so that fits which share maps share a run."""
    kinds = {}
    for name, fit in prle_arms.fits(section).items():
        says = (fit.crop_set, primary.members_of(section, fit), prle_arms.rule_of(section, fit.arm))
        kinds[name] = [canonical([*says, prle_arms.maps_of(section, fit.arm)])] * fit.seeds
    return kinds


def _cost(cfg: params.Params, paper: str, config: dict[str, Any], crops: pd.DataFrame) -> tuple[str, int, float, float]:
    """Return backbone, bytes of weights, operations of the fit and its evaluation, and bytes of memory."""
    known, backbone, size = crops.set_index("dataset"), config["model"]["backbone"], config["model"]["size"]
    each, epochs, bs = 1, config["train"]["epochs"], config["train"]["bs"]
    if paper == "asrid":
        each = config["clips"]["frames"]
        with torch.device("meta"):
            weights = sum(p.numel() for p in asrid_train.build(config["model"]).parameters())
        _, macs, values = _measured(canonical({"name": "timm", "backbone": backbone, "size": size}))
        dataset = cfg.asrid.dataset
        steps = config["set"].get("train", known["train"].get(dataset, 0) // each) * each
    else:
        weights, macs, values = _measured(canonical(config["model"]))
        steps, dataset = 2 * config["per_class"], cfg.herd.dataset if paper == "herd" else "ffpp"
    rest = int(known["crops"].get(dataset, 0) - known["train"].get(dataset, 0)) if dataset in known.index else 0
    held = rest // 2  # valid is as large as test, more or less
    forward = macs * OPERATIONS
    work = forward * (FORWARD_AND_BACK * steps * epochs + held * (epochs + 1))
    memory = weights * FLOAT * KEPT + values * FLOAT * bs * each
    return backbone, weights * FLOAT, float(work), float(memory)


@cache
def _measured(model: str) -> tuple[int, int, int]:
    """Return parameters, multiply-adds and values between layers of one image, of a network given as JSON.

    GenConViT's VAE is counted in its intended form, which has the same layers and draws no numbers of the CPU.
    """
    cfg = params.Model(**({"form": "released", "swin": None, "width": 1} | json.loads(model)))
    cfg = cfg.model_copy(update={"form": "intended"}) if cfg.name == "genconvit_vae" else cfg
    values = 0

    def note(layer: nn.Module, _: tuple, output: object) -> None:
        nonlocal values
        values += output.numel() if isinstance(output, torch.Tensor) else 0

    with _shapes_only(cfg.name) as device, FlopCounterMode(display=False) as counter, torch.no_grad():
        net = models.create(cfg).eval()
        for layer in net.modules():
            if not list(layer.children()):
                layer.register_forward_hook(note)
        net(torch.zeros(1, 3, cfg.size, cfg.size, device=device))
    return sum(p.numel() for p in net.parameters()), counter.get_total_flops() // OPERATIONS, values


@contextmanager
def _shapes_only(name: str) -> Iterator[str]:
    """Compute shapes and no values: on the meta device, or with fake tensors for networks that hold NumPy's numbers."""
    if name.startswith("f3net"):
        with FakeTensorMode():
            yield "cpu"
    else:
        with torch.device("meta"):
            yield "meta"
