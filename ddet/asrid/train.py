"""What a fit of the clip detectors is: everything in this module is part of a run's key."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from fastai.callback.core import Callback

from ddet import params
from ddet.data import clip_loader
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
        config: what `asrid_arms.plan` makes of an arm.
        rows: the crops of the protocol that the arm names.
        start: weights of the backbone; None: begin at random.

    Paper: ASRID 5.1: the small set is a part of train and valid; 5.5: the seed follows from the configuration. As
    released, the epoch with the lowest log loss on valid is kept.
    Differs: valid and test are scored whole, so that all rows are judged on the same clips.
    """
    on, cfg, seed = common.begin(config, runtime)
    model = build(config["model"], start).to(on)
    chosen = clip_loader.choose_clips(rows, config["set"], derive("set", config["set"]))
    ask, size, more = config["clips"], config["model"]["size"], {"on": on, "workers": runtime.workers}
    dls = clip_loader.make_clip_dls(
        chosen, crops, common.augmentation(config), size=size, bs=cfg.bs, seed=seed, **ask, **more
    )
    loss = asrid.ASRIDLoss(config["model"]["mode"], config["model"]["w"])
    cbs, shown = _callbacks(config, cfg, out), runtime.fits == 1
    learner.fit(model, dls, cfg, out, seed, loss, [ClipAuc(), ClipLogLoss()], cbs, shown)
    train_clips, held = chosen[chosen["split"] == "train"], rows[rows["split"] != "train"]
    shared = {key: ask[key] for key in ("frames", "short", "scaling")} | {"size": size, "bs": cfg.bs} | more
    scored = [score(model, part, crops, cfg.precision, **shared) for part in (train_clips, held)]
    pd.concat(scored, ignore_index=True).to_parquet(out / common.PREDICTIONS, index=False)


def build(model: dict[str, Any], start: Path | None = None) -> asrid.Asrid:
    """Build the network that a configuration describes; its backbone begins with the weights in `start`."""
    settings = {key: value for key, value in model.items() if key not in ("backbone", "width", "size")}
    made = asrid.build(model["backbone"], model["width"], **settings)
    check_size(made.backbone, model["size"])
    if start is not None:
        load_backbone(made.backbone, start)
    return made


def score(model: asrid.Asrid, rows: pd.DataFrame, crops: Path, precision: str, **loader: Any) -> pd.DataFrame:
    """Score the clips of `rows`: what names each clip, its label, and the columns SCORES, each in [0, 1].

    The keyword arguments are those of `clip_loader.clip_loader`.
    """
    dl = clip_loader.clip_loader(rows, crops, **loader)
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
