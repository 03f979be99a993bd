"""Make the primary region maps that fits need: which detectors look at which training crops, and how it is fused."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ddet import params, paths
from ddet.errors import InputError
from ddet.prle import halves, map_runs
from ddet.prle.arms import Fit, hides, maps_of, named, rule_of
from ddet.runs import finished, planned
from ddet.runs.store import Store


def localise(
    store: Store, section: params.Prle, listed: Mapping[str, Fit], trained: pd.DataFrame, given: planned.Inputs,
    runtime: params.Runtime, crops: Path = paths.FACES,
) -> pd.DataFrame:  # fmt: skip
    """Make the maps of the fits that hide something: one line a fit, the run of its maps and those of their members.

    A member is the first seed of the plain detector on the same training crops or, with two folds, those on either
    half of them, each of which looks at the other half. Dealt maps are the same maps: `train` deals them.

    Raises:
        InputError: a member that was not trained.
    """
    lines, first = [], trained[trained["seed"] == 0].set_index("arm")["folder"]
    for crop_set in dict.fromkeys(fit.crop_set for fit in listed.values()):
        here = {name: fit for name, fit in listed.items() if fit.crop_set == crop_set and hides(fit)}
        wanted: dict[tuple[str, int], list[str]] = {}
        for fit in here.values():
            wanted.setdefault(_kind(section, fit), []).extend(members_of(section, fit))
        made = {
            (of_class, folds): {
                source: _looked(store, section, list(dict.fromkeys(members)), source, of_class, first, rows, runtime,
                                crops)
                for source, rows in _sources(crop_set, folds, given.rows[crop_set]).items()
            }
            for (of_class, folds), members in wanted.items()
        }  # fmt: skip
        for name, fit in here.items():
            members, rule = members_of(section, fit), rule_of(section, fit.arm)
            seen = _sources(crop_set, _kind(section, fit)[1], given.rows[crop_set])
            used = {source: [found[d] for d in members] for source, found in made[_kind(section, fit)].items()}
            parts = [map_runs.fused(store, used[source], rule, rows, runtime) for source, rows in seen.items()]
            whole = parts[0]
            if len(parts) > 1:
                whole = map_runs.joined(store, parts, list(seen.values()), given.rows[crop_set])
            lines.append([name, crop_set, whole.name, " ".join(run.name for runs in used.values() for run in runs)])
    return pd.DataFrame(lines, columns=["fit", "crop_set", "maps", "members"])


def members_of(section: params.Prle, fit: Fit) -> list[str]:
    """Return the detectors whose maps are fused for a fit."""
    return list(fit.arm.zoo or section.zoo)


def _kind(section: params.Prle, fit: Fit) -> tuple[str, int]:
    """Return what tells a fit's maps of single detectors from those of others: the class, and the folds."""
    says = maps_of(section, fit.arm)
    return says["of_class"], says["folds"]


def _sources(crop_set: str, folds: int, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the crop sets that members were trained on, and the rows whose training crops they look at."""
    if folds == 1:
        return {crop_set: rows}
    return {halves.name(crop_set, half): halves.mapped_by(rows, half) for half in halves.HALVES}


def _looked(
    store: Store, section: params.Prle, members: Sequence[str], source: str, of_class: str, first: pd.Series,
    rows: pd.DataFrame, runtime: params.Runtime, crops: Path,
) -> dict[str, Path]:  # fmt: skip
    """Make the maps of `rows` by detectors that were trained on `source`; return their folders by detector."""
    if missing := [d for d in members if named(d, method=source) not in first]:
        raise InputError(f"zoo member {missing[0]}", f"was not trained on {source}", "run the notebook of the zoo")
    folders = [first[named(d, method=source)] for d in members]
    layers = [section.detectors[d].layers for d in members]
    found = map_runs.of_detectors(
        store, folders, layers, finished.load_model, rows, crops, section.size, of_class, runtime
    )
    return dict(zip(members, found, strict=True))
