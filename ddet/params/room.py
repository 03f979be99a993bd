"""How many processes a machine has room for."""

from pathlib import Path

import joblib

MEMINFO = Path("/proc/meminfo")
MOST = 8  # at a time: a notebook has a few dozen fits, and each process keeps its crops
BESIDE, EACH = 2.0, 1.75  # GB: the notebook and what starts it; one fit of the default profile


def as_many_as(asked: object) -> object:
    """Turn "auto" into a number of processes: one a core, as memory and MOST allow, and at least one.

    Cores are those that this process may use: its affinity and its container's quota count. Anything else is
    returned as it is.

    Raises:
        ValueError: another word.
    """
    if not isinstance(asked, str):
        return asked
    if asked != "auto":
        raise ValueError(f"{asked!r} is neither a number nor auto")
    return max(1, min(joblib.cpu_count(), MOST, int((_available() - BESIDE) / EACH)))


def _available() -> float:
    """Return the memory that can be had now, in GB; infinite where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) / 2**20
    except (OSError, KeyError):
        return 1e9
