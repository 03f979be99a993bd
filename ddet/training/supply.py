"""Hand a network what it needs beside the image while it trains, by name."""

from collections.abc import Sequence

import torch
from fastai.callback.core import Callback
from torch import nn


class Supply(Callback):
    """Take what training batches carry beside the images, and add it to the network's calls as keywords.

    So a network is called as `forward(image, label=..., mask=...)` on training batches, those of `norms.average`
    included, and as `forward(image)` wherever it is in evaluation mode.

    Args:
        carried: what a batch carries between images and targets, in order (`supplied_loader.Supplies.names`).
        label: whether the network is told the labels of its training images as well.
    """

    def __init__(self, carried: Sequence[str], label: bool):
        self.carried, self.label, self.given = tuple(carried), label, {}

    def before_fit(self) -> None:
        self.model.register_forward_pre_hook(self._add, with_kwargs=True)

    def before_batch(self) -> None:
        if self.training:
            image, *parts = self.xb
            self.given = dict(zip(self.carried, parts, strict=True)) | ({"label": self.yb[0]} if self.label else {})
            self.learn.xb = (image,)

    def _add(self, model: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict[str, torch.Tensor]]:
        return args, kwargs | (self.given if model.training else {})
