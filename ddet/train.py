"""What a fit of the image detectors is: everything in this module is part of a run's key."""

from pathlib import Path
from typing import Any

import pandas as pd

from ddet import learn, losses, masks, models, params
from ddet.augment import pipeline
from ddet.callbacks import AddPenalty
from ddet.data import loaders
from ddet.models import genconvit, genconvit_vae  # noqa: F401 (made by name: said here, they shape the key)
from ddet.seeds import derive, seed_everything

PREDICTIONS = "preds.parquet"


def train(
    config: dict[str, Any], rows: pd.DataFrame, crops: Path, start: Path | None, runtime: params.Runtime, out: Path
) -> None:
    """Fit one stage of one row and write its predictions on test into `out`.

    Args:
        config: what `ablation.plan` makes of an arm.
        rows: the crops of the protocol that the arm names.
        start: weights of the backbone, or those of the stage before; None: begin at random.

    Paper: Herd section 3.1: the training set is balanced, valid and test stay as they are; section 2.4: only training
    crops have their eyes hidden, and each stage restarts the optimiser from the best weights of the one before.
    """
    on, cfg, net = loaders.device(runtime.device), params.Train(**config["train"]), params.Model(**config["model"])
    seed = derive(core(config))
    seed_everything(seed, runtime.threads)
    again = "stage" in config["start"]
    model = models.create(net, None if again else start)
    model = (learn.load_weights(model, start) if again else model).to(on)
    dls = _loaders(config, rows, crops, net.size, cfg.bs, seed, runtime)
    loss = losses.weighted(**config["loss"], device=on)
    learn.fit(model, dls, cfg, out, seed, loss_func=loss, cbs=[AddPenalty()], progress=runtime.fits == 1)
    held = rows[rows["split"] == "test"]
    dl = loaders.eval_loader(held, crops, net.size, 2 * cfg.bs, on, runtime.workers)
    learn.predictions(held, learn.predict(model, dl, cfg.precision)).to_parquet(out / PREDICTIONS, index=False)


def core(config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration that a seed follows from: all but what data and weights the fit meets.

    So an edit of code, or a crop that was cut anew, makes a run again without drawing other numbers for it.

    Paper: ASRID section 5.5: the seed is a hash of the core configuration.
    """
    return {key: value for key, value in config.items() if key not in ("data", "start")}


def _loaders(config, rows, crops, size, bs, seed, runtime):
    # Arms with the same seed index train on the same set, so that their difference is the arm's.
    deal = derive("balance", config["seed"])
    chosen = loaders.balance(rows[rows["split"] == "train"], config["per_class"], deal, config["imbalance"])
    hidden = masks.eye_boxes_of(chosen, crops, size) if config["mask"] == "eyes" else None
    listed = params.AugmentList(p=config["augment"]["p"], steps=dict(config["augment"]["steps"]))
    return loaders.make_dls(
        pd.concat([chosen, rows[rows["split"] == "valid"]]),
        crops,
        pipeline(listed),
        size,
        bs,
        seed,
        loaders.device(runtime.device),
        runtime.workers,
        hidden=hidden,
    )
