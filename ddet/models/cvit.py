"""CViT: a deep stack of convolutions, and a transformer on what is left of the image."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError

WIDTHS, DEPTHS = (32, 64, 128, 256, 512), (3, 3, 3, 4, 4)  # channels and convolutions of each stage
DIM, LAYERS, HEADS = 1024, 6, 8


def build(cfg: params.Model) -> "CViT":
    """Build the network; `cfg.width` divides all its widths (channels, embedding, hidden layers), 1 in the paper.

    Raises:
        InputError: a width that does not divide the first stage's channels.
    """
    if WIDTHS[0] % cfg.width:
        remedy = f"use a divisor of {WIDTHS[0]}"
        raise InputError(f"model.width = {cfg.width}", f"does not divide CViT's {WIDTHS[0]} channels", remedy)
    return CViT(cfg.size, cfg.width)


class CViT(nn.Module):
    """Seventeen convolutions in five stages, the last map as one patch beside a class token, six transformer layers.

    Takes B x 3 x S x S, ImageNet-normalised, and returns B x 2 logits, index 1 = fake. Each convolution is followed by
    batch norm and ReLU, each stage by 2 x 2 max pooling: 512 x 7 x 7 at 224 px, which a linear layer makes a vector
    of 1024. So the transformer sees two tokens. Two linear layers read the class token.

    Paper: Wodajo and Atnafu, Deepfake Video Detection Using Convolutional Vision Transformer (2021).
    Layers and the scale of the attention from the released code (erprogs/CViT, its second version): no layer norm
    behind the last layer, no dropout.
    Differs: there fake is class 0, here 1. The released second version holds 1025 positions and uses the first two
    (90,039,106 parameters); here there are two (88,991,554). Its first version takes the position by the image's
    place in the batch. At sides other than 224 px the whole map is the patch here, where the released code cuts
    patches of 7 x 7; poolings keep the last row and column of an odd side.
    """

    needs = ()
    backbone = None

    def __init__(self, size: int, width: int = 1):
        super().__init__()
        widths, dim, cells = [w // width for w in WIDTHS], DIM // width, (-(-size // 32)) ** 2
        self.features = nn.Sequential(*_stages(widths))
        self.embed = nn.Linear(widths[-1] * cells, dim)
        self.token, self.positions = nn.Parameter(torch.zeros(1, 1, dim)), nn.Parameter(torch.randn(1, 2, dim))
        self.transformer = nn.Sequential(*(Layer(dim, HEADS) for _ in range(LAYERS)))
        self.head = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, 2))

    def forward(self, image: Tensor) -> Tensor:
        patch = self.embed(self.features(image).flatten(1))[:, None]
        tokens = torch.cat([self.token.expand(len(image), -1, -1), patch], dim=1)
        return self.head(self.transformer(tokens + self.positions)[:, 0])

    def cam_layer(self, size: int) -> nn.Module:
        """Return the last convolution, whose map is a sixteenth of the side: `features[52]`."""
        return [layer for layer in self.features if isinstance(layer, nn.Conv2d)][-1]


class Layer(nn.Module):
    """One layer of the transformer, B x N x `dim`: attention and two linear layers, each normed before and added.

    Queries and keys are compared by their dot product over the root of `dim`, not of a head's width, and have no
    biases, nor have values; the hidden layer has 2 `dim` units and a GELU.

    Paper: CViT; the scale from the released code.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads, self.scale = heads, dim**-0.5
        self.norm, self.qkv, self.out = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*parts, scale=self.scale)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.mlp(x)


def _stages(widths: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for (before, width), depth in zip(pairwise((3, *widths)), DEPTHS, strict=True):
        for channels in (before, *[width] * (depth - 1)):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return layers
