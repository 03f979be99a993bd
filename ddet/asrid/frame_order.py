"""Measure whether frame order matters: scores of shuffled clips, and how smoothly features change over time."""

import numpy as np
import pandas as pd
import torch
from fastai.data.load import DataLoader

from ddet.models.asrid import Asrid, Look, scores
from ddet.seeds import derive


def shuffled(model: Asrid, dl: DataLoader, seed: int) -> pd.DataFrame:
    """Score each clip of `dl` with its frames in order and shuffled: columns static, dynamic, and both `shuffled`.

    Frames are shuffled within a clip, padding stays at its end; the draw follows from (seed, clip).
    """
    tables, start = [], 0
    with torch.inference_mode():
        for crops, mask, _ in dl:
            mixed = torch.stack(
                [
                    clip[_order(kept, derive(seed, start + i))]
                    for i, (clip, kept) in enumerate(zip(crops, mask, strict=True))
                ]
            )
            start += len(crops)
            found = {"": scores(model(crops, mask)), " shuffled": scores(model(mixed, mask))}
            kinds = ("static", "dynamic") if model.dynamic is not None else ("static",)
            tables.append(pd.DataFrame({f"{k}{how}": getattr(s, k).numpy() for how, s in found.items() for k in kinds}))
    return pd.concat(tables, ignore_index=True)


def _order(kept: torch.Tensor, seed: int) -> torch.Tensor:
    n = int(kept.sum())
    order = np.arange(len(kept))
    order[:n] = np.random.default_rng(seed).permutation(n)
    return torch.from_numpy(order)


def roughness(model: Asrid, dl: DataLoader) -> np.ndarray:
    """Measure how abruptly the backbone's features change from frame to frame: one float per clip.

    The mean squared step between adjacent frames over twice the variance over frames (von Neumann's ratio), about 1
    where frames are in random order, near 0 where features change slowly. A detector of jitter could compute it.
    """
    found = []
    with torch.inference_mode():
        for crops, mask, _ in dl:
            for clip, kept in zip(crops, mask, strict=True):
                feat = model.backbone(clip[kept])
                steps, spread = (feat[1:] - feat[:-1]).square().sum(1).mean(), feat.var(0, correction=0).sum()
                found.append(float(steps / (2 * spread)) if spread > 0 else np.nan)
    return np.array(found)


def look(model: Asrid, dl: DataLoader, count: int) -> Look:
    """Return scores and attention of the first `count` clips of `dl`, computed in one batch."""
    crops, mask = (torch.stack(part) for part in zip(*(dl.dataset[i][:2] for i in range(count)), strict=True))
    batch = dl.after_batch((crops, mask, torch.zeros(count)))
    with torch.inference_mode():
        return model.look(*batch[:2])
