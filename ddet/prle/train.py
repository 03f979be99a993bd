"""Train a detector with regions of its training crops hidden. This module's code is part of the run key."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddet import models, params
from ddet.data import crop_loader, landmarks, region_loader
from ddet.models import f3net  # noqa: F401 (made by name: said here, it shapes the key)
from ddet.prle import controls, exploit, map_store
from ddet.prle.coverage import coverage
from ddet.seeds import derive
from ddet.training import common, learner


def train(
    config: dict[str, Any],
    rows: pd.DataFrame,
    crops: Path,
    start: Path | None,
    runtime: params.Runtime,
    out: Path,
    maps: Path,
) -> None:
    """Fit one row and write its predictions on all test crops, of FF++ and of the other datasets, into `out`.

    Args:
        config: what `prle.arms.plan` makes of a fit.
        rows: the crops of FF++, and those of the other datasets as further test crops.
        start: weights of the backbone; None: begin at random.
        maps: the folder of all runs that hold maps; `config` says which of them is meant.

    Paper: PRLE section IV-B; the maps are frozen, and only training crops have any.
    Differs: the training set is balanced as everywhere here. The released code keeps the epoch that is best on the
    *test* split of FF++: `select_on: test` does so, everything else selects on valid.
    """
    on, cfg, seed = common.begin(config, runtime)
    net = params.Model(**config["model"])
    model = models.create(net, start).to(on)
    deal = derive("balance", config["seed"])
    chosen = crop_loader.balance(rows[rows["split"] == "train"], config["per_class"], deal)
    seen = pd.concat([chosen, judge_of(rows, config["select_on"])])
    how = crop_loader.Loading(crops, net.size, cfg.bs, on, runtime.workers)
    dls = crop_loader.make_dls(seen, how, common.augmentation(config), seed)
    hide, cbs = config["hide"], []
    if hide["kind"] != "nothing":
        found = primary_of(chosen, rows, maps / config["start"]["maps"])
        region_loader.attach(dls, regions_of(hide["kind"], found, chosen))
        cbs = [exploit.Exploit(hide["p"], hide["alpha"][0], hide["gamma"], hide["fill"])]
    learner.fit(model, dls, cfg, out, seed, loss_func=exploit.risk, cbs=cbs, progress=runtime.fits == 1)
    scored = common.predict(model, rows, how, cfg.precision)
    scored.to_parquet(out / common.PREDICTIONS, index=False)


def judge_of(rows: pd.DataFrame, select_on: str) -> pd.DataFrame:
    """Return the crops of FF++ that choose the epoch, as valid."""
    own = rows["clip_id"].str.startswith("ffpp/")
    return rows[own & (rows["split"] == select_on)].assign(split="valid")


def primary_of(chosen: pd.DataFrame, rows: pd.DataFrame, folder: Path) -> np.ndarray:
    """Read the maps of the training crops `chosen` among `rows`: float16 n x S x S, in their order.

    Raises:
        InputError: there are none, or they belong to other training crops; both fingerprints are named.
    """
    order = rows.index[rows["split"] == "train"].get_indexer(chosen.index)
    return np.asarray(map_store.read(folder, map_store.identity(rows))[order])


def regions_of(kind: str, found: np.ndarray, chosen: pd.DataFrame) -> region_loader.Regions:
    """Return what is hidden: the primary regions `found`, or what stands in their place.

    Raises:
        InputError: the parts of faces without any landmarks.
    """
    if kind == "primary":
        return exploit.Primary(found)
    shares, size = coverage(found), found.shape[-1]
    if kind == "rectangles":
        return controls.Rectangles(shares, size)
    return controls.Parts(landmarks.landmarks_of(chosen, size), shares, size)
