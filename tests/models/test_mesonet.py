"""MesoNet against its published sizes and a plain version of each block, and the loss that training minimises."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import mesonet

NAMES = ("meso4", "mesoinception4")
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def built(name: str = "meso4", size: int = 32, width: int = 1, seed: int = 0) -> mesonet.MesoNet:
    torch.manual_seed(seed)
    return mesonet.build(params.Model(name=name, backbone="", size=size, form="released", swin=None, width=width))


def images(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("name", "parameters"), [("meso4", 27_977), ("mesoinception4", 28_615)])
def test_parameters_are_as_many_as_published(name, parameters):
    with torch.device("meta"):
        model = built(name, 256)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model.backbone is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("size", "width"), [(32, 1), (80, 2), (33, 1), (256, 1)])
def test_any_side_and_width_go_through(name, size, width):
    model = built(name, size, width).eval()
    seen = []
    model.cam_layer(size).register_forward_hook(lambda _, inputs, out: seen.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert model(images(2, size)).shape == (2, 2)
    assert seen == [(16 * width, -(-size // 8), -(-size // 8))], "an eighth of the side, rounded up"


def steps(model: mesonet.MesoNet) -> list[str]:
    return [type(layer).__name__ for layer in model.features]


def test_the_layers_stand_in_the_released_order():
    plain = ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]
    assert steps(built()) == 4 * plain
    assert steps(built("mesoinception4")) == 2 * ["Inception", "BatchNorm2d", "MaxPool2d"] + 2 * plain
    for name in NAMES:
        features = built(name).features
        assert [layer.kernel_size for layer in features if isinstance(layer, nn.MaxPool2d)] == [2, 2, 2, 4]
        assert {(n.eps, n.momentum) for n in features if isinstance(n, nn.BatchNorm2d)} == {(1e-3, 0.01)}
    windows = [layer.kernel_size[0] for layer in built().features if isinstance(layer, nn.Conv2d)]
    assert windows == [3, 5, 5, 5]


def plain(model: mesonet.MesoNet, image: torch.Tensor) -> torch.Tensor:
    """Write Meso4 in evaluation, with each batch norm by hand."""
    x = image * STD + MEAN
    for at, pool in zip(range(0, 16, 4), (2, 2, 2, 4), strict=True):
        conv, norm = model.features[at], model.features[at + 2]
        x = F.conv2d(x, conv.weight, conv.bias, padding="same").clamp(min=0)
        mean, variance, scale, shift = (
            t.view(-1, 1, 1) for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        x = F.max_pool2d((x - mean) / (variance + 1e-3).sqrt() * scale + shift, pool)
    first, last = (layer for layer in model.head if isinstance(layer, nn.Linear))
    x = x.flatten(1) @ first.weight.T + first.bias
    return torch.where(x > 0, x, 0.1 * x) @ last.weight.T + last.bias


def test_meso4_equals_a_plain_version_and_one_output_is_two_logits():
    model = built(size=64).eval()
    for norm in (layer for layer in model.features if isinstance(layer, nn.BatchNorm2d)):
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            nn.init.uniform_(value, 0.5, 1.5)
    with torch.no_grad():
        logits, z = model(images(2, 64)), plain(model, images(2, 64))
    assert z.std() > 0.01
    torch.testing.assert_close(logits, torch.cat([torch.zeros(2, 1), z], dim=1))
    torch.testing.assert_close(logits.softmax(dim=1)[:, 1:], z.sigmoid())


def slow_dilated(x: np.ndarray, conv: nn.Conv2d, by: int) -> np.ndarray:
    """Correlate C x H x W with 3 x 3 windows whose taps are `by` px apart; outside is zero."""
    weight, bias = (t.detach().double().numpy() for t in (conv.weight, conv.bias))
    padded, (_, height, width) = np.pad(x, ((0, 0), (by, by), (by, by))), x.shape
    out = np.zeros((len(weight), height, width))
    for o, row, col in np.ndindex(out.shape):
        taps = padded[:, row : row + 2 * by + 1 : by, col : col + 2 * by + 1 : by]
        out[o, row, col] = (weight[o] * taps).sum() + bias[o]
    return out


def test_an_inception_equals_its_branches_written_out():
    torch.manual_seed(0)
    block, x = mesonet.Inception(3, 1, 4, 3, 2), torch.randn(1, 3, 8, 7)
    found = block(x).detach().numpy()[0]
    assert found.shape == (10, 8, 7)
    parts = np.split(found, np.cumsum([1, 4, 3]))
    for at, part in enumerate(parts):
        conv = block.point[at]
        point = np.einsum("oc,chw->ohw", conv.weight[:, :, 0, 0].detach().double(), x[0].double())
        expected = np.maximum(point + conv.bias.detach().numpy()[:, None, None], 0)
        if at:
            expected = np.maximum(slow_dilated(expected, block.dilated[at - 1], at), 0)
        np.testing.assert_allclose(part, expected, atol=1e-5)


def test_the_two_inceptions_have_the_widths_of_the_paper():
    first, second = (m for m in built("mesoinception4").features if isinstance(m, mesonet.Inception))
    assert [conv.out_channels for conv in first.point] == [1, 4, 4, 2]
    assert [conv.out_channels for conv in second.point] == [2, 4, 4, 2]


@pytest.mark.parametrize("name", NAMES)
def test_training_minimises_the_squared_error_of_the_probability(name):
    model, label = built(name), torch.tensor([0, 1, 1, 0])
    logits = model(images(), label=label)
    total = F.cross_entropy(logits, label) + model.penalty
    expected = ((1 / (1 + (-logits[:, 1]).exp()) - label) ** 2).mean()
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_parameter(name):
    model, label = built(name), torch.arange(4) % 2
    (F.cross_entropy(model(images(), label=label), label) + model.penalty).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_penalty_is_of_training_alone():
    model, label = built(), torch.arange(4) % 2
    model(images(), label=label)
    assert model.penalty is not None
    with torch.no_grad():
        model(images())
    assert model.penalty is None
    model(images(), label=label)
    model.eval()(images())
    assert model.penalty is None
    with pytest.raises(InputError, match=r"^MesoNet: needs label in training"):
        model.train()(images())


def test_it_begins_as_keras_begins():
    model = built(size=256)
    for layer in (m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)):
        fan = sum(nn.init._calculate_fan_in_and_fan_out(layer.weight))
        limit = (6 / fan) ** 0.5
        assert not layer.bias.any() and 0.8 * limit < layer.weight.abs().max() <= limit


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_repeats_itself(name):
    model = built(name).eval()
    with torch.no_grad():
        assert torch.equal(model(images()), model(images()))
