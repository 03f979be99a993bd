"""F3-Net: two Xceptions, one on an image split into frequency bands, one on statistics of local frequencies."""

import math
from itertools import pairwise

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models.xception import Block
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.models.portable import log

BANDS, WINDOW, STATISTICS = 4, 10, 6  # of the image; side of a local window in px; of a window
FAMILY = ("legacy_xception", "slim_xception")


def build(cfg: params.Model) -> "F3Net":
    """Build the network that `cfg` names: `f3net`, or `f3net_mix` with the mixing blocks.

    Raises:
        InputError: a backbone that is no Xception.
    """
    if cfg.backbone not in FAMILY:
        raise InputError(f"model.backbone = {cfg.backbone!r}", "is no Xception", f"use one of {', '.join(FAMILY)}")
    return F3Net(cfg.backbone, cfg.size, mix=cfg.name == "f3net_mix")


class F3Net(nn.Module):
    """Two branches that end in a ReLU, each averaged over its last map, their features concatenated; dropout .2.

    Takes B x 3 x S x S, ImageNet-normalised, and returns B x 2 logits, index 1 = fake. S is fixed: the masks on the
    spectrum are as large as the image.

    Paper: F3-Net, which PRLE trains as a backbone. There is no official code. Edges of the bands, initial values and
    where the branches mix are those of a re-implementation (yyk-wew/F3Net), whose layer PRLE's code names: it does
    not mix.
    Differs: inputs are normalised as everywhere here, and brought to [-1, 1] or [0, 255] inside. Neighbouring bands
    share no diagonal of the spectrum (there they share one), so that low, middle and high sum to the image.
    """

    def __init__(self, name: str, size: int, mix: bool = False):
        super().__init__()
        self.bands, self.statistics = Bands(size), Statistics()
        self.fad = make_backbone(name, in_chans=3 * BANDS, num_classes=0)
        self.lfs = make_backbone(name, in_chans=STATISTICS, num_classes=0)
        steps(self.lfs)[0].stride = (1, 1)  # its maps have half the side already
        self.cuts = cuts(self.fad)
        ends = [steps(self.fad)[cut - 1] for cut in self.cuts[1:3]]
        self.mix = nn.ModuleList([Mix(_width(end)) for end in ends] if mix else [])
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * self.fad.num_features, 2))
        for key, value in (("mean", IMAGENET_DEFAULT_MEAN), ("std", IMAGENET_DEFAULT_STD)):
            self.register_buffer(key, torch.tensor(value).view(3, 1, 1), persistent=False)

    @property
    def backbone(self) -> "Start":
        """Return both branches as one module into which an Xception with three input channels can be loaded."""
        return Start(self.fad, self.lfs)

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):  # bf16 is too coarse for a spectrum
            pixels = image.float() * self.std + self.mean
            views = self.bands(2 * pixels - 1), self.statistics(255 * pixels)
        for place, (begin, end) in enumerate(pairwise(self.cuts)):
            views = tuple(_through(net, x, begin, end) for net, x in zip((self.fad, self.lfs), views, strict=True))
            if place < len(self.mix):
                views = self.mix[place](*views)
        return self.head(torch.cat([x.mean(dim=(2, 3)) for x in views], dim=1))

    def cam_layer(self, size: int) -> nn.Module:
        """Return the last convolution of the branch that sees the bands, as PRLE's released code does."""
        return steps(self.fad)[-3]  # batch norm and ReLU follow


class Bands(nn.Module):
    """Split B x 3 x S x S by frequency: B x 12 x S x S, low, middle, high and all, each with a learnt correction.

    The DCT coefficient (i, j) is low up to i + j = S / 2.82, middle up to S // 2. A mask is 1 on its band, 0
    elsewhere, plus 2 sigmoid(w) - 1, w normal with standard deviation .1 at the start.

    Paper: F3-Net, frequency-aware decomposition.
    """

    def __init__(self, size: int):
        super().__init__()
        order = torch.arange(size)[:, None] + torch.arange(size)
        low, high = order <= size / 2.82, order > size // 2
        base = torch.stack([low, ~low & ~high, high, torch.ones_like(low)]).float()
        self.register_buffer("base", base, persistent=False)
        self.register_buffer("dct", dct(size), persistent=False)
        self.learnt = nn.Parameter(0.1 * torch.randn(BANDS, size, size))

    def forward(self, image: Tensor) -> Tensor:
        spectrum = self.dct @ image @ self.dct.T
        masks = self.base + _centred(self.learnt)
        # One band at a time, as much as a cache holds: all at once take a third longer.
        return torch.cat([self.dct.T @ (spectrum * mask) @ self.dct for mask in masks], dim=1)


class Statistics(nn.Module):
    """Describe the frequencies in windows of 10 px, every 2 px: B x 3 x S x S in [0, 255] to B x 6 x S/2 x S/2.

    Of the window's grey values: the logarithm, to base 10, of each DCT coefficient's size, averaged over bands of
    i + j, six of equal width, with learnt corrections as in `Bands`.

    Paper: F3-Net, local frequency statistics.
    Differs: the re-implementation multiplies by 122.5 where 127.5 is meant; here it is.
    """

    def __init__(self):
        super().__init__()
        at = torch.arange(WINDOW)
        band = (at[:, None] + at) * STATISTICS // (2 * WINDOW)
        base = torch.stack([band == k for k in range(STATISTICS)]).float()
        self.register_buffer("base", base, persistent=False)
        waves = torch.einsum("iy,jx->ijyx", dct(WINDOW), dct(WINDOW))
        self.register_buffer("waves", waves.reshape(-1, 1, WINDOW, WINDOW), persistent=False)
        self.register_buffer("grey", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1), persistent=False)
        self.learnt = nn.Parameter(0.1 * torch.randn(STATISTICS, WINDOW, WINDOW))

    def forward(self, pixels: Tensor) -> Tensor:
        grey = F.conv2d(pixels, self.grey)
        size = log(F.conv2d(grey, self.waves, stride=2, padding=4).abs_().add_(1e-15))
        weights = (self.base + _centred(self.learnt)) / (self.base.sum(dim=(1, 2), keepdim=True) * math.log(10))
        return F.conv2d(size, weights.reshape(STATISTICS, -1, 1, 1))


class Mix(nn.Module):
    """Cross-attention between two maps of C channels, B x C x W x W: each adds the other where rows are alike.

    Per channel, the softmax of Q K^T (W x W; Q and K hold both maps side by side, W x 2 W) multiplies the other map;
    a factor 2 sigmoid(g) - 1 with g = 0 at the start, a convolution per channel and batch norm follow. So at the
    start of training nothing is added.

    Paper: F3-Net, cross-attention ("MixBlock").

    Raises:
        InputError: maps of different sides, which happens for some sides of the image.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.query, self.key = (nn.ModuleList([nn.Conv2d(channels, channels, 1) for _ in range(2)]) for _ in range(2))
        self.strength = nn.Parameter(torch.zeros(2))
        self.take = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 1, groups=channels, bias=False), nn.BatchNorm2d(channels))
            for _ in range(2)
        )

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        if one.shape != other.shape:
            cause = f"its branches have {one.shape[-1]} and {other.shape[-1]} px where they mix"
            raise InputError("f3net_mix", cause, "use a model.size that is a multiple of 32, or 299")
        queries, keys = (
            torch.cat([conv(x) for conv, x in zip(convs, (one, other), strict=True)], dim=3)
            for convs in (self.query, self.key)
        )
        alike = (queries @ keys.mT).softmax(dim=-1)
        added = [
            take(x * alike * _centred(g)) for take, x, g in zip(self.take, (other, one), self.strength, strict=True)
        ]
        return one + added[0], other + added[1]


class Start:
    """Loads start weights into both branches: the first convolution is tiled, divided by the number of tiles.

    It has the methods that `models.load_backbone` needs.
    """

    def __init__(self, *branches: nn.Module):
        self.branches, self.pretrained_cfg = branches, branches[0].pretrained_cfg
        self.first = next(iter(branches[0].state_dict()))

    def state_dict(self) -> dict[str, Tensor]:
        state = self.branches[0].state_dict()
        return state | {self.first: state[self.first][:, :3]}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for branch in self.branches:
            tiles = branch.state_dict()[self.first].shape[1] // 3
            branch.load_state_dict(state | {self.first: state[self.first].repeat(1, tiles, 1, 1) / tiles})


def dct(size: int) -> Tensor:
    """Return the orthonormal DCT-II: D x D^T is the spectrum of an image, D^T X D its inverse."""
    k, at = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)
    waves = torch.cos(torch.pi / size * (at + 0.5) * k) * (2 / size) ** 0.5
    waves[0] /= 2**0.5
    return waves.float()


def steps(net: nn.Module) -> list[nn.Module]:
    """List the layers that an Xception runs before its pooling, in order."""
    if hasattr(net, "features"):
        return list(net.features)
    return [layer for name, layer in net.named_children() if name not in ("global_pool", "fc")]


def cuts(net: nn.Module) -> tuple[int, int, int, int]:
    """Cut the steps of an Xception in the middle of its middle flow (after block 7 of 12) and after its last block."""
    blocks = [at for at, layer in enumerate(steps(net)) if isinstance(layer, Block)]
    middle = blocks[3:-1]
    return 0, middle[len(middle) // 2 - 1] + 1, blocks[-1] + 1, len(steps(net))


def _through(net: nn.Module, x: Tensor, begin: int, end: int) -> Tensor:
    for step in steps(net)[begin:end]:
        x = step(x)
    return x


def _width(block: Block) -> int:
    return [layer for layer in block.rep.modules() if isinstance(layer, nn.BatchNorm2d)][-1].num_features


def _centred(weight: Tensor) -> Tensor:
    return 2 * weight.sigmoid() - 1
