"""What this machine computes, step by step, as hashes: python -m ddet.tools.bits [--check | --write].

Each module below is a group of steps: `settings()` is what they are computed from besides code, and `compute()` returns
name -> hash. The first group whose hashes differ from another machine's is where the two part.
"""

import hashlib

import numpy as np


def digest(*parts: np.ndarray | bytes) -> str:
    """Hash the bits of arrays (whatever their shape) and bytes: 16 digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return found.hexdigest()[:16]
