"""Read the results of ASRID's finished runs: scores of clips, losses of steps, weights."""

from pathlib import Path

import pandas as pd
import torch
from fastai.data.load import DataLoader

from ddet import params, paths
from ddet.asrid import train as asrid_train
from ddet.asrid.arms import name_of
from ddet.data import clip_loader
from ddet.data.crop_loader import Loading
from ddet.models import asrid
from ddet.runs import finished, planned
from ddet.seeds import derive
from ddet.training import common, learner


def scored(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read all clip scores of an arm, one table per seed: train, valid and test, with the columns SCORES."""
    return [pd.read_parquet(folder / common.PREDICTIONS) for folder in done.loc[done["arm"] == arm, "folder"]]


def predictions(
    done: pd.DataFrame, arm: str, split: str = "test", score: str = "prob_fake", among: set[str] | None = None
) -> list[pd.DataFrame]:
    """Return the predictions of an arm on one split, one table per seed.

    Args:
        score: the score to return as prob_fake: `prob_fake` (fused), `static` or `dynamic`.
        among: only these clips, see `clips_of_set`.
    """
    tables = []
    for table in scored(done, arm):
        kept = table[(table["split"] == split) & (among is None or table["clip_id"].isin(among or ()))]
        tables.append(kept.assign(prob_fake=kept[score])[[*clip_loader.IDENTITY, "prob_fake"]].reset_index(drop=True))
    return tables


def clips_of_set(section: params.Asrid, arm: params.AsridArm, given: planned.Inputs) -> set[str]:
    """Return the clips of an arm's training set, with the valid and test clips on which the paper evaluates it."""
    counts = section.sets[arm.set or section.set]
    chosen = clip_loader.choose_clips(given.rows[name_of(section, arm)], counts, derive("set", counts))
    return set(chosen["clip_id"])


def constants(train: pd.DataFrame, preds: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """Return the predictions of two constant classifiers: the training set's share of fakes, and its majority class.

    A detector that does not beat both has learnt nothing.
    """
    prior = float(train["label"].mean())
    return {
        "training prior": [preds.assign(prob_fake=prior)],
        "majority class": [preds.assign(prob_fake=float(prior >= 0.5))],
    }


def steps(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the loss of every training batch of an arm, one table per seed: step, epoch, loss, smooth."""
    return [pd.read_csv(folder / asrid_train.STEPS) for folder in done.loc[done["arm"] == arm, "folder"]]


def histories(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the history of an arm, one table per seed, with the number of steps done by the end of each epoch."""
    tables = []
    for folder in done.loc[done["arm"] == arm, "folder"]:
        last = pd.read_csv(folder / asrid_train.STEPS).groupby("epoch")["step"].max()
        history = pd.read_csv(folder / learner.HISTORY)
        tables.append(history.assign(step=history["epoch"].map(last)))
    return tables


def test_loader(section: params.Asrid, rows: pd.DataFrame, folder: Path = paths.FACES) -> DataLoader:
    """Make a loader over the test clips of `rows`, on the CPU, as the fits score them."""
    how = Loading(folder, section.model.size, section.train.bs, torch.device("cpu"))
    rule = clip_loader.ClipRule(section.frames, section.short, section.scaling)
    return clip_loader.clip_loader(rows[rows["split"] == "test"], how, rule)


def load_model(folder: Path) -> asrid.Asrid:
    """Build the network of a finished run with its weights, in eval mode, on the CPU."""
    model = asrid_train.build(finished.config_of_run(folder)["model"])
    return finished.with_weights(model, folder)
