"""What of a machine changes the bits of a run."""

from typing import Any

import torch

from ddet import isa, params


def of(runtime: params.Runtime) -> dict[str, Any]:
    """Return what of a machine changes the bits of a run, as resolved here: thread count, device type, instruction set.

    It is part of every key, so that a run made on a CPU does not serve where a GPU computes.
    """
    cuda = runtime.device == "cuda" or (runtime.device == "auto" and torch.cuda.is_available())
    return {"threads": runtime.threads, "device": "cuda" if cuda else "cpu", "isa": isa.in_force(runtime.isa)}
