"""Train a detector that the paper compares with. This module's code is part of the run key."""

from pathlib import Path
from typing import Any

import pandas as pd

from ddet import models, params
from ddet.data import crop_loader, supplied_loader
from ddet.data.forged import Masks
from ddet.seeds import derive
from ddet.training import common, learner
from ddet.training.callbacks import AddPenalty
from ddet.training.supply import Supply


def train(
    config: dict[str, Any],
    rows: pd.DataFrame,
    crops: Path,
    start: Path | None,
    runtime: params.Runtime,
    out: Path,
    masks: Masks,
) -> None:
    """Fit one detector and write its predictions on valid and on all test crops, as `prle.train.train` does.

    Crops, seed, epochs and selection are those of a plain backbone. Beside the image the network is handed what its
    `needs` name, and its own loss (`penalty`) is added to cross-entropy.

    Args:
        config: what `prle.compared.plan` makes of a detector.
        rows: the crops of FF++, and those of the other datasets as further test crops.
        start: weights of the backbone; None: begin at random.
        masks: where the masks of fakes lie; `config` holds their fingerprint.

    Paper: PRLE section IV-A trains what it compares with on FF++. It does not say how, nor with whose code.
    Differs: training fakes that lack what a network needs are left out (`supplied_loader.with_supplies`).
    """
    on, cfg, seed = common.begin(config, runtime)
    net = params.Model(**config["model"])
    model = models.create(net, start).to(on)
    chosen, needs = chosen_of(config, rows, masks), config["needs"]
    judge = rows[rows["clip_id"].str.startswith("ffpp/") & (rows["split"] == "valid")]
    how = crop_loader.Loading(crops, net.size, cfg.bs, on, runtime.workers)
    dls = crop_loader.make_dls(pd.concat([chosen, judge]), how, common.augmentation(config), seed)
    supplies = supplied_loader.of_crops(chosen, needs, masks, how)
    supplied_loader.attach(dls, supplies)
    cbs = [Supply(supplies.names, "label" in needs), AddPenalty()]
    learn = learner.fit(model, dls, cfg, out, seed, cbs=cbs, progress=runtime.fits == 1)
    common.settle(learn, cfg, out)
    common.write_scores(learn, rows, judge, how, cfg.precision, out)


def chosen_of(config: dict[str, Any], rows: pd.DataFrame, masks: Masks) -> pd.DataFrame:
    """Return the training crops among `rows` that a fit is trained on, with the column `untouched`."""
    there = supplied_loader.with_supplies(rows, config["needs"], masks)
    return crop_loader.balance(there[there["split"] == "train"], config["per_class"], derive("balance", config["seed"]))
