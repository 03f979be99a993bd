"""Train a clip detector. This module's code is part of the run key."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from fastai.callback.core import Callback

from ddet import params
from ddet.data import clip_loader
from ddet.data.crop_loader import Loading
from ddet.models import asrid, check_size, load_backbone
from ddet.seeds import derive
from ddet.training import common, learner
from ddet.training.callbacks import ClipAuc, ClipLogLoss, StepLosses
from ddet.training.schedules import Accumulate, PartRates

STEPS = "steps.csv"
SCORES = ("prob_fake", "static", "dynamic")  # columns of the predictions; without a dynamic head `dynamic` is nan


def train(
    config: dict[str, Any], rows: pd.DataFrame, crops: Path, start: Path | None, runtime: params.Runtime, out: Path
) -> None:
    """Fit one row and write its clip scores on train, valid and test into `out`.

    Args:
        config: what `asrid.arms.plan` makes of an arm.
        rows: the crops of the protocol that the arm names.
        start: weights of the backbone; None: begin at random.

    Paper: ASRID 5.1: the small set is a part of train and valid; 5.5: the seed follows from the configuration. As
    released, the paper profile keeps the epoch with the lowest log loss on valid.
    Differs: valid and test are scored whole, so that all rows are judged on the same clips.
    """
    on, cfg, seed = common.begin(config, runtime)
    model = build(config["model"], start).to(on)
    chosen = clip_loader.choose_clips(rows, config["set"], derive("set", config["set"]))
    how = Loading(crops, config["model"]["size"], cfg.bs, on, runtime.workers)
    rule = clip_loader.ClipRule(**config["clips"])
    dls = clip_loader.make_clip_dls(chosen, how, rule, common.augmentation(config), seed)
    loss = asrid.ASRIDLoss(config["model"]["mode"], config["model"]["w"])
    cbs, shown = _callbacks(config, cfg, out), runtime.fits == 1
    learn = learner.fit(model, dls, cfg, out, seed, loss, [ClipAuc(), ClipLogLoss()], cbs, shown)
    common.settle(learn, cfg, out)
    train_clips, held = chosen[chosen["split"] == "train"], rows[rows["split"] != "train"]
    scored = [score(model, part, how, rule, cfg.precision) for part in (train_clips, held)]
    pd.concat(scored, ignore_index=True).to_parquet(out / common.PREDICTIONS, index=False)


def build(model: dict[str, Any], start: Path | None = None) -> asrid.Asrid:
    """Build the network that a configuration describes; its backbone begins with the weights in `start`."""
    settings = {key: value for key, value in model.items() if key not in ("backbone", "width", "size")}
    made = asrid.build(model["backbone"], model["width"], **settings)
    check_size(made.backbone, model["size"])
    if start is not None:
        load_backbone(made.backbone, start)
    return made


def score(
    model: asrid.Asrid, rows: pd.DataFrame, how: Loading, rule: clip_loader.ClipRule, precision: str
) -> pd.DataFrame:
    """Score the clips of `rows`: what names each clip, its label, and the columns SCORES, each in [0, 1]."""
    dl = clip_loader.clip_loader(rows, how, rule)
    found = asrid.scores(learner.outputs(model, dl, precision).double())  # so that a sure score is not rounded to 1
    dynamic = torch.full_like(found.fused, torch.nan) if found.dynamic is None else found.dynamic
    columns = dict(zip(SCORES, (found.fused, found.static, dynamic), strict=True))
    return dl.dataset.clips.assign(**{name: value.numpy() for name, value in columns.items()})


def _callbacks(config: dict[str, Any], cfg: params.Train, out: Path) -> list[Callback]:
    cbs: list[Callback] = [StepLosses(Path(out) / STEPS)]
    if config["rates"]:
        cbs.append(PartRates(config["rates"]))
    if config["accumulate"] > 1:
        cbs.append(Accumulate(config["accumulate"] * cfg.bs))
    return cbs
