"""Run what a table needs: an arm and a seed become configurations, keys, and finished fits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ddet import params, paths
from ddet.data import crop_table
from ddet.data.crop_loader import both_classes
from ddet.errors import InputError, meant
from ddet.hashing import fingerprint
from ddet.runs import finished, several, starts, store
from ddet.training import learner


@dataclass(frozen=True)
class Row:
    """One arm trained with one seed: the configuration of each phase of its curriculum.

    The arm's name is not part of the run key. `crop_set` names the crops of the `Inputs` that it is trained on. The
    first phase starts from the backbone's weights, each further one from the phase before, whose key then enters its
    configuration.
    """

    arm: str
    seed: int
    crop_set: str
    phases: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Inputs:
    """The inputs of a section's fits: crop sets by name with their data hashes, start weights by backbone."""

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
        first, keys = unknown[0], {arm.key: name for name, arm in arms.items()}
        like = "" if first in section.arms else meant(keys.get(first, first), arms)
        raise InputError(f"only = {list(only)}", f"{first!r} is no arm here", f"{like}use some of {', '.join(arms)}")
    return {name: arm for name, arm in arms.items() if only is None or name in only}


def gather(
    wanted: Mapping[str, tuple[str, str]], backbones: Iterable[str], faces: Path, scored: int | None = None
) -> Inputs:
    """Load crop sets by name, each given as (dataset, protocol), and look up the keys of start weights.

    `scored`: frames of a valid or test clip, see `crop_table.thinned`; None: all.

    Raises:
        InputError: as `inputs`.
    """
    rows = {name: crop_table.load(faces, *wanted[name]) for name in sorted(wanted)}
    for name, part in rows.items():
        rows[name] = part = part if scored is None else crop_table.thinned(part, scored)
        check_classes(part, f"{wanted[name][0]}, protocol {wanted[name][1]}")
    begun = {backbone: starts.start_of(backbone)[1] for backbone in sorted(backbones)}
    return Inputs(rows, {name: fingerprint(part[crop_table.SHAPES_A_RUN]) for name, part in rows.items()}, begun)


def check_classes(rows: pd.DataFrame, where: str) -> None:
    """Raise an error where a split of `rows` lacks a class.

    Raises:
        InputError: names the split and the class.
    """
    for split in ("train", "valid", "test"):
        remedy = "choose another protocol or add clips"
        both_classes(rows[rows["split"] == split], f"{where}, split {split}", "crop", remedy)


def train_stage(
    stage: str,
    code: list[str],
    rows: Sequence[Row],
    given: Inputs,
    runtime: params.Runtime,
    fit: Callable,
    *,
    prune: bool,
    shared: Sequence[str] = (),
) -> pd.DataFrame:
    """Train what the runs of one notebook lack, and write down which run is which arm: what `run` returns.

    The table goes to `<stage>_runs.csv` among the results, where `finished.read_runs` finds it.

    Args:
        stage: names the folder of the runs, and the table.
        code: the modules that compute a run, whose sources are part of its key.
        rows: what the notebook needs.
        given: what the rows were planned with.
        fit: trains one configuration, see `run`.
        prune: move runs that no row asks for to the attic.
        shared: other stages whose finished runs serve here too.
    """
    with store.opened(stage, several.code(code, runtime), runtime, prune=prune, shared=shared) as kept:
        done = run(kept, rows, given, runtime, paths.FACES, fit)
    finished.write_runs(done, paths.RESULTS / f"{stage}_runs.csv")
    return done


def run(
    kept: store.Store, rows: Sequence[Row], given: Inputs, runtime: params.Runtime, crops: Path, fit: Callable
) -> pd.DataFrame:
    """Train what `kept` lacks with `fit`, `runtime.fits` at a time, and return one line a row.

    Columns: arm, seed, key and folder of the last phase, `chain`: the keys of all its phases.
    """
    chains: list[list[Path]] = [[] for _ in rows]
    for depth in range(max((len(row.phases) for row in rows), default=0)):
        wave = [(row, chain) for row, chain in zip(rows, chains, strict=True) if depth < len(row.phases)]
        asks = [_ask(row, chain, given, runtime, crops, fit) for row, chain in wave]
        for (_, chain), folder in zip(wave, kept.get_many(asks, runtime.fits), strict=True):
            chain.append(folder)
    return pd.DataFrame(
        {"arm": r.arm, "seed": r.seed, "key": c[-1].name, "chain": " ".join(f.name for f in c), "folder": c[-1]}
        for r, c in zip(rows, chains, strict=True)
    )


def _ask(
    row: Row, chain: list[Path], given: Inputs, runtime: params.Runtime, crops: Path, fit: Callable
) -> tuple[dict, Callable]:
    config = row.phases[len(chain)]
    if chain:
        config, start = config | {"start": {"phase": chain[-1].name}}, chain[-1] / learner.WEIGHTS
    else:
        start = starts.start_of(config["model"]["backbone"])[0]
    return config, several.shared(partial(fit, config, given.rows[row.crop_set], crops, start, runtime), runtime)


def complete(
    done: pd.DataFrame, section: params.Herd | params.Asrid, arms: Mapping[str, params.Arm | params.AsridArm]
) -> bool:
    """Say whether every arm has a run of every seed."""
    counts = done.groupby("arm")["seed"].nunique()
    return all(counts.get(name, 0) == (arm.seeds or section.seeds) for name, arm in arms.items())
