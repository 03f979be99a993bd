"""The section `herd`: Herd Mentality in Augmentation (arXiv 2410.05466)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ddet.params.arms import BaseArm, Paper, by_name
from ddet.params.base import DATASETS, PROTOCOLS, Positive, Rate, Section, known

Form = Literal["released", "intended", "one_view"]


class Model(Section):
    """A network by name: one of `params.NETWORKS`, or `timm`: any timm backbone with the standard head.

    `backbone` is `none` where a network has none. `form` and `swin` are GenConViT's: the released code, what its paper
    intends or the image without its decoded copy, the timm name of the Swin branch (null: removed). `width` scales
    own layers of a network, as its module says; GenConViT's is the first of the auto-encoder (16 in the paper).
    """

    name: str
    backbone: str
    size: Annotated[int, Field(ge=32, le=1024)]
    form: Form
    swin: str | None
    width: Positive


class ModelChange(Section):
    """What an arm changes in the section's model; `swin: none` removes the branch."""

    name: str | None = None
    backbone: str | None = None
    form: Form | None = None
    swin: str | None = None
    width: Positive | None = None


class Curriculum(Section):
    """Phases in order, each trained from the best weights of the one before; without `epochs`, those of `train`."""

    phases: Annotated[list[str], Field(min_length=1)]
    epochs: list[Positive] | None = None

    @model_validator(mode="after")
    def _counts_each_phase(self):
        if self.epochs is not None and len(self.epochs) != len(self.phases):
            raise ValueError(f"epochs = {self.epochs}, but there are {len(self.phases)} phases")
        return self


class Arm(BaseArm):
    """One row of an ablation: what it changes in its section. Its `epochs` hold for each phase of its curriculum."""

    part: Literal["augmentation", "masked_eyes", "weighted_loss", "results", "compared"]
    rows: dict[Literal["table1", "table2"], str] = {}
    curriculum: str | None = None
    weight: Rate | None = None
    weighted_class: Literal["fake", "real"] | None = None
    imbalance: Rate | None = None
    split: PROTOCOLS | None = None
    model: ModelChange | None = None


class Sweep(Section):
    """The weights tried on each class, with the balanced and the imbalanced training set."""

    classes: Annotated[list[Literal["fake", "real"]], Field(min_length=1)]
    weights: Annotated[list[Rate], Field(min_length=1)]
    imbalance: Annotated[list[Rate], Field(min_length=1)]
    seeds: Positive


class Leaky(Section):
    """The protocols under which Base and the best other arm are trained again, to show what leakage is worth."""

    splits: list[PROTOCOLS]
    seeds: Positive


class Herd(Paper):
    """Herd Mentality in Augmentation (arXiv 2410.05466)."""

    dataset: DATASETS
    split: PROTOCOLS
    per_class: Positive
    scored: Positive
    imbalance: Rate
    model: Model
    phases: Annotated[dict[str, Literal["none", "eyes"]], Field(min_length=1)]  # what is hidden in a phase
    curricula: Annotated[dict[str, Curriculum], Field(min_length=1)]
    curriculum: str
    weight: Rate
    weighted_class: Literal["fake", "real"]
    arms: Annotated[dict[str, Arm], Field(min_length=1), AfterValidator(by_name)]
    sweep: Sweep
    leaky: Leaky

    @model_validator(mode="after")
    def _names_exist(self):
        for name, curriculum in self.curricula.items():
            for phase in curriculum.phases:
                known(f"curricula.{name}.phases", phase, self.phases)
        known("curriculum", self.curriculum, self.curricula)
        for arm in self.arms.values():
            known(f"arms.{arm.key}.curriculum", arm.curriculum or self.curriculum, self.curricula)
        return self
