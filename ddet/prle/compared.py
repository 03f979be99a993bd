"""Turn the detectors that PRLE compares with into fits: a detector and a seed become a configuration."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ddet import params, paths
from ddet.data import supplied_loader
from ddet.data.forged import Masks
from ddet.errors import InputError, meant
from ddet.models.needs import needs_of
from ddet.params.compared import Compared
from ddet.prle import arms as prle_arms
from ddet.prle import train_compared
from ddet.prle.arms import WHOLE
from ddet.runs import finished, planned, starts

CODE = ["ddet.prle.train_compared"]  # what computes a run
STAGE = "prle_compared"
RECIPE = ("epochs", "bs", "lr", "wd", "opt", "schedule", "step_epochs", "step_gamma")
CHANGING = ("mat", "rfm")  # networks whose method changes training images itself (attention-guided, erased)


def chosen(section: params.Prle, only: Sequence[str] | None = None) -> dict[str, Compared]:
    """Return the detectors by name, all of them or those that `only` names.

    Raises:
        InputError: `only` names another one.
    """
    listed = section.compared.detectors
    if unknown := sorted(set(only or ()) - set(listed)):
        remedy = f"{meant(unknown[0], listed)}use some of {', '.join(listed)}"
        raise InputError(f"only = {list(only)}", f"{unknown[0]!r} is not compared with", remedy)
    return {name: other for name, other in listed.items() if only is None or name in only}


def inputs(section: params.Prle, faces: Path = paths.FACES) -> planned.Inputs:
    """Load the crops that PRLE's own backbones see, and look up the start weights of the compared detectors.

    Raises:
        InputError: as `prle.arms.inputs`.
    """
    plain = prle_arms.named(next(iter(section.detectors)))
    given = prle_arms.inputs(section, {plain: prle_arms.fits(section)[plain]}, faces)
    backbones = sorted({other.backbone for other in section.compared.detectors.values()})
    return planned.Inputs(given.rows, given.hashes, {name: starts.start_of(name)[1] for name in backbones})


def plan(
    section: params.Prle, listed: Mapping[str, Compared], given: planned.Inputs, masks: Masks
) -> list[planned.Row]:
    """List the fits of `listed` in their order, seeds within."""
    rows = []
    for name, other in listed.items():
        config = _config(section, other, given, masks)
        rows += [planned.Row(name, seed, WHOLE, (config | {"seed": seed},)) for seed in range(section.compared.seeds)]
    return rows


def _config(section: params.Prle, other: Compared, given: planned.Inputs, masks: Masks) -> dict[str, Any]:
    net, listed = model_of(section, other), section.augment_lists[other.augment or section.augment]
    needs = needs_of(net)
    own = {key: getattr(other, key) for key in RECIPE if getattr(other, key) is not None}
    return {
        "augment": {"p": listed.p, "steps": [list(step) for step in listed.steps.items()]},
        "data_hash": given.hashes[WHOLE],
        "model": net.model_dump(),
        "needs": list(needs),
        "per_class": section.per_class,
        "start": {"backbone": given.starts[other.backbone]},
        "supplied": supplied_loader.fingerprint(given.rows[WHOLE], needs, masks),
        "train": section.train.model_dump() | own,
    }


def model_of(section: params.Prle, other: Compared) -> params.Model:
    """Return the network of a compared detector; what only GenConViT has is set to fixed values."""
    size = other.size or section.size
    return params.Model(
        name=other.name, backbone=other.backbone, size=size, form="released", swin=None, width=other.width
    )


def augmented(section: params.Prle) -> dict[str, str]:
    """Mark each detector as Table II's column AUG does: ✓ where its training crops are changed, else ×."""
    lists = {name: section.augment_lists[o.augment or section.augment] for name, o in chosen(section).items()}
    changes = {name: lists[name].steps or o.name in CHANGING for name, o in chosen(section).items()}
    return {name: "✓" if yes else "×" for name, yes in changes.items()}


def recipe(section: params.Prle) -> str:
    """Say whether the compared detectors share the recipe of the backbones, or which of them have one of their own."""
    free = ("epochs", "lr")
    own = [
        name
        for name, other in chosen(section).items()
        if other.augment or other.size or any(getattr(other, key) is not None for key in RECIPE if key not in free)
    ]
    if not own:
        return "All detectors share one recipe but for rate and epochs, the released ones differ."
    return f"By recipes of their own: {', '.join(own)}."


def fit_with(masks: Masks) -> Callable[..., None]:
    """Return the function that trains a fit, as `planned.run` calls it, with the masks of training fakes."""
    return partial(train_compared.train, masks=masks)


def load_runs(section: params.Prle) -> pd.DataFrame:
    """Read the runs of all detectors, see `finished.read_runs`.

    Raises:
        InputError: one was not trained.
    """
    return finished.read_runs([STAGE], list(section.compared.detectors))
