"""What networks with a training of their own share: another normalisation, what they need, flooding."""

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from ddet.errors import InputError


class Renormalise(nn.Module):
    """Bring images normalised as ImageNet's, B x 3 x H x W, to one mean and one standard deviation of pixels in [0, 1].

    (0, 1) gives the pixels themselves, (.5, .5) values in [-1, 1].
    """

    def __init__(self, mean: float, std: float):
        super().__init__()
        their_mean, their_std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
        self.register_buffer("scale", their_std / std, persistent=False)
        self.register_buffer("shift", (their_mean - mean) / std, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return image * self.scale + self.shift


def learns(model: nn.Module, **given: Tensor | None) -> bool:
    """Tell whether a forward pass is one of training: the network is in training mode and gradients are recorded.

    Args:
        model: has `needs`, the names of what its training takes beside the image.
        given: what the forward pass was given, by name.

    Raises:
        InputError: it is one of training, and something that the network needs is missing.
    """
    if not (model.training and torch.is_grad_enabled()):
        return False
    missing = [name for name in model.needs if given[name] is None]
    if missing:
        cause = f"needs {' and '.join(missing)} in training, and was given none"
        raise InputError(type(model).__name__, cause, "train it on crops that have them, or call model.eval()")
    return True


def flood(loss: Tensor, level: float) -> Tensor:
    """Return what flooding adds to a scalar loss: |loss - level| + level - loss, zero above `level`.

    Below `level` the sum of both falls as the loss rises, so that a fit keeps its loss at that level.

    Paper: Ishida et al., Do We Need Zero Training Loss After Achieving Zero Training Error?, equation 1.
    """
    return 2 * (level - loss).relu()
