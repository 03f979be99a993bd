"""What a fit sees and what acts on it: a batch as pictures, and the Learner's callbacks. No fit imports this."""

import inspect

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from torch import Tensor

from ddet.data.crop_loader import MEAN, STD


def pictures(batch: Tensor) -> list[np.ndarray]:
    """Turn a batch back into pictures: float B x 3 x H x W, normalised as fits see it, to uint8 H x W x 3 each."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    plain = batch.detach().float().cpu() * std + mean
    return list((255 * plain).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy())


def callbacks(learn: Learner) -> pd.DataFrame:
    """List the callbacks of a Learner in the order in which they act: name, and the first line of its documentation."""
    lines = [(type(cb).__name__, (inspect.getdoc(cb) or "").split("\n")[0]) for cb in learn.cbs.sorted("order")]
    return pd.DataFrame(lines, columns=["callback", "what it does"])
