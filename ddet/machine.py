"""What of a machine changes the bits of a run, and what it is called."""

import os
import platform
import re
from typing import Any

import torch

from ddet import isa, params


def of(runtime: params.Runtime) -> dict[str, Any]:
    """Return what of a machine changes the bits of a run, as resolved here: thread count, device type, instruction set.

    It is part of every key, so that a run made on a CPU does not serve where a GPU computes. How many processes share
    a fit is named where there are several.
    """
    cuda = runtime.device == "cuda" or (runtime.device == "auto" and torch.cuda.is_available())
    alone = {"threads": runtime.threads, "device": "cuda" if cuda else "cpu", "isa": isa.in_force(runtime.isa)}
    return alone if runtime.processes == 1 else alone | {"processes": runtime.processes}


def words() -> str:
    """Say what computes here, for whoever reads a time: the CPU's own name and the number of its cores."""
    found = re.search(r"^model name\s*: (.*)$", isa.CPUINFO.read_text(), flags=re.M) if isa.CPUINFO.is_file() else None
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores"
