"""Fast Grad-CAM against pytorch-grad-cam for every family, by autograd on a plain net, and what it leaves behind."""

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from ddet import models, params
from ddet.attention.fast_grad_cam import attention_maps, layer_maps
from ddet.data import crop_loader
from ddet.data.crops import save_crop
from ddet.errors import InputError
from ddet.models import zoo
from ddet.prle import map_writer
from ddet.prle.localise import of_rows

SLIM = ["slim_xception", "test_efficientnet", "slim_vgg", "slim_resnet", "f3net", "f3net_mix"]
FULL = ["legacy_xception", "efficientnet_b4", "vgg16", "resnet50", "f3net_mix/legacy_xception"]


def built(name: str, size: int) -> nn.Module:
    """Build a network at random, with logits as far apart as those of a trained one."""
    torch.manual_seed(3)
    if name.startswith("f3net"):
        kind, _, backbone = name.partition("/")
        cfg = {"name": kind, "backbone": backbone or "slim_xception", "size": size, "form": "released", "swin": None}
        model = models.create(params.Model(**cfg, width=1))
    else:
        model = models.make_backbone(name, num_classes=2)
    with torch.no_grad():
        [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1].weight.mul_(1000)
    return model.eval()


def batch(n: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))
    return images, torch.arange(n) % 2


class Unresized(GradCAM):
    """The library, before it resizes."""

    def get_target_width_height(self, images):
        return None

    def aggregate_multi_layers(self, maps):
        return [m[:, 0] for m in maps]


def library(model, layers, images, classes, engine=GradCAM):
    """Run pytorch-grad-cam, which takes what a ReLU in place has left for what the convolution before it put out."""
    for layer in model.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    with engine(model, layers) as run:
        return run(images.clone().requires_grad_(), [ClassifierOutputTarget(c) for c in classes.tolist()])


def assert_equals_the_library(name: str, n: int, size: int) -> None:
    model, (images, classes) = built(name, size), batch(n, size)
    layers = zoo.cam_layers(model, size)
    found = layer_maps(model, layers, images, classes)
    expected = library(model, layers, images, classes, Unresized)
    assert len(found) == len(expected) == len(layers)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert max(m.amax() for m in found) > 0.99
    resized = attention_maps(model, layers, images, classes)
    assert resized.shape == (n, size, size) and resized.dtype == torch.float32
    np.testing.assert_allclose(resized, library(model, layers, images, classes), atol=1e-3)


@pytest.mark.parametrize("name", SLIM)
def test_slim_maps_equal_the_library(name):
    assert_equals_the_library(name, 3, 96)


@pytest.mark.parametrize("name", FULL)
def test_full_size_maps_equal_the_library(name):
    assert_equals_the_library(name, 1, 128)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.relu, self.unused = nn.ReLU(inplace=True), nn.Conv2d(3, 1, 1)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(24, 2))

    def forward(self, x):
        return self.head(self.relu(self.conv(x)))


def plain() -> nn.Module:
    torch.manual_seed(4)
    return Plain().eval()


def by_autograd(net: Plain, images, classes):
    """Write eq. 3 for the convolution, without hooks."""
    activation = net.conv(images)
    score = net.head(activation.relu()).gather(1, classes[:, None]).sum()
    weights = torch.autograd.grad(score, activation)[0].mean((2, 3), keepdim=True)
    cam = (weights * activation).sum(1).relu().detach()
    return cam / cam.amax((1, 2), keepdim=True)


def test_one_layer_equals_the_equation():
    net, (images, classes) = plain(), batch(4, 8)
    found = layer_maps(net, [net.conv], images, classes)[0]
    expected = by_autograd(net, images, classes)
    assert (expected.amin((1, 2)) == 0).all(), "so that stretching is dividing by the largest"
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_several_layers_are_averaged_and_stretched_again():
    net, (images, classes) = plain(), batch(4, 8)
    both = layer_maps(net, [net.conv, net.relu], images, classes)
    assert not torch.equal(*both), "the ReLU runs in place on what the convolution put out"
    mean = (both[0] + both[1]) / 2
    low = mean.amin((1, 2), keepdim=True)
    expected = (mean - low) / (mean.amax((1, 2), keepdim=True) - low)
    torch.testing.assert_close(attention_maps(net, [net.conv, net.relu], images, classes), expected, atol=1e-5, rtol=0)


def test_maps_of_a_given_size_and_of_each_class():
    net, (images, classes) = plain(), batch(4, 8)
    assert attention_maps(net, [net.conv], images, classes, size=20).shape == (4, 20, 20)
    both = [attention_maps(net, [net.conv], images, torch.full((4,), c)) for c in (0, 1)]
    own = attention_maps(net, [net.conv], images, classes)
    assert not torch.equal(*both)
    torch.testing.assert_close(own, torch.stack([both[c][i] for i, c in enumerate(classes.tolist())]))


def test_a_map_does_not_depend_on_the_batch():
    net, (images, classes) = plain(), batch(4, 8)
    together = attention_maps(net, [net.conv], images, classes)
    alone = [attention_maps(net, [net.conv], images[i : i + 1], classes[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_a_map_without_positive_values_is_zero():
    net, (images, classes) = plain(), batch(2, 8)
    nn.init.zeros_(net.head[-1].weight)
    assert (attention_maps(net, [net.conv], images, classes) == 0).all()


@pytest.mark.parametrize("inference", [torch.no_grad, torch.enable_grad])
def test_the_model_is_left_as_it_was(inference):
    net, (images, classes) = plain().train(), batch(2, 8)
    net.conv.weight.requires_grad_(False)
    net.head[2].eval()
    frozen = [p.requires_grad for p in net.parameters()]
    with inference():
        before = torch.is_grad_enabled()
        maps = attention_maps(net, [net.conv], images, classes)
        assert torch.is_grad_enabled() == before
    assert not maps.requires_grad
    assert [p.requires_grad for p in net.parameters()] == frozen and all(p.grad is None for p in net.parameters())
    assert net.training and net.conv.training and not net.head[2].training and not net.conv._forward_hooks
    torch.testing.assert_close(maps, attention_maps(net.eval(), [net.conv], images, classes))


def test_a_network_in_training_has_the_maps_of_eval_mode():
    net, (images, classes) = plain(), batch(4, 8)
    nn.init.ones_(net.head[-1].weight)
    whole = attention_maps(net, [net.conv], images, classes)
    torch.testing.assert_close(attention_maps(net.train(), [net.conv], images, classes), whole)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_network_has_the_same_maps(frozen):
    net, (images, classes) = plain().requires_grad_(not frozen), batch(4, 8)
    expected = by_autograd(plain(), images, classes)
    torch.testing.assert_close(layer_maps(net, [net.conv], images, classes)[0], expected, atol=1e-5, rtol=1e-4)


def test_nothing_before_the_first_layer_is_recorded():
    net, (images, classes) = plain(), batch(2, 8)
    images.requires_grad_()
    graph = []
    net.conv.register_forward_hook(lambda layer, inputs, output: graph.append(output.requires_grad))
    net.head[0].register_forward_hook(lambda layer, inputs, output: graph.append(output.requires_grad))
    layer_maps(net, [net.conv], images, classes)
    assert graph == [False, True]


def test_wrong_layers_are_one_line():
    net, (images, classes) = plain(), batch(2, 8)
    with pytest.raises(InputError, match="1 of 2 layers ran; choose others"):
        layer_maps(net, [net.conv, net.unused], images, classes)
    net.relu.register_forward_hook(lambda layer, inputs, output: output + 0 * net.unused(images).detach())
    with pytest.raises(InputError, match="does not depend on a layer; choose another"):
        layer_maps(net, [net.conv, net.unused], images, classes)
    with pytest.raises(InputError, match="does not depend on a layer"):
        layer_maps(net.requires_grad_(False), [net.unused], images, classes)
    assert not net.conv._forward_hooks and not net.unused._forward_hooks


def test_maps_of_rows_are_those_of_their_crops_and_labels(tmp_path):
    rng = np.random.default_rng(2)
    for i in range(5):
        save_crop(tmp_path / f"{i}.png", rng.integers(0, 256, (40, 40, 3), np.uint8))
    rows = pd.DataFrame(
        {"crop": [f"{i}.png" for i in (3, 1, 4, 0, 2)], "label": [1, 0, 0, 1, 1]}, index=[7, 7, 1, 0, 2]
    )
    net, cpu = plain(), torch.device("cpu")
    maps = map_writer.write(
        tmp_path / "maps", of_rows(net, [net.conv], rows, tmp_path, 32, 2, cpu), 5, 32, "abc", shard=3
    )
    images, labels = next(iter(crop_loader.eval_loader(rows, crop_loader.Loading(tmp_path, 32, 5, cpu))))
    expected = attention_maps(net, [net.conv], images, labels)
    np.testing.assert_allclose(maps, expected, atol=1e-3)
    flipped = attention_maps(net, [net.conv], images, 1 - labels)
    assert np.abs(maps - flipped.numpy()).max() > 0.1
