"""Train a detector with regions of its training crops hidden. This module's code is part of the run key."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddet import models, params
from ddet.data import crop_loader, landmarks, region_loader
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
    """Fit one row and write its predictions on valid and on all test crops, of FF++ and the other datasets, into `out`.

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
    chosen = chosen_of(config, rows)
    judge = judge_of(rows, config["select_on"])
    seen = pd.concat([chosen, judge.assign(split="valid")])
    how = crop_loader.Loading(crops, net.size, cfg.bs, on, runtime.workers)
    dls = crop_loader.make_dls(seen, how, common.augmentation(config), seed)
    hide, cbs = config["hide"], []
    if hide["kind"] != "nothing":
        region_loader.attach(dls, hidden_of(config, chosen, rows, maps))
        cbs = [exploit.Exploit(hide["p"], hide["alpha"][0], hide["gamma"], hide["fill"])]
    learn = learner.fit(model, dls, cfg, out, seed, loss_func=exploit.risk, cbs=cbs, progress=runtime.fits == 1)
    common.settle(learn, cfg, out)
    common.write_scores(learn, rows, judge, how, cfg.precision, out)


def chosen_of(config: dict[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Return the training crops among `rows` that a fit is trained on."""
    deal = derive("balance", config["seed"])
    return crop_loader.balance(rows[rows["split"] == "train"], config["per_class"], deal)


def newly_chosen(config: dict[str, Any], rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Return, for each seed up to that of a fit, the training crops among `rows` that no smaller seed is trained on.

    These are the parts in which maps are stored: each map once, and none of a crop that no fit reads. A further seed
    needs further maps and leaves the others as they are. A part may be empty.
    """
    parts, known = [], rows.index[:0]
    for seed in range(config["seed"] + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too few crops of a class: the fit of this seed says so
            chosen = chosen_of(config | {"seed": seed}, rows)
        parts.append(chosen.drop(index=known.intersection(chosen.index)))
        known = known.union(chosen.index)
    return parts


def judge_of(rows: pd.DataFrame, select_on: str) -> pd.DataFrame:
    """Return the crops of FF++ that choose the epoch."""
    return rows[rows["clip_id"].str.startswith("ffpp/") & (rows["split"] == select_on)]


def hidden_of(
    config: dict[str, Any], chosen: pd.DataFrame, rows: pd.DataFrame, maps: Path
) -> region_loader.Regions:  # fmt: skip
    """Return what a fit hides of its training crops `chosen`, those of `chosen_of`.

    Dealt maps go round in one cycle, so that no crop keeps its own and every map is used once.
    """
    hide, sources = config["hide"], chosen
    if hide["maps"]["dealt"]:
        cycle = np.random.default_rng(derive("deal", config["seed"])).permutation(len(chosen))
        sources = chosen.iloc[np.roll(cycle, 1)[np.argsort(cycle)]]
    found = primary_of(sources, config, rows, maps)
    return regions_of(hide["kind"], found, chosen, hide["area"])


def primary_of(chosen: pd.DataFrame, config: dict[str, Any], rows: pd.DataFrame, maps: Path) -> np.ndarray:
    """Read the maps of the training crops `chosen` of a fit, in their order: float16 n x S x S.

    Raises:
        InputError: there are none, or they belong to other training crops; both fingerprints are named.
    """
    parts = [part for part in newly_chosen(config, rows) if len(part)]
    stores = [
        map_store.read(maps / run, map_store.identity(part))
        for run, part in zip(config["start"]["maps"], parts, strict=True)
    ]
    found = np.empty((len(chosen), *stores[0].shape[1:]), np.float16)
    for part, store in zip(parts, stores, strict=True):
        at = part.index.get_indexer(chosen.index)
        found[at >= 0] = store[at[at >= 0]]
    return found


def regions_of(
    kind: str, found: np.ndarray, chosen: pd.DataFrame, area: float | None = None
) -> region_loader.Regions:  # fmt: skip
    """Return what is hidden: the primary regions `found`, or what stands in their place.

    With an `area`, regions are cut to that share of the crop, and rectangles and parts are as large as what is left.

    Raises:
        InputError: the parts of faces without any landmarks.
    """
    found = found if area is None else exploit.cut(found, area)
    if kind == "primary":
        return exploit.Primary(found)
    shares, size = coverage(found), found.shape[-1]
    if kind == "rectangles":
        return controls.Rectangles(shares, size)
    return controls.Parts(landmarks.landmarks_of(chosen, size), shares, size, grow=area is not None)
