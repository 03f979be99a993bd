"""Make primary region maps as runs of the store: one per detector for training crops, one per fusion, and joins."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from ddet import params
from ddet.data import crop_loader
from ddet.errors import InputError
from ddet.models import zoo
from ddet.prle import fusion, localise, map_store, map_writer
from ddet.runs.store import Store

CODE = ["ddet.prle.localise", "ddet.prle.fusion"]  # what computes maps
BATCH = 64  # crops at a time
Load = Callable[[Path], nn.Module]  # from the folder of a run to its network, in eval mode


@dataclass(frozen=True)
class Look:
    """A trained detector that looks at training crops.

    `folder` is its run, whose name is its key; `layers` are those to average, none: those of `models.zoo`; `rows` are
    the crops; for `of_class` see `localise.of_rows`.
    """

    folder: Path
    layers: Sequence[str]
    rows: pd.DataFrame
    of_class: str


def of_detectors(
    store: Store, looks: Sequence[Look], load: Load, crops: Path, size: int, runtime: params.Runtime
) -> list[Path]:
    """Compute the maps of trained detectors on training crops; return a folder of maps for each look.

    Args:
        size: of the maps, and of the crops that the detectors see, in px.

    Raises:
        InputError: a detector whose layers are not known, or that has no layer of that name.
    """
    asks = []
    for look in looks:
        data_hash = map_store.identity(look.rows)
        config = {"detector": look.folder.name, "layers": list(look.layers), "size": size, "data_hash": data_hash}
        asks.append((config | {"of_class": look.of_class}, partial(_localise, look, load, crops, size, runtime)))
    return store.get_many(asks, runtime.fits)


def _localise(look: Look, load: Load, crops: Path, size: int, runtime: params.Runtime, out: Path) -> None:
    torch.set_num_threads(runtime.threads)
    model, on = load(look.folder), crop_loader.device(runtime.device)
    layers = zoo.cam_layers(model, size, tuple(look.layers))
    batches = localise.of_rows(model, layers, look.rows, crops, size, BATCH, on, look.of_class)
    map_writer.write(out, batches, len(look.rows), size, map_store.identity(look.rows))


def fused(
    store: Store, members: Sequence[Path], rule: dict[str, Any], rows: pd.DataFrame, runtime: params.Runtime
) -> Path:
    """Fuse the maps of several detectors by a rule of `fusion` (method and thresholds); return the folder of maps."""
    data_hash = map_store.identity(rows)
    config = {"members": [folder.name for folder in members], "rule": dict(rule), "data_hash": data_hash}
    return store.get(config, partial(_fuse, list(members), dict(rule), data_hash, runtime))


def _fuse(members: list[Path], rule: dict[str, Any], data_hash: str, runtime: params.Runtime, out: Path) -> None:
    stores = [map_store.read(folder, data_hash) for folder in members]
    batches = fusion.of_stores(stores, **thresholds(rule))
    map_writer.write(out, batches, len(stores[0]), stores[0].shape[-1], data_hash, jobs=runtime.jobs)


def joined(store: Store, parts: Sequence[Path], of_parts: Sequence[pd.DataFrame], rows: pd.DataFrame) -> Path:
    """Join maps of parts of the training crops `rows` into the maps of all; return the folder of maps.

    Args:
        of_parts: the crops of each part; together they are `rows`.
    """
    data_hash = map_store.identity(rows)
    config = {"parts": [folder.name for folder in parts], "data_hash": data_hash}
    return store.get(config, partial(_join, list(parts), list(of_parts), rows, data_hash))


def _join(parts: list[Path], of_parts: list[pd.DataFrame], rows: pd.DataFrame, data_hash: str, out: Path) -> None:
    stores = [map_store.read(folder, map_store.identity(part)) for folder, part in zip(parts, of_parts, strict=True)]
    places = np.full((len(rows), 2), -1)  # the part of each crop, and its place there
    for number, part in enumerate(of_parts):
        places[rows.index.get_indexer(part.index)] = [(number, at) for at in range(len(part))]
    if (places < 0).any():
        raise InputError(out, f"{(places < 0).any(axis=1).sum()} training crops are in no part", "pass parts of all")

    def batches(start: int, stop: int) -> Iterator[np.ndarray]:
        yield np.stack([stores[number][at] for number, at in places[start:stop]])

    map_writer.write(out, batches, len(rows), stores[0].shape[-1], data_hash)


def thresholds(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the rule's name, and of the thresholds those that it uses."""
    read = {"average": ("tau1",), "neighbouring": ("lam", "tau2"), "union": ("tau1", "lam", "tau2")}
    names = read.get(rule["method"], ("tau1", "tau2", "lam"))
    return {"method": rule["method"]} | {name: rule[name] for name in names}
