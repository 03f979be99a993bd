"""CADDM's anchors by hand, their matching and its loss against loops over anchors."""

import math

import pytest
import torch
from torch.nn import functional as F

from ddet.models import caddm_boxes as boxes

WHOLE = [0.0, 0.0, 1.0, 1.0]


def test_anchors_by_hand():
    found = boxes.anchors()
    assert found.shape == (168, 4) and 168 == 2 * (49 + 25 + 9 + 1)
    px = 224 * found
    expected = {
        0: [16, 16, 40, 80],
        1: [16, 16, 80, 40],
        2: [48, 16, 40, 80],  # the second column of the first row
        14: [16, 48, 40, 80],
        98: [22.5, 22.5, 80, 120],
        148: [37.5, 37.5, 120, 160],
        166: [112, 112, 224, 224],
        167: [112, 112, 224, 224],
    }
    for at, row in expected.items():
        torch.testing.assert_close(px[at], torch.tensor(row).float())


def test_overlap_by_hand():
    """Of two unit squares shifted by a half in one direction: .5 / 1.5; of one inside another a quarter its size."""
    one = torch.tensor([WHOLE, [0.5, 0, 1.5, 1], [0.25, 0.25, 0.75, 0.75], [2, 2, 3, 3]])
    torch.testing.assert_close(boxes.overlap(one[:1], one), torch.tensor([[1, 1 / 3, 0.25, 0]]))
    assert boxes.overlap(one.view(2, 2, 4), one[:3]).shape == (2, 2, 3)


def slow_assign(truths: list[list[float]], anchor: list[list[float]]) -> list[tuple[bool, list[float]]]:
    """Match the boxes of one image anchor by anchor, as SSD does."""

    def share(box: list[float], a: list[float]) -> float:
        left, right = a[0] - a[2] / 2, a[0] + a[2] / 2
        top, bottom = a[1] - a[3] / 2, a[1] + a[3] / 2
        inter = max(0, min(box[2], right) - max(box[0], left)) * max(0, min(box[3], bottom) - max(box[1], top))
        return inter / ((box[2] - box[0]) * (box[3] - box[1]) + a[2] * a[3] - inter)

    owner = {}
    for b, box in enumerate(truths):
        owner[max(range(len(anchor)), key=lambda k: share(box, anchor[k]))] = b
    rows = []
    for k, a in enumerate(anchor):
        shares = [share(box, a) for box in truths]
        b = owner.get(k, shares.index(max(shares)))
        left, top, right, bottom = truths[b]
        centre = [((left + right) / 2 - a[0]) / (0.1 * a[2]), ((top + bottom) / 2 - a[1]) / (0.1 * a[3])]
        size = [math.log((right - left) / a[2]) / 0.2, math.log((bottom - top) / a[3]) / 0.2]
        rows.append((k in owner or max(shares) >= 0.5, centre + size))
    return rows


@pytest.mark.parametrize(
    "truths",
    [
        [WHOLE],
        [WHOLE, [0.1, 0.3, 0.48, 0.5]],
        [WHOLE, [0.41, 0.02, 0.95, 0.37]],
        [WHOLE, WHOLE],
        [WHOLE, [0.0, 0.0, 0.05, 0.05]],  # no anchor overlaps it by half, but one is the best
    ],
)
def test_matching_equals_a_loop_over_anchors(truths):
    anchor = boxes.anchors()
    padded = torch.tensor([truths + [WHOLE] * (2 - len(truths))])
    known = torch.tensor([[True, len(truths) == 2]])
    positive, offsets = boxes.assign(padded, known, anchor)
    expected = slow_assign(truths, anchor.tolist())
    assert positive[0].tolist() == [row[0] for row in expected]
    found = torch.tensor([row[1] for row in expected])
    torch.testing.assert_close(offsets[0][positive[0]], found[positive[0]], atol=1e-4, rtol=1e-4)
    assert positive.sum() >= 2


def test_images_are_matched_each_for_itself_and_real_ones_not_at_all():
    anchor, truths = boxes.anchors(), torch.tensor([[WHOLE, [0.1, 0.3, 0.48, 0.5]], [WHOLE, WHOLE], [WHOLE, WHOLE]])
    known = torch.tensor([[True, True], [False, False], [True, False]])
    positive, _ = boxes.assign(truths, known, anchor)
    assert positive[0].sum() > 2 and not positive[1].any()
    assert positive[2].nonzero().flatten().tolist() == [166, 167], "the two as large as the image"
    torch.testing.assert_close(boxes.assign(truths[:1], known[:1], anchor)[0], positive[:1])


def slow_loss(offsets: torch.Tensor, scores: torch.Tensor, positive: torch.Tensor, target: torch.Tensor) -> float:
    total, number = 0.0, 0
    for row in range(len(positive)):
        good = positive[row].nonzero().flatten().tolist()
        number += len(good)
        costs = [-scores[row, k].log_softmax(0)[int(positive[row, k])].item() for k in range(positive.shape[1])]
        total += sum(F.smooth_l1_loss(offsets[row, k], target[row, k], reduction="sum").item() for k in good)
        others = sorted((c for k, c in enumerate(costs) if k not in good), reverse=True)
        total += sum(costs[k] for k in good) + sum(others[: 2 * len(good)])
    return total / max(number, 1)


def test_the_loss_equals_a_loop_over_anchors():
    draw = torch.Generator().manual_seed(0)
    offsets, target = 2 * torch.randn(2, 3, 12, 4, generator=draw)
    scores = 2 * torch.randn(3, 12, 2, generator=draw)
    positive = torch.zeros(3, 12, dtype=torch.bool)
    positive[0, [3, 7]], positive[1, 0] = True, True
    found = boxes.detection_loss(offsets, scores, positive, target)
    assert found.item() == pytest.approx(slow_loss(offsets, scores, positive, target), rel=1e-5)


def test_real_images_alone_cost_nothing_and_teach_nothing():
    offsets, scores = torch.randn(2, 12, 4).requires_grad_(), torch.randn(2, 12, 2).requires_grad_()
    loss = boxes.detection_loss(offsets, scores, torch.zeros(2, 12, dtype=torch.bool), torch.zeros(2, 12, 4))
    loss.backward()
    assert loss.item() == 0 and not offsets.grad.any() and not scores.grad.any()


def test_the_loss_by_hand():
    """One positive anchor off by (2, 0, .5, 0): 1.5 + .125; sure scores cost nothing, two undecided ones ln 2 each."""
    scores = torch.tensor([[[-50.0, 50], [0, 0], [0, 0], [50, -50]]])
    positive, offsets = torch.tensor([[True, False, False, False]]), torch.zeros(1, 4, 4)
    target = torch.tensor([2, 0, 0.5, 0]).repeat(1, 4, 1)
    found = boxes.detection_loss(offsets, scores, positive, target)
    assert found.item() == pytest.approx(1.625 + 2 * math.log(2), rel=1e-6)
