"""The hashes of each kind of CPU that was tried, in data/measured/bits.json, and how this machine's compare."""

import json
import platform
import re
from collections.abc import Set
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ddet import isa, paths
from ddet.codeid import code_id
from ddet.errors import InputError
from ddet.hashing import canonical
from ddet.seeds import derive

RECORD = paths.DATA / "measured" / "bits.json"
PACKAGES = ("numpy", "scipy", "torch", "opencv-python-headless", "av", "albumentations", "timm", "fastai")
TELLING = ("avx", "fma", "amx", "sse4")  # of a CPU's flags, those that begin so are recorded
EQUAL, DIFFERS, MAY, OTHERS, NEW = "equal", "DIFFERS", "may differ", "differs, other libraries", "not recorded"


def machine(model: str | None = None) -> dict[str, Any]:
    """Describe this machine: CPU, instruction set in force, versions of what computes. `model` names another CPU."""
    return {
        "cpu": model or cpu(),
        "flags": sorted(flag for flag in isa.flags() if flag.startswith(TELLING)) if model is None else [],
        "isa": isa.in_force(isa.chosen()),
        "libraries": {name: version(name) for name in PACKAGES} | {"glibc": platform.libc_ver()[1]},
    }


def cpu() -> str:
    """Name this CPU as Linux does, with family, model and stepping: one name stands for many CPUs in the cloud."""
    try:
        text = isa.CPUINFO.read_text()
    except OSError:
        return platform.processor() or platform.machine()
    named = {k: re.search(rf"^{k}\s*: (.*)$", text, flags=re.M) for k in ("model name", "cpu family", "model")}
    name, *numbers = (found[1].strip() if found else "?" for found in named.values())
    return f"{name} ({' '.join(numbers)})"


def code_of(group: str, settings: dict[str, Any]) -> str:
    """Hash the code of a group and what it is computed from: hashes of other code are no concern of this machine's."""
    return f"{code_id([group])}-{derive(canonical(settings)):08x}"


def load(file: Path = RECORD) -> dict[str, Any]:
    """Read the record: `may_differ`, names whose hashes may, and `machines`, a line for each kind of CPU.

    Raises:
        InputError: no such file, or not a record.
    """
    try:
        found = json.loads(file.read_text())
        return {"may_differ": list(found["may_differ"]), "machines": list(found["machines"])}
    except FileNotFoundError:
        raise InputError(file, "no such record", "python -m ddet.tools.bits --write begins one") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(file, "no record of hashes", "git checkout it") from None


def save(line: dict[str, Any], groups: dict[str, Any], file: Path = RECORD) -> None:
    """Put this machine's line into the record, in place of an older one of the same CPU and libraries.

    Raises:
        InputError: the instruction set is not pinned: such hashes hold for no other machine.
    """
    if line["isa"] != "avx2":
        raise InputError("runtime.isa", "the instruction set is not pinned here", "record where it is 'avx2'")
    found = load(file) if file.is_file() else {"may_differ": [], "machines": []}
    same = [m for m in found["machines"] if (m["cpu"], m["libraries"]) == (line["cpu"], line["libraries"])]
    kept = [m for m in found["machines"] if m not in same]
    line = line | {"groups": (same[0]["groups"] if same else {}) | groups}
    found["machines"] = sorted([*kept, line], key=lambda m: (m["cpu"], canonical(m["libraries"])))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")


def compare(line: dict[str, Any], groups: dict[str, Any], record: dict[str, Any]) -> dict[str, str]:
    """Say of each hash of this machine how it compares with those that the same code gave elsewhere.

    Lines with the same libraries decide; where there are none, one with other libraries can still be equal, and so can
    one of other code: an edit that changed no bit leaves what was recorded before it a witness.
    """
    found = {}
    for group, made in groups.items():
        lines = [(m["libraries"] == line["libraries"], m["groups"][group]) for m in record["machines"]
                 if group in m["groups"]]  # fmt: skip
        told = [(same, g["hashes"]) for same, g in lines if g["code"] == made["code"]]
        for name, hashed in made["hashes"].items():
            near, far = ({h[name] for same, h in told if same is wanted and name in h} for wanted in (True, False))
            ever = {g["hashes"][name] for _, g in lines if name in g["hashes"]}
            found[f"{group}: {name}"] = (
                MAY if name in record["may_differ"] and near - {hashed} else _word(hashed, near, far, ever)
            )
    return found


def _word(hashed: str, near: Set[str], far: Set[str], ever: Set[str]) -> str:
    if near:
        return EQUAL if near == {hashed} else DIFFERS
    return EQUAL if hashed in ever else OTHERS if far else NEW
