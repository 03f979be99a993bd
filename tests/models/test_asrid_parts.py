"""ASRID's pieces by hand: attention over frames and over places, positions, heads."""

import math

import pytest
import torch

from ddet.models import asrid
from ddet.models.asrid_parts import sinusoids


def test_a_map_decides_which_place_is_seen():
    """Two places, one map that sees only the second: the pooled feature is the second place's."""
    attention = asrid.PictureAttention(channels=2, maps=1, width=2)
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
