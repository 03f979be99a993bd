"""Turn the arms of ASRID into fits: an arm and a seed become a configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddet import params, paths
from ddet.runs import planned

CODE = ["ddet.asrid.train"]  # what computes a run
STAGES = ("asrid_static", "asrid_dynamic")  # that train clip detectors
CLIPS = ("frames", "sampling", "short", "scaling", "augment_per")  # how clips become samples


def of_part(
    section: params.Asrid, part: str, synthetic: bool, only: Sequence[str] | None = None
) -> dict[str, params.AsridArm]:
    """Return the arms that one notebook trains, in their order.

    Arms on clips that only the synthetic benchmark has are left out where the data are real.
    """
    arms = planned.of_part(section, part, only)
    return {name: arm for name, arm in arms.items() if synthetic or not arm.synthetic}


def inputs(section: params.Asrid, arms: Mapping[str, params.AsridArm], faces: Path = paths.FACES) -> planned.Inputs:
    """Load the crops and start weights that `arms` need, and check all of it before anything is trained.

    Raises:
        InputError: a dataset, a protocol, a class or start weights that are not there.
    """
    wanted = {name_of(section, arm): where(section, arm) for arm in arms.values()}
    return planned.gather(wanted, {section.model.backbone}, faces)


def where(section: params.Asrid, arm: params.AsridArm) -> tuple[str, str]:
    """Return the dataset and the protocol of an arm."""
    return arm.dataset or section.dataset, arm.split or section.split


def name_of(section: params.Asrid, arm: params.AsridArm) -> str:
    """Name the crop set of an arm: dataset and protocol."""
    return ", ".join(where(section, arm))


def plan(section: params.Asrid, arms: Mapping[str, params.AsridArm], given: planned.Inputs) -> list[planned.Row]:
    """List the fits of `arms` in their order, seeds within; two arms with the same configuration share their runs."""
    return [
        planned.Row(name, seed, name_of(section, arm), (_config(section, arm, seed, given),))
        for name, arm in arms.items()
        for seed in range(arm.seeds or section.seeds)
    ]


def _config(section: params.Asrid, arm: params.AsridArm, seed: int, given: planned.Inputs) -> dict[str, Any]:
    listed = section.list_of(arm)
    own = {key: getattr(arm, key) for key in ("epochs", "bs", "lr", "wd", "schedule") if getattr(arm, key) is not None}
    strategy = {"strategy": arm.strategy, "w": arm.w, "axis_bug": arm.axis_bug, "mode": arm.mode or section.model.mode}
    return {
        "accumulate": arm.accumulate,
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "clips": {key: getattr(arm, key, None) or getattr(section, key) for key in CLIPS},
        "data_hash": given.hashes[name_of(section, arm)],
        "model": section.model.model_dump() | strategy,
        "rates": dict(arm.rates),
        "seed": seed,
        "set": dict(section.sets[arm.set or section.set]),
        "start": {"backbone": given.starts[section.model.backbone]},
        "train": section.train.model_dump() | own,
    }
