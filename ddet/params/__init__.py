"""params.yaml as typed, frozen models: an unknown key, a wrong type or a value out of range is one line.

No model has a default: every knob of a run stands in the params file, so that the file is the whole story.
The exception is an arm of an ablation, or a curriculum: what it leaves out is its section's.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ddet import paths
from ddet.errors import InputError, meant
from ddet.params.asrid import Asrid, AsridArm, AsridModel
from ddet.params.base import PROTOCOLS, STEPS, AugmentList, Report, Runtime, Section, Train
from ddet.params.compared import Compared, Others
from ddet.params.data import Benchmark, Data, Faces, FacesByDataset, Splits, SplitsByDataset, Start
from ddet.params.herd import Arm, Curriculum, Herd, Leaky, Model, ModelChange, Sweep
from ddet.params.networks import NETWORKS, network_code
from ddet.params.prle import Prle, PrleArm
from ddet.params.robustness import Robustness

__all__ = [
    "NETWORKS",
    "PROTOCOLS",
    "STEPS",
    "Arm",
    "Asrid",
    "AsridArm",
    "AsridModel",
    "AugmentList",
    "Benchmark",
    "Compared",
    "Curriculum",
    "Data",
    "Faces",
    "FacesByDataset",
    "Herd",
    "Leaky",
    "Model",
    "ModelChange",
    "Others",
    "Params",
    "Prle",
    "PrleArm",
    "Report",
    "Robustness",
    "Runtime",
    "Splits",
    "SplitsByDataset",
    "Start",
    "Sweep",
    "Train",
    "load",
    "network_code",
]
TAGS = re.compile(r"^\[key\]$")  # what pydantic puts into the path of a key
RENAMED = {"lists": "augment_lists", "stages": "phases"}  # as a params file of an earlier version has it
NAMED = {"augment": "augment_lists", "curriculum": "curricula"}  # once told in place, now by the name of an entry


class Params(Section):
    """The whole file."""

    profile: str
    runtime: Runtime
    benchmark: Benchmark
    data: Data
    faces: FacesByDataset
    splits: SplitsByDataset
    start: Start
    herd: Herd
    asrid: Asrid
    prle: Prle
    report: Report
    robustness: Robustness


def load(path: str | Path = paths.PARAMS) -> Params:
    """Read and validate a params file; the arms of a section are looked up by their printed names.

    Arms of 0 seeds are validated as all others are, and left out.

    Raises:
        InputError: no such file, not UTF-8, no YAML, or a key that does not validate; names the first offending key.
    """
    path = paths.resolve(path)
    if not path.is_file():
        raise InputError(path, "no such params file", "copy one: cp profiles/smoke.yaml params.yaml")
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))  # YAML 1.2, as DVC reads it: 1e-3 is a number
    except UnicodeDecodeError:
        raise InputError(path, "is not text in UTF-8", "save it as UTF-8") from None
    except MarkedYAMLError as e:
        raise InputError(
            f"{path}, line {e.problem_mark.line + 1}", f"not YAML ({e.problem})", "mend that line"
        ) from None
    except (YAMLError, ValueError, RecursionError) as e:  # a character or a number that YAML has not, a deep nesting
        raise InputError(
            path, f"not YAML ({type(e).__name__})", "copy one: cp profiles/smoke.yaml params.yaml"
        ) from None
    try:
        return _trained(Params.model_validate(tree))
    except ValidationError as e:
        raise InputError(path, *_explain(e)) from None


def _trained(whole: Params) -> Params:
    left = {}
    for paper in ("herd", "asrid", "prle"):
        section = getattr(whole, paper)
        arms = {name: arm for name, arm in section.arms.items() if arm.seeds != 0}
        left[paper] = section.model_copy(update={"arms": arms})
    return whole.model_copy(update=left)


def _explain(error: ValidationError) -> tuple[str, str]:
    # A misspelt key is both unknown and missing: the unknown one is the news.
    errors = error.errors()
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    *place, last = first["loc"] or [""]
    key = ".".join(str(p) for p in first["loc"] if not TAGS.search(str(p))) or "the file"
    if first["type"] == "extra_forbidden":
        here = _fields(place)
        like = meant(RENAMED.get(last, last), here)
        return f"unknown key {key}", f"{like}allowed here: {', '.join(here)}"
    if first["type"] == "missing":
        return f"missing key {key}", "copy it from profiles/smoke.yaml"
    if (lists := NAMED.get(last)) and first["type"] == "string_type":
        return f"{key} is not a name", f"define it in {lists}, and write its name here"
    allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should", "must")
    if isinstance(first["input"], dict):  # what a validator of a whole section says names the key itself
        return f"{key}: {allowed}", "mend that key"
    return f"{key} = {first['input']!r}", f"it {allowed}" if allowed.startswith("must") else allowed


def _fields(loc: Iterable[str | int]) -> list[str]:
    """List the keys that a model at `loc` allows, stepping through dict entries such as herd.arms.na."""
    model: Any = Params
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation
        else:
            model = model.__args__[-1]  # the value type of a dict
        if isinstance(model, UnionType):
            model = model.__args__[0]  # of an optional section
    return sorted(model.model_fields)
