"""Read the results of finished runs: which run belongs to which arm, weights, predictions, histories."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError
from torch import nn

from ddet import models, params, paths
from ddet.data import files
from ddet.errors import InputError
from ddet.runs.store import RECORD
from ddet.training import common, learner


def write_runs(done: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Write a table of which run belongs to which arm and seed, and return it."""
    table = done.drop(columns="folder")
    files.write_csv(table, path)
    return table


def read_runs(stages: Sequence[str], arms: Sequence[str] | None = None, results: Path = paths.RESULTS) -> pd.DataFrame:
    """Read the tables that stages wrote with `write_runs` (results/<stage>_runs.csv), with the folders of the runs.

    Raises:
        InputError: a notebook has not run yet, or `arms` names one that none has trained.
    """
    tables = []
    for stage in stages:
        path = results / f"{stage}_runs.csv"
        if not path.is_file():
            raise InputError(path, "no runs yet", "run the notebook that trains them")
        table = pd.read_csv(path, keep_default_na=False, dtype={"key": str, "chain": str})  # an arm is called NA
        tables.append(table.assign(folder=[paths.RUNS / stage / key for key in table["key"]]))
    done = pd.concat(tables, ignore_index=True)
    if missing := sorted(set(arms or ()) - set(done["arm"])):
        raise InputError(
            f"arm {missing[0]}", "was not trained", "add it to the arms in params.yaml, run the notebook of its part"
        )
    return done if arms is None else done[done["arm"].isin(arms)].reset_index(drop=True)


def config_of_run(folder: Path) -> dict[str, Any]:
    """Read the configuration that a finished run was made from."""
    return json.loads((folder / RECORD).read_text())["config"]


def load_model(folder: Path) -> nn.Module:
    """Build the network of a finished run with its weights, in eval mode, on the CPU."""
    return with_weights(models.create(params.Model(**config_of_run(folder)["model"])), folder)


def with_weights(net: nn.Module, folder: Path) -> nn.Module:
    """Load the weights of a finished run into its network, in eval mode.

    Raises:
        InputError: they are not there, cut, or something else: an error page, a pointer of Git LFS.
    """
    path = folder / learner.WEIGHTS
    try:
        return learner.load_weights(net, path).eval()
    except (SafetensorError, OSError) as e:
        remedy = "remove its folder, then: make repro"
        raise InputError(path, f"cannot be read as weights ({type(e).__name__})", remedy) from None


def keys(done: pd.DataFrame, *arms: str) -> list[str]:
    """Return the run keys of arms, in the order of arms, then seeds."""
    return [key for arm in arms for key in done.loc[done["arm"] == arm, "key"]]


def predictions(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the test predictions of an arm, one table per seed."""
    return [pd.read_parquet(folder / common.PREDICTIONS) for folder in done.loc[done["arm"] == arm, "folder"]]


def valid(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read what the kept epoch of an arm gave the crops that chose it, one table per seed.

    They are of valid, and thresholds come from them; those of an arm selected on test say so in `split`, and
    `stats.thresholds` refuses them.
    """
    return [pd.read_parquet(folder / common.VALID) for folder in done.loc[done["arm"] == arm, "folder"]]


def histories(done: pd.DataFrame) -> pd.DataFrame:
    """Join the training histories: arm, seed, phase (from 1), the columns of history.csv; epochs count on."""
    parts = []
    for row in done.itertuples(index=False):
        before = 0
        for phase, key in enumerate(row.chain.split(), 1):
            history = pd.read_csv(row.folder.parent / key / learner.HISTORY).assign(
                arm=row.arm, seed=row.seed, phase=phase
            )
            history["epoch"] += before
            before = history["epoch"].max()
            parts.append(history)
    joined = pd.concat(parts, ignore_index=True)
    first = ["arm", "seed", "phase"]
    return joined[[*first, *(c for c in joined if c not in first)]]
