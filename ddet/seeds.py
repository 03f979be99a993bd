"""Derive seeds from a configuration, never from the clock or from Python's salted hash."""

import hashlib
import random

import numpy as np
import torch

from ddet.hashing import canonical


def derive(*parts: object) -> int:
    """Hash JSON-serialisable parts to a seed in [0, 2**31).

    Paper: ASRID section 5.5 takes the seed from a hash of the configuration.
    Differs: the released code keeps 8 bits of a Pearson hash; 31 bits make collisions unlikely.
    """
    digest = hashlib.blake2s(canonical(parts).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_everything(seed: int, threads: int) -> None:
    """Seed Python, NumPy and torch, and fix the thread count, which changes bits, too."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
