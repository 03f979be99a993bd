"""Count a network's parameters and multiply-adds without running it."""

from collections.abc import Callable

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode


def count(build: Callable[[], nn.Module], size: int) -> tuple[int, int]:
    """Return the parameters of the network that `build` makes, and its multiply-adds for one image of `size` px.

    Nothing is computed, so even a full-size network takes no time. Convolutions and matrix products count.

    Paper: PRLE Table VIII: its GFLOPs are multiply-adds of 64 images of 299 px, see the audit.
    """
    with FakeTensorMode():
        model = build().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 3, size, size))
        return sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2
