"""Train an image detector on one phase of its curriculum. This module's code is part of the run key."""

from pathlib import Path
from typing import Any

import pandas as pd
from fastai.data.core import DataLoaders

from ddet import models, params
from ddet.data import crop_loader, landmarks
from ddet.herd import weighted_loss
from ddet.seeds import derive
from ddet.training import common, learner
from ddet.training.callbacks import AddPenalty


def train(
    config: dict[str, Any], rows: pd.DataFrame, crops: Path, start: Path | None, runtime: params.Runtime, out: Path
) -> None:
    """Fit one phase of one row and write its predictions on test and valid into `out`.

    Args:
        config: what `herd.arms.plan` makes of an arm.
        rows: the crops of the protocol that the arm names.
        start: weights of the backbone, or those of the phase before; None: begin at random.

    Paper: Herd section 3.1: the training set is balanced, valid and test stay as they are; section 2.4: only training
    crops have their eyes hidden, and each phase restarts the optimiser from the best weights of the one before.
    """
    on, cfg, seed = common.begin(config, runtime)
    net = params.Model(**config["model"])
    again = "phase" in config["start"]
    model = models.create(net, None if again else start)
    model = (learner.load_weights(model, start) if again else model).to(on)
    how = crop_loader.Loading(crops, net.size, cfg.bs, on, runtime.workers)
    dls = _loaders(config, rows, how, seed)
    loss = weighted_loss.weighted(**config["loss"], device=on)
    learn = learner.fit(model, dls, cfg, out, seed, loss_func=loss, cbs=[AddPenalty()], progress=runtime.fits == 1)
    common.settle(learn, cfg, out)
    common.write_scores(learn, rows, rows[rows["split"] == "valid"], how, cfg.precision, out)


def _loaders(config: dict[str, Any], rows: pd.DataFrame, how: crop_loader.Loading, seed: int) -> DataLoaders:
    # Arms with the same seed index train on the same set, so that their difference is the arm's.
    deal = derive("balance", config["seed"])
    chosen = crop_loader.balance(rows[rows["split"] == "train"], config["per_class"], deal, config["imbalance"])
    hidden = landmarks.eye_boxes_of(chosen, how.size) if config["mask"] == "eyes" else None
    seen = pd.concat([chosen, rows[rows["split"] == "valid"]])
    return crop_loader.make_dls(seen, how, common.augmentation(config), seed, hidden)
