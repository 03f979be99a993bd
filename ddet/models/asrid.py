"""ASRID: score a clip frame by frame (static) and as a sequence (dynamic), from one pass of the backbone."""

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.models.asrid_parts import DynamicHead, FrameAttention, MotionHead, PictureAttention, new_head, old_head
from ddet.models.portable import log

STATIC = ("static_old", "static_new", "static_mix", "spatial")
DYNAMIC = ("dynamic", "dynamic_mix", "motion")
MIXED = ("static_mix", "spatial", "dynamic_mix", "motion")
CLASSES = {"paper": 2, "code": 4}  # outputs of the new static head; the first means real, the others fake
DROPOUT = 0.2  # before the last layer of MobileNetV3-Small


class Scores(NamedTuple):
    """prob_fake of each clip, N each; without a dynamic head `dynamic` is None and fused = static."""

    fused: Tensor
    static: Tensor
    dynamic: Tensor | None


class Look(NamedTuple):
    """Scores and attention; rows of `frames`, and maps, sum to one; values of padded frames are meaningless."""

    pred: Tensor  # as `Asrid` returns
    frames: Tensor | None  # N x F x F, mean over heads: how much a frame (row) looks at each frame of its clip
    maps: Tensor | None  # N x F x M x h x w


def scores(pred: Tensor) -> Scores:
    """Convert the output of `Asrid` to probabilities of fake."""
    prob = pred[:, 1].exp().unbind(1)
    return Scores(*prob) if len(prob) == 3 else Scores(*prob, *prob, None)


def build(backbone: str, width: int, **settings) -> "Asrid":
    """Build the network on a timm backbone whose `width` class logits are the features; `settings` as in `Asrid`.

    Paper: ASRID 4.2: MobileNetV3-Small; as released, its 1000 ImageNet logits (`mobilenetv3_small_100`, width 1000).
    """
    return Asrid(make_backbone(backbone, num_classes=width, drop_rate=DROPOUT), **settings)


class Asrid(nn.Module):
    """Score clips: crops N x F x 3 x S x S, and a mask N x F (True = a frame, False = padding) where some are padded.

    Returns log-probabilities N x 2 x H (real, fake); H is (fused, static, dynamic), or (static) for a strategy without
    a dynamic head. So loss and metrics share one tensor, and `pred[..., 0]` can be used like two logits.

    Strategies: `static_old` (the paper's Baseline), `static_new`, `static_mix`, `dynamic`, `dynamic_mix`, and beyond
    the paper `spatial`: static_mix with maps over the picture in place of the attention over frames, and `motion`:
    static_mix and, in place of the transformer, a head that judges what changes from frame to frame.

    Args:
        backbone: a timm network; its logits are the features, D of them.
        strategy: see above.
        mode: `paper` (two classes) or `code` (as released: four outputs, of which the first alone is used).
        w: share of the static score in the fused one: in (0, 1), and 1 for a strategy without a dynamic head.
        heads: heads of the attention over frames.
        layers: of the transformer encoder, with `layer_heads`, `hidden` units and `dropout`.
        positions: largest number of frames of the dynamic head.
        maps: number of maps of `spatial`.
        axis_bug: `static_old` with the wrong axis of the released code, see `_axis_bug`.

    Paper: ASRID 4.2 and 5.2. As released: 10 heads; 6 layers of 8 heads and 1000 units, dropout .1; 64 positions.
    Differs: index 1 is fake (the released code scores real). All clips pass the backbone together, where the code loops
    over them: equal in eval mode; in training, batch normalisation sees the whole batch instead of one clip. In mode
    `paper` the Baseline has no attention, as its text says; in mode `code` it reads the attention's output.

    Raises:
        InputError: an unknown strategy or mode, `w` out of range, heads that do not divide their width; in a forward
            pass, more frames than positions, or a clip without a usable frame.
    """

    def __init__(
        self,
        backbone: nn.Module,
        strategy: str,
        mode: str = "paper",
        w: float = 1.0,
        heads: int = 10,
        layers: int = 6,
        layer_heads: int = 8,
        hidden: int = 1000,
        dropout: float = 0.1,
        positions: int = 64,
        maps: int = 4,
        axis_bug: bool = False,
    ):
        super().__init__()
        _check(strategy, mode, w, axis_bug)
        self.backbone, self.strategy, self.w, self.axis_bug = backbone, strategy, w, axis_bug
        self.attention, self.dynamic, width = None, None, backbone.num_classes
        if strategy == "spatial":
            self.attention = PictureAttention(backbone.num_features, maps, width)
        elif strategy != "static_old" or mode == "code":
            self.attention = FrameAttention(width, heads)
        width *= 1 + (strategy in MIXED)
        self.static = old_head(width, mode == "code") if strategy == "static_old" else new_head(width, CLASSES[mode])
        if strategy == "motion":
            self.dynamic = MotionHead(backbone.num_features)
        elif strategy in DYNAMIC:
            self.dynamic = DynamicHead(width, layers, layer_heads, hidden, dropout, positions)

    def forward(self, crops: Tensor, mask: Tensor | None = None) -> Tensor:
        return self._run(crops, mask, keep=False).pred

    def look(self, crops: Tensor, mask: Tensor | None = None) -> Look:
        """Score the clips and return the attention beside the scores."""
        return self._run(crops, mask, keep=True)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Group the parameters by part (backbone, attention, static, dynamic), for a learning rate each."""
        named = {name: getattr(self, name) for name in ("backbone", "attention", "static", "dynamic")}
        return {name: list(part.parameters()) for name, part in named.items() if part is not None}

    def _run(self, crops: Tensor, mask: Tensor | None, keep: bool) -> Look:
        mask = self._usable(crops, mask)
        fold = partial(_frames, n_frames=crops.shape[1], mask=mask)
        seen = self.backbone.forward_features(_rows(crops, mask))
        features = fold(self.backbone.forward_head(seen))
        attended, frames, maps = features, None, None
        if isinstance(self.attention, FrameAttention):
            attended, frames = self.attention(features, mask, keep)
        elif isinstance(self.attention, PictureAttention):
            attended, maps = (fold(x) for x in self.attention(seen))
        if self.strategy in MIXED:
            attended = F.normalize(torch.cat([features, attended], dim=-1), dim=-1)
        sequence = fold(seen) if self.strategy == "motion" else attended
        return Look(self._judge(attended, sequence, mask), frames, maps)

    def _judge(self, x: Tensor, sequence: Tensor, mask: Tensor | None) -> Tensor:
        """Turn N x F x D, and what the dynamic head reads, into log-probabilities N x 2 x H.

        In logs, so that a confident score keeps its gradient.
        """
        static = _mean_over_frames(self.static(_rows(x, mask)).float(), x.shape[1], mask, self.axis_bug)
        if self.dynamic is None:
            return static.unsqueeze(-1)
        dynamic = self.dynamic(sequence, mask).float().log_softmax(1)
        fused = torch.logaddexp(static + math.log(self.w), dynamic + math.log1p(-self.w))
        return torch.stack([fused, static, dynamic], dim=-1)

    def _usable(self, crops: Tensor, mask: Tensor | None) -> Tensor | None:
        """Check the frames against the network; returns None where no frame is padding."""
        n_frames = crops.shape[1]
        most = len(self.dynamic.positions) if isinstance(self.dynamic, DynamicHead) else math.inf
        if n_frames > most:
            raise InputError(f"{n_frames} frames a clip", f"the dynamic head tells {most} apart", "raise `positions`")
        if mask is not None and not mask.any(1).all():
            bare = (~mask.any(1)).nonzero().flatten().tolist()
            raise InputError(f"clips {bare} of a batch", "have no usable frame", "leave them out")
        mask = None if mask is None or mask.all() else mask
        if self.axis_bug and (mask is not None or n_frames < 2):
            raise InputError("axis_bug", "is defined for two or more frames, none padded", "drop short clips")
        return mask


class ASRIDLoss(nn.Module):
    """The loss of `Asrid`'s output against labels N (0 real, 1 fake): the mean over clips.

    Paper: ASRID equation (1) and 5.2: `paper` is w * L_static + (1 - w) * L_dynamic; `code`, as released, is one
    binary cross-entropy on the fused probability. Without a dynamic head the two are the same.
    """

    def __init__(self, mode: str, w: float):
        super().__init__()
        self.mode, self.w = mode, w

    def forward(self, pred: Tensor, label: Tensor) -> Tensor:
        if self.mode == "code" or pred.shape[-1] == 1:
            return F.nll_loss(pred[..., 0], label)
        return self.w * F.nll_loss(pred[..., 1], label) + (1 - self.w) * F.nll_loss(pred[..., 2], label)


def _mean_over_frames(logits: Tensor, n_frames: int, mask: Tensor | None, axis_bug: bool) -> Tensor:
    """Turn the static head's R x K logits into log-probabilities N x 2: the mean over frames, component 0 = real."""
    if axis_bug:
        return _axis_bug(_frames(logits, n_frames, mask))
    each = _frames(logits.log_softmax(1), n_frames, mask, -math.inf)
    total = torch.stack([each[..., 0].logsumexp(1), each[..., 1:].logsumexp((1, 2))], dim=1)
    return total - (math.log(n_frames) if mask is None else log(mask.sum(1, keepdim=True).float()))


def _axis_bug(logits: Tensor) -> Tensor:
    """Turn N x F x 2 logits into log-probabilities N x 2 with the axis error of the released Baseline.

    Its softmax runs over frames instead of classes; then the first frame is taken and the classes are averaged, so
    that P(real) starts near 1/F whatever the pictures show.
    """
    share = logits.log_softmax(1)
    return torch.stack([share[:, 0].logsumexp(1), share[:, 1:].logsumexp((1, 2))], dim=1) - math.log(2)


def _rows(x: Tensor, mask: Tensor | None) -> Tensor:
    """Flatten N x F x ... to R x ..., the frames without the padded ones."""
    return x.flatten(0, 1) if mask is None else x[mask]


def _frames(rows: Tensor, n_frames: int, mask: Tensor | None, fill: float = 0.0) -> Tensor:
    """Reshape R x ... back to N x F x ...; padded frames hold `fill`."""
    if mask is None:
        return rows.unflatten(0, (-1, n_frames))
    return rows.new_full((*mask.shape, *rows.shape[1:]), fill).index_put((mask,), rows)


def _check(strategy: str, mode: str, w: float, axis_bug: bool) -> None:
    if strategy not in STATIC + DYNAMIC:
        raise InputError(f"strategy = {strategy!r}", "does not exist", f"use one of {', '.join(STATIC + DYNAMIC)}")
    if mode not in CLASSES:
        raise InputError(f"mode = {mode!r}", "does not exist", f"use one of {', '.join(CLASSES)}")
    if strategy in DYNAMIC and not 0 < w < 1:
        raise InputError(f"w = {w}", f"is not in (0, 1), as {strategy} needs", "the paper has 0.8 and 0.95")
    if strategy in STATIC and w != 1:
        raise InputError(f"w = {w}", f"{strategy} has no dynamic score to weigh against", "set w to 1")
    if axis_bug and strategy != "static_old":
        raise InputError("axis_bug", f"is the Baseline's, {strategy} has none", "use strategy static_old")
