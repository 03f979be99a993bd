"""params.yaml as typed, frozen models: an unknown key, a wrong type or a value out of range is one line.

No model has a default: every knob of a run stands in the params file, so that the file is the whole story.
The one exception is an arm of an ablation, which may override the training keys of its section.
"""

import re
from pathlib import Path
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from ddet import paths
from ddet.errors import InputError
from ddet.params.asrid import Asrid, AsridArm, AsridModel
from ddet.params.base import PROTOCOLS, STEPS, AugmentList, Report, Runtime, Section, Train
from ddet.params.data import Benchmark, Data, Faces, Splits, Start
from ddet.params.herd import Arm, Herd, Leaky, Model, ModelChange, Sweep
from ddet.params.prle import Prle, PrleArm

__all__ = [
    "PROTOCOLS",
    "STEPS",
    "Arm",
    "Asrid",
    "AsridArm",
    "AsridModel",
    "AugmentList",
    "Benchmark",
    "Data",
    "Faces",
    "Herd",
    "Leaky",
    "Model",
    "ModelChange",
    "Params",
    "Prle",
    "PrleArm",
    "Report",
    "Runtime",
    "Splits",
    "Start",
    "Sweep",
    "Train",
    "load",
]
TAGS = re.compile(r"^\[key\]$|constrained-int")  # what pydantic puts into the path of a key


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
    asrid: Asrid
    prle: Prle
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
