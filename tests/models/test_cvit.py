"""CViT against its released size and a plain transformer layer."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import cvit


def built(size: int = 32, width: int = 16, seed: int = 0) -> cvit.CViT:
    torch.manual_seed(seed)
    return cvit.build(params.Model(name="cvit", backbone="", size=size, form="released", swin=None, width=width))


def images(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def test_parameters_are_those_of_the_released_code_but_for_positions_that_it_never_uses():
    with torch.device("meta"):
        model = built(224, 1)
        assert model(torch.zeros(2, 3, 224, 224)).shape == (2, 2)
        assert model.features(torch.zeros(1, 3, 224, 224)).shape == (1, 512, 7, 7)
    found = sum(p.numel() for p in model.parameters())
    assert found == 88_991_554
    assert found + (1025 - 2) * 1024 == 90_039_106, "its second version"
    assert found + (32 - 2) * 1024 == 89_022_274, "its first"
    assert model.cam_layer(224) is model.features[52]
    assert model.backbone is None and model.needs == ()


def test_stages_are_as_deep_and_wide_as_released():
    with torch.device("meta"):
        features = list(built(width=1).features)
    pools = [at for at, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    assert pools == [9, 19, 29, 42, 55]
    convs = [layer for layer in features if isinstance(layer, nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == [32] * 3 + [64] * 3 + [128] * 3 + [256] * 4 + [512] * 4
    at = [k for k, layer in enumerate(features) if isinstance(layer, nn.Conv2d)]
    assert all([type(m).__name__ for m in features[k + 1 : k + 3]] == ["BatchNorm2d", "ReLU"] for k in at)


@pytest.mark.parametrize(("size", "width"), [(32, 4), (80, 8), (50, 32)])
def test_any_side_and_divisor_go_through(size, width):
    model = built(size, width).eval()
    seen = []
    model.cam_layer(size).register_forward_hook(lambda _, inputs, out: seen.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert model(images(2, size)).shape == (2, 2)
    assert seen == [(512 // width, -(-size // 16), -(-size // 16))]


def slow_layer(layer: cvit.Layer, x: np.ndarray) -> np.ndarray:
    """Run one layer on N x dim, head by head."""
    weights = {key: value.detach().double().numpy() for key, value in layer.state_dict().items()}

    def normed(y: np.ndarray, name: str) -> np.ndarray:
        y = (y - y.mean(axis=1, keepdims=True)) / np.sqrt(y.var(axis=1, keepdims=True) + 1e-5)
        return y * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    n, dim = x.shape
    q, k, v = np.split(normed(x, "norm") @ weights["qkv.weight"].T, 3, axis=1)
    out, wide = np.zeros((n, dim)), dim // layer.heads
    for head in range(layer.heads):
        own = slice(head * wide, (head + 1) * wide)
        alike = np.exp(q[:, own] @ k[:, own].T / np.sqrt(dim))
        out[:, own] = alike / alike.sum(axis=1, keepdims=True) @ v[:, own]
    x = x + out @ weights["out.weight"].T + weights["out.bias"]
    y = torch.from_numpy(normed(x, "mlp.0") @ weights["mlp.1.weight"].T + weights["mlp.1.bias"])
    return x + F.gelu(y).numpy() @ weights["mlp.3.weight"].T + weights["mlp.3.bias"]


def test_a_layer_equals_a_loop_over_its_heads():
    torch.manual_seed(0)
    layer, x = cvit.Layer(16, 4), 3 * torch.randn(2, 5, 16)
    nn.init.normal_(layer.qkv.weight, std=1)  # so that the attention is far from even
    for value in (layer.norm.weight, layer.norm.bias, layer.mlp[0].weight, layer.mlp[0].bias):
        nn.init.uniform_(value, 0.5, 1.5)
    found = layer(x).detach().numpy()
    np.testing.assert_allclose(found, [slow_layer(layer, v) for v in x.double().numpy()], atol=1e-4)


def test_the_class_token_comes_first_with_its_position_and_is_read():
    model, image = built().eval(), images(2)
    seen = []
    model.transformer.register_forward_hook(lambda _, inputs, out: seen.extend([inputs[0], out]))
    nn.init.normal_(model.token)
    with torch.no_grad():
        logits = model(image)
        patch = model.embed(model.features(image).flatten(1))
    torch.testing.assert_close(seen[0][:, 0], (model.token + model.positions[:, :1]).expand(2, -1, -1)[:, 0])
    torch.testing.assert_close(seen[0][:, 1], patch + model.positions[0, 1])
    torch.testing.assert_close(logits, model.head(seen[1][:, 0]))
    assert len(model.transformer) == 6 and {layer.heads for layer in model.transformer} == {8}


def test_a_gradient_reaches_every_parameter():
    model = built(64)
    F.cross_entropy(model(images(4, 64)), torch.arange(4) % 2).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_evaluation_repeats_itself_and_does_not_depend_on_the_batch():
    model = built().eval()
    with torch.no_grad():
        whole = model(images())
        assert torch.equal(whole, model(images()))
        torch.testing.assert_close(whole, torch.cat([model(image[None]) for image in images()]))


def test_a_width_that_does_not_divide_is_one_line():
    with pytest.raises(InputError, match=r"^model\.width = 5: does not divide CViT's 32 channels; use a divisor of 32"):
        built(width=5)
