"""GenConViT-ED against the facts of its specification, and networks by name."""

import pytest
import safetensors.torch
import timm
import torch
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.learn import save_weights
from ddet.models.genconvit import GenConViTED, decoder, encoder


def config(**changes) -> params.Model:
    base = {"name": "genconvit_ed", "backbone": "test_convnext", "size": 64, "use_swin": False}
    return params.Model(**{**base, **changes})


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def small_swin(size: int = 64) -> nn.Module:
    return timm.create_model(
        "swin_tiny_patch4_window7_224",
        img_size=size,
        num_classes=0,
        embed_dim=16,
        depths=(1, 1, 1, 1),
        num_heads=(1, 1, 2, 2),
    )


def test_full_size_parameter_counts():
    model = models.create(config(backbone="convnext_tiny", size=224))
    assert [count(m) for m in (model.encoder, model.decoder, model.head)] == [392_608, 174_515, 1_001_502]
    assert count(model) == 30_157_753
    assert model.cam_layer(224) is model.backbone.stages[3].downsample[1]
    assert (model.cam_layer(224).out_channels, model.cam_layer(224).kernel_size) == (768, (2, 2))


@pytest.mark.parametrize(("size", "side"), [(224, 7), (96, 3)])
def test_shapes_of_the_autoencoder(size, side):
    image = torch.randn(2, 3, size, size)
    code = encoder()(image)
    assert code.shape == (2, 256, side, side)
    decoded = decoder()(code)
    assert decoded.shape == image.shape
    assert decoded.min() >= 0


def test_forward_is_the_head_on_both_views_decoded_first():
    torch.manual_seed(0)
    model = models.create(config()).eval()
    image = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        first, last = model.backbone(model.decoder(model.encoder(image))), model.backbone(image)
        assert first.shape == (3, 1000)
        h = nn.functional.gelu(torch.cat([first, last], 1))
        h = nn.functional.gelu(nn.functional.linear(h, model.head[1].weight, model.head[1].bias))
        want = nn.functional.linear(h, model.head[3].weight, model.head[3].bias)
        assert torch.allclose(model(image), want, atol=1e-6)
    assert want.shape == (3, 2)


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_gradient_reaches_every_parameter(hybrid):
    torch.manual_seed(0)
    model = GenConViTED(timm.create_model("test_convnext"), small_swin() if hybrid else None)
    nn.functional.cross_entropy(model(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 1, 0])).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


def test_the_hybrid_sees_pooled_features_of_both():
    model = GenConViTED(timm.create_model("test_convnext"), small_swin())
    assert model.features(torch.randn(2, 3, 64, 64)).shape == (2, 64 + 128)
    assert model.head[1].in_features == 2 * (64 + 128)
    assert model.head[1].out_features == 500


def test_the_hybrid_by_name_takes_the_size_of_the_config():
    model = models.create(config(use_swin=True, size=96))
    assert model(torch.randn(1, 3, 96, 96)).shape == (1, 2)


def test_start_weights_reach_the_backbone_and_the_classifier_may_differ(tmp_path):
    torch.manual_seed(1)
    source = timm.create_model("test_convnext", num_classes=7)
    save_weights(source, tmp_path / "w.safetensors")
    torch.manual_seed(2)
    model = models.create(config(), tmp_path / "w.safetensors")
    assert torch.equal(model.backbone.stem[0].weight, source.stem[0].weight)
    assert torch.equal(model.backbone.head.norm.weight, source.head.norm.weight)
    assert model.backbone.head.fc.weight.shape == (1000, 64)


def test_start_weights_with_a_fitting_classifier_bring_it_along(tmp_path):
    source = timm.create_model("test_convnext")
    save_weights(source, tmp_path / "w.safetensors")
    model = models.create(config(), tmp_path / "w.safetensors")
    assert torch.equal(model.backbone.head.fc.weight, source.head.fc.weight)


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "genconvit"}, "genconvit_ed"),
        ({"backbone": "convnext_tinny"}, "convnext_tiny"),
        ({"name": "timm", "backbone": "xceptoin"}, "xception"),
        ({"size": 112}, "multiple of 32"),
    ],
)
def test_bad_names_and_sizes_are_one_line(changes, words):
    with pytest.raises(InputError, match=words) as e:
        models.create(config(**changes))
    assert "\n" not in str(e.value)


def test_missing_start_file_names_the_key(tmp_path):
    with pytest.raises(InputError, match=r"start\.weights"):
        models.create(config(), tmp_path / "none.safetensors")


def test_another_backbone_stands_in_for_convnext():
    model = models.create(config(backbone="test_resnet"))
    layer = models.cam_layer(model, 64)
    assert layer is models.cam_layer(model.backbone, 64) and isinstance(layer, torch.nn.Conv2d)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 2)
