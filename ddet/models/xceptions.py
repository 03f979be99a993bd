"""The flows of an Xception of either size, for networks that do something between them."""

from typing import NamedTuple

from timm.models.xception import Block
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.models.f3net import FAMILY, steps


class Flows(NamedTuple):
    """An Xception in the order in which its layers run.

    Two convolutions (each with batch norm and ReLU), the three blocks of the entry flow, the blocks of the middle
    flow (eight at full size, two in the slim one), the exit flow up to its last batch norm: a ReLU follows.
    """

    stem: tuple[nn.Sequential, nn.Sequential]
    entry: nn.Sequential
    middle: nn.Sequential
    exit: nn.Sequential


def flows(net: nn.Module) -> Flows:
    """Return the flows of `net`; they are views, to be made anew in each forward pass, not submodules."""
    layers = nn.Sequential(*steps(net))
    blocks = [at for at, layer in enumerate(layers) if isinstance(layer, Block)]
    first, last = blocks[3], blocks[-1]
    return Flows((layers[:3], layers[3:6]), layers[6:first], layers[first:last], layers[last:-1])


def make(cfg: params.Model) -> nn.Module:
    """Build the Xception that `cfg.backbone` names, without a classifier.

    Raises:
        InputError: a backbone that is no Xception.
    """
    if cfg.backbone not in FAMILY:
        raise InputError(f"model.backbone = {cfg.backbone!r}", "is no Xception", f"use one of {', '.join(FAMILY)}")
    return models.make_backbone(cfg.backbone, num_classes=0)


def width(layers: nn.Module) -> int:
    """Return how many channels a flow ends with."""
    return [layer for layer in layers.modules() if isinstance(layer, nn.BatchNorm2d)][-1].num_features
