"""Make primary region maps as runs of the store: one per detector for training crops, one per fusion, and joins."""

from collections.abc import Callable, Iterator, Sequence
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


def of_detectors(
    store: Store,
    folders: Sequence[Path],
    layers: Sequence[Sequence[str]],
    load: Load,
    rows: pd.DataFrame,
    crops: Path,
    size: int,
    of_class: str,
    runtime: params.Runtime,
) -> list[Path]:
    """Compute the maps of trained detectors on the training crops among `rows`; return a folder of maps for each.

    Args:
        folders: the runs of the detectors, whose names are their keys.
        layers: for each detector, the layers to average; none: those of `models.zoo`.
        size: of the maps, and of the crops that the detectors see, in px.
        of_class: see `localise.of_rows`.

    Raises:
        InputError: a detector whose layers are not known, or that has no layer of that name.
    """
    mapped, data_hash = rows[rows["split"] == "train"], map_store.identity(rows)
    asks = []
    for folder, names in zip(folders, layers, strict=True):
        config = {"detector": folder.name, "layers": list(names), "size": size, "data_hash": data_hash}
        given = (folder, tuple(names), load, mapped, crops, size, of_class, runtime, data_hash)
        asks.append((config | {"of_class": of_class}, partial(_localise, *given)))
    return store.get_many(asks, runtime.fits)


def _localise(
    folder: Path,
    names: tuple[str, ...],
    load: Load,
    rows: pd.DataFrame,
    crops: Path,
    size: int,
    of_class: str,
    runtime: params.Runtime,
    data_hash: str,
    out: Path,
) -> None:
    torch.set_num_threads(runtime.threads)
    model, on = load(folder), crop_loader.device(runtime.device)
    batches = localise.of_rows(model, zoo.cam_layers(model, size, names), rows, crops, size, BATCH, on, of_class)
    map_writer.write(out, batches, len(rows), size, data_hash)


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
    """Join maps of parts of the training crops among `rows` into the maps of all; return the folder of maps.

    Args:
        of_parts: the crops of each part; together they are the training crops.
    """
    data_hash = map_store.identity(rows)
    config = {"parts": [folder.name for folder in parts], "data_hash": data_hash}
    return store.get(config, partial(_join, list(parts), list(of_parts), rows[rows["split"] == "train"], data_hash))


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
