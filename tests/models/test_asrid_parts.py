"""ASRID's pieces by hand: attention over frames and over places, positions, heads."""

import math

import pytest
import torch
from torch.nn import functional as F

from ddet.errors import InputError
from ddet.models import asrid_parts
from ddet.models.asrid_parts import PictureAttention, sinusoids


def test_a_map_decides_which_place_is_seen():
    """Two places, one map that sees only the second: the pooled feature is the second place's."""
    attention = PictureAttention(channels=2, maps=1, width=2)
    seen = torch.tensor([[[[0.0, 1.0]], [[5.0, 7.0]]]])  # 1 x C=2 x 1 x 2
    with torch.no_grad():
        attention.places.weight.copy_(torch.tensor([100.0, 0.0]).view(1, 2, 1, 1))
        attention.project.weight.copy_(torch.eye(2))
        attention.project.bias.zero_()
        pooled, maps = attention(seen)
    assert maps.flatten().tolist() == pytest.approx([0, 1])
    assert pooled.flatten().tolist() == pytest.approx([1, 7])


def test_positions_by_hand():
    table = sinusoids(3, 4)
    assert table[0].tolist() == [0, 1, 0, 1]
    assert table[2].tolist() == pytest.approx([math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)])


def frames(n: int = 2, count: int = 4, width: int = 8) -> torch.Tensor:
    return torch.randn(n, count, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def attention():
    torch.manual_seed(1)
    return asrid_parts.FrameAttention(8, 2).eval()


def test_frames_look_at_each_other_as_by_the_plain_formula(attention):
    """With one head: softmax of q k / sqrt(D), values and outputs projected again, then ReLU."""
    torch.manual_seed(2)
    one, x = asrid_parts.FrameAttention(8, 1).eval(), frames()
    w, b = one.heads.in_proj_weight.chunk(3), one.heads.in_proj_bias.chunk(3)
    q, k, v = (F.linear(layer(x), w[i], b[i]) for i, layer in enumerate((one.query, one.key, one.value)))
    weights = (q @ k.transpose(1, 2) / math.sqrt(8)).softmax(-1)
    want = F.linear(weights @ v, one.heads.out_proj.weight, one.heads.out_proj.bias).relu()
    with torch.no_grad():
        out, seen = one(x, None, True)
        torch.testing.assert_close(out, want, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(seen, weights, atol=1e-5, rtol=1e-5)
        assert attention(x, None, False)[1] is None and attention(x, None, True)[0].min() == 0


def test_nobody_looks_at_padding(attention):
    x, mask = frames(), torch.tensor([[True] * 4, [True, True, False, False]])
    with torch.no_grad():
        out, weights = attention(x, mask, True)
        changed = x.clone()
        changed[1, 2:] = 9
        again = attention(changed, mask, True)[0]
    assert (weights[1, :, 2:] == 0).all() and torch.allclose(weights.sum(-1), torch.ones(2, 4))
    torch.testing.assert_close(again[1, :2], out[1, :2])


@pytest.mark.parametrize(("make", "name"), [
    (lambda: asrid_parts.FrameAttention(10, 4), "heads = 4"),
    (lambda: asrid_parts.DynamicHead(10, 1, 4, 8, 0.0, 4), "layer_heads = 4"),
])  # fmt: skip
def test_heads_must_divide_the_width(make, name):
    with pytest.raises(InputError, match=f"^{name}: does not divide the width 10; change one of the two$"):
        make()


def test_maps_sum_to_one_and_pool_places():
    torch.manual_seed(0)
    attention, seen = PictureAttention(channels=3, maps=2, width=5), torch.randn(4, 3, 2, 6)
    with torch.no_grad():
        pooled, maps = attention(seen)
        each = torch.einsum("rmhw,rchw->rmc", maps, seen)
    assert maps.shape == (4, 2, 2, 6) and torch.allclose(maps.sum((2, 3)), torch.ones(4, 2))
    torch.testing.assert_close(pooled, attention.project(each.flatten(1)).relu())


@pytest.fixture
def head():
    torch.manual_seed(3)
    return asrid_parts.DynamicHead(width=8, layers=1, heads=2, hidden=16, dropout=0.0, positions=6).eval()


def test_a_sequence_is_judged_as_the_mean_over_its_frames(head):
    x = frames()
    with torch.no_grad():
        found = head(x, None)
        want = head.classify(head.encoder(x + head.positions[:4]).mean(1))
        torch.testing.assert_close(found, want)
        torch.testing.assert_close(head(x, torch.ones(2, 4, dtype=torch.bool)), found)
        assert not torch.allclose(head(x.flip(1), None), found, atol=1e-4), "order counts"
    assert found.shape == (2, 2)


def test_padded_frames_do_not_enter_the_mean(head):
    x, mask = frames(), torch.tensor([[True] * 4, [True, True, False, False]])
    with torch.no_grad():
        both = head(x, mask)
        torch.testing.assert_close(both[1:], head(x[1:, :2], None))
        x[1, 2:] = 7
        torch.testing.assert_close(head(x, mask), both)


def test_a_fresh_head_leans_to_neither_side(head):
    assert (head.classify.bias == 0).all() and head.classify.weight.abs().max() <= 0.1


def test_motion_by_hand():
    """Values 0 2 4 have mean 2 and variance 8/3: changes of 1.2247; a clip that moves twice as far scores the same."""
    head = asrid_parts.MotionHead(channels=1, cells=1).eval()
    with torch.no_grad():
        head.classify.weight.copy_(torch.tensor([[0.0], [1.0]]))
        head.classify.bias.zero_()
    seen = torch.tensor([[0.0, 2, 4], [7, 11, 15], [0, 4, 2]])[..., None, None, None].expand(-1, -1, 1, 4, 4)
    with torch.no_grad():
        found = head(seen, None)[:, 1] * math.sqrt(1 + head.norm.eps)
        alone = head(seen[:, :2], torch.tensor([[True, False]] * 3))
    assert found.tolist() == pytest.approx([2 / math.sqrt(8 / 3)] * 2 + [3 / math.sqrt(8 / 3)], rel=1e-3)
    assert (alone == 0).all(), "one frame, no change"


def test_motion_tells_where_a_picture_moves():
    """A patch that goes from side to side leaves the mean over the picture as it is."""
    torch.manual_seed(1)
    head, seen = asrid_parts.MotionHead(channels=1, cells=2).eval(), torch.zeros(2, 4, 1, 4, 4)
    seen[0, [0, 1], 0, :, :2] = seen[0, [2, 3], 0, :, 2:] = 1  # goes over once
    seen[1, [0, 2], 0, :, :2] = seen[1, [1, 3], 0, :, 2:] = 1  # goes to and fro
    assert (seen.mean((-1, -2)) == 0.5).all()
    with torch.no_grad():
        once, often = head(seen, None)
        backwards = head(seen.flip(1), None)
    assert not torch.allclose(once, often, atol=1e-3)
    torch.testing.assert_close(backwards, torch.stack([once, often]))


def test_a_standardised_feature_has_mean_0_and_variance_1_over_the_frames_that_are_kept():
    x, kept = 5 + 3 * torch.randn(2, 40, 3), torch.ones(2, 40, dtype=torch.bool)
    kept[1, 10:] = False
    found = asrid_parts.standardised(x, kept)
    for clip, n in enumerate((40, 10)):
        part = found[clip, :n]
        torch.testing.assert_close(part.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(part.var(0, correction=0), torch.ones(3), atol=0.01, rtol=0)
    assert (found[1, 10:] == 0).all()
    assert (asrid_parts.standardised(torch.ones(1, 4, 2), kept[:1, :4]) == 0).all(), "nothing moves, nothing is nan"


def test_heads_have_the_layers_of_the_paper_and_of_its_code():
    old, new = asrid_parts.old_head(8, relu=True), asrid_parts.new_head(8, 4)
    x = torch.randn(50, 8)
    assert old(x).shape == (50, 2) and old(x).min() == 0 and new.eval()(x).shape == (50, 4)
    assert asrid_parts.old_head(8, relu=False)(x).min() < 0, "the text has one layer and no more"
    assert [type(m).__name__ for m in new] == ["Linear", "BatchNorm1d", "PReLU", "Linear"]
    assert [tuple(p.shape) for p in new.parameters()] == [(2, 8), (2,), (2,), (2,), (1,), (4, 2), (4,)]


def test_positions_differ_and_an_odd_width_is_cut():
    table = sinusoids(50, 7)
    assert table.shape == (50, 7) and table.abs().max() <= 1 and len({tuple(row) for row in table.tolist()}) == 50
    torch.testing.assert_close(sinusoids(50, 8)[:, :7][:, ::2][:, 0], torch.arange(50).float().sin())
