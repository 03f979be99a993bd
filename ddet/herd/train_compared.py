"""Train a detector of Table 1 that needs more than images. This module's code is part of the run key."""

from pathlib import Path
from typing import Any

import pandas as pd

from ddet import models, params
from ddet.data import crop_loader, landmarks, supplied_loader
from ddet.data.forged import Masks
from ddet.herd import weighted_loss
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
    """Fit one phase of one row as `herd.train.train` does, and hand the network what its `needs` name.

    Args:
        config: what `herd.compared.plan` makes of an arm.
        rows: the crops of the protocol that the arm names.
        start: weights of the backbone, or those of the phase before; None: begin at random.
        masks: where the masks of fakes lie; `config` holds their fingerprint.

    Differs: training fakes that lack what a network needs are left out (`supplied_loader.with_supplies`).
    """
    on, cfg, seed = common.begin(config, runtime)
    net, needs = params.Model(**config["model"]), config["needs"]
    again = "phase" in config["start"]
    model = models.create(net, None if again else start)
    model = (learner.load_weights(model, start) if again else model).to(on)
    there = supplied_loader.with_supplies(rows, needs, masks)
    deal = derive("balance", config["seed"])
    chosen = crop_loader.balance(there[there["split"] == "train"], config["per_class"], deal, config["imbalance"])
    judge = rows[rows["split"] == "valid"]
    how = crop_loader.Loading(crops, net.size, cfg.bs, on, runtime.workers)
    hidden = landmarks.eye_boxes_of(chosen, how.size) if config["mask"] == "eyes" else None
    dls = crop_loader.make_dls(pd.concat([chosen, judge]), how, common.augmentation(config), seed, hidden)
    supplies = supplied_loader.of_crops(chosen, needs, masks, how)
    supplied_loader.attach(dls, supplies)
    loss = weighted_loss.weighted(**config["loss"], device=on)
    cbs = [Supply(supplies.names, "label" in needs), AddPenalty()]
    learn = learner.fit(model, dls, cfg, out, seed, loss_func=loss, cbs=cbs, progress=runtime.fits == 1)
    common.settle(learn, cfg, out)
    common.write_scores(learn, rows, judge, how, cfg.precision, out)
