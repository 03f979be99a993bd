"""The run store: one folder per finished run, named by a hash of everything that determines its result.

Layout below the data folder: `runs/<stage>/<key>/` (finished runs, kept by DVC), `machine/<stage>/<key>.json`
(wall time and hardware, which differ between reruns), `attic/<stage>/` (runs that are no longer needed), `.locks/`.
"""

import contextlib
import gc
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ddet import machine, params, paths
from ddet.codeid import code_id
from ddet.errors import InputError, writing
from ddet.hashing import canonical, digest
from ddet.runs import locks
from ddet.runs.processes import together

MANIFEST, RECORD = "manifest.json", "run.json"
RESUME = "resume"  # folders of this name hold the checkpoints of an interrupted run; a finished run has none
ATTIC_SIZE = 200  # unused runs kept per stage; the oldest are deleted first
# The libraries that compute a run: their versions are part of its key.
PACKAGES = ("torch", "fastai", "timm", "albumentations", "albucore", "opencv-python-headless", "numpy")


class Store:
    """The runs of one stage.

    Args:
        stage: name of the stage and of its folder.
        code: the modules that compute a run; with the ddet modules they import they are part of every key, and so is
            the module of the network that a configuration names.
        runtime: further settings that change bits, see `machine.of`.
        root: the data folder.
        shared: other stages whose finished runs are used here too: a run of the same key is copied, not made again.

    Raises:
        InputError: from `get` and `prune`, when another process works in this stage or the folder cannot be written.
    """

    def __init__(self, stage: str, code: list[str], runtime: Mapping[str, Any], root: Path, shared: Sequence[str] = ()):
        versions = {name: version(name) for name in PACKAGES}
        self.stage, self.code = stage, list(code)
        self.common = {"runtime": dict(runtime), "versions": versions}
        self.runs, self.attic = Path(root) / "runs" / stage, Path(root) / "attic" / stage
        self.machine, self._lock = Path(root) / "machine" / stage, Path(root) / ".locks" / f"runs-{stage}"
        self.lenders = [Path(root) / "runs" / other for other in shared]
        self.asked: set[str] = set()
        self._codes: dict[tuple[str, ...], str] = {}  # a source is hashed once
        self._whole: set[str] = set()  # verified in this session: a manifest is checked once

    def key(self, config: Mapping[str, Any]) -> str:
        """Hash configuration (JSON, with the data's fingerprint and the seed), code, runtime and library versions.

        12 hex digits. The code of the configuration's own network counts, that of other networks does not.
        """
        return digest(canonical(self._described(config)).encode())

    def _described(self, config: Mapping[str, Any]) -> dict[str, Any]:
        modules = tuple([*self.code, *params.network_code(config)])
        if modules not in self._codes:
            self._codes[modules] = code_id(modules)
        return {**self.common, "code": self._codes[modules], "config": config}

    def path(self, key: str) -> Path:
        """Return the folder of a run, finished or not."""
        return self.runs / key

    def get(self, config: Mapping[str, Any], fn: Callable[[Path], None]) -> Path:
        """Return the folder of the run of `config`; `fn(folder)` makes the run unless a complete one exists.

        `fn` is given the same temporary folder again after a kill, with what it had saved there, and the result
        appears under its name only when it is complete. A run whose files differ from its manifest is made again;
        one that `prune` moved to the attic comes back. Messages go to stderr alone, since a report must
        not depend on what was cached.
        """
        return self.get_many([(config, fn)])[0]

    def get_many(self, asks: Sequence[tuple[Mapping[str, Any], Callable[[Path], None]]], jobs: int = 1) -> list[Path]:
        """Return the folders of several runs in the given order; missing ones are made `jobs` at a time.

        With more than one job each run is made in a process of its own, which ends when this one does.
        """
        keys = [self.key(config) for config, _ in asks]
        self.asked.update(keys)
        missing = {key: ask for key, ask in zip(keys, asks, strict=True) if not self._has(key)}
        if missing:
            with writing(self.runs):
                locks.take(self._lock, self.runs)
                # Between the look and the lock another process may have finished some.
                missing = {key: ask for key, ask in missing.items() if not self._has(key)}
                for key in missing:
                    self._discard_damaged(key)
                wanted = {key: ask for key, ask in missing.items() if not (self._recall(key) or self._copy(key))}
                self._make_all([(self._make, key, *ask) for key, ask in wanted.items()], jobs)
        self._whole.update(keys)
        return [self.path(key) for key in keys]

    def _make_all(self, calls: Sequence[tuple[Callable, ...]], jobs: int) -> None:
        try:
            together(calls, jobs)
        except BrokenProcessPool:
            remedy = "rerun: what was finished is kept, the rest goes on; if memory was short, set runtime.fits to 1"
            raise InputError(self.runs, "a process that made a run was killed", remedy) from None

    def _has(self, key: str) -> bool:
        if key not in self._whole and self._is_whole(self.path(key)):
            self._whole.add(key)
        return key in self._whole

    def prune(self) -> list[str]:
        """Move every run not asked for in this session to the attic, free the lock, and return the moved keys."""
        with writing(self.runs):
            locks.take(self._lock, self.runs)
            present = sorted(p for p in self.runs.iterdir() if p.is_dir()) if self.runs.is_dir() else []
            gone = [p for p in present if p.name.removeprefix(".tmp-") not in self.asked]
            for folder in gone:
                stamp = self._next_stamp()
                _move(folder, self.attic / folder.name)
                os.utime(self.attic / folder.name, ns=(stamp, stamp))
            self._bound_attic()
        self.release()
        if gone:
            self._say(f"{len(gone)} runs not asked for moved to {self.attic}")
        return [p.name for p in gone]

    def release(self) -> None:
        """Release the lock of this stage, which otherwise lasts as long as this process."""
        locks.free(self._lock)

    def _make(self, key: str, config: Mapping[str, Any], fn: Callable[[Path], None]) -> None:
        tmp = self.runs / f".tmp-{key}"
        if not tmp.is_dir() and (self.attic / tmp.name).is_dir():
            _move(self.attic / tmp.name, tmp)
        tmp.mkdir(parents=True, exist_ok=True)
        began, resumed = time.monotonic(), any(tmp.iterdir())
        fn(tmp)
        gc.collect()  # a Learner refers to itself: weights and moments of a large fit stayed beside those of the next
        for folder in list(tmp.rglob(RESUME)):
            shutil.rmtree(folder)
        _write_json(tmp / RECORD, {"key": key, **self._described(config)})
        _write_json(tmp / MANIFEST, _manifest(tmp))
        os.replace(tmp, self.path(key))
        seconds = time.monotonic() - began
        self._note_machine(key, seconds, resumed)
        self._say(f"{key} {'resumed and ' if resumed else ''}finished in {seconds:.0f} s")

    def _note_machine(self, key: str, seconds: float, resumed: bool) -> None:
        """Write time and hardware, which differ between reruns, outside the folder that DVC hashes."""
        self.machine.mkdir(parents=True, exist_ok=True)
        facts = {"wall_s": round(seconds, 1), "resumed": resumed, "cores": os.cpu_count(), **_hardware()}
        _write_json(self.machine / f"{key}.json", facts)

    def _recall(self, key: str) -> bool:
        if not self._is_whole(self.attic / key):
            return False
        _move(self.attic / key, self.path(key))
        self._say(f"{key} taken back from the attic")
        return True

    def _copy(self, key: str) -> bool:
        for lender in self.lenders:
            if self._is_whole(lender / key):
                tmp = self.runs / f".tmp-{key}"
                shutil.rmtree(tmp, ignore_errors=True)
                shutil.copytree(lender / key, tmp)
                os.replace(tmp, self.path(key))
                self._say(f"{key} copied from {lender.name}")
                return True
        return False

    def _is_whole(self, folder: Path) -> bool:
        try:
            listed = json.loads((folder / MANIFEST).read_text())
            return bool(listed) and all(_file_sha(folder / name) == sha for name, sha in listed.items())
        except (OSError, ValueError):
            return False

    def _discard_damaged(self, key: str) -> None:
        if self.path(key).exists():
            self._say(f"{key} is damaged, making it again")
            shutil.rmtree(self.path(key))

    def _next_stamp(self) -> int:
        """Return a time in ns that is later than the attic's last: it deletes by age, and a clock may jump back."""
        stamps = [p.stat().st_mtime_ns for p in self.attic.iterdir()] if self.attic.is_dir() else []
        return max([time.time_ns(), *(stamp + 1 for stamp in stamps)])

    def _bound_attic(self) -> None:
        kept = sorted(self.attic.iterdir(), key=lambda p: p.stat().st_mtime_ns) if self.attic.is_dir() else []
        for folder in kept[:-ATTIC_SIZE]:
            shutil.rmtree(folder)

    def _say(self, text: str) -> None:
        print(f"{self.stage}: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def opened(
    stage: str, code: list[str], runtime: params.Runtime, *, prune: bool, shared: Sequence[str] = ()
) -> Iterator[Store]:
    """Open the runs of a stage below `paths.DATA`, see `Store`, and tidy up where no error ends the block.

    `prune` moves what was not asked for to the attic: for a stage that asks for all it needs, not for a person who
    asks for a few of its arms.
    """
    store = Store(stage, code, machine.of(runtime), paths.DATA, shared)
    yield store
    if prune:
        store.prune()


def _hardware() -> dict[str, str]:
    import torch  # here alone: reading a store needs no torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {"gpu": gpu, "machine": platform.machine(), "capability": torch.backends.cpu.get_cpu_capability()}


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    os.replace(source, target)


def _manifest(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): _file_sha(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def _file_sha(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
