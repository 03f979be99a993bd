"""The detectors of PRLE: as large as documented, and a Grad-CAM layer for each, or one line that asks for it."""

import re

import pytest
import timm
import torch
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.models import zoo

ROWS = re.findall(r"^\| [\w-]+ \| `(\w+)` \| ([\d,]+) \| `(\w+)` \| ([\d,]+) \|$", zoo.__doc__, flags=re.M)
DOCUMENTED = {name: int(n.replace(",", "")) for row in ROWS for name, n in (row[:2], row[2:])}


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return models.make_backbone(name, num_classes=2)


def test_the_table_names_networks_that_timm_and_the_cam_layers_know():
    assert len(DOCUMENTED) == 8 and set(DOCUMENTED) <= set(zoo.CAM_LAYERS) <= set(timm.list_models())


@pytest.mark.parametrize(("name", "parameters"), DOCUMENTED.items())
def test_parameters_are_as_many_as_documented(name, parameters):
    assert sum(p.numel() for p in on_meta(name).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "channels", "share"),
    [  # the share of the side: full sizes halve it five times, slim ones three times
        ("legacy_xception", [1536, 2048], 32),
        ("slim_xception", [192], 8),
        ("efficientnet_b4", [1792], 32),
        ("lite0_stride16", [80], 16),  # the fourth row of EfficientNet-B0's table: 16, 24, 40, 80, 112, 192, 320
        ("lite0_stride8", [80], 8),
        ("vgg16", [512] * 3, 32),
        ("vgg16_bn", [512] * 3, 32),
        ("slim_vgg", [96] * 3, 8),
        ("resnet50", [2048], 32),
        ("slim_resnet", [256], 8),  # a bottleneck of 64, four times as wide at its end
    ],
)
def test_the_layers_are_the_last_maps(name, channels, share):
    model, size = on_meta(name), 96
    layers, found = zoo.cam_layers(model, size), []
    for layer in layers:
        layer.register_forward_hook(lambda _, inputs, output: found.append(output.shape))
    model(torch.zeros(1, 3, size, size, device="meta"))
    assert [shape[1] for shape in found] == channels
    assert found[-1][-2:] == (size // share, size // share)
    if share == 8:
        assert {shape[-1] for shape in found} == {size // 8}, "no pooling follows the layers before"


def test_what_kind_each_layer_is():
    kinds = {name: [type(m).__name__ for m in zoo.cam_layers(on_meta(name), 96)] for name in zoo.CAM_LAYERS}
    assert kinds["vgg16"] == ["Conv2d", "ReLU", "MaxPool2d"]
    assert kinds["vgg16_bn"] == ["BatchNorm2d", "ReLU", "MaxPool2d"]
    assert kinds["slim_vgg"] == ["Conv2d", "BatchNorm2d", "ReLU"], "it has no last pooling"
    for vgg in map(on_meta, ("vgg16", "vgg16_bn", "slim_vgg")):
        assert zoo.cam_layers(vgg, 96) == list(vgg.features)[-3:]
    assert all(zoo.cam_layers(m, 96) == [m.layer4[-1]] for m in map(on_meta, ("resnet50", "slim_resnet")))
    assert kinds["legacy_xception"] == ["SeparableConv2d"] * 2
    assert kinds["slim_xception"] == ["SeparableConv2d"], "one follows the block of its exit flow"
    assert all(zoo.cam_layers(m, 96) == [m.blocks[-1][-1]] for m in map(on_meta, ("lite0_stride16", "lite0_stride8")))


def test_layers_may_be_named():
    model = on_meta("lite0_stride16")
    assert zoo.cam_layers(model, 96, ["blocks.1", "conv_stem"]) == [model.blocks[1], model.conv_stem]


def test_a_network_may_have_a_layer_of_its_own():
    cfg = params.Model(name="f3net", backbone="slim_xception", size=64, form="released", swin=None, width=1)
    model = models.create(cfg)
    assert zoo.cam_layers(model, 64) == [model.fad.features[12]]


def test_an_unknown_detector_asks_for_its_layer_in_one_line():
    with pytest.raises(
        InputError, match=r"test_convnext: no Grad-CAM layer is known.*name its last conv.*zoo\.CAM_LAYERS"
    ):
        zoo.cam_layers(on_meta("test_convnext"), 96)
    with pytest.raises(InputError, match=r"test_resnet: has no layer 'conv9'; its last convolution is 'layer4"):
        zoo.cam_layers(on_meta("test_resnet"), 96, ["conv9"])


def test_what_the_error_proposes_is_a_layer():
    model = on_meta("test_convnext")
    with pytest.raises(InputError) as caught:
        zoo.cam_layers(model, 96)
    name = re.search(r"\['([\w.]+)'\]", str(caught.value))[1]
    assert isinstance(zoo.cam_layers(model, 96, [name])[0], nn.Conv2d)
