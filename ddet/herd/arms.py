"""Turn the arms of Herd into fits: an arm and a seed become the configuration of each phase."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ddet import params, paths
from ddet.runs import finished
from ddet.runs.planned import Inputs, Row, gather

STAGES = (  # that train image detectors
    *("herd_augmentation", "herd_masked_eyes", "herd_weighted_loss", "herd_results"),
    "herd_compared",  # by `herd.compared`, in the notebook of the results
)
CODE = ["ddet.herd.train"]  # what computes a run
GENCONVIT = "genconvit"  # how the names of its networks begin


def inputs(section: params.Herd, arms: Mapping[str, params.Arm], faces: Path = paths.FACES) -> Inputs:
    """Load the crops and start weights that `arms` need, and check all of it before anything is trained.

    Raises:
        InputError: a protocol or a class that the data lack, a backbone without start weights.
    """
    splits = {arm.split or section.split for arm in arms.values()}
    wanted = {split: (section.dataset, split) for split in splits}
    return gather(wanted, {model_of(section, arm).backbone for arm in arms.values()}, faces, section.scored)


def plan(section: params.Herd, arms: Mapping[str, params.Arm], given: Inputs) -> list[Row]:
    """List the fits of `arms` in their order, seeds within; two arms with the same configuration share their runs."""
    return [
        Row(name, seed, arm.split or section.split, _phases(section, arm, seed, given))
        for name, arm in arms.items()
        for seed in range(arm.seeds or section.seeds)
    ]


def _phases(section: params.Herd, arm: params.Arm, seed: int, given: Inputs) -> tuple[dict[str, Any], ...]:
    curriculum = curriculum_of(section, arm)
    model, listed = model_of(section, arm), section.list_of(arm)
    shared = {
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "data_hash": given.hashes[arm.split or section.split],
        "imbalance": arm.imbalance or section.imbalance,
        "loss": _loss(section, arm),
        "model": model.model_dump(),
        "per_class": section.per_class,
        "seed": seed,
        "start": {"backbone": given.starts[model.backbone]},
    }
    own = {key: getattr(arm, key) for key in ("bs", "lr", "wd") if getattr(arm, key) is not None}
    fit = section.train.model_dump() | own
    alike = [arm.epochs or section.train.epochs] * len(curriculum.phases)
    counts = alike if arm.epochs else curriculum.epochs or alike
    return tuple(
        shared | {"mask": section.phases[phase], "train": fit | {"epochs": count}, "phase": depth}
        for depth, (phase, count) in enumerate(zip(curriculum.phases, counts, strict=True))
    )


def curriculum_of(section: params.Herd, arm: params.Arm) -> params.Curriculum:
    """Return the curriculum of an arm: the one that it names, or the section's."""
    return section.curricula[arm.curriculum or section.curriculum]


def _loss(section: params.Herd, arm: params.Arm) -> dict[str, Any]:
    weight = arm.weight or section.weight
    side = arm.weighted_class or section.weighted_class
    return {"weight": weight, "weighted_class": "fake" if weight == 1 else side}  # weight 1 is the plain loss


def model_of(section: params.Herd, arm: params.Arm) -> params.Model:
    """Return the network of an arm: that of the section with the arm's changes."""
    change = arm.model.model_dump(exclude_none=True) if arm.model else {}
    if change.get("swin") == "none":
        change["swin"] = None
    name = change.get("name", GENCONVIT)
    if not name.startswith(GENCONVIT):  # what is GenConViT's shapes no other network; timm's have no width
        width = 1 if name == "timm" else change.get("width", 1)
        change |= {"form": "released", "swin": None, "width": width}
    return params.Model(**(section.model.model_dump() | change))


def sweep(section: params.Herd) -> dict[str, params.Arm]:
    """Return the arms of the sweep: every weight on every class, and the plain loss, on each training set."""
    cfg, arms = section.sweep, {}
    for ratio in cfg.imbalance:
        for side, weight in [("fake", 1.0), *((side, w) for side in cfg.classes for w in cfg.weights)]:
            arms[_sweep_name(side, weight, ratio)] = params.Arm(
                part="weighted_loss",
                weight=weight,
                weighted_class=side,
                imbalance=ratio,
                seeds=cfg.seeds,
            )
    return arms


def _sweep_name(side: str, weight: float, ratio: float) -> str:
    return f"sweep: {side} x {weight:g}, {ratio:g}:1"


def best_on_valid(done: pd.DataFrame) -> str:
    """Return the arm with the best valid frame AUC, mean over seeds of the epoch that each fit kept."""
    history = finished.histories(done)
    last = history["phase"] == history.groupby(["arm", "seed"])["phase"].transform("max")
    kept = history[last & (history["selected"] == 1)]
    return kept.groupby("arm", sort=False)["frame_auc"].mean().idxmax()


def leaky(section: params.Herd, names: Sequence[str]) -> dict[str, params.Arm]:
    """Return arms again under the protocols of `section.leaky`, named after both."""
    changed = {"part": "results", "rows": {}, "seeds": section.leaky.seeds}
    return {
        f"{name}, {split} split": section.arms[name].model_copy(update=changed | {"split": split})
        for split in section.leaky.splits
        for name in dict.fromkeys(names)
    }


def rows_of(section: params.Herd, table: str) -> dict[str, str]:
    """Return arm -> the paper's name of its row in "table1" or "table2"."""
    return {name: arm.rows[table] for name, arm in section.arms.items() if table in arm.rows}
