"""Rows of an ablation as runs: an arm and a seed become a configuration, a key, and a finished fit."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from ddet import learn, models, params, paths
from ddet.data import loaders
from ddet.data.rows import SHAPES_A_RUN
from ddet.errors import InputError
from ddet.runs import RECORD, Store, fingerprint
from ddet.seeds import derive, seed_everything

PREDICTIONS = "preds.parquet"
STARTS = paths.RESULTS / "start_weights.csv"  # written by 13_start_weights: backbone, key


@dataclass(frozen=True)
class Row:
    """One fit of an ablation: what it is called, and what shapes it (the name does not)."""

    arm: str
    seed: int
    config: dict[str, Any]


def plan(section: params.Herd, data_hash: str, start_hash: str, only: Iterable[str] | None = None) -> list[Row]:
    """List the fits of a section in the order of its arms; two arms that say the same share their runs.

    Raises:
        KeyError: `only` names an arm that the section lacks.
    """
    arms = section.arms if only is None else {name: section.arms[name] for name in only}
    return [
        Row(name, seed, _config(section, arm, seed, data_hash, start_hash))
        for name, arm in arms.items()
        for seed in range(section.seeds)
    ]


def _config(section: params.Herd, arm: params.Arm, seed: int, data_hash: str, start_hash: str) -> dict[str, Any]:
    return {
        "augment": arm.augment,
        "data": data_hash,
        "model": section.model.model_dump(),
        "per_class": section.per_class,
        "seed": seed,
        "start": start_hash,
        "train": section.train.model_dump() | arm.overrides(),
    }


def data_hash(rows: pd.DataFrame) -> str:
    """Fingerprint everything about the rows that a fit can see."""
    return fingerprint(rows[SHAPES_A_RUN])


def train(
    config: dict[str, Any], rows: pd.DataFrame, crops: Path, start: Path | None, runtime: params.Runtime, out: Path
) -> None:
    """Fit one row and write its predictions on valid and test into `out`.

    Paper: Herd section 3.1: training set balanced, valid and test as they are.
    """
    on, cfg = loaders.device(runtime.device), params.Train(**config["train"])
    net = params.Model(**config["model"])
    seed = derive(config)  # ASRID section 5.5: the seed follows from the configuration
    seed_everything(seed, runtime.threads)
    model = models.create(net, start).to(on)
    # Arms with the same seed index train on the same balanced set, so that their difference is the arm's.
    chosen = loaders.balance(rows[rows["split"] == "train"], config["per_class"], derive("balance", config["seed"]))
    held = rows[rows["split"] != "train"]
    dls = loaders.make_dls(
        pd.concat([chosen, held]), crops, config["augment"], net.size, cfg.bs, seed, on, runtime.workers
    )
    learn.fit(model, dls, cfg, out, seed)
    prob = learn.predict(
        model, loaders.eval_loader(held, crops, net.size, 2 * cfg.bs, on, runtime.workers), cfg.precision
    )
    learn.predictions(held, prob).to_parquet(out / PREDICTIONS, index=False)


def start_of(backbone: str, table: Path = STARTS) -> tuple[Path | None, str]:
    """Return the file a backbone starts from (None: at random) and the key of the run that made it.

    Raises:
        InputError: 13_start_weights has not run, or has not prepared this backbone.
    """
    if not table.is_file():
        raise InputError(table, "no start weights yet", "run the notebook 13_start_weights")
    known = pd.read_csv(table, dtype=str).fillna("").set_index("backbone")["key"]
    if backbone not in known:
        raise InputError(f"model.backbone = {backbone!r}", "has no start weights", "add it to start.backbones")
    key = known[backbone]
    return (paths.RUNS / "start" / key / learn.WEIGHTS if key else None), key


def config_of_run(folder: Path) -> dict[str, Any]:
    """Read the configuration that a finished run was made from."""
    return json.loads((folder / RECORD).read_text())["config"]


def load_model(folder: Path) -> nn.Module:
    """Build the network of a finished run with its weights, in eval mode, on the CPU."""
    net = models.create(params.Model(**config_of_run(folder)["model"]))
    return learn.load_weights(net, folder / learn.WEIGHTS).eval()


def run(
    store: Store, planned: list[Row], rows: pd.DataFrame, crops: Path, start: Path | None, runtime: params.Runtime
) -> pd.DataFrame:
    """Train what the store lacks and return one line a fit: arm, seed, key, folder."""
    done = []
    for row in planned:
        folder = store.get(row.config, lambda out, c=row.config: train(c, rows, crops, start, runtime, out))
        done.append({"arm": row.arm, "seed": row.seed, "key": folder.name, "folder": folder})
    return pd.DataFrame(done)


def predictions(done: pd.DataFrame, arm: str, split: str = "test") -> list[pd.DataFrame]:
    """Read the predictions of an arm on a split, one table a seed."""
    tables = [pd.read_parquet(folder / PREDICTIONS) for folder in done.loc[done["arm"] == arm, "folder"]]
    return [t[t["split"] == split].reset_index(drop=True) for t in tables]


def histories(done: pd.DataFrame) -> pd.DataFrame:
    """Join the training histories: arm, seed, then the columns of history.csv."""
    parts = [
        pd.read_csv(row.folder / learn.HISTORY).assign(arm=row.arm, seed=row.seed)
        for row in done.itertuples(index=False)
    ]
    joined = pd.concat(parts, ignore_index=True)
    return joined[["arm", "seed", *(c for c in joined if c not in ("arm", "seed"))]]
