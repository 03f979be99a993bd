"""The section `robustness`: how far crops and clips are degraded, and how much is scored then."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from ddet.params.base import Positive, Rate, Section


def _harsher(levels: list[float]) -> list[float]:
    if not all(a < b for a, b in pairwise(levels)):
        raise ValueError(f"{levels} must rise: the mildest level comes first")
    return levels


def _milder(levels: list[float]) -> list[float]:
    if not all(a > b for a, b in pairwise(levels)):
        raise ValueError(f"{levels} must fall: the mildest level comes first")
    return levels


Quality = Annotated[int, Field(ge=1, le=100)]
Crf = Annotated[int, Field(ge=0, le=51)]
Side = Annotated[float, Field(gt=0, lt=1)]


class Robustness(Section):
    """Levels of each degradation, the mildest first, and what is scored at each; no fit reads any of it."""

    seeds: Positive
    clips: Positive
    jpeg: Annotated[list[Quality], Field(min_length=1), AfterValidator(_milder)]
    blur: Annotated[list[Rate], Field(min_length=1), AfterValidator(_harsher)]
    resize: Annotated[list[Side], Field(min_length=1), AfterValidator(_milder)]
    noise: Annotated[list[Rate], Field(min_length=1), AfterValidator(_harsher)]
    crf: Annotated[list[Crf], Field(min_length=1), AfterValidator(_harsher)]
