"""MAT's parts against loops over attentions, groups and pixels, and its losses by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet.models import mat_parts


def drawn(*shape: int, seed: int = 5) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_attention_is_positive_and_nothing_at_the_border():
    torch.manual_seed(0)
    attention = mat_parts.Attention(6, 4).eval()
    found = attention(drawn(2, 6, 24, 24) - 0.5).detach()
    assert found.shape == (2, 4, 24, 24) and found.min() == 0
    assert (found[:, :, 2:-2, 2:-2] > 0).all()
    edge = torch.ones(24, 24)
    edge[2:-2, 2:-2] = 0
    assert not (found * edge).any()


def test_attention_equals_its_layers_written_out():
    torch.manual_seed(0)
    attention, x = mat_parts.Attention(6, 4).eval(), drawn(1, 6, 10, 10) - 0.5
    first, norm1, _, second, norm2, _ = attention.layers
    for norm in (norm1, norm2):
        nn.init.uniform_(norm.running_mean, -0.2, 0.2)
    with torch.no_grad():
        y = norm2(second(norm1(first(x)).clamp(min=0)))
        expected = torch.where(y > 0, y + 1, y.exp())
        expected[:, :, 0], expected[:, :, :, 0] = 0, 0  # of ten cells, the first alone is nearest to cells 0 and 1
        torch.testing.assert_close(attention(x), expected)


def slow_texture(texture: mat_parts.Texture, features: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    """Run the dense block of each attention by itself; in evaluation."""
    n, sides = texture.extract.out_channels, features.shape[-2:]
    seen = F.conv2d(features, texture.extract.weight, texture.extract.bias, padding=1)
    step = sides[0] // attention.shape[-1]
    for row, col in np.ndindex(*attention.shape[-2:]):
        cell = seen[:, :, row * step : (row + 1) * step, col * step : (col + 1) * step]
        cell -= cell.mean(dim=(2, 3), keepdim=True)
    weight = F.interpolate(attention, sides, mode="bilinear", align_corners=True).tanh()
    out = []
    for m in range(texture.maps):

        def conv(layer: nn.Conv2d, x: torch.Tensor, m: int = m) -> torch.Tensor:
            own = slice(m * n, (m + 1) * n)
            return F.conv2d(x, layer.weight[own], layer.bias[own], padding=layer.padding)

        def normed(norm: nn.BatchNorm2d, x: torch.Tensor, m: int = m) -> torch.Tensor:
            own = slice(m * x.shape[1], (m + 1) * x.shape[1])
            args = (t[own] for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
            return F.batch_norm(x, *args).relu()

        maps = [conv(texture.first, seen * weight[:, m : m + 1])]
        for norm, _, layer in texture.dense:
            maps.append(conv(layer, normed(norm, torch.cat(maps, dim=1))))
        out.append(normed(texture.end[0], maps[-1]))
    return torch.stack(out, dim=1)


def test_texture_equals_one_dense_block_for_each_attention():
    torch.manual_seed(0)
    texture, features, attention = mat_parts.Texture(5, 3, 4).eval(), drawn(2, 5, 8, 8), 2 * drawn(2, 4, 4, 4)
    for norm in (m for m in texture.modules() if isinstance(m, nn.BatchNorm2d)):
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            nn.init.uniform_(value, 0.1, 0.9)
    with torch.no_grad():
        found, around = texture(features, attention)
        expected = slow_texture(texture, features, attention)
        assert found.shape == (2, 4, 3, 8, 8) and expected.std() > 0.01
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(around, F.avg_pool2d(texture.extract(features), 2))


def test_the_texture_block_has_the_released_number_of_parameters():
    with torch.device("meta"):
        texture = mat_parts.Texture(32, 32, 4)
    assert sum(p.numel() for p in texture.parameters()) == 352_672


def test_the_attention_learns_nothing_from_the_texture():
    texture, attention = mat_parts.Texture(5, 3, 4), drawn(2, 4, 4, 4).requires_grad_()
    assert texture(drawn(2, 5, 8, 8), attention)[0].requires_grad
    texture(drawn(2, 5, 8, 8), attention)[0].sum().backward()
    assert attention.grad is None


@pytest.mark.parametrize("own", [True, False], ids=["of its own", "shared"])
def test_pooling_equals_a_loop_over_pixels(own):
    attention = drawn(2, 4, 5, 6)
    features = drawn(2, 4, 3, 5, 6, seed=6) if own else drawn(2, 3, 5, 6, seed=6)
    found = mat_parts.pool(features, attention)
    for b, m in np.ndindex(2, 4):
        total = torch.zeros(3)
        for row, col in np.ndindex(5, 6):
            total += attention[b, m, row, col] * (features[b, m] if own else features[b])[:, row, col]
        torch.testing.assert_close(found[b, m], total / total.square().sum().sqrt())


def test_pooling_resizes_the_attention_from_corner_to_corner():
    attention = torch.tensor([[0.0, 1.0], [0.0, 1.0]])[None, None]
    features = torch.eye(3).view(1, 3, 1, 3).expand(-1, -1, 2, -1)  # channel k is 1 in column k
    found = mat_parts.pool(features, attention)[0, 0]
    torch.testing.assert_close(found, torch.tensor([0, 0.5, 1]) / 1.25**0.5)


def test_the_average_is_weighed_by_the_attention():
    """Weights 1, 0, 0 and 3 of 4: (2 + 3 * 6) / 4 = 5."""
    features = torch.tensor([[2.0, 9], [9, 6]]).view(1, 1, 2, 2)
    attention = torch.tensor([[1.0, 0], [0, 3]]).view(1, 1, 2, 2)
    assert mat_parts.average(features, attention).item() == pytest.approx(5)
    assert mat_parts.average(features, 0 * attention).item() == pytest.approx(6.5), "no attention is even attention"


def test_standardised_maps():
    found = mat_parts.standardised(torch.tensor([[1.0, 3.0], [1.0, 3.0]])[None, None])
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([-1.0, 1]) * 0.75**0.5)
    assert not mat_parts.standardised(torch.ones(1, 1, 2, 2)).any()


def test_the_regional_independence_loss_by_hand():
    """One real image (V = (3, 4), (0, 0)) and one fake, M = N = 2, rate .1.

    The centres move to .1 * V / 2 = (.15, .2), (0, 0), .25 apart: (.8 - .25) / (2 * .1) = 2.75. The real image is
    |(2.85, 3.8)| = 4.75 away: 4.55 too far. The fake one, at the centres, is .8 too near. Their mean is 2.675.
    """
    regions = mat_parts.Regions(2, 2, rate=0.1)
    centres = torch.tensor([[0.15, 0.2], [0, 0]])
    vectors = torch.stack([torch.tensor([[3.0, 4.0], [0, 0]]), centres])
    assert regions(vectors, torch.tensor([0, 1])).item() == pytest.approx(2.675 + 2.75, rel=1e-5)
    torch.testing.assert_close(regions.centres, centres)


def test_what_is_near_enough_or_far_enough_costs_nothing():
    regions = mat_parts.Regions(2, 2, rate=0.1)
    regions.centres = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    near, far = regions.centres + 0.05, regions.centres + 2
    assert regions(torch.stack([near, far]), torch.tensor([0, 1])).item() == 0


def test_fakes_do_not_move_the_centres_and_gradients_pass_through_the_move():
    regions = mat_parts.Regions(2, 2)
    vectors = drawn(3, 2, 2).requires_grad_()
    regions(vectors, torch.ones(3, dtype=torch.int64)).backward()
    assert not regions.centres.any() and vectors.grad.isfinite().all()
    vectors.grad = None
    regions.centres = torch.tensor([[0.0, 0.0], [0.1, 0.0]])
    near = (regions.centres + 0.01)[None].requires_grad_()
    regions(near, torch.tensor([0])).backward()
    assert near.grad.abs().sum() > 0, "the image is within the margin, but its centres are too near to each other"
    assert "centres" in regions.state_dict()


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 1.0])
def test_the_soft_step_by_hand(place):
    def sigmoid(x: float) -> float:
        return 1 / (1 + np.exp(-x))

    expected = (sigmoid((place - 0.5) * 4) - sigmoid(-2)) / (1 - sigmoid(-2))
    found = mat_parts.soften(torch.tensor(place), torch.tensor(0.5), torch.tensor(4.0)).item()
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_image_is_degraded_where_the_chosen_attention_looks():
    torch.manual_seed(0)
    attention = torch.zeros(64, 2, 4, 4)
    attention[:, 0, 0, 0], attention[:, 1, 3, 3] = 15, 0.5
    image = drawn(64, 3, 32, 32)
    found, chosen = mat_parts.degrade(image, attention)
    changed = (found - image).abs().mean(dim=1)
    first = chosen == 0
    assert 40 < first.sum() < 60, "the root of 16 against that of 1.5: 4 to 1.22"
    assert changed[first][:, -8:, -8:].max() < 1e-6 and changed[~first][:, :8, :8].max() < 1e-6
    assert changed[first][:, :4, :4].mean() > 0.1 and changed[~first][:, -4:, -4:].mean() > 0.1


def test_place_and_steepness_of_the_step_are_drawn_as_released(monkeypatch):
    """U(.4, .6) and U(3, 5): the lowest and the highest of 200 draws are within a fifth of the range of its ends."""
    seen = []
    monkeypatch.setattr(mat_parts, "soften", lambda place, *given: seen.append(torch.stack(given)) or place)
    torch.manual_seed(0)
    for _ in range(200):
        mat_parts.degrade(torch.zeros(1, 3, 12, 12), torch.ones(1, 1, 4, 4))
    for values, (low, high) in zip(torch.stack(seen).T, ((0.4, 0.6), (3, 5)), strict=True):
        margin = (high - low) / 5
        assert low <= values.min() < low + margin and high - margin < values.max() <= high


def test_what_replaces_the_image_is_smooth_with_some_noise(monkeypatch):
    monkeypatch.setattr(mat_parts, "soften", lambda place, *_: torch.ones_like(place))
    torch.manual_seed(0)
    found, _ = mat_parts.degrade(torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 4, 4))
    expected = 0.05 / torch.tensor([0.229, 0.224, 0.225]) * 2 / 3  # growing smooths it
    torch.testing.assert_close(found[0].std(dim=(1, 2)), expected, atol=0, rtol=0.1)
    monkeypatch.setattr(mat_parts, "NOISE", 0)
    dot = torch.zeros(1, 3, 64, 64)
    dot[:, :, 32, 32] = 1
    smooth, _ = mat_parts.degrade(dot, torch.ones(1, 1, 4, 4))
    assert smooth.max() < 0.02 and 20 <= (smooth[0, 0, 32] > 0).sum() <= 26, "eleven pixels of half the side"


def test_nothing_of_it_is_differentiated_and_an_attention_of_nothing_is_allowed():
    attention = torch.zeros(1, 2, 4, 4, requires_grad=True)
    found, _ = mat_parts.degrade(drawn(1, 3, 16, 16), attention)
    torch.testing.assert_close(found, drawn(1, 3, 16, 16))
    assert not found.requires_grad
