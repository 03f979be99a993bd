"""Rows of an ablation as runs: an arm and a seed become configurations, keys, and finished fits."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from ddet import fitting, learn, models, params, paths, train
from ddet.data import rows as crop_rows
from ddet.data.loaders import both_classes
from ddet.errors import InputError
from ddet.runs import RECORD, Store, fingerprint

STARTS = paths.RESULTS / "start_weights.csv"  # written by 13_start_weights: backbone, key
STAGES = ("herd_augmentation", "herd_masked_eyes", "herd_weighted_loss", "herd_results")  # that train image detectors
CODE = ["ddet.train"]  # what computes a run


@dataclass(frozen=True)
class Row:
    """One line of a table, trained with one seed: the configuration of each stage of its curriculum.

    A name shapes no run. `data` says which of the `Inputs` it meets. The first stage starts from the backbone's
    weights, each further one from the stage before, whose key it takes up when that is known.
    """

    arm: str
    seed: int
    data: str
    stages: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Inputs:
    """What the fits of a section see: crops by name with their fingerprint, start weights by backbone."""

    rows: dict[str, pd.DataFrame]
    hashes: dict[str, str]
    starts: dict[str, str]


def of_part(section: params.Herd | params.Asrid, part: str, only: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the arms that one notebook trains, in their order.

    Raises:
        InputError: `only` names an arm that is not of this part.
    """
    arms = {name: arm for name, arm in section.arms.items() if arm.part == part}
    if unknown := sorted(set(only or ()) - set(arms)):
        raise InputError(f"only = {list(only)}", f"{unknown[0]!r} is no arm here", f"use some of {', '.join(arms)}")
    return {name: arm for name, arm in arms.items() if only is None or name in only}


def inputs(section: params.Herd, arms: Mapping[str, params.Arm], faces: Path = paths.FACES) -> Inputs:
    """Load what `arms` need and check it: nothing is trained where one arm would fail.

    Raises:
        InputError: a protocol or a class that the data lack, a backbone without start weights.
    """
    splits = {arm.split or section.split for arm in arms.values()}
    wanted = {split: (section.dataset, split) for split in splits}
    return gather(wanted, {model_of(section, arm).backbone for arm in arms.values()}, faces)


def gather(wanted: Mapping[str, tuple[str, str]], backbones: Iterable[str], faces: Path) -> Inputs:
    """Load crops by name, each of a (dataset, protocol), and the keys of start weights.

    Raises:
        InputError: as `inputs`.
    """
    rows = {name: crop_rows.load(faces, *wanted[name]) for name in sorted(wanted)}
    for name, part in rows.items():
        check_classes(part, f"{wanted[name][0]}, protocol {wanted[name][1]}")
    starts = {backbone: start_of(backbone)[1] for backbone in sorted(backbones)}
    return Inputs(rows, {name: fingerprint(part[crop_rows.SHAPES_A_RUN]) for name, part in rows.items()}, starts)


def check_classes(rows: pd.DataFrame, where: str) -> None:
    """Refuse rows in which a split lacks a class.

    Raises:
        InputError: names the split and the class.
    """
    for split in ("train", "valid", "test"):
        remedy = "choose another protocol or add clips"
        both_classes(rows[rows["split"] == split], f"{where}, split {split}", "crop", remedy)


def plan(section: params.Herd, arms: Mapping[str, params.Arm], given: Inputs) -> list[Row]:
    """List the fits of `arms` in their order, seeds within; two arms that say the same share their runs."""
    return [
        Row(name, seed, arm.split or section.split, _stages(section, arm, seed, given))
        for name, arm in arms.items()
        for seed in range(arm.seeds or section.seeds)
    ]


def _stages(section: params.Herd, arm: params.Arm, seed: int, given: Inputs) -> tuple[dict[str, Any], ...]:
    curriculum = arm.curriculum or section.curriculum
    model, listed = model_of(section, arm), section.augment[arm.augment]
    shared = {
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "data": given.hashes[arm.split or section.split],
        "imbalance": arm.imbalance or section.imbalance,
        "loss": _loss(section, arm),
        "model": model.model_dump(),
        "per_class": section.per_class,
        "seed": seed,
        "start": {"backbone": given.starts[model.backbone]},
    }
    own = {key: getattr(arm, key) for key in ("bs", "lr", "wd") if getattr(arm, key) is not None}
    epochs = arm.epochs if isinstance(arm.epochs, list) else [arm.epochs or section.train.epochs] * len(curriculum)
    return tuple(
        shared
        | {"mask": section.stages[stage], "train": section.train.model_dump() | own | {"epochs": count}, "stage": depth}
        for depth, (stage, count) in enumerate(zip(curriculum, epochs, strict=True))
    )


def _loss(section: params.Herd, arm: params.Arm) -> dict[str, Any]:
    weight = arm.weight or section.weight
    side = arm.weighted_class or section.weighted_class
    return {"weight": weight, "weighted_class": "fake" if weight == 1 else side}  # weight 1 is the plain loss


def model_of(section: params.Herd, arm: params.Arm) -> params.Model:
    """Return the network of an arm: the section's, with what the arm changes in it."""
    change = arm.model.model_dump(exclude_none=True) if arm.model else {}
    if change.get("swin") == "none":
        change["swin"] = None
    if change.get("name") == "timm":  # what is GenConViT's shapes no other network
        change |= {"form": "released", "swin": None, "width": 1}
    return params.Model(**(section.model.model_dump() | change))


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


def run(
    store: Store,
    planned: Sequence[Row],
    given: Inputs,
    runtime: params.Runtime,
    crops: Path = paths.FACES,
    fit: Callable = train.train,
) -> pd.DataFrame:
    """Train what the store lacks with `fit`, `runtime.fits` at a time, and return one line a row.

    Columns: arm, seed, key and folder of the last stage, `chain`: the keys of all its stages.
    """
    chains: list[list[Path]] = [[] for _ in planned]
    for depth in range(max((len(row.stages) for row in planned), default=0)):
        wave = [(row, chain) for row, chain in zip(planned, chains, strict=True) if depth < len(row.stages)]
        asks = [_ask(row, chain, given, runtime, crops, fit) for row, chain in wave]
        for (_, chain), folder in zip(wave, store.get_many(asks, runtime.fits), strict=True):
            chain.append(folder)
    return pd.DataFrame(
        {"arm": r.arm, "seed": r.seed, "key": c[-1].name, "chain": " ".join(f.name for f in c), "folder": c[-1]}
        for r, c in zip(planned, chains, strict=True)
    )


def _ask(
    row: Row, chain: list[Path], given: Inputs, runtime: params.Runtime, crops: Path, fit: Callable
) -> tuple[dict, Callable]:
    config = row.stages[len(chain)]
    if chain:
        config, start = config | {"start": {"stage": chain[-1].name}}, chain[-1] / learn.WEIGHTS
    else:
        start = start_of(config["model"]["backbone"])[0]
    return config, partial(fit, config, given.rows[row.data], crops, start, runtime)


def complete(
    done: pd.DataFrame, section: params.Herd | params.Asrid, arms: Mapping[str, params.Arm | params.AsridArm]
) -> bool:
    """Say whether every arm has a run of every seed."""
    counts = done.groupby("arm")["seed"].nunique()
    return all(counts.get(name, 0) == (arm.seeds or section.seeds) for name, arm in arms.items())


def write_runs(done: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Write which run is which arm and seed, and return that table."""
    table = done.drop(columns="folder")
    table.to_csv(path, index=False)
    return table


def read_runs(stages: Sequence[str], arms: Sequence[str] | None = None, results: Path = paths.RESULTS) -> pd.DataFrame:
    """Read what notebooks have written with `write_runs` (results/<stage>_runs.csv), folders added.

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
    net = models.create(params.Model(**config_of_run(folder)["model"]))
    return learn.load_weights(net, folder / learn.WEIGHTS).eval()


def keys(done: pd.DataFrame, *arms: str) -> list[str]:
    """Return the run keys of arms, seeds within."""
    return [key for arm in arms for key in done.loc[done["arm"] == arm, "key"]]


def predictions(done: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Read the test predictions of an arm, one table a seed."""
    return [pd.read_parquet(folder / fitting.PREDICTIONS) for folder in done.loc[done["arm"] == arm, "folder"]]


def histories(done: pd.DataFrame) -> pd.DataFrame:
    """Join the training histories: arm, seed, stage (from 1), then the columns of history.csv, epochs counted on."""
    parts = []
    for row in done.itertuples(index=False):
        before = 0
        for stage, key in enumerate(row.chain.split(), 1):
            history = pd.read_csv(row.folder.parent / key / learn.HISTORY).assign(
                arm=row.arm, seed=row.seed, stage=stage
            )
            history["epoch"] += before
            before = history["epoch"].max()
            parts.append(history)
    joined = pd.concat(parts, ignore_index=True)
    first = ["arm", "seed", "stage"]
    return joined[[*first, *(c for c in joined if c not in first)]]
