"""Write the maps of many crops: restartable after a kill, with no more than a batch in memory."""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from ddet.errors import InputError
from ddet.prle.map_store import HEAD, MAPS, PARTIAL, Batches, check, read
from ddet.runs.processes import together

DONE = ".done"  # folder of one mark per shard on disk
SHARD = 256  # crops per shard: at most so many are lost by a kill


def write(
    folder: Path, batches: Batches, count: int, size: int, data_hash: str, shard: int = SHARD, jobs: int = 1
) -> np.ndarray:
    """Compute those of `count` maps that `folder` lacks, and return all of them as `map_store.read` does.

    Written in shards, each of which is whole or absent: one is marked when its maps are on disk, and `maps.npy`
    appears when all are. A call after a kill goes on with the first shard that is not marked.

    Args:
        batches: for crops start to stop, in order, yields float m x size x size in [0, 1] until all are there.
        data_hash: fingerprint of the crops that the maps belong to.
        jobs: processes, each of which works on shards of its own.

    Raises:
        InputError: `folder` holds maps of other data or of another size; `batches` yields too few or too many.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not count:
        raise InputError(folder, "there is no crop to map", "choose more clips")
    head = {"data_hash": data_hash, "count": count, "size": size}
    if (folder / HEAD).is_file():
        check(folder, head)
    if (folder / MAPS).is_file():
        return read(folder, data_hash)
    _begin(folder, head)
    spans = [(start, min(start + shard, count)) for start in range(0, count, shard)]
    missing = [span for span in spans if not _mark(folder, span).exists()]
    together([(_fill, folder, batches, span) for span in missing], jobs)
    os.replace(folder / PARTIAL, folder / MAPS)
    shutil.rmtree(folder / DONE)
    return read(folder, data_hash)


def _begin(folder: Path, head: dict[str, object]) -> None:
    """Create the file of maps, unless an earlier call has."""
    shape = head["count"], head["size"], head["size"]
    try:
        begun = np.load(folder / PARTIAL, mmap_mode="r").shape == shape
    except (OSError, ValueError):  # absent, or the process was killed while creating it
        begun = False
    if not begun:
        shutil.rmtree(folder / DONE, ignore_errors=True)
        np.lib.format.open_memmap(folder / PARTIAL, "w+", np.float16, shape)
    _reserve(folder / PARTIAL)
    (folder / DONE).mkdir(exist_ok=True)
    (folder / HEAD).write_text(json.dumps(head, indent=1) + "\n")


def _reserve(file: Path) -> None:
    """Take the file's space on disk now: a mapped page that a full disk has no place for would be a SIGBUS later."""
    with file.open("r+b") as f:
        os.posix_fallocate(f.fileno(), 0, file.stat().st_size)


def _mark(folder: Path, span: tuple[int, int]) -> Path:
    return folder / DONE / f"{span[0]}-{span[1]}"


def _fill(folder: Path, batches: Batches, span: tuple[int, int]) -> None:
    out, (at, stop) = np.load(folder / PARTIAL, mmap_mode="r+"), span
    for maps in batches(at, stop):
        if at + len(maps) > stop:
            break
        out[at : at + len(maps)] = maps
        at += len(maps)
    else:
        if at == stop:
            out.flush()
            _mark(folder, span).touch()
            return
    raise InputError(folder, f"crops {span[0]} to {stop} did not get one map each", "yield as many maps as crops")
