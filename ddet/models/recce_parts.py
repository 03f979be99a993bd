"""RECCE's parts: the decoder, reasoning over its maps, attention to what it could not reconstruct."""

import torch
from timm.models.xception import Block, SeparableConv2d
from torch import Tensor, nn
from torch.nn import functional as F

DECODED = (256, 128, 64)  # channels of the decoder's maps
NODE = 256  # of a node in the graph
NEIGHBOURS = (2, 4)  # a node has as many rows and columns of each decoder map
DROPOUT = 0.2


class Decoder(nn.Module):
    """Reconstruct the image from a map, B x C x W x W: B x 3 x 8 W x 8 W in [-1, 1].

    Three times the map is doubled (nearest) and a separable convolution with batch norm and ReLU follows; after the
    first two a block of an Xception. Returns the outputs of these two blocks as well: B x 256 x 2 W x 2 W and
    B x 128 x 4 W x 4 W, widths divided by `width`.

    Paper: RECCE, reconstruction learning.
    """

    def __init__(self, channels: int, width: int = 1):
        super().__init__()
        first, second, third = (n // width for n in DECODED)
        self.first = nn.Sequential(nn.Dropout(DROPOUT), *_doubled(channels, first), Block(first, first, 3))
        self.second = nn.Sequential(*_doubled(first, second), Block(second, second, 3))
        self.last = nn.Sequential(*_doubled(second, third), nn.Conv2d(third, 3, 1, bias=False), nn.Tanh())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first = self.first(x)
        second = self.second(first)
        return first, second, self.last(second)


def _doubled(channels: int, out: int) -> list[nn.Module]:
    conv = SeparableConv2d(channels, out, 3, padding=1)
    return [nn.Upsample(scale_factor=2), conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class Reasoning(nn.Module):
    """Let each place of a map, B x C x W x W, gather what the decoder's maps have at the same place.

    A place is a node; its neighbours are the 2 x 2 and the 4 x 4 places of the two maps that lie where it does. Node
    and neighbours are embedded; the softmax over the neighbours of ReLU(w [node, neighbour]) weighs their sum, and
    one minus a gate of the node multiplies it. Both sums and the node make a map of C channels, to be added.

    Paper: RECCE, multi-scale graph reasoning.
    """

    def __init__(self, channels: int, width: int = 1):
        super().__init__()
        node = NODE // width
        self.node = _convs(channels, node, node)
        self.gates = nn.ModuleList(nn.Conv2d(channels, node, 1, bias=False) for _ in NEIGHBOURS)
        self.neighbours = nn.ModuleList(_linears(n // width, node) for n in DECODED[:2])
        self.weigh = nn.ModuleList(nn.Linear(2 * node, 1, bias=False) for _ in NEIGHBOURS)
        self.out = nn.Sequential(_convs(3 * node, channels, channels), nn.Dropout(DROPOUT))

    def forward(self, x: Tensor, *maps: Tensor) -> Tensor:
        node = self.node(x)
        found = [self.gather(scale, x, node, maps[scale]) for scale in range(len(NEIGHBOURS))]
        return self.out(torch.cat([*found, node], dim=1).sigmoid())

    def gather(self, scale: int, x: Tensor, node: Tensor, neighbours: Tensor) -> Tensor:
        """Return the gated sum over the neighbours at one scale (0 or 1), shaped as `node`."""
        side, nodes = NEIGHBOURS[scale], node.flatten(2).transpose(1, 2)[:, :, None]  # B x W^2 x 1 x node
        cells = F.unfold(neighbours, side, stride=side).unflatten(1, (-1, side**2)).permute(0, 3, 2, 1)
        cells = self.neighbours[scale](cells)  # B x W^2 x neighbours x node
        both = torch.cat([nodes.expand_as(cells), cells], dim=-1)
        share = self.weigh[scale](both).relu().softmax(dim=2)
        total = (share * cells).sum(dim=2).transpose(1, 2).reshape(node.shape)
        return total * (1 - self.gates[scale](x).sigmoid())


def _convs(channels: int, hidden: int, out: int) -> nn.Sequential:
    layers = nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(hidden, out, 1, bias=False)
    return nn.Sequential(*layers)


def _linears(channels: int, out: int) -> nn.Sequential:
    layers = nn.Linear(channels, out, bias=False), nn.ReLU(inplace=True), nn.Linear(out, out, bias=False)
    return nn.Sequential(*layers)


class Guided(nn.Module):
    """Weigh a map, B x C x W x W, by where the reconstruction failed: m h(x) + x, m in (0, 1).

    m is made of the absolute residual, B x 3 x S x S, brought to W x W; h is a convolution of 1 px, batch norm, ReLU.

    Paper: RECCE, reconstruction guided attention.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(3, 1, 1, bias=False)
        )
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        small = F.interpolate(residual, x.shape[-2:], mode="bilinear", align_corners=True)
        return self.weigh(small).sigmoid() * self.change(x) + self.dropout(x)
