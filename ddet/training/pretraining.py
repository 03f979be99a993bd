"""What the pre-training tasks share: rendered faces of people who occur in no clip, and how weights are written."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from ddet import params
from ddet.seeds import derive
from ddet.synth.pretext import pretext_batch

EXPLAINED = "explained.csv"  # target, R2 on people who were not trained on
HELD_OUT = 5  # one held-out image and identity per so many of training
Faces = tuple[np.ndarray, np.ndarray]  # images, and what the renderer knows of each
Batch = Callable[..., Faces]
rendered: Batch = lru_cache(maxsize=2)(pretext_batch)  # every backbone learns from the same faces


def batches(cfg: params.Start, batch: Batch) -> tuple[Faces, Faces]:
    """Render the faces to learn from, and those of other people to test on."""
    extra = max(2, cfg.identities // HELD_OUT)
    seen, unseen = range(cfg.identities), range(cfg.identities, cfg.identities + extra)
    shown = batch(cfg.images, derive(cfg.seed, "seen"), cfg.size, seen)
    return shown, batch(max(2, cfg.images // HELD_OUT), derive(cfg.seed, "unseen"), cfg.size, unseen)


def save_half(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write tensors as safetensors, floats in half precision: small enough for git, exact enough to start from."""
    half = {k: v.detach().cpu().half() if v.is_floating_point() else v.cpu() for k, v in state.items()}
    path.write_bytes(safetensors.torch.save({k: v.contiguous() for k, v in half.items()}))
