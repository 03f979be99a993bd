"""Parameters and multiply-adds, by hand of small networks and as published of the large ones."""

import pytest
import torch
from torch import nn

from ddet import models, published
from ddet.models import cost


def small() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.Flatten(), nn.Linear(96, 2)),
    )


def test_a_small_network_by_hand():
    """Of 9 px: 4 x 9 x 9 values of 3 x 9 products, 6 x 4 x 4 of 2 x 9, and 2 x 96. Norms and biases do not count."""
    parameters = (4 * 27 + 4) + 2 * 4 + (6 * 18 + 6) + (2 * 96 + 2)
    assert cost.count(small, 9) == (parameters, 4 * 81 * 27 + 6 * 16 * 18 + 2 * 96)


def test_a_separable_convolution_counts_each_channel_once():
    def separable() -> nn.Module:
        each = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
        return nn.Sequential(each, nn.Conv2d(3, 8, 1, bias=False))

    assert cost.count(separable, 10) == (3 * 9 + 8 * 3, 100 * (3 * 9 + 8 * 3))


def test_matrix_products_count_too():
    class Attention(nn.Module):
        def forward(self, x):
            flat = x.flatten(2)  # 1 x 3 x 16
            return flat @ flat.transpose(1, 2)

    assert cost.count(Attention, 4) == (0, 3 * 3 * 16)


def test_nothing_is_computed():
    made, state = [], torch.get_rng_state()
    cost.count(lambda: made.append(small().train()) or made[0], 9)
    assert not made[0].training and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("row", "network", "parameters", "giga"),
    [("Xception", "legacy_xception", 20_811_050, 534.9), ("ResNet-50", "resnet50", 23_512_130, 488.2)],
)
def test_the_paper_s_cost_is_that_of_64_images_of_299_px(row, network, parameters, giga):
    """Measured elsewhere with a thousand classes. What is neither a convolution nor a matrix product adds 1 %."""
    count, products = cost.count(lambda: models.make_backbone(network, num_classes=2), 299)
    assert count == parameters
    assert 64 * (products + 998 * 2048) / 1e9 == pytest.approx(giga, abs=0.05)
    paper = published.value("prle_table8", row, "GFLOPs")
    assert 1 < paper / (64 * products / 1e9) < 1.02
    if row == "Xception":
        assert published.value("prle_table8", row, "Param.") == pytest.approx(count / 1e6, abs=0.005)


def test_multiply_adds_of_convolutions_grow_with_the_area():
    at = {size: cost.count(lambda: models.make_backbone("resnet50", num_classes=2), size)[1] for size in (128, 256)}
    linear = 2 * 2048
    assert at[256] - linear == 4 * (at[128] - linear)
    assert 64 * (at[256] + 998 * 2048) / 1e9 == pytest.approx(341.8, abs=0.05)
