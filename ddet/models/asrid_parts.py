"""The layers of ASRID: attention over frames or over positions in an image, the static heads, those of sequences."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet.errors import InputError


class FrameAttention(nn.Module):
    """Self-attention over the frames of a clip: N x F x D to the same shape, no value negative.

    Paper: ASRID 4.2, as released: bias-free query, key and value layers, then multi-head attention, which projects
    again, then ReLU. Attention in time, unlike the paper's Figure 3.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        _divides("heads", heads, width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.heads = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor | None, keep: bool) -> tuple[Tensor, Tensor | None]:
        padding = None if mask is None else ~mask
        looked = (self.query(x), self.key(x), self.value(x))
        out, weights = self.heads(*looked, key_padding_mask=padding, need_weights=keep)
        return out.relu(), weights


class PictureAttention(nn.Module):
    """Attend to several positions of each image: R x C x h x w to R x D, no value negative, and maps R x M x h x w.

    A map sums to one over its places.

    Paper: what the text of ASRID 4.2 and its Figure 3 describe, and its released code lacks.
    Differs: the multi-attentional detector that they cite adds texture features and a loss that keeps its maps apart.
    """

    def __init__(self, channels: int, maps: int, width: int):
        super().__init__()
        self.places = nn.Conv2d(channels, maps, 1, bias=False)  # a softmax over places ignores a bias
        self.project = nn.Linear(maps * channels, width)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.places(seen).flatten(2).softmax(-1)
        pooled = maps @ seen.flatten(2).transpose(1, 2)  # R x M x C
        return self.project(pooled.flatten(1)).relu(), maps.unflatten(2, seen.shape[2:])


class DynamicHead(nn.Module):
    """Classify N x F x D as a sequence: N x 2 logits (real, fake).

    Paper: ASRID 4.2: sinusoidal positions, transformer encoder, mean over the sequence, fully connected layer.
    """

    def __init__(self, width: int, layers: int, heads: int, hidden: int, dropout: float, positions: int):
        super().__init__()
        _divides("layer_heads", heads, width)
        self.register_buffer("positions", sinusoids(positions, width), persistent=False)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.classify = nn.Linear(width, 2)
        nn.init.uniform_(self.classify.weight, -0.1, 0.1)
        nn.init.zeros_(self.classify.bias)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.dropout(x + self.positions[: x.shape[1]])
        if mask is None:
            return self.classify(self.encoder(x).mean(1))
        x = self.encoder(x, src_key_padding_mask=~mask).masked_fill(~mask[..., None], 0)
        return self.classify(x.sum(1) / mask.sum(1, keepdim=True))


class MotionHead(nn.Module):
    """Classify a clip by how far its pictures move from frame to frame: maps N x F x C x h x w to N x 2 logits.

    Maps are pooled to `cells` x `cells` places, each value is standardised over the frames of its clip, and the sizes
    of the changes between adjacent frames are judged by one layer, whose logits are averaged. A clip of one frame
    has no change and gets logits of zero.

    Differs: ours, no part of the paper. The paper's head gets features that are pooled over the picture, scaled per
    frame and pushed apart by positions; the size of a change, against the spread in its clip, does not survive that.
    """

    def __init__(self, channels: int, cells: int = 2):
        super().__init__()
        self.cells = cells
        self.norm = nn.BatchNorm1d(channels * cells**2)
        self.classify = nn.Linear(channels * cells**2, 2)

    def forward(self, seen: Tensor, mask: Tensor | None) -> Tensor:
        kept = seen.new_ones(seen.shape[:2], dtype=torch.bool) if mask is None else mask
        pooled = F.adaptive_avg_pool2d(seen.flatten(0, 1), self.cells).flatten(1).unflatten(0, seen.shape[:2])
        x = standardised(pooled, kept)
        both = kept[:, 1:] & kept[:, :-1]
        logits = self.classify(self.norm((x[:, 1:] - x[:, :-1]).abs()[both]))
        each = logits.new_zeros((*both.shape, 2)).index_put((both,), logits)
        return each.sum(1) / both.sum(1, keepdim=True).clamp(min=1)


def standardised(x: Tensor, kept: Tensor) -> Tensor:
    """Give each feature of N x F x D mean 0 and variance 1 over the kept frames (N x F) of its clip.

    A feature that hardly varies, against the others of the clip, stays small.
    """
    n = kept.sum(1)[:, None, None]
    off = (x - (x * kept[..., None]).sum(1, keepdim=True) / n) * kept[..., None]
    variance = off.square().sum(1, keepdim=True) / n
    return off * (variance + 1e-3 * variance.mean(-1, keepdim=True)).clamp(min=1e-12).rsqrt()


def old_head(width: int, relu: bool) -> nn.Sequential:
    """Map R x D to R x 2 logits.

    Paper: ASRID 4.2, the Baseline: "a simple static fully-connected classifier". As released, a ReLU stands between
    it and the softmax (`relu`): where both logits are negative the score is one half, whatever the picture, and no
    gradient flows.
    """
    return nn.Sequential(nn.Linear(width, 2), *([nn.ReLU()] if relu else []))


def new_head(width: int, classes: int) -> nn.Sequential:
    """Map R x D to R x classes logits. Paper: ASRID 4.2: batch normalisation and two fully connected layers."""
    return nn.Sequential(
        nn.Linear(width, width // 4), nn.BatchNorm1d(width // 4), nn.PReLU(), nn.Linear(width // 4, classes)
    )


def sinusoids(positions: int, width: int) -> Tensor:
    """Return positions x width: sine in even columns, cosine in odd ones, wavelengths 2 pi to 20000 pi."""
    place = torch.arange(positions, dtype=torch.float32)[:, None]
    angle = place * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]


def _divides(what: str, heads: int, width: int) -> None:
    if width % heads:
        raise InputError(f"{what} = {heads}", f"does not divide the width {width}", "change one of the two")
