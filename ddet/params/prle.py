"""The section `prle`: primary region localisation and exploitation."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ddet.params.arms import BaseArm, Paper, by_name
from ddet.params.base import DATASETS, FFPP_METHODS, PROTOCOLS, Positive, Rate, Section, Share, known
from ddet.params.compared import Others

HIDDEN = Literal["nothing", "primary", "rectangles", "parts"]
CLASS = Literal["fake", "label", "prediction"]
Area = Annotated[float, Field(gt=0, le=1)]


class Detector(Section):
    """A network: `timm`, `f3net` or `f3net_mix` of a timm backbone, and the layers whose maps localisation averages.

    Without `layers` they are those of `models.zoo`, without `lr` and `epochs` it is trained with the section's.
    """

    name: Literal["timm", "f3net", "f3net_mix"]
    backbone: str
    layers: list[str] = []
    lr: Rate | None = None
    epochs: Positive | None = None


class Maps(Section):
    """Which maps the primary region of a training crop comes from (eq. 3).

    `of_class` is the class that Grad-CAM explains: `fake` in every crop, the crop's `label`, or the `prediction` of
    the detector that makes the map. With 2 `folds` the map of a crop comes from detectors that were trained on the
    other half of the source groups. `dealt`: each crop has the map of another training crop, drawn at random.
    """

    of_class: CLASS
    folds: Literal[1, 2]
    dealt: bool


class MapsChange(Section):
    """What an arm changes in the maps."""

    of_class: CLASS | None = None
    folds: Literal[1, 2] | None = None
    dealt: bool | None = None


class Fusion(Section):
    """How the maps of the zoo become one (section III-B)."""

    method: Literal["union", "average", "neighbouring", "three_zones"]
    tau1: Share
    lam: Share
    tau2: Share


class FusionChange(Section):
    """What an arm changes in the fusion."""

    method: Literal["union", "average", "neighbouring", "three_zones"] | None = None
    tau1: Share | None = None
    lam: Share | None = None
    tau2: Share | None = None


class Exploit(Section):
    """How much of the primary region is hidden, from how many training images (section III-C, Algorithm 1).

    `alpha` is the interval that the hidden share of the region is drawn from. `area` limits the region to that share
    of the crop (null: the whole region), see `exploit.cut`.
    """

    area: Area | None
    p: Share
    alpha: Annotated[list[Share], Field(min_length=2, max_length=2)]
    gamma: Annotated[float, Field(ge=0)]
    fill: Literal["zero", "noise"]

    @model_validator(mode="after")
    def _ends_at_one(self):
        if self.alpha[1] != 1:
            raise ValueError(f"alpha = {self.alpha} must end at 1: it is uniform in (its first value, 1]")
        return self


class ExploitChange(Section):
    """What an arm changes in the exploitation."""

    area: Area | None = None
    p: Share | None = None
    alpha: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = None
    gamma: Annotated[float, Field(ge=0)] | None = None
    fill: Literal["zero", "noise"] | None = None


class PrleArm(BaseArm):
    """One way to train: what is hidden, and what it changes in its section.

    Every one of `detectors` is trained so (none named: all).
    """

    hide: HIDDEN
    detectors: list[str] | None = None
    zoo: Annotated[list[str], Field(min_length=1)] | None = None
    maps: MapsChange = MapsChange()
    fusion: FusionChange = FusionChange()
    exploit: ExploitChange = ExploitChange()
    select_on: Literal["valid", "test"] = "valid"


class Subsets(Section):
    """Table III: training on one forgery method at a time, with `per_class` crops of each class."""

    methods: Annotated[list[FFPP_METHODS], Field(min_length=1)]
    detectors: Annotated[list[str], Field(min_length=1)]
    per_class: Positive
    seeds: Positive


class Prle(Paper):
    """PRLE. Detectors are trained on FF++ under `split`; `tests` names the datasets that they meet then."""

    split: PROTOCOLS
    tests: Annotated[dict[str, DATASETS], Field(min_length=1)]  # the paper's name -> dataset
    per_class: Positive
    scored: Positive
    size: Annotated[int, Field(ge=32, le=1024)]
    detectors: Annotated[dict[str, Detector], Field(min_length=1)]
    zoo: Annotated[list[str], Field(min_length=1)]
    maps: Maps
    fusion: Fusion
    exploit: Exploit
    arms: Annotated[dict[str, PrleArm], Field(min_length=1), AfterValidator(by_name)]
    subsets: Subsets
    compared: Others

    @model_validator(mode="after")
    def _names_exist(self):
        for name in self.zoo:
            known("zoo", name, self.detectors)
        for name in self.subsets.detectors:
            known("subsets.detectors", name, self.detectors)
        for name, other in self.compared.detectors.items():
            known(f"compared.detectors.{name}.augment", other.augment or self.augment, self.augment_lists)
            if name in self.detectors:
                raise ValueError(f"compared.detectors and detectors both hold {name!r}")
        for arm in self.arms.values():
            for key in ("detectors", "zoo"):
                for name in getattr(arm, key) or ():
                    known(f"arms.{arm.key}.{key}", name, self.detectors)
            if arm.exploit.alpha and arm.exploit.alpha[1] != 1:
                raise ValueError(f"arms.{arm.key}.exploit.alpha = {arm.exploit.alpha} must end at 1")
        for name, hides in {"backbone": False, "PRLE": True}.items():
            arm = self.arms.get(name)
            if arm is None or arm.seeds == 0 or (arm.hide != "nothing") != hides or arm.detectors is not None:
                does = "hides something" if hides else "hides nothing"
                raise ValueError(f"arms must hold one named {name!r}, which {does}, of all detectors, and has a seed")
        return self
