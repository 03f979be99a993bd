"""Grad-CAM against pytorch-grad-cam for every family, by autograd on small nets, and what it leaves behind."""

import ast
import copy

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from ddet import codeid, models, params
from ddet.attention.grad_cam import attention_maps, layer_maps
from ddet.data import crop_loader
from ddet.data.crops import save_crop
from ddet.errors import InputError
from ddet.models import zoo
from ddet.prle import map_runs, map_writer
from ddet.prle.localise import of_rows

SLIM = ["slim_xception", "lite0_stride16", "lite0_stride8", "slim_vgg", "slim_resnet", "f3net", "f3net_mix"]
TWICE = [
    "genconvit_ed/test_convnext",
    "genconvit_ed/lite0_stride16",
    "genconvit_vae/test_convnext",
    "genconvit_vae/lite0_stride16",
]
NEAR = 1e-4  # of maps in [0, 1]; the largest difference measured was 5e-6
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
        np.testing.assert_allclose(ours, theirs, atol=NEAR)
    assert max(m.amax() for m in found) > 0.99
    resized = attention_maps(model, layers, images, classes)
    assert resized.shape == (n, size, size) and resized.dtype == torch.float32
    np.testing.assert_allclose(resized, library(model, layers, images, classes), atol=NEAR)


@pytest.mark.parametrize("name", SLIM)
def test_slim_maps_equal_the_library(name):
    assert_equals_the_library(name, 3, 96)


@pytest.mark.parametrize("name", FULL)
def test_full_size_maps_equal_the_library(name):
    assert_equals_the_library(name, 1, 128)


def genconvit(name: str) -> nn.Module:
    """Build a network whose decoded image is no plain grey, and whose logits are as far apart as after training."""
    torch.manual_seed(1)
    kind, _, backbone = name.partition("/")
    model = models.create(params.Model(name=kind, backbone=backbone, size=128, form="released", swin=None, width=4))
    for layer in (*model.encoder, *model.decoder):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight)
    with torch.no_grad():
        model.head[-1].weight.mul_(1000)
    return model.eval()


class Unshared(nn.Module):
    """A network that runs its backbone twice, with a copy for each run: a layer of a copy runs once."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.copies = model, nn.ModuleList([copy.deepcopy(model.backbone) for _ in range(2)])

    def forward(self, image):
        views = zip(self.copies, self.model.views(image), strict=True)
        return self.model.head(torch.cat([backbone(view) for backbone, view in views], 1))


@pytest.mark.parametrize("name", TWICE)
def test_both_runs_of_a_backbone_equal_the_library(name):
    model, (images, classes) = genconvit(name), batch(3, 128)
    layer = model.cam_layer(128)
    place = next(place for place, part in model.backbone.named_modules() if part is layer)
    unshared = Unshared(model).eval()
    torch.testing.assert_close(unshared(images), model(images))
    found = [attention_maps(model, [layer], images, classes, call).numpy() for call in (0, 1)]
    for backbone, ours in zip(unshared.copies, found, strict=True):
        np.testing.assert_allclose(ours, library(unshared, [backbone.get_submodule(place)], images, classes), atol=NEAR)
        assert ours.shape == (3, 128, 128) and ours.max() > 0.99
    assert np.abs(found[0] - found[1]).max() > 0.2
    for call in (-1, -2):
        np.testing.assert_array_equal(attention_maps(model, [layer], images, classes, call), found[call])


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


def two_pass() -> nn.Module:
    torch.manual_seed(4)
    return TwoPass().eval()


def two_pass_parts(net: TwoPass, x, classes):
    """Return (activation, gradient) of both passes for the logits of the classes, by autograd and without hooks."""
    decoded, image = net.backbone(net.decode(x)), net.backbone(x)
    logits = net.head(torch.cat([decoded.square().flatten(1), image.square().flatten(1)], 1))
    gradients = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), [decoded, image])
    return list(zip([decoded.detach(), image.detach()], gradients, strict=True))


def by_hand(activation, gradient):
    """Write eq. 3, from the smallest value to the largest."""
    cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()
    low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
    return (cam - low) / (high - low + 1e-7)  # as in the library


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("call", [0, 1, -1, -2])
def test_each_pass_has_its_own_pair(call, frozen):
    net, (images, classes) = two_pass(), batch(3, 8)
    expected = by_hand(*two_pass_parts(net, images, classes)[call])
    (found,) = layer_maps(net.requires_grad_(not frozen), [net.backbone], images, classes, call)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_last_run_is_the_default():
    net, (images, classes) = two_pass(), batch(3, 8)
    last = layer_maps(net, [net.backbone], images, classes, 1)[0]
    assert torch.equal(layer_maps(net, [net.backbone], images, classes)[0], last)
    whole = attention_maps(net, [net.backbone], images, classes, 1)
    assert torch.equal(attention_maps(net, [net.backbone], images, classes), whole)


def test_the_mixed_pair_of_the_released_code_gives_another_map():
    net, (images, classes) = two_pass(), batch(3, 8)
    (_, decoded_gradient), (image_activation, _) = two_pass_parts(net, images, classes)
    mixed = by_hand(image_activation, decoded_gradient)
    assert (layer_maps(net, [net.backbone], images, classes)[0] - mixed).abs().max() > 0.2


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
    """Compute the map of the convolution without hooks."""
    activation = net.conv(images)
    score = net.head(activation.relu()).gather(1, classes[:, None]).sum()
    return by_hand(activation.detach(), torch.autograd.grad(score, activation)[0])


def test_one_layer_equals_the_equation():
    net, (images, classes) = plain(), batch(4, 8)
    found = layer_maps(net, [net.conv], images, classes)[0]
    expected = by_autograd(net, images, classes)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_several_layers_are_averaged_and_stretched_again():
    net, (images, classes) = plain(), batch(4, 8)
    both = layer_maps(net, [net.conv, net.relu], images, classes)
    assert not torch.equal(*both), "the ReLU runs in place on what the convolution put out"
    mean = (both[0] + both[1]) / 2
    low = mean.amin((1, 2), keepdim=True)
    expected = (mean - low) / (mean.amax((1, 2), keepdim=True) - low)
    torch.testing.assert_close(attention_maps(net, [net.conv, net.relu], images, classes), expected, atol=1e-5, rtol=0)


def test_maps_have_height_and_width_of_the_images():
    net, (images, classes) = plain(), batch(2, 8)
    assert attention_maps(net, [net.conv], images[:, :, :5], classes).shape == (2, 5, 8)


def test_maps_are_those_of_each_class():
    net, (images, classes) = plain(), batch(4, 8)
    both = [attention_maps(net, [net.conv], images, torch.full((4,), c)) for c in (0, 1)]
    own = attention_maps(net, [net.conv], images, classes)
    assert not torch.equal(*both)
    torch.testing.assert_close(own, torch.stack([both[c][i] for i, c in enumerate(classes.tolist())]))


def test_without_classes_they_are_those_of_the_prediction():
    net, (images, _) = plain(), batch(4, 8)
    with torch.no_grad():
        guessed = net(images).argmax(dim=1)
    found = attention_maps(net, [net.conv], images, None)
    assert torch.equal(found, attention_maps(net, [net.conv], images, guessed))
    assert not torch.equal(found, attention_maps(net, [net.conv], images, 1 - guessed))


def test_the_log_odds_give_the_map_of_the_probability():
    net, (images, classes) = plain(), batch(4, 8)
    net.head[-1].weight.data *= 5  # so that factors differ between images
    activation = net.conv(images)
    score = net.head(activation.relu()).softmax(1).gather(1, classes[:, None]).sum()
    expected = by_hand(activation.detach(), torch.autograd.grad(score, activation)[0])
    found = attention_maps(net, [net.conv], images, classes, odds=True)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert (found - attention_maps(net, [net.conv], images, classes)).abs().max() > 0.05


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


@pytest.mark.parametrize(
    ("layer", "call", "cause"),
    [
        ("backbone", 2, "ran 2 times, call 2 was asked"),
        ("backbone", -3, "ran 2 times, call -3 was asked"),
        ("unused", -1, "ran 0 times, call -1 was asked"),
        ("detached", 0, "does not depend on call 0 of a layer"),
    ],
)
def test_wrong_layers_are_one_line(layer, call, cause):
    net, (images, classes) = two_pass(), batch(2, 8)
    net.unused, net.detached = nn.Identity(), nn.Conv2d(3, 1, 1)
    net.decode.register_forward_hook(lambda module, inputs, output: output + 0 * net.detached(inputs[0]).detach())
    chosen = getattr(net, layer)
    asked = [[net.backbone, chosen]] * (call == -1) + [[chosen]]
    for layers in asked:
        with pytest.raises(InputError, match=cause) as caught:  # held: its frames would keep forgotten hooks alive
            layer_maps(net, layers, images, classes, call)
        assert "\n" not in str(caught.value)
        assert not chosen._forward_hooks and not net.backbone._forward_hooks


def test_a_score_without_any_gradient_is_one_line():
    net, (images, classes) = plain(), batch(2, 8)
    net.relu.register_forward_hook(lambda layer, inputs, output: output + 0 * net.unused(images).detach())
    for layers in ([net.unused], [net.conv, net.unused]):
        with pytest.raises(InputError, match="does not depend on call -1 of a layer; choose another"):
            layer_maps(net.requires_grad_(False), layers, images, classes)


def test_the_key_of_a_map_holds_no_other_library_no_statistics_and_no_report():
    """A new version of the library that only tests use must not make maps again."""
    found = codeid.closure(map_runs.CODE)
    assert "ddet.attention.grad_cam" in found
    assert not [name for name in found if name.split(".")[1] in ("stats", "report", "runs")]
    named = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(found["ddet.attention.grad_cam"].read_text()))
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")])
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert named <= {"collections", "contextlib", "torch", "ddet"}


def test_maps_of_rows_are_those_of_their_crops_and_labels(tmp_path):
    rng = np.random.default_rng(2)
    for i in range(5):
        save_crop(tmp_path / f"{i}.png", rng.integers(0, 256, (40, 40, 3), np.uint8))
    rows = pd.DataFrame(
        {"crop": [f"{i}.png" for i in (3, 1, 4, 0, 2)], "label": [1, 0, 0, 1, 1]}, index=[7, 7, 1, 0, 2]
    )
    net, cpu = plain(), torch.device("cpu")
    maps = map_writer.write(
        tmp_path / "maps", of_rows(net, [net.conv], rows, tmp_path, 32, 2, cpu, "label"), 5, 32, "abc", shard=3
    )
    images, labels = next(iter(crop_loader.eval_loader(rows, crop_loader.Loading(tmp_path, 32, 5, cpu))))
    expected = attention_maps(net, [net.conv], images, labels, odds=True)
    np.testing.assert_allclose(maps, expected, atol=1e-3)
    flipped = attention_maps(net, [net.conv], images, 1 - labels, odds=True)
    assert np.abs(maps - flipped.numpy()).max() > 0.1
