"""Rows of ASRID as runs: an arm and a seed become a configuration, and a finished run its scores of clips."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from fastai.data.load import DataLoader

from ddet import ablation, fitting, learn, params, paths, train_clips
from ddet.data import clips
from ddet.models import asrid
from ddet.seeds import derive

CODE = ["ddet.train_clips"]  # what computes a run
STAGES = ("asrid_static", "asrid_dynamic")  # that train clip detectors
CLIPS = ("frames", "sampling", "short", "scaling", "augment_per")  # how clips become samples


def of_part(
    section: params.Asrid, part: str, synthetic: bool, only: Sequence[str] | None = None
) -> dict[str, params.AsridArm]:
    """Return the arms that one notebook trains, in their order; those of the benchmark's own clips only there."""
    arms = ablation.of_part(section, part, only)
    return {name: arm for name, arm in arms.items() if synthetic or not arm.synthetic}


def inputs(section: params.Asrid, arms: Mapping[str, params.AsridArm], faces: Path = paths.FACES) -> ablation.Inputs:
    """Load what `arms` need and check it: nothing is trained where one arm would fail.

    Raises:
        InputError: a dataset, a protocol, a class or start weights that are not there.
    """
    wanted = {name_of(section, arm): where(section, arm) for arm in arms.values()}
    return ablation.gather(wanted, {section.model.backbone}, faces)


def where(section: params.Asrid, arm: params.AsridArm) -> tuple[str, str]:
    """Return the dataset and the protocol of an arm."""
    return arm.dataset or section.dataset, arm.split or section.split


def name_of(section: params.Asrid, arm: params.AsridArm) -> str:
    """Name the crops that an arm meets: dataset and protocol."""
    return ", ".join(where(section, arm))


def plan(section: params.Asrid, arms: Mapping[str, params.AsridArm], given: ablation.Inputs) -> list[ablation.Row]:
    """List the fits of `arms` in their order, seeds within; two arms that say the same share their runs."""
    return [
        ablation.Row(name, seed, name_of(section, arm), (_config(section, arm, seed, given),))
        for name, arm in arms.items()
        for seed in range(arm.seeds or section.seeds)
    ]


def _config(section: params.Asrid, arm: params.AsridArm, seed: int, given: ablation.Inputs) -> dict[str, Any]:
    listed = section.lists[arm.augment or section.augment]
    own = {key: getattr(arm, key) for key in ("epochs", "bs", "lr", "wd", "schedule") if getattr(arm, key) is not None}
    strategy = {"strategy": arm.strategy, "w": arm.w, "axis_bug": arm.axis_bug, "mode": arm.mode or section.model.mode}
    return {
        "accumulate": arm.accumulate,
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "clips": {key: getattr(arm, key, None) or getattr(section, key) for key in CLIPS},
        "data": given.hashes[name_of(section, arm)],
        "model": section.model.model_dump() | strategy,
        "rates": dict(arm.rates),
        "seed": seed,
        "set": dict(section.sets[arm.set or section.set]),
        "start": {"backbone": given.starts[section.model.backbone]},
        "train": section.train.model_dump() | own,
    }


def scored(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read all clip scores of an arm, one table a seed: train, valid and test, with the columns SCORES."""
    return [pd.read_parquet(folder / fitting.PREDICTIONS) for folder in done.loc[done["arm"] == arm, "folder"]]


def predictions(
    done: pd.DataFrame, arm: str, split: str = "test", score: str = "prob_fake", among: set[str] | None = None
) -> list[pd.DataFrame]:
    """Return the predictions of an arm on one split, one table a seed.

    Args:
        score: which of the scores counts: `prob_fake` (fused), `static` or `dynamic`.
        among: only these clips, see `clips_of_set`.
    """
    tables = []
    for table in scored(done, arm):
        kept = table[(table["split"] == split) & (among is None or table["clip_id"].isin(among or ()))]
        tables.append(kept.assign(prob_fake=kept[score])[[*clips.IDENTITY, "prob_fake"]].reset_index(drop=True))
    return tables


def clips_of_set(section: params.Asrid, arm: params.AsridArm, given: ablation.Inputs) -> set[str]:
    """Return the clips of an arm's training set, with the valid and test clips that the paper judges it on."""
    counts = section.sets[arm.set or section.set]
    chosen = clips.choose_clips(given.rows[name_of(section, arm)], counts, derive("set", counts))
    return set(chosen["clip_id"])


def constants(train: pd.DataFrame, preds: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """Return what says the same of every clip: the training set's share of fakes, and its majority class for sure.

    A detector that does not beat both has learnt nothing.
    """
    prior = float(train["label"].mean())
    return {
        "training prior": [preds.assign(prob_fake=prior)],
        "majority class": [preds.assign(prob_fake=float(prior >= 0.5))],
    }


def steps(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the loss of every training batch of an arm, one table a seed: step, epoch, loss, smooth."""
    return [pd.read_csv(folder / train_clips.STEPS) for folder in done.loc[done["arm"] == arm, "folder"]]


def histories(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the history of an arm, one table a seed, with the number of steps done by the end of each epoch."""
    tables = []
    for folder in done.loc[done["arm"] == arm, "folder"]:
        last = pd.read_csv(folder / train_clips.STEPS).groupby("epoch")["step"].max()
        history = pd.read_csv(folder / learn.HISTORY)
        tables.append(history.assign(step=history["epoch"].map(last)))
    return tables


def test_loader(section: params.Asrid, rows: pd.DataFrame, folder: Path = paths.FACES) -> DataLoader:
    """Make a loader over the test clips of `rows`, on the CPU, as the fits score them."""
    kept, cfg = rows[rows["split"] == "test"], section.model
    on = torch.device("cpu")
    return clips.clip_loader(
        kept, folder, section.frames, cfg.size, section.short, section.scaling, section.train.bs, on
    )


def load_model(folder: Path) -> asrid.Asrid:
    """Build the network of a finished run with its weights, in eval mode, on the CPU."""
    model = train_clips.build(ablation.config_of_run(folder)["model"])
    return learn.load_weights(model, folder / learn.WEIGHTS).eval()
