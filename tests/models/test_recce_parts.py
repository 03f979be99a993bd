"""RECCE's parts: reasoning as a loop over nodes, attention place by place, the decoder's maps and sizes."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet.models import recce_parts as parts


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_parts_are_as_large_as_released():
    """Counted layer by layer from the specification, at 728 channels."""
    with torch.device("meta"):
        decoder, reasoning, guided = parts.Decoder(728), parts.Reasoning(728), parts.Guided(728)

    def separable(a: int, b: int) -> int:
        return 9 * a + a * b + 2 * b  # depthwise, pointwise, batch norm

    blocks = 3 * separable(256, 256) + 3 * separable(128, 128)
    assert count(decoder) == separable(728, 256) + separable(256, 128) + separable(128, 64) + blocks + 3 * 64
    embeddings = 728 * 256 + 256**2 + 256**2 + 256**2 + 128 * 256 + 256**2
    assert count(reasoning) == embeddings + 2 * 728 * 256 + 2 * 512 + 768 * 728 + 728**2
    assert count(guided) == 27 * 3 + 3 + 728**2 + 2 * 728


@pytest.mark.parametrize(("width", "channels"), [(1, (256, 128)), (8, (32, 16))])
def test_the_decoder_doubles_three_times(width, channels):
    torch.manual_seed(0)
    first, second, image = parts.Decoder(12, width)(torch.randn(2, 12, 3, 4))
    assert first.shape == (2, channels[0], 6, 8) and second.shape == (2, channels[1], 12, 16)
    assert image.shape == (2, 3, 24, 32) and image.abs().max() <= 1
    assert any((image < 0).flatten()), "tanh, not ReLU"


def slow_reasoning(layer: parts.Reasoning, x: torch.Tensor, maps: list[torch.Tensor]) -> torch.Tensor:
    """Visit the nodes one by one, and of each its neighbours one by one."""
    node = layer.node(x)
    found = [torch.zeros_like(node) for _ in maps]
    for scale, side in enumerate((2, 4)):
        for b, row, column in np.ndindex(len(x), *x.shape[2:]):
            own = node[b, :, row, column]
            cells = maps[scale][b, :, side * row : side * (row + 1), side * column : side * (column + 1)]
            cells = [layer.neighbours[scale](cell) for cell in cells.flatten(1).T]
            scores = torch.cat([F.relu(layer.weigh[scale](torch.cat([own, cell]))) for cell in cells])
            total = sum(share * cell for share, cell in zip(scores.softmax(0), cells, strict=True))
            gate = layer.gates[scale].weight[:, :, 0, 0] @ x[b, :, row, column]
            found[scale][b, :, row, column] = total * (1 - gate.sigmoid())
    return layer.out(torch.cat([*found, node], dim=1).sigmoid())


def test_reasoning_equals_a_loop_over_nodes():
    torch.manual_seed(1)
    layer = parts.Reasoning(6, width=32).eval()
    for p in layer.parameters():
        nn.init.normal_(p, std=0.5)
    x, maps = torch.randn(2, 6, 2, 3), [torch.randn(2, 8, 4, 6), torch.randn(2, 4, 8, 12)]
    with torch.no_grad():
        found, expected = layer(x, *maps), slow_reasoning(layer, x, maps)
    assert found.shape == x.shape
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_closed_gate_leaves_out_the_neighbours():
    layer = parts.Reasoning(6, width=32).eval()
    x, maps = torch.ones(1, 6, 2, 2), [torch.randn(1, 8, 4, 4), torch.randn(1, 4, 8, 8)]
    for gate in layer.gates:
        nn.init.constant_(gate.weight, 100.0)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, *maps), layer(x, *[9 * m for m in maps]))


def test_attention_by_hand():
    torch.manual_seed(2)
    layer, x = parts.Guided(5).eval(), torch.randn(2, 5, 3, 3)
    residual = torch.rand(2, 3, 9, 9)
    with torch.no_grad():
        small = residual[:, :, ::4, ::4]  # aligned corners: every fourth of nine is sampled for three
        m = torch.sigmoid(layer.weigh[2](F.conv2d(small, layer.weigh[0].weight, padding=1).clamp(min=0)))
        change = (torch.einsum("oc,bchw->bohw", layer.change[0].weight[:, :, 0, 0], x) / (1 + 1e-5) ** 0.5).clamp(min=0)
        torch.testing.assert_close(layer(x, residual), m * change + x, atol=1e-5, rtol=1e-5)
    assert m.shape == (2, 1, 3, 3)


def test_dropout_is_where_the_released_code_has_it():
    decoder, reasoning, guided = parts.Decoder(8, 8), parts.Reasoning(6, 32), parts.Guided(5)
    assert isinstance(decoder.first[0], nn.Dropout) and isinstance(reasoning.out[-1], nn.Dropout)
    layers = (decoder.first[0], reasoning.out[-1], guided.dropout)
    assert [layer.p for layer in layers] == [0.2] * 3
    x, residual = torch.ones(1, 5, 20, 20), torch.zeros(1, 3, 40, 40)
    nn.init.zeros_(guided.change[1].weight)
    kept = guided.train()(x, residual)
    assert set(kept.unique().tolist()) == {0.0, 1.25}, "the map itself is dropped, not what is added"
