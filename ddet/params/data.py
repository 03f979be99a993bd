"""The sections on data: the synthetic benchmark, what to index, which faces, which splits, start weights."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ddet.params.base import DATASETS, FFPP_METHODS, Count, Positive, Rate, Section, Share, Train

SOURCES = Literal["package", "distilled", "renderer", "timm", "none"]


def _one_in_all(ratios: list[float]) -> list[float]:
    if abs(sum(ratios) - 1) > 1e-9:
        raise ValueError("ratios must sum to 1")
    return ratios


Ratios = Annotated[list[Share], Field(min_length=3, max_length=3), AfterValidator(_one_in_all)]


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


class JitterSynth(Section):
    people: Count


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
    jitter: JitterSynth


class Data(Section):
    """Which datasets to index, and where they lie below `root`."""

    root: str
    datasets: Annotated[list[DATASETS], Field(min_length=1)]
    folders: dict[DATASETS, str]
    compression: Literal["raw", "c23", "c40"]
    df1_variants: Annotated[list[str], Field(min_length=1)]
    dfdc_parts: list[str]  # the folders that are read; empty: all that are there


class Faces(Section):
    """Which frames, which faces, and how they are cropped, in the clips of every dataset alike."""

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

    def of(self, dataset: str) -> "Faces":
        """Return what holds for the clips of `dataset`."""
        return self


class FacesChange(Section):
    """What one dataset changes in the faces."""

    sampling: Literal["fps", "every", "even"] | None = None
    fps: Rate | None = None
    every: Positive | None = None
    frames: Positive | None = None
    scale: Annotated[float, Field(gt=0, le=1)] | None = None
    min_face: Annotated[int, Field(ge=20)] | None = None
    thresholds: Annotated[list[Share], Field(min_length=3, max_length=3)] | None = None
    track: Literal["largest", "all"] | None = None
    margin: Annotated[float, Field(ge=0, le=2)] | None = None
    size: Annotated[int, Field(ge=32, le=1024)] | None = None


class FacesByDataset(Faces):
    """The section `faces`: papers cut their own dataset in their own way."""

    datasets: dict[DATASETS, FacesChange]

    def of(self, dataset: str) -> Faces:
        """Return what holds for the clips of `dataset`: the section with the dataset's changes."""
        change = self.datasets.get(dataset, FacesChange()).model_dump(exclude_none=True)
        return Faces(**(self.model_dump(exclude={"datasets"}) | change))


class Splits(Section):
    """Ratios of the derived splits; official lists need none."""

    seed: Count
    ratios: Ratios

    def of(self, dataset: str) -> "Splits":
        """Return what holds for the clips of `dataset`."""
        return self


class SplitsByDataset(Splits):
    """The section `splits`: `datasets` has the ratios of those datasets that are divided otherwise."""

    datasets: dict[DATASETS, Ratios]

    def of(self, dataset: str) -> Splits:
        """Return what holds for the clips of `dataset`."""
        return Splits(seed=self.seed, ratios=self.datasets.get(dataset, self.ratios))


class Start(Section):
    """Where the weights of each backbone come from before any forgery label is seen."""

    backbones: Annotated[dict[str, SOURCES], Field(min_length=1)]
    weights: str | None
    seed: Count
    images: Positive
    identities: Positive
    size: Annotated[int, Field(ge=32, le=1024)]
    train: Train
