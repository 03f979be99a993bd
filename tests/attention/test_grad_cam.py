"""Grad-CAM against the library on a plain net, by hand on a two-pass net; shares by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from ddet.attention.grad_cam import attention_shares, grad_cam
from ddet.errors import InputError


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(24, 2))

    def forward(self, x):
        return self.head(self.conv(x))


class TwoPass(nn.Module):
    """A backbone that runs on a decoded image and then on the image, as GenConViT-ED does."""

    def __init__(self):
        super().__init__()
        self.decode = nn.Conv2d(3, 3, 3, padding=1)
        self.backbone = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.head = nn.Linear(2 * 4 * 16, 2)

    def forward(self, x):
        decoded, image = self.backbone(self.decode(x)), self.backbone(x)
        return self.head(torch.cat([decoded.square().flatten(1), image.square().flatten(1)], 1))


def built(cls) -> nn.Module:
    torch.manual_seed(4)
    return cls().eval()


def images(n=3, size=8):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


def by_hand(activation: torch.Tensor, gradient: torch.Tensor, size: int) -> np.ndarray:
    cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()
    cam = nn.functional.interpolate(cam[:, None], size=(size, size), mode="bilinear", align_corners=False)[:, 0]
    low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
    return ((cam - low) / (high - low).clamp_min(1e-12)).detach().numpy()


def two_pass_parts(net: TwoPass, x: torch.Tensor):
    """Return (activation, gradient) of both passes for the logit 1, by autograd and without hooks."""
    decoded, image = net.backbone(net.decode(x)), net.backbone(x)
    logits = net.head(torch.cat([decoded.square().flatten(1), image.square().flatten(1)], 1))
    gradients = torch.autograd.grad(logits[:, 1].sum(), [decoded, image])
    return list(zip([decoded, image], gradients, strict=True))


@pytest.mark.parametrize("target", [0, 1])
def test_equals_the_library_on_a_plain_net(target):
    net, x = built(Plain), images()
    with GradCAM(net, [net.conv]) as engine:
        library = engine(x, [ClassifierOutputTarget(target)] * len(x))
    ours = grad_cam(net, net.conv, x, target)
    assert ours.dtype == np.float32 and ours.shape == (3, 8, 8)
    np.testing.assert_allclose(ours, library, atol=1e-5)
    assert ours.max() > 0.9


@pytest.mark.parametrize("call", [0, 1, -1, -2])
def test_each_pass_has_its_own_pair(call):
    net, x = built(TwoPass), images()
    np.testing.assert_allclose(
        grad_cam(net, net.backbone, x, 1, call), by_hand(*two_pass_parts(net, x)[call], 8), atol=1e-5
    )


def test_the_mixed_pair_of_the_released_code_gives_another_map():
    net, x = built(TwoPass), images()
    (_, decoded_gradient), (image_activation, _) = two_pass_parts(net, x)
    mixed = by_hand(image_activation, decoded_gradient, 8)
    assert np.abs(grad_cam(net, net.backbone, x, 1) - mixed).max() > 0.2


def test_one_class_per_image():
    net, x = built(Plain), images()
    both = [grad_cam(net, net.conv, x, c) for c in (0, 1)]
    np.testing.assert_allclose(grad_cam(net, net.conv, x, [1, 0, 1])[:2], [both[1][0], both[0][1]], atol=1e-6)


def test_a_map_without_positive_values_is_zero():
    net, x = built(Plain), images()
    nn.init.zeros_(net.head[-1].weight)
    assert (grad_cam(net, net.conv, x, 1) == 0).all()


def test_the_model_is_left_as_it_was():
    net = built(Plain).train()
    with torch.no_grad():
        grad_cam(net, net.conv, images(), 1)
    assert net.training and not net.conv._forward_hooks
    assert all(p.grad is None for p in net.parameters())


def test_a_frozen_model_has_the_same_maps():
    net, x = built(Plain), images()
    free = grad_cam(net, net.conv, x, 1)
    np.testing.assert_array_equal(grad_cam(net.requires_grad_(False), net.conv, x, 1), free)


def test_an_in_place_relu_behind_the_layer_changes_nothing():
    net, x = built(Plain), images()
    free = grad_cam(net, net.conv, x, 1)
    net.head[0] = nn.ReLU(inplace=True)
    np.testing.assert_allclose(grad_cam(net, net.conv, x, 1), free, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "call", "cause"),
    [("backbone", 2, "ran 2 times, call 2"), ("unused", -1, "ran 0 times"), ("detached", 0, "does not depend")],
)
def test_wrong_layers_are_one_line(layer, call, cause):
    net = built(TwoPass)
    net.unused, net.detached = nn.Identity(), nn.Conv2d(3, 1, 1)
    net.decode.register_forward_hook(lambda module, inputs, output: output + 0 * net.detached(inputs[0]).detach())
    with pytest.raises(InputError, match=cause) as caught:  # held: its frames would keep forgotten hooks alive
        grad_cam(net, getattr(net, layer), images(), 1, call)
    assert not getattr(net, layer)._forward_hooks, caught


def test_shares_by_hand():
    cam = np.array([[[1.0, 0.6], [0.4, 0.0]]] * 3 + [np.zeros((2, 2))])
    mask = np.array([[[1, 0], [1, 0]], [[0, 1], [0, 1]], [[0, 0], [0, 0]], [[1, 1], [1, 0]]], bool)
    found = attention_shares(cam, mask)
    np.testing.assert_allclose(found["inside"], [0.7, 0.3, np.nan, np.nan])
    np.testing.assert_allclose(found["pointing"], [1, 0, np.nan, np.nan])
    np.testing.assert_allclose(found["iou"], [1 / 3, 1 / 3, np.nan, np.nan])
    np.testing.assert_allclose(found["area"], [0.5, 0.5, np.nan, 0.75])
    np.testing.assert_allclose(attention_shares(cam, mask, threshold=0.3)["iou"][0], 2 / 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16))
def test_a_mask_and_its_complement_share_all_attention(seed):
    rng = np.random.default_rng(seed)
    maps, masks = rng.random((2, 4, 4)), rng.random((2, 4, 4)) < 0.5
    masks[:, 0, 0], masks[:, 0, 1] = True, False
    one, other = attention_shares(maps, masks), attention_shares(maps, ~masks)
    np.testing.assert_allclose(one["inside"] + other["inside"], 1)
    np.testing.assert_allclose(one["pointing"] + other["pointing"], 1)


def test_shapes_must_agree():
    with pytest.raises(InputError, match="maps"):
        attention_shares(np.zeros((1, 2, 2)), np.zeros((1, 2, 3), bool))
