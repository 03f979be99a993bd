"""Make the primary region maps that fits need: which detectors look at which training crops, and how it is fused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ddet import params, paths
from ddet.errors import InputError
from ddet.prle import halves, map_runs
from ddet.prle.arms import WHOLE, Fit, hides, maps_of, named, per_class, rule_of
from ddet.prle.train import newly_chosen
from ddet.runs import finished, planned
from ddet.runs.store import Store


@dataclass(frozen=True)
class Due:
    """Maps that a fit needs: of the training crops `rows`, by source, the crop set that its members learnt from."""

    name: str
    fit: Fit
    seed: int
    rows: pd.DataFrame
    seen: dict[str, pd.DataFrame]


def localise(
    store: Store, section: params.Prle, listed: Mapping[str, Fit], trained: pd.DataFrame, given: planned.Inputs,
    runtime: params.Runtime, crops: Path = paths.FACES,
) -> pd.DataFrame:  # fmt: skip
    """Make the maps of the fits that hide something: one line a fit and seed, with the runs of maps and of its members.

    The line of a seed is of the training crops that it is the first to be trained on (`train.newly_chosen`); where
    there are none it names no run. A member is the first seed of the plain detector on the same training crops or,
    with two folds, those on either half of them, each of which looks at the other half. Dealt maps are the same maps:
    `train` deals them.

    Raises:
        InputError: a member that was not trained.
    """
    needed = list(due(section, listed, given))
    first = trained[trained["seed"] == 0].set_index("arm")["folder"]
    looks = {key: look for one in needed for key, look in _looks(section, one, first).items()}
    found = map_runs.of_detectors(store, list(looks.values()), finished.load_model, crops, section.size, runtime)
    made, lines = dict(zip(looks, found, strict=True)), []
    for one in needed:
        members = {source: [made[key] for key in _keys(section, one, source)] for source in one.seen}
        rule = rule_of(section, one.fit.arm)
        parts = [map_runs.fused(store, members[source], rule, rows, runtime) for source, rows in one.seen.items()]
        if len(parts) > 1:
            parts = [map_runs.joined(store, parts, list(one.seen.values()), one.rows)]
        runs = [" ".join(run.name for run in some) for some in (parts, [m for of in members.values() for m in of])]
        lines.append([one.name, one.seed, one.fit.crop_set, *runs])
    return pd.DataFrame(lines, columns=["fit", "seed", "crop_set", "maps", "members"])


def runs_of(file: Path) -> dict[str, list[str]]:
    """Read what `localise` returned from the csv `file`: for each fit the run of maps of each seed, or "".

    Raises:
        InputError: the file is not there.
    """
    if not file.is_file():
        raise InputError(file, "there are no maps yet", "run: dvc repro prle_localisation")
    lines = pd.read_csv(file, dtype=str, keep_default_na=False)
    return {name: part["maps"].tolist() for name, part in lines.groupby("fit", sort=False)}


def looked_at(section: params.Prle, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the training crops of FF++ among `rows` that the first seed is trained on: those of its run of maps."""
    (chosen,) = newly_chosen({"seed": 0, "per_class": per_class(section, WHOLE)}, rows)
    return chosen.reset_index(drop=True)


def members_of(section: params.Prle, fit: Fit) -> list[str]:
    """Return the detectors whose maps are fused for a fit."""
    return list(fit.arm.zoo or section.zoo)


def due(section: params.Prle, listed: Mapping[str, Fit], given: planned.Inputs) -> Iterator[Due]:
    """Yield the maps that the fits need, each seed those of crops that no smaller one has."""
    for crop_set in dict.fromkeys(fit.crop_set for fit in listed.values()):
        here = {name: fit for name, fit in listed.items() if fit.crop_set == crop_set and hides(fit)}
        last = max((fit.seeds for fit in here.values()), default=0) - 1
        rows = given.rows[crop_set]
        parts = newly_chosen({"seed": last, "per_class": per_class(section, crop_set)}, rows)
        for name, fit in here.items():
            for seed, part in enumerate(parts[: fit.seeds]):
                folds = maps_of(section, fit.arm)["folds"]
                yield Due(name, fit, seed, part, _sources(crop_set, folds, part, rows) if len(part) else {})


def _sources(crop_set: str, folds: int, part: pd.DataFrame, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the crop sets that members were trained on, and the crops of a part of `rows` that they look at."""
    if folds == 1:
        return {crop_set: part}
    mapped = {half: part[part.index.isin(halves.mapped_by(rows, half).index)] for half in halves.HALVES}
    return {halves.name(crop_set, half): some for half, some in mapped.items() if len(some)}


def _keys(section: params.Prle, one: Due, source: str) -> list[tuple]:
    """Return what tells the maps of the members of a fit from those of others."""
    return [(source, d, one.seed, maps_of(section, one.fit.arm)["of_class"]) for d in members_of(section, one.fit)]


def _looks(section: params.Prle, one: Due, first: pd.Series) -> dict[tuple, map_runs.Look]:
    looks = {}
    for source, rows in one.seen.items():
        for key in _keys(section, one, source):
            _, detector, _, of_class = key
            if (name := named(detector, method=source)) not in first:
                raise InputError(
                    f"zoo member {detector}", f"was not trained on {source}", "run the notebook of the zoo"
                )
            looks[key] = map_runs.Look(first[name], section.detectors[detector].layers, rows, of_class)
    return looks
