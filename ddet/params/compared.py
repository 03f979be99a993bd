"""The section `prle.compared`: the detectors of other authors that PRLE's Table II compares with."""

from typing import Annotated, Literal

from pydantic import Field

from ddet.params.base import SCHEDULES, Positive, Rate, Section


class Compared(Section):
    """A network by name (`models`), its backbone (`none`: it has none), and what it changes in the recipe of `prle`.

    `width` scales a network's own layers, as its module says; `size` is the side of its crops in px.
    """

    name: str
    backbone: str
    width: Positive = 1
    size: Annotated[int, Field(ge=32, le=1024)] | None = None
    augment: str | None = None
    epochs: Positive | None = None
    bs: Positive | None = None
    lr: Rate | None = None
    wd: Annotated[float, Field(ge=0)] | None = None
    opt: Literal["adam", "adamw", "sgd"] | None = None
    schedule: SCHEDULES | None = None
    step_epochs: Positive | None = None
    step_gamma: Annotated[float, Field(gt=0, le=1)] | None = None


class Others(Section):
    """All of them, by the names of their rows, each trained with so many seeds."""

    seeds: Positive
    detectors: Annotated[dict[str, Compared], Field(min_length=1)]
