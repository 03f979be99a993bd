"""What the sections of a params file share: types of values, how to compute, how to fit."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ddet.params.room import as_many_as

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Processes = Annotated[Positive, BeforeValidator(as_many_as)]  # a number, or auto, which is a number once it is read
Batch = Annotated[int, Field(ge=2)]  # batch normalisation cannot train on one
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
FFPP_METHODS = Literal["Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures"]
DATASETS = Literal["ffpp", "celebdf", "dfdc", "df1", "folder"]
PROTOCOLS = Literal["official", "identity", "clip", "image"]
Precision = Literal["fp32", "bf16", "fp16"]
SCHEDULES = Literal["one_cycle", "flat", "step", "cosine_restarts", "plateau", "one_cycle_torch"]
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
    "ImageCompression",
    "GaussianBlur",
    "Colour",
    "ToGray",
    "SlightShiftScaleRotate",
]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Runtime(Section):
    """How to compute. `threads`, `device`, `isa` and `processes` change bits, so they enter a run's key; none else."""

    threads: Positive
    device: Literal["auto", "cpu", "cuda"]
    isa: Literal["avx2", "native"]
    jobs: Processes
    backend: Literal["loky", "multiprocessing", "dask", "sequential"]
    workers: Count
    fits: Processes
    scheduler: str | None = None  # of a dask cluster; None: processes on this machine
    processes: Positive = 1  # that share one fit


class Train(Section):
    """One fit. Every key can be overridden by an arm."""

    epochs: Positive
    bs: Batch
    lr: Rate
    wd: Annotated[float, Field(ge=0)]
    opt: Literal["adam", "adamw", "sgd"]
    schedule: SCHEDULES
    step_epochs: Positive
    step_gamma: Annotated[float, Field(gt=0, le=1)]
    precision: Precision
    channels_last: bool
    select: Literal["frame_auc", "valid_loss", "accuracy", "clip_auc", "clip_log_loss"]


class AugmentList(Section):
    """An augmentation list: operations in order, each with its probability; `p` is the chance that the list acts."""

    p: Share
    steps: dict[STEPS, Share]


class Report(Section):
    bootstrap: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    seed: Count


def known(where: str, name: str, names: dict[str, Any]) -> None:
    if name not in names:
        raise ValueError(f"{where} = {name!r} does not exist, use one of {', '.join(names)}")
