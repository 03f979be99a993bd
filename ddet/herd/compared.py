"""Plan the rows of Herd's Table 1 whose networks need more than images: arms whose `part` is `compared`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ddet import params
from ddet.data import supplied_loader
from ddet.data.forged import Masks
from ddet.herd import arms as herd_arms
from ddet.herd import train_compared
from ddet.models.needs import needs_of
from ddet.runs.planned import Inputs, Row

CODE = ["ddet.herd.train_compared"]  # what computes a run
STAGE = "herd_compared"


def plan(section: params.Herd, arms: Mapping[str, params.Arm], given: Inputs, masks: Masks) -> list[Row]:
    """List the fits of `arms` as `herd.arms.plan` does, each with what its network needs and what it is supplied with.

    Raises:
        InputError: no training fake has what a network needs.
    """
    rows = []
    for row in herd_arms.plan(section, arms, given):
        needs = needs_of(herd_arms.model_of(section, arms[row.arm]))
        supplied = supplied_loader.fingerprint(given.rows[row.crop_set], needs, masks)
        rows.append(replace(row, phases=tuple(c | {"needs": list(needs), "supplied": supplied} for c in row.phases)))
    return rows


def fit_with(masks: Masks) -> Callable[..., None]:
    """Return the function that trains a fit, as `planned.run` calls it, with the masks of training fakes."""
    return partial(train_compared.train, masks=masks)
