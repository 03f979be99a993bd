"""The section `herd`: Herd Mentality in Augmentation (arXiv 2410.05466)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ddet.params.base import DATASETS, PROTOCOLS, AugmentList, Positive, Rate, Section, Train, known


class Model(Section):
    """A network by name: `genconvit_ed`, `genconvit_vae`, or `timm`: any timm backbone with the standard head.

    `form`, `swin` and `width` are GenConViT's: the released code or what its paper intends, the timm name of the
    Swin branch (null: removed), the first width of the auto-encoder (16 in the paper).
    """

    name: str
    backbone: str
    size: Annotated[int, Field(ge=32, le=1024)]
    form: Literal["released", "intended"]
    swin: str | None
    width: Positive


class ModelChange(Section):
    """What an arm changes in the section's model; `swin: none` removes the branch."""

    name: str | None = None
    backbone: str | None = None
    form: Literal["released", "intended"] | None = None
    swin: str | None = None
    width: Positive | None = None


class Arm(Section):
    """One row of an ablation: what it changes in its section. The keys it leaves out are the section's."""

    part: Literal["augmentation", "masked_eyes", "weighted_loss", "results"]
    augment: str
    rows: dict[Literal["table1", "table2"], str] = {}
    curriculum: list[str] | None = None
    weight: Rate | None = None
    weighted_class: Literal["fake", "real"] | None = None
    imbalance: Rate | None = None
    split: PROTOCOLS | None = None
    seeds: Positive | None = None
    model: ModelChange | None = None
    epochs: Positive | Annotated[list[Positive], Field(min_length=1)] | None = None
    bs: Positive | None = None
    lr: Rate | None = None
    wd: Annotated[float, Field(ge=0)] | None = None


class Sweep(Section):
    """The weights tried on each class, with the balanced and the imbalanced training set."""

    augment: str
    classes: Annotated[list[Literal["fake", "real"]], Field(min_length=1)]
    weights: Annotated[list[Rate], Field(min_length=1)]
    imbalance: Annotated[list[Rate], Field(min_length=1)]
    seeds: Positive


class Leaky(Section):
    """The protocols under which Base and the best other arm are trained again, to show what leakage is worth."""

    splits: list[PROTOCOLS]
    seeds: Positive


class Herd(Section):
    """Herd Mentality in Augmentation (arXiv 2410.05466)."""

    dataset: DATASETS
    split: PROTOCOLS
    per_class: Positive
    imbalance: Rate
    seeds: Positive
    model: Model
    train: Train
    stages: Annotated[dict[str, Literal["none", "eyes"]], Field(min_length=1)]
    curriculum: list[str]
    weight: Rate
    weighted_class: Literal["fake", "real"]
    augment: dict[str, AugmentList]
    arms: Annotated[dict[str, Arm], Field(min_length=1)]
    sweep: Sweep
    leaky: Leaky

    @model_validator(mode="after")
    def _names_exist(self):
        for where, arm in {**self.arms, "sweep": self.sweep}.items():
            known(f"{where}: augment", arm.augment, self.augment)
        for where, arm in {**self.arms, "herd": self}.items():
            if arm.curriculum is None:
                continue
            if not arm.curriculum:
                raise ValueError(f"{where}: curriculum is empty, name at least one of {', '.join(self.stages)}")
            for stage in arm.curriculum:
                known(f"{where}: curriculum", stage, self.stages)
        for where, arm in self.arms.items():
            stages = len(arm.curriculum or self.curriculum)
            if isinstance(arm.epochs, list) and len(arm.epochs) != stages:
                raise ValueError(f"{where}: epochs = {arm.epochs}, but its curriculum has {stages} stages")
        return self
