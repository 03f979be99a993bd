"""Read dvc.lock: which stage read and wrote which files, with their hashes, and what has changed since."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ddet.errors import InputError

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Entry:
    """A file or folder that dvc.lock records, with its hash and size in bytes."""

    path: str
    md5: str
    size: int


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.lock: what it read and what it wrote; the keys of params.yaml that it read, with their values."""

    name: str
    deps: tuple[Entry, ...]
    outs: tuple[Entry, ...]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def notebook(self) -> str:
        """Return the source notebook that this stage executes, "" where it executes none."""
        return next((d.path for d in self.deps if re.fullmatch(r"notebooks/[^/]+\.ipynb", d.path)), "")

    def reports(self, root: Path) -> list[str]:
        """List the files below reports/ that this stage wrote, folders opened."""
        found = []
        for out in self.outs:
            if out.path.startswith("reports/"):
                inside = [p for p in (root / out.path).rglob("*") if p.is_file()]
                found += [p.relative_to(root).as_posix() for p in inside] or [out.path]
        return sorted(found)


def read_stages(lock: Path) -> list[Stage]:
    """Read every stage of a dvc.lock, in the order of their notebooks; InputError where there is none."""
    if not lock.is_file():
        raise InputError(lock.name, "not there", "run the pipeline first: make repro")
    recorded = (YAML(typ="safe").load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    stages = [
        Stage(name, _entries(s.get("deps")), _entries(s.get("outs")), s.get("params", {}).get(PARAMS, {}))
        for name, s in recorded.items()
    ]
    return sorted(stages, key=lambda s: (s.notebook, s.name))


def stale(root: Path, stages: Sequence[Stage]) -> dict[str, list[str]]:
    """List, for each stage that read something else than is there now, what: files, and keys of params.yaml.

    Data are left out, since a clone has none before its first run, and so are folders.
    """
    now = YAML(typ="safe").load((root / PARAMS).read_text(encoding="utf-8"))
    found = {}
    for stage in stages:
        files = [d for d in stage.deps if not d.path.startswith("data/") and not d.md5.endswith(".dir")]
        changed = [d.path for d in files if md5_of(root / d.path) != d.md5]
        changed += [f"{PARAMS}: {key}" for key, value in stage.params.items() if _value(now, key) != value]
        found |= {stage.name: changed} if changed else {}
    return found


def md5_of(path: Path) -> str:
    """Hash a file as DVC does; "not there" where there is none."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() if path.is_file() else "not there"


def _value(params: Any, key: str) -> Any:
    for part in key.split("."):
        params = params.get(part) if isinstance(params, dict) else None
    return params


def _entries(recorded: list[dict] | None) -> tuple[Entry, ...]:
    return tuple(Entry(e["path"], str(e.get("md5", "")), int(e.get("size", 0))) for e in recorded or [])
