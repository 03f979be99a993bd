"""FFD: its size, where the map stands and what it does, and the distance to the mask by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models import ffd, shared
from ddet.training.learner import save_weights


def built(name: str = "ffd", backbone: str = "slim_xception", size: int = 32, seed: int = 0) -> ffd.FFD:
    torch.manual_seed(seed)
    return ffd.build(params.Model(name=name, backbone=backbone, size=size, form="released", swin=None, width=1))


def images(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def masks(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(6))


def watched(model: ffd.FFD) -> list[torch.Tensor]:
    seen = []
    model.map.register_forward_hook(lambda _, inputs, out: seen.extend([inputs[0], out]))
    return seen


def test_the_full_size_is_that_of_the_released_code():
    with torch.device("meta"):
        model = built(backbone="legacy_xception", size=299)
        seen = watched(model)
        assert model(torch.zeros(2, 3, 299, 299), mask=torch.zeros(2, 1, 299, 299)).shape == (2, 2)
    assert sum(p.numel() for p in model.parameters()) == 20_818_330
    assert sum(p.numel() for p in model.map.parameters()) == 7_280
    assert [tuple(x.shape) for x in seen] == [(2, 728, 19, 19), (2, 1, 19, 19)]
    layers = ffd.steps(model.backbone)
    assert layers[model.cut - 1] is model.backbone.block7 and model.cam_layer(299) is model.backbone.conv4


@pytest.mark.parametrize(("size", "cells"), [(32, 4), (80, 10), (50, 7)])
def test_a_slim_one_takes_any_side(size, cells):
    model = built(size=size).eval()
    seen = watched(model)
    with torch.no_grad():
        assert model(images(2, size)).shape == (2, 2)
    assert seen[1].shape == (2, 1, cells, cells)
    assert ffd.steps(model.backbone)[model.cut - 1] is model.backbone.features[9], "the first of two middle blocks"
    assert model.cam_layer(size) is model.backbone.features[12]


def test_the_features_are_multiplied_by_the_map():
    model = built().eval()
    nn.init.normal_(model.map[0].pointwise.weight)  # so that the map is far from even
    seen, after = watched(model), []
    ffd.steps(model.backbone)[model.cut].register_forward_pre_hook(lambda _, inputs: after.append(inputs[0]))
    with torch.no_grad():
        logits = model(images())
        depthwise, pointwise = model.map[0].conv1, model.map[0].pointwise
        by_hand = F.conv2d(F.conv2d(seen[0], depthwise.weight, padding=1, groups=112), pointwise.weight).sigmoid()
        torch.testing.assert_close(seen[1], by_hand)
        assert seen[1].std() > 0.01
        torch.testing.assert_close(after[0], seen[0] * by_hand)
        nn.init.zeros_(pointwise.weight)
        assert not torch.allclose(model(images()), logits)


def test_a_map_of_ones_leaves_an_xception():
    model = built().eval()
    model.map = nn.Sequential(nn.Conv2d(112, 1, 1), nn.Sigmoid())
    nn.init.zeros_(model.map[0].weight)
    nn.init.constant_(model.map[0].bias, 40)
    with torch.no_grad():
        torch.testing.assert_close(model(images()), model.backbone(images()))


def test_the_distance_by_hand():
    """Cells of the mask hold 1, 1/2, 0 and 1/4; the map says 1/2 everywhere: (1/2 + 0 + 1/2 + 1/4) / 4."""
    mask = torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])[None, None]
    assert ffd.distance(torch.full((1, 1, 2, 2), 0.5), mask).item() == pytest.approx(1.25 / 4)


def test_the_penalty_is_the_distance_and_of_training_alone():
    model = built()
    seen = watched(model)
    model(images(), mask=masks())
    torch.testing.assert_close(model.penalty, ffd.distance(seen[1], masks()))
    model.weight = 3
    model(images(), mask=masks())
    torch.testing.assert_close(model.penalty, 3 * ffd.distance(seen[3], masks()))
    with torch.no_grad():
        model(images())
    assert model.penalty is None
    with pytest.raises(InputError, match=r"^FFD: needs mask in training, and was given none"):
        model(images())


def test_without_supervision_no_mask_is_needed_and_nothing_is_added():
    model = built("ffd_free")
    model(images())
    assert model.needs == () and model.penalty is None
    assert built().needs == ("mask",)


@pytest.mark.parametrize("name", ["ffd", "ffd_free"])
def test_a_gradient_reaches_every_parameter(name):
    model = built(name, size=64)
    needed = {"mask": masks(size=64)} if name == "ffd" else {}
    loss = F.cross_entropy(model(images(size=64), **needed), torch.arange(4) % 2)
    (loss if model.penalty is None else loss + model.penalty).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_masks_pull_the_map_towards_them():
    model = built()
    model(images(), mask=torch.zeros(4, 1, 32, 32))
    (low,) = torch.autograd.grad(model.penalty, model.map[0].pointwise.weight)
    model(images(), mask=torch.ones(4, 1, 32, 32))
    (high,) = torch.autograd.grad(model.penalty, model.map[0].pointwise.weight)
    torch.testing.assert_close(low, -high)


def test_published_weights_see_the_pixels_that_they_were_trained_on():
    with torch.device("meta"):
        full = built(backbone="legacy_xception")
    assert isinstance(full.own, shared.Renormalise) and isinstance(built().own, nn.Identity)


def test_start_weights_fill_the_backbone(tmp_path):
    torch.manual_seed(7)
    plain = models.make_backbone("slim_xception", num_classes=5)
    save_weights(plain, tmp_path / "w.safetensors")
    model = built()
    models.load_backbone(model.backbone, tmp_path / "w.safetensors")
    assert torch.equal(model.backbone.features[12].conv1.weight, plain.features[12].conv1.weight)


def test_evaluation_repeats_itself():
    model = built().eval()
    with torch.no_grad():
        assert torch.equal(model(images()), model(images()))


def test_another_family_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^model\.backbone = 'slim_vgg': is no Xception; use one of legacy_xcep"):
        built(backbone="slim_vgg")
