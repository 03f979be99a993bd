"""Turn the arms of PRLE into fits: a detector and an arm become a fit, a fit and a seed a configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ddet import params, paths
from ddet.data import crop_table
from ddet.data.leakage import ffpp_split_of_target
from ddet.errors import InputError, meant
from ddet.hashing import fingerprint
from ddet.prle import halves
from ddet.prle import train as prle_train
from ddet.runs import finished, planned, starts

CODE = ["ddet.prle.train"]  # what computes a run
STAGES = ("prle_zoo", "prle_exploitation")  # that train detectors
MAPS = "prle_localisation"  # the stage whose runs hold maps
PLAIN, METHOD = "backbone", "PRLE"
WHOLE = "FF++"
SHORT = {"Deepfakes": "DF", "FaceSwap": "FS", "Face2Face": "F2F", "FaceShifter": "Fsh", "NeuralTextures": "NT"}


@dataclass(frozen=True)
class Fit:
    """A detector trained by one arm.

    `crop_set` is WHOLE (FF++), the name of one of its forgery methods, or a half of either (`halves.name`).
    """

    detector: str
    arm: params.PrleArm
    crop_set: str
    seeds: int


def fits(section: params.Prle) -> dict[str, Fit]:
    """List what is trained, by the paper's names: "Xception", "Xception + PRLE", "DF: Xception", ...

    Of each forgery method the zoo is trained as well, since it may share nothing but the training split with what it
    makes maps for. Where maps have two folds, the zoo is trained on each half of the training crops too, with one seed.
    """
    listed = {}
    for name, arm in section.arms.items():
        for detector in arm.detectors or section.detectors:
            listed[named(detector, name)] = Fit(detector, arm, WHOLE, arm.seeds or section.seeds)
    cfg = section.subsets
    for method in cfg.methods:
        for detector in dict.fromkeys([*cfg.detectors, *section.zoo]):
            for name in (PLAIN, METHOD) if detector in cfg.detectors else (PLAIN,):
                listed[named(detector, name, method)] = Fit(detector, section.arms[name], method, cfg.seeds)
    folded: dict[str, list[str]] = {}
    for fit in listed.values():
        if hides(fit) and maps_of(section, fit.arm)["folds"] > 1:
            folded.setdefault(fit.crop_set, []).extend(fit.arm.zoo or section.zoo)
    for crop_set, members in folded.items():
        for half in halves.HALVES:
            for detector in dict.fromkeys(members):
                own = halves.name(crop_set, half)
                listed[named(detector, method=own)] = Fit(detector, section.arms[PLAIN], own, 1)
    return listed


def hides(fit: Fit) -> bool:
    """Return whether a fit hides something of its training crops, for which it needs maps."""
    return fit.arm.hide != "nothing"


def named(detector: str, arm: str = PLAIN, method: str = WHOLE) -> str:
    """Name a fit as the paper's tables do; `method` is its crop set."""
    whole, half = halves.parsed(method)
    parts = [SHORT.get(whole, ""), f"half {half}" if half else ""]
    short = f"{', '.join(part for part in parts if part)}: " if any(parts) else ""
    return f"{short}{detector}" if arm == PLAIN else f"{short}{detector} + {arm}"


def of_part(section: params.Prle, part: str, only: Sequence[str] | None = None) -> dict[str, Fit]:
    """Return the fits of one notebook: `zoo`, in which nothing is hidden, or `exploitation`.

    Raises:
        InputError: `only` names a fit that is not of this part.
    """
    wanted = {"zoo": False, "exploitation": True}[part]
    every = fits(section)
    listed = {name: fit for name, fit in every.items() if hides(fit) == wanted}
    if unknown := sorted(set(only or ()) - set(listed)):
        first, keys = unknown[0], {fit.arm.key: name for name, fit in reversed(listed.items())}  # an arm's first fit
        like = "" if first in every else meant(keys.get(first, first), listed)
        raise InputError(f"only = {list(only)}", f"{first!r} is no fit here", f"{like}use some of {', '.join(listed)}")
    return {name: fit for name, fit in listed.items() if only is None or name in only}


def inputs(section: params.Prle, listed: Mapping[str, Fit], faces: Path = paths.FACES) -> planned.Inputs:
    """Load the crops and start weights that the fits need, and check all of it before anything is trained.

    Each set of crops is FF++, whole or with the training and valid fakes of one method, and behind it the test crops
    of the other datasets.

    Raises:
        InputError: a dataset, a protocol, a class or start weights that are not there.
    """
    own = crop_table.thinned(crop_table.load(faces, "ffpp", section.split), section.scored)
    others = [
        crop_table.thinned(tested_on(dataset, faces), section.scored)
        for dataset in dict.fromkeys(section.tests.values())
    ]
    found = {}
    for crop_set in dict.fromkeys(fit.crop_set for fit in listed.values()):
        whole, half = halves.parsed(crop_set)
        kept = own[(own["split"] == "test") | own["method"].isin([whole, "real"]) | (whole == WHOLE)]
        kept = kept if half is None else halves.trained_on(kept, half)
        planned.check_classes(kept, f"ffpp, {crop_set}, protocol {section.split}")
        found[crop_set] = pd.concat([kept, *others], ignore_index=True)
    begun = {name: starts.start_of(name)[1] for name in sorted({d.backbone for d in section.detectors.values()})}
    hashes = {crop_set: fingerprint(rows[crop_table.SHAPES_A_RUN]) for crop_set, rows in found.items()}
    return planned.Inputs(found, hashes, begun)


def tested_on(dataset: str, faces: Path = paths.FACES) -> pd.DataFrame:
    """Return the test crops of another dataset, for detectors that were trained on FF++.

    Paper: PRLE section IV-A: the official test sets of Celeb-DF and DFDC, and DF-1.0's videos with mixed distortions.
    Differs: DF-1.0's own test split ignores that of FF++, whose videos it forges; here only targets of the FF++ test
    split count. The paper does not say.
    """
    rows = crop_table.load(faces, dataset, "official")
    if dataset != "df1":
        return rows[rows["split"] == "test"]
    clips = pd.read_parquet(Path(faces) / "clips.parquet")
    mixed = (rows["label"] == 0) | rows["method"].str.contains("_mix_")
    return rows[mixed & (rows["clip_id"].map(ffpp_split_of_target(clips)) == "test")].assign(split="test")


def examples(rows: pd.DataFrame) -> pd.DataFrame:
    """Choose one fake of each forgery method for a figure, of different groups where there are enough."""
    chosen: list[pd.DataFrame] = []
    for _, part in rows[rows["label"] == 1].groupby("method"):
        taken = [one["group"].iloc[0] for one in chosen]
        fresh = part[~part["group"].isin(taken)]
        chosen.append((fresh if len(fresh) else part).head(1))
    return pd.concat(chosen)


def plan(
    section: params.Prle, listed: Mapping[str, Fit], given: planned.Inputs, maps: Mapping[str, Sequence[str]]
) -> list[planned.Row]:
    """List the fits in their order, seeds within; two with the same configuration share their runs.

    Args:
        maps: fit -> for each seed the run that holds the maps of `train.newly_chosen`, "" where this is no crop;
            without the fits that hide nothing.
    """
    return [
        planned.Row(name, seed, fit.crop_set, (_config(section, fit, seed, given, maps.get(name)),))
        for name, fit in listed.items()
        for seed in range(fit.seeds)
    ]


def _config(
    section: params.Prle, fit: Fit, seed: int, given: planned.Inputs, maps: Sequence[str] | None
) -> dict[str, Any]:
    arm, detector, listed = fit.arm, section.detectors[fit.detector], section.list_of(fit.arm)
    own = {key: getattr(detector, key) for key in ("epochs", "lr") if getattr(detector, key) is not None}
    own |= {key: getattr(arm, key) for key in ("epochs", "bs", "lr", "wd") if getattr(arm, key) is not None}
    hide: dict[str, Any] = {"kind": arm.hide}
    start = {"backbone": given.starts[detector.backbone]}
    if hides(fit):
        if maps is None:
            raise InputError(f"fit {fit.detector}", "has no maps", "run the notebook that localises primary regions")
        hide |= {"zoo": list(arm.zoo or section.zoo), "fusion": rule_of(section, arm), "maps": maps_of(section, arm)}
        hide |= section.exploit.model_dump() | arm.exploit.model_dump(exclude_none=True)
        start["maps"] = [run for run in maps[: seed + 1] if run]
    return {
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "data_hash": given.hashes[fit.crop_set],
        "hide": hide,
        "model": model_of(section, fit.detector).model_dump(),
        "per_class": per_class(section, fit.crop_set),
        "seed": seed,
        "select_on": arm.select_on,
        "start": start,
        "train": section.train.model_dump() | own,
    }


def per_class(section: params.Prle, crop_set: str) -> int:
    """Return how many training crops of each class the fits of a crop set are trained on."""
    return (section if halves.parsed(crop_set)[0] == WHOLE else section.subsets).per_class


def model_of(section: params.Prle, detector: str) -> params.Model:
    """Return the network of a detector; settings that only GenConViT has are set to fixed values."""
    cfg = section.detectors[detector]
    rest = {"size": section.size, "form": "released", "swin": None, "width": 1}
    return params.Model(name=cfg.name, backbone=cfg.backbone, **rest)


def augmented(section: params.Prle) -> dict[str, str]:
    """Mark each fit by name as Table II's column AUG does: ✓ where its training crops are changed or hidden, else ×."""
    return {name: "✓" if hides(fit) or section.list_of(fit.arm).steps else "×" for name, fit in fits(section).items()}


def rule_of(section: params.Prle, arm: params.PrleArm) -> dict[str, Any]:
    """Return the fusion rule of an arm: that of the section with the arm's changes."""
    return section.fusion.model_dump() | arm.fusion.model_dump(exclude_none=True)


def maps_of(section: params.Prle, arm: params.PrleArm) -> dict[str, Any]:
    """Return which maps an arm takes: what the section says, with the arm's changes."""
    return section.maps.model_dump() | arm.maps.model_dump(exclude_none=True)


def fit_with(runs: Path) -> Callable[..., None]:
    """Return the function that trains a fit, as `planned.run` calls it, with the folder of maps below `runs`."""
    return partial(prle_train.train, maps=Path(runs) / MAPS)


def load_runs(section: params.Prle) -> pd.DataFrame:
    """Read all runs of PRLE's notebooks, see `finished.read_runs`.

    Raises:
        InputError: a fit of the params file was not trained.
    """
    return finished.read_runs(STAGES, list(fits(section)))
