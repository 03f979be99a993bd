"""Losses of networks that are trained by something other than cross-entropy."""

from torch import Tensor
from torch.nn import functional as F


def replacing(loss: Tensor, logits: Tensor, label: Tensor) -> Tensor:
    """Return the penalty that makes `loss`, a scalar, of the cross-entropy that training adds it to.

    Training minimises the cross-entropy of `logits` (B x 2, with `label`, int64 B) plus a network's penalty, so that
    the sum is `loss`. That holds for the mean over the batch, without weights of classes.
    """
    return loss - F.cross_entropy(logits.float(), label)
