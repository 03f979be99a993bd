"""params.yaml as typed, frozen models: an unknown key, a wrong type or a value out of range is one line.

No model has a default: every knob of a run stands in the params file, so that the file is the whole story.
The one exception is an arm of an ablation, which may override the training keys of its section.
"""

from pathlib import Path
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


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Runtime(Section):
    """How to compute. Only `threads` and `device` change bits, so only they enter a run's key."""

    threads: Positive
    device: Literal["auto", "cpu", "cuda"]
    jobs: Positive
    backend: Literal["loky", "multiprocessing", "dask", "sequential"]
    workers: Count


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
    """A network by name: `genconvit_ed`, or any timm backbone with the standard head."""

    name: str
    backbone: str
    size: Annotated[int, Field(ge=32, le=1024)]
    use_swin: bool


class Arm(Section):
    """One row of an ablation: its augmentation list, and training keys that differ from the section's."""

    augment: Literal["none", "flips", "genconvit"]
    epochs: Positive | None = None
    bs: Positive | None = None
    lr: Rate | None = None
    wd: Annotated[float, Field(ge=0)] | None = None

    def overrides(self) -> dict[str, Any]:
        """Return the training keys that this arm sets itself."""
        return self.model_dump(exclude={"augment"}, exclude_none=True)


class Herd(Section):
    """Herd Mentality in Augmentation (arXiv 2410.05466)."""

    dataset: DATASETS
    split: Literal["official", "identity", "clip", "image"]
    per_class: Positive
    seeds: Positive
    model: Model
    train: Train
    arms: Annotated[dict[str, Arm], Field(min_length=1)]


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
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    key = ".".join(str(p) for p in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}", f"allowed here: {', '.join(_fields(first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"missing key {key}", "copy it from profiles/smoke.yaml"
    allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should", "must")
    return f"{key} = {first['input']!r}", f"it {allowed}" if allowed.startswith("must") else allowed


def _fields(loc: tuple) -> list[str]:
    """List the keys that a model at `loc` allows, stepping through dict entries such as herd.arms.NA."""
    model: Any = Params
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation
        else:
            model = model.__args__[-1]  # the value type of a dict
    return sorted(model.model_fields)
