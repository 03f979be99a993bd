"""Herd's arms as rows of a plan, a section of four arms, and invented runs of them."""

from pathlib import Path

import pandas as pd
from toys import given, section

from ddet import params, paths
from ddet.herd import arms as herd_arms
from ddet.runs.planned import Inputs, Row
from ddet.training import common, learner

SMOKE = params.load(paths.ROOT / "profiles/smoke.yaml").herd


def planned(seeds: int = 1, start: str = "s", inputs: Inputs | None = None, **arms: params.Arm) -> list[Row]:
    """Plan `arms` (without any: those of `toys.section`)."""
    cfg = section(seeds)
    return herd_arms.plan(cfg, arms or cfg.arms, inputs or given(start=start))


def four_arms(**update) -> params.Herd:
    """Return the smoke profile's section with four arms of its own and a small sweep."""
    arms = {
        "Base": {
            "part": "augmentation",
            "rows": {"table1": "GenConViT", "table2": "Base model"},
        },
        "WL": {"part": "weighted_loss", "weight": 2.0, "rows": {"table2": "WL"}},
        "NA": {"part": "augmentation", "augment": "none", "rows": {"table2": "NA"}},
        "RF": {"part": "augmentation", "augment": "flips"},
    }
    sweep = {"classes": ["real", "fake"], "weights": [2.0], "imbalance": [1.0, 4.0], "seeds": 1}
    made = {"arms": {name: params.Arm(**arm) for name, arm in arms.items()}, "sweep": params.Sweep(**sweep)}
    return SMOKE.model_copy(update=made | update)


def write_run(root: Path, arm: str, seed: int, preds: pd.DataFrame | None = None, histories=()) -> dict:
    """Write a made-up run with its predictions on test and a history for each of its phases; return its line."""
    names = [f"{arm}-{seed}-{phase}" for phase in range(len(histories) or 1)]
    for name in names:
        (root / name).mkdir()
    for name, history in zip(names, histories, strict=False):
        history.to_csv(root / name / learner.HISTORY, index=False)
    folder = root / names[-1]
    if preds is not None:
        preds.assign(split="test").to_parquet(folder / common.PREDICTIONS)
        preds.assign(split="valid").to_parquet(folder / common.VALID)
    return {"arm": arm, "seed": seed, "key": names[-1], "chain": " ".join(names), "folder": folder}
