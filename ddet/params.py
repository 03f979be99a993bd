"""params.yaml as typed, frozen models: an unknown key, a wrong type or a value out of range is one line.

No model has a default: every knob of a run stands in the params file, so that the file is the whole story.
The one exception is an arm of an ablation, which may override the training keys of its section.
"""

import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from ddet import paths
from ddet.errors import InputError

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
FFPP_METHODS = Literal["Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures"]
DATASETS = Literal["ffpp", "celebdf", "dfdc", "df1", "folder"]
PROTOCOLS = Literal["official", "identity", "clip", "image"]
TAGS = re.compile(r"^\[key\]$|constrained-int")  # what pydantic puts into the path of a key
STEPS = Literal[  # the operations that ddet.augment builds
    "RandomRotate90",
    "Transpose",
    "HorizontalFlip",
    "VerticalFlip",
    "Rotate",
    "GaussNoise",
    "ShiftScaleRotate",
    "Texture",
    "HueSaturationValue",
]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Runtime(Section):
    """How to compute. Only `threads` and `device` change bits, so only they enter a run's key."""

    threads: Positive
    device: Literal["auto", "cpu", "cuda"]
    jobs: Positive
    backend: Literal["loky", "multiprocessing", "dask", "sequential"]
    workers: Count
    fits: Positive


class FFppSynth(Section):
    pairs: Annotated[int, Field(ge=3)]
    methods: Annotated[list[FFPP_METHODS], Field(min_length=1)]


class CelebSynth(Section):
    identities: Annotated[int, Field(ge=4)]
    clips_per_identity: Positive
    youtube: Count
    fakes: Positive


class DfdcSynth(Section):
    parts: Positive
    originals: Positive
    fakes: Positive
    two_person: Share
    test_clips: Count


class Df1Synth(Section):
    actors: Annotated[int, Field(ge=3)]
    variants: Annotated[list[str], Field(min_length=1)]


class Benchmark(Section):
    """The synthetic benchmark (DESIGN section 4)."""

    render: bool
    seed: Count
    frame_size: Annotated[int, Field(ge=128, le=1024, multiple_of=2)]
    frames: Annotated[int, Field(ge=2)]
    fps: Rate
    crf: Annotated[int, Field(ge=0, le=51)]
    unusable: Count
    ffpp: FFppSynth
    celebdf: CelebSynth
    dfdc: DfdcSynth
    df1: Df1Synth


class Data(Section):
    """Which datasets to index, and where they lie below `root`."""

    root: str
    datasets: Annotated[list[DATASETS], Field(min_length=1)]
    folders: dict[DATASETS, str]
    compression: Literal["raw", "c23", "c40"]
    df1_variants: Annotated[list[str], Field(min_length=1)]


class Faces(Section):
    """Which frames, which faces, and how they are cropped."""

    sampling: Literal["fps", "every", "even"]
    fps: Rate
    every: Positive
    frames: Positive
    scale: Annotated[float, Field(gt=0, le=1)]
    min_face: Annotated[int, Field(ge=20)]
    thresholds: Annotated[list[Share], Field(min_length=3, max_length=3)]
    track: Literal["largest", "all"]
    margin: Annotated[float, Field(ge=0, le=2)]
    size: Annotated[int, Field(ge=32, le=1024)]


class Splits(Section):
    """Ratios of the derived splits; official lists need none."""

    seed: Count
    ratios: Annotated[list[Share], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _sum_to_one(self):
        if abs(sum(self.ratios) - 1) > 1e-9:
            raise ValueError("ratios must sum to 1")
        return self


class Train(Section):
    """One fit. Every key can be overridden by an arm."""

    epochs: Positive
    bs: Positive
    lr: Rate
    wd: Annotated[float, Field(ge=0)]
    opt: Literal["adam", "adamw", "sgd"]
    schedule: Literal["one_cycle", "flat", "step"]
    step_epochs: Positive
    step_gamma: Annotated[float, Field(gt=0, le=1)]
    precision: Literal["fp32", "bf16", "fp16"]
    channels_last: bool
    select: Literal["frame_auc", "valid_loss", "accuracy"]


class Start(Section):
    """Where the weights of a backbone come from before any forgery label is seen."""

    source: Literal["renderer", "timm", "none"]
    weights: str | None
    seed: Count
    backbones: Annotated[list[str], Field(min_length=1)]
    images: Positive
    identities: Positive
    size: Annotated[int, Field(ge=32, le=1024)]
    train: Train


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


class AugmentList(Section):
    """An augmentation list: operations in order, each with its probability; `p` is the chance that the list acts."""

    p: Share
    steps: dict[STEPS, Share]


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
            _known(f"{where}: augment", arm.augment, self.augment)
        for where, arm in {**self.arms, "herd": self}.items():
            if arm.curriculum is None:
                continue
            if not arm.curriculum:
                raise ValueError(f"{where}: curriculum is empty, name at least one of {', '.join(self.stages)}")
            for stage in arm.curriculum:
                _known(f"{where}: curriculum", stage, self.stages)
        for where, arm in self.arms.items():
            stages = len(arm.curriculum or self.curriculum)
            if isinstance(arm.epochs, list) and len(arm.epochs) != stages:
                raise ValueError(f"{where}: epochs = {arm.epochs}, but its curriculum has {stages} stages")
        return self


def _known(where: str, name: str, names: dict[str, Any]) -> None:
    if name not in names:
        raise ValueError(f"{where} = {name!r} does not exist, use one of {', '.join(names)}")


class Report(Section):
    bootstrap: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    seed: Count


class Params(Section):
    """The whole file."""

    profile: str
    runtime: Runtime
    benchmark: Benchmark
    data: Data
    faces: Faces
    splits: Splits
    start: Start
    herd: Herd
    report: Report


def load(path: str | Path = paths.PARAMS) -> Params:
    """Read and validate a params file.

    Raises:
        InputError: no such file, no YAML, or a key that does not validate; names the first offending key.
    """
    path = paths.resolve(path)
    if not path.is_file():
        raise InputError(path, "no such params file", "copy one: cp profiles/smoke.yaml params.yaml")
    try:
        tree = YAML(typ="safe").load(path.read_text())  # YAML 1.2, as DVC reads it: 1e-3 is a number
    except MarkedYAMLError as e:
        raise InputError(
            f"{path}, line {e.problem_mark.line + 1}", f"not YAML ({e.problem})", "mend that line"
        ) from None
    try:
        return Params.model_validate(tree)
    except ValidationError as e:
        raise InputError(path, *_explain(e)) from None


def _explain(error: ValidationError) -> tuple[str, str]:
    # A misspelt key is both unknown and missing: the unknown one is the news.
    errors = error.errors()
    meant = [e for e in errors if not (e["type"] == "int_type" and isinstance(e["input"], list))]  # of number | list
    first = min(meant or errors, key=lambda e: e["type"] != "extra_forbidden")
    key = ".".join(str(p) for p in first["loc"] if not TAGS.search(str(p))) or "the file"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}", f"allowed here: {', '.join(_fields(first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"missing key {key}", "copy it from profiles/smoke.yaml"
    allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should", "must")
    if isinstance(first["input"], dict):  # what a validator of a whole section says names the key itself
        return f"{key}: {allowed}", "mend that key"
    return f"{key} = {first['input']!r}", f"it {allowed}" if allowed.startswith("must") else allowed


def _fields(loc: tuple) -> list[str]:
    """List the keys that a model at `loc` allows, stepping through dict entries such as herd.arms.NA."""
    model: Any = Params
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation
        else:
            model = model.__args__[-1]  # the value type of a dict
        if isinstance(model, UnionType):
            model = model.__args__[0]  # of an optional section
    return sorted(model.model_fields)
