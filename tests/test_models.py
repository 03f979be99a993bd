"""Networks by name: start weights that fit, sides, the layer that Grad-CAM reads, errors in one line."""

import pytest
import safetensors.torch
import timm
import torch

from ddet import models, params
from ddet.errors import InputError


def config(**changes) -> params.Model:
    base = {"name": "genconvit_ed", "backbone": "test_convnext", "size": 64, "form": "released", "swin": None}
    return params.Model(**{**base, "width": 4, **changes})


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_start_weights_that_do_not_fit_are_refused(tmp_path, change):
    state = timm.create_model("test_convnext").state_dict()
    if change == "missing":
        del state["stem.0.bias"]
    elif change == "unknown":
        state["stem.9.bias"] = torch.zeros(1)
    else:
        state["stem.0.bias"] = torch.zeros(3)
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"stem\.[09]\.bias"):
        models.create(config(), tmp_path / "w.safetensors")


def test_timm_backbone_with_two_outputs():
    model = models.create(config(name="timm", backbone="test_resnet"))
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 2)


@pytest.mark.parametrize(
    ("backbone", "layer"),
    [
        ("test_resnet", "layer4.0.conv2"),  # the projection on the shortcut runs later
        ("test_convnext", "stages.3.blocks.1.conv_dw"),
        ("mobilenetv3_small_050", "blocks.5.0.conv"),  # conv_head stands behind the pooling
        ("vgg11", "features.18"),  # at 288 px its head, made of convolutions, still has a map
    ],
)
def test_cam_layer_by_rule(backbone, layer):
    model = models.create(config(name="timm", backbone=backbone)).train()
    assert models.cam_layer(model, 288 if backbone == "vgg11" else 64) is model.get_submodule(layer)
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_missing_start_file_names_the_key(tmp_path):
    with pytest.raises(InputError, match=r"start\.weights"):
        models.create(config(), tmp_path / "none.safetensors")
