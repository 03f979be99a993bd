"""File locks, which the kernel frees however their process ends; a killed runner can leave its child training."""

import fcntl
import os
from pathlib import Path
from typing import IO

from ddet.errors import InputError

_held: dict[Path, IO[str]] = {}  # locks of this process; taking one twice is no error


def take(path: Path, what: object) -> None:
    """Lock `what` against other processes while this process lives, or until `free(path)`.

    Raises:
        InputError: another process holds it; names the process.
    """
    path = Path(path).resolve()
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise InputError(
            what, f"in use: process {owner} works in it", f"wait for it, or end it: kill {owner}"
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    _held[path] = handle


def free(path: Path) -> None:
    """Release the lock; does nothing where this process does not hold it."""
    handle = _held.pop(Path(path).resolve(), None)
    if handle:
        handle.close()
