"""The section `asrid`: attention-based suspicious region inconsistency detector."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ddet.params.arms import BaseArm, Paper, by_name
from ddet.params.base import DATASETS, PROTOCOLS, SCHEDULES, Positive, Rate, Section, known

STRATEGIES = Literal["static_old", "static_new", "static_mix", "spatial", "dynamic", "dynamic_mix", "motion"]
WEIGHED = ("dynamic", "dynamic_mix", "motion")  # that have a score of the sequence beside the static one
PARTS = Literal["backbone", "attention", "static", "dynamic"]


class AsridModel(Section):
    """The network: a timm backbone whose `width` logits are the features, and what `ddet.models.asrid` builds on it."""

    backbone: str
    size: Annotated[int, Field(ge=32, le=1024)]
    width: Positive
    mode: Literal["paper", "code"]
    heads: Positive
    layers: Positive
    layer_heads: Positive
    hidden: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    positions: Positive
    maps: Positive


class AsridArm(BaseArm):
    """One row: a strategy, and what it changes in its section."""

    part: Literal["static", "dynamic"]
    strategy: STRATEGIES
    rows: dict[Literal["table2", "table3", "table4", "strength"], str] = {}
    w: Annotated[float, Field(gt=0, le=1)] = 1.0
    axis_bug: bool = False
    synthetic: bool = False
    set: str | None = None
    mode: Literal["paper", "code"] | None = None
    dataset: DATASETS | None = None
    split: PROTOCOLS | None = None
    sampling: Literal["videos", "pictures"] | None = None
    augment_per: Literal["clip", "frame"] | None = None
    rates: dict[PARTS, Rate] = {}
    accumulate: Positive = 1
    schedule: SCHEDULES | None = None

    @model_validator(mode="after")
    def _weighs_what_there_is(self):
        dynamic = self.strategy in WEIGHED
        if dynamic and self.w == 1:
            raise ValueError(f"{self.strategy} needs w, the share of the static score, in (0, 1)")
        if not dynamic and self.w != 1:
            raise ValueError(f"w = {self.w}, but {self.strategy} has no dynamic score to weigh against")
        return self


class Asrid(Paper):
    """ASRID. `sets` names training sets by the number of clips of each split; a split without a number stays whole."""

    dataset: DATASETS
    split: PROTOCOLS
    sets: Annotated[dict[str, dict[Literal["train", "valid", "test"], Positive]], Field(min_length=1)]
    set: str
    frames: Annotated[int, Field(ge=2)]
    sampling: Literal["videos", "pictures"]
    short: Literal["drop", "pad"]
    scaling: Literal["imagenet", "raw"]
    augment_per: Literal["clip", "frame"]
    model: AsridModel
    arms: Annotated[dict[str, AsridArm], Field(min_length=1), AfterValidator(by_name)]

    @model_validator(mode="after")
    def _names_exist(self):
        known("set", self.set, self.sets)
        for arm in self.arms.values():
            known(f"arms.{arm.key}.set", arm.set or self.set, self.sets)
            if arm.strategy in WEIGHED and (arm.sampling or self.sampling) == "pictures":
                raise ValueError(
                    f"arms.{arm.key}: {arm.strategy} judges a sequence, and sampling = 'pictures' has none"
                )
        if self.frames > self.model.positions:
            raise ValueError(f"frames = {self.frames}, more than the model's positions = {self.model.positions}")
        return self
