"""CADDM's anchors: boxes at four scales, which of them lie on forged regions, and what a wrong guess costs."""

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from ddet.models.portable import log

SIDE = 224  # of the image for which the paper states its numbers, in px
CELLS, STEPS = (7, 5, 3, 1), (32, 45, 75, 224)
SHAPES = ((40, 80), (80, 120), (120, 160), (224, 224))  # of an anchor of each scale, either way round
MATCHES = 0.5  # intersection over union
NEGATIVES = 2  # for each positive anchor of an image
CENTRE, SCALE = 0.1, 0.2  # units in which offsets are learnt


def anchors() -> Tensor:
    """Return the 168 anchors as (x, y, width, height) of their centres, in shares of the image's side: 168 x 4."""
    rows = []
    for cells, step, (short, long) in zip(CELLS, STEPS, SHAPES, strict=True):
        for row, column in product(range(cells), repeat=2):
            centre = (column + 0.5) * step / SIDE, (row + 0.5) * step / SIDE
            rows += [(*centre, short / SIDE, long / SIDE), (*centre, long / SIDE, short / SIDE)]
    return torch.tensor(rows).clamp(0, 1)


def overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the intersection over union of ... x M x 4 and N x 4 boxes (left, top, right, bottom): ... x M x N."""
    boxes = boxes[..., None, :]
    sides = torch.minimum(boxes[..., 2:], others[:, 2:]) - torch.maximum(boxes[..., :2], others[:, :2])
    inter = sides.clamp(min=0).prod(dim=-1)
    areas = ((b[..., 2:] - b[..., :2]).prod(dim=-1) for b in (boxes, others))
    return inter / (sum(areas) - inter)


def assign(boxes: Tensor, known: Tensor, anchor: Tensor) -> tuple[Tensor, Tensor]:
    """Tell which anchors lie on a box, and where that box is as seen from the anchor.

    An anchor lies on the box that it overlaps most, if by half or more; the best anchor of each box lies on it
    whatever it overlaps. An offset is that of the centre, in tenths of the anchor's size, and the logarithm of the
    ratio of the sizes, in units of .2.

    Args:
        boxes: B x M x 4 (left, top, right, bottom), shares of the side.
        known: bool B x M, which of them exist; images without one have no positive anchor.
        anchor: N x 4, as `anchors` has them.

    Returns:
        Bool B x N and float B x N x 4, without meaning where the anchor lies on none.
    """
    corners = torch.cat([anchor[:, :2] - anchor[:, 2:] / 2, anchor[:, :2] + anchor[:, 2:] / 2], dim=1)
    share = overlap(boxes, corners).masked_fill(~known[..., None], -1)
    most, which = share.max(dim=1)
    for box in range(boxes.shape[1]):  # a later box takes an anchor that two boxes like best
        best = share[:, box].argmax(dim=1, keepdim=True)
        exists = known[:, box, None]
        most = most.scatter(1, best, torch.where(exists, 2.0, most.gather(1, best)))
        which = which.scatter(1, best, torch.where(exists, box, which.gather(1, best)))
    matched = boxes.gather(1, which[..., None].expand(-1, -1, 4))
    centre = ((matched[..., :2] + matched[..., 2:]) / 2 - anchor[:, :2]) / (CENTRE * anchor[:, 2:])
    size = log((matched[..., 2:] - matched[..., :2]).clamp(min=1e-6) / anchor[:, 2:]) / SCALE
    return most >= MATCHES, torch.cat([centre, size], dim=2)


def detection_loss(offsets: Tensor, scores: Tensor, positive: Tensor, target: Tensor) -> Tensor:
    """Return what wrong guesses cost: smooth L1 of offsets, cross-entropy of scores, over the number of positives.

    Offsets count for positive anchors; scores for these and, in each image, for twice as many of the others, those
    that are most wrong. So real images, which have no positive anchor, cost nothing.

    Args:
        offsets: B x N x 4.
        scores: B x N x 2 logits, index 1 = on a box.
        positive: bool B x N.
        target: B x N x 4.

    Paper: SSD (Liu et al., 2016), equations 1 to 3, with 3 negatives for each positive; CADDM has 2.
    """
    number = positive.sum().clamp(min=1)
    wrong = F.cross_entropy(scores.transpose(1, 2), positive.long(), reduction="none")
    rank = wrong.detach().masked_fill(positive, 0).argsort(dim=1, descending=True).argsort(dim=1)
    wanted = (NEGATIVES * positive.sum(dim=1, keepdim=True)).clamp(max=positive.shape[1] - 1)
    counted = positive | (rank < wanted)
    placed = F.smooth_l1_loss(offsets[positive], target[positive], reduction="sum")
    return (placed + wrong[counted].sum()) / number
