"""Localise the primary regions of crops: Grad-CAM of a trained detector, batch by batch."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from ddet.attention import grad_cam
from ddet.data import crop_loader
from ddet.prle.map_store import Batches

FAKE = 1


def of_rows(
    model: nn.Module, layers: Sequence[nn.Module], rows: pd.DataFrame, crops: Path, size: int, bs: int,
    on: torch.device, of_class: str,
) -> Batches:  # fmt: skip
    """Return a function that computes the maps of `rows` in batches (`map_writer.write`).

    Args:
        of_class: `fake` for every crop, the crop's `label`, or the model's own `prediction` for it.

    Paper: PRLE section III-B: offline, for the training split alone. The crops are not augmented. Eq. 3 derives the
        score y_hat, and section III says what that is: f maps an image to [0, 1], the score of fake.
    Differs: the log odds are derived, which gives the same map and no zero for a confident detector. The released
        code derives the logit, and takes the label (its pipeline for all subsets, commented out) or the prediction (its
        active code). Whatever the class, the shape of what is hidden may tell the label (`prle.leak`).
    """
    model.to(on, memory_format=torch.channels_last)  # two to four times as fast on a CPU

    def batches(start: int, stop: int) -> Iterator[np.ndarray]:
        how = crop_loader.Loading(crops, size, bs, on, cache_mb=0)
        for images, labels in crop_loader.eval_loader(rows.iloc[start:stop], how):
            classes = {"fake": torch.full_like(labels, FAKE), "label": labels, "prediction": None}[of_class]
            yield grad_cam.attention_maps(model, layers, images, classes, odds=True).cpu().numpy()

    return batches
