"""Share what the fits of all papers do: derive the seed, build the augmentation, predict the test crops."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pandas as pd
import torch
from torch import nn

from ddet import params
from ddet.data import crop_loader
from ddet.data.augment import pipeline
from ddet.seeds import derive, seed_everything
from ddet.training import learner, norms

PREDICTIONS = "preds.parquet"
VALID = "valid.parquet"  # what the kept weights give valid: thresholds come from it


def begin(config: dict[str, Any], runtime: params.Runtime) -> tuple[torch.device, params.Train, int]:
    """Return device, settings and seed of the fit that `config` describes, and seed everything with that.

    The seed follows from the index `seed` of the configuration, and the phase of a curriculum, alone. So arms of one
    index share the initial weights (of one network), the training crops and their order, and a difference between
    arms is paired in truth.
    """
    seed = derive("fit", config["seed"], config.get("phase", 0))
    seed_everything(seed, runtime.threads)
    return crop_loader.device(runtime.device), params.Train(**config["train"]), seed


def core(config: dict[str, Any]) -> dict[str, Any]:
    """Return the core of a configuration, all but the data hash and the start weights.

    Paper: ASRID section 5.5: the seed is a hash of the core configuration.
    Differs: fits here share the numbers of their seed index, see `begin`; notebook 30 shows the paper's rule.
    """
    return {key: value for key, value in config.items() if key not in ("data_hash", "start")}


def augmentation(config: dict[str, Any]) -> A.Compose | None:
    """Build the augmentation of `config`, whose steps are pairs because their order counts."""
    listed = config["augment"]
    return pipeline(params.AugmentList(p=listed["p"], steps=dict(listed["steps"])))


def predict(model: nn.Module, rows: pd.DataFrame, how: crop_loader.Loading, precision: str) -> pd.DataFrame:
    """Score the test crops among `rows`, in batches twice as large as those of the fit: see `learner.predictions`."""
    held = rows[rows["split"] == "test"]
    dl = crop_loader.eval_loader(held, replace(how, bs=2 * how.bs))
    return learner.predictions(held, learner.predict(model, dl, precision))


def settle(learn: learner.Learner, cfg: params.Train, out: Path) -> None:
    """End a fit: average its batch normalisation over the training set, and write the weights into `out` again."""
    norms.average(learn, cfg.epochs)
    learner.save_weights(learn.model, out / learner.WEIGHTS)


def write_scores(
    learn: learner.Learner, rows: pd.DataFrame, judge: pd.DataFrame, how: crop_loader.Loading, precision: str, out: Path
) -> None:
    """Write what the fit `learn` gives the test crops of `rows`, and what it gives `judge`.

    `judge` holds the crops that chose the epoch, under the split that they are of, in the order of the loader.
    """
    predict(learn.model, rows, how, precision).to_parquet(out / PREDICTIONS, index=False)
    kept = learner.predictions(judge, learner.predict(learn.model, learn.dls.valid, precision))
    kept.to_parquet(out / VALID, index=False)


def predict_images(model: nn.Module, images: Sequence[np.ndarray], bs: int = 64) -> np.ndarray:
    """Return prob_fake of images that are in memory (uint8 S x S x 3), on the CPU: float32, n, in [0, 1]."""
    dataset = crop_loader.ArrayDataset(np.stack(images), np.zeros(len(images), np.int64))
    return learner.predict(model, crop_loader.make_loader(dataset, bs, crop_loader.device("cpu")))
