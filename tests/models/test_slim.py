"""The slim networks: found by name, as large as their table says, any side, and every weight learns."""

import re

import pytest
import timm
import torch
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.models import slim
from ddet.training.learner import save_weights

TABLE = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", slim.__doc__, flags=re.M))
DOCUMENTED = {name: int(n.replace(",", "")) for name, n in TABLE.items()}
TRANSFORMERS = ("slim_vit", "slim_swin")
CONVOLUTIONAL = [name for name in slim.NAMES if name not in TRANSFORMERS]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_table_lists_every_slim_network_and_what_it_stands_for():
    assert tuple(TABLE) == slim.NAMES
    for line in slim.__doc__.splitlines():
        if line.startswith("| `"):
            assert line.split("|")[3].strip().strip("`") in timm.list_models()


@pytest.mark.parametrize(("name", "parameters"), DOCUMENTED.items())
def test_parameters_are_as_many_as_documented(name, parameters):
    assert count(models.make_backbone(name, num_classes=2)) == parameters


@pytest.mark.parametrize("name", slim.NAMES)
@pytest.mark.parametrize("size", [32, 96, 160])
def test_any_multiple_of_32_goes_through(name, size):
    torch.manual_seed(0)
    model = models.make_backbone(name, num_classes=2).eval()
    models.check_size(model, size)
    with torch.no_grad():
        assert model(torch.randn(2, 3, size, size)).shape == (2, 2)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
@pytest.mark.parametrize("size", [40, 80, 96])
def test_the_last_map_is_an_eighth_of_the_side(name, size):
    model = models.make_backbone(name, num_classes=2).eval()
    models.check_size(model, size)
    with torch.no_grad():
        assert model.forward_features(torch.zeros(1, 3, size, size)).shape[-2:] == (size // 8, size // 8)


def test_the_transformers_see_patches_of_an_eighth_and_of_a_sixteenth():
    vit, swin = (models.make_backbone(name, num_classes=2).eval() for name in TRANSFORMERS)
    with torch.no_grad():
        for size in (40, 80):
            models.check_size(vit, size)
            assert vit.forward_features(torch.zeros(1, 3, size, size)).shape == (1, 1 + (size // 8) ** 2, 96)
        assert swin.forward_features(torch.zeros(1, 3, 96, 96)).shape == (1, 6, 6, 128), "patches of 4, merged twice"


@pytest.mark.parametrize("name", slim.NAMES)
def test_weights_made_at_one_side_start_a_network_of_another(tmp_path, name):
    source = models.make_backbone(name, num_classes=5)
    source(torch.randn(2, 3, 96, 96))
    save_weights(source, tmp_path / "w.safetensors")
    cfg = params.Model(name="timm", backbone=name, size=160, form="released", swin=None, width=1)
    model = models.create(cfg, tmp_path / "w.safetensors")
    assert model(torch.randn(2, 3, 160, 160)).shape == (2, 2)


@pytest.mark.parametrize("name", slim.NAMES)
def test_a_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    model = models.make_backbone(name, num_classes=2)
    for p in model.parameters():
        if not p.any():
            nn.init.uniform_(p, 0.5, 1.5)  # residual branches begin with a factor of 0
    nn.functional.cross_entropy(model(torch.randn(6, 3, 64, 64)), torch.arange(6) % 2).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", slim.NAMES)
def test_the_classifier_is_where_the_config_says_and_comes_off(name):
    model = models.make_backbone(name, num_classes=7)
    keys = models.classifier_keys(model)
    assert len(keys) == 2 and {model.state_dict()[key].shape[0] for key in keys} == {7}
    other = models.make_backbone(name, num_classes=3).state_dict()
    assert {key for key, value in model.state_dict().items() if value.shape != other[key].shape} == keys
    model.reset_classifier(0)
    features = model.eval()(torch.randn(2, 3, 64, 64))
    assert features.shape == (2, model.head_hidden_size) and not models.classifier_keys(model)


@pytest.mark.parametrize("name", slim.NAMES)
def test_features_pooled_and_classified_are_the_output(name):
    torch.manual_seed(1)
    model = models.make_backbone(name, num_classes=2).eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        seen = model.forward_features(image)
        axes = (1, 2) if name == "slim_swin" else (2, 3)  # timm's Swin keeps channels last
        pooled = seen[:, 0] if name == "slim_vit" else seen.mean(axes)  # a class token stands first
        weight, bias = (model.state_dict()[key] for key in sorted(models.classifier_keys(model), reverse=True))
        torch.testing.assert_close(nn.functional.linear(pooled, weight.flatten(1), bias), model(image))


def test_squeeze_and_excitation_is_the_only_difference():
    plain, se = (models.make_backbone(name, num_classes=2).state_dict() for name in ("slim_resnet", "slim_seresnet"))
    added = set(se) - set(plain)
    assert set(plain) < set(se) and all(".se." in key for key in added)
    assert len({key.split(".se.")[0] for key in added}) == 8, "at the end of each of 4 x 2 bottlenecks"
    assert all(plain[key].shape == se[key].shape for key in plain)


def test_what_each_family_keeps():
    made = {name: models.make_backbone(name, num_classes=2) for name in slim.NAMES}
    kinds = {name: [type(m).__name__ for m in model.modules()] for name, model in made.items()}
    stems = {"slim_resnet": made["slim_resnet"].conv1, "slim_bit": made["slim_bit"].stem}
    for stem in stems.values():
        assert [m.kernel_size for m in stem.modules() if isinstance(m, nn.Conv2d)] == [(3, 3)] * 3
    assert kinds["slim_resnet"].count("Bottleneck") == 8
    assert "BatchNorm2d" not in kinds["slim_bit"] and {"GroupNormAct", "StdConv2d"} <= set(kinds["slim_bit"])
    assert kinds["slim_bit"].count("Conv2d") == 1, "but the classifier, every convolution is weight-standardised"
    lasts = [b.bn3.weight for b in made["slim_resnet"].modules() if type(b).__name__ == "Bottleneck"]
    assert all((weight == 1).all() for weight in lasts), "no residual branch begins at zero"
    assert {m.num_groups for m in made["slim_bit"].modules() if isinstance(m, nn.GroupNorm)} == {8}
    assert kinds["slim_vgg"].count("Conv2d") == 13
    assert kinds["slim_vgg"].count("MaxPool2d") == 3, "of VGG-16's five"
    assert {m.kernel_size for m in made["slim_vgg"].modules() if isinstance(m, nn.Conv2d)} == {(3, 3)}
    assert kinds["slim_xception"].count("Block") == 6 and "SeparableConv2d" in kinds["slim_xception"]
    blocks = [m for m in made["slim_swin"].modules() if type(m).__name__ == "SwinTransformerBlock"]
    assert [b.window_size for b in blocks] == [(6, 6)] * 6
    assert [b.shift_size for b in blocks][:4] == [(0, 0), (3, 3)] * 2
    assert made["slim_swin"].patch_embed.patch_size == (4, 4)
    vit = made["slim_vit"]
    assert vit.patch_embed.patch_size == (8, 8) and kinds["slim_vit"].count("Block") == len(vit.blocks) == 4
    assert {type(block.attn).__name__ for block in vit.blocks} == {"Attention"}
    assert vit.cls_token.shape == (1, 1, 96) and vit.pos_embed.shape == (1, 1 + 10 * 10, 96), "a position each at 80 px"
    assert vit.num_prefix_tokens == 1


def test_late_strides_are_dilations_in_the_residual_networks_and_left_out_elsewhere():
    for name in CONVOLUTIONAL:
        convs = [m for m in models.make_backbone(name, num_classes=2).modules() if isinstance(m, nn.Conv2d)]
        dilated = {m.dilation[0] for m in convs if m.kernel_size == (3, 3)}
        assert dilated == ({1, 2, 4} if name in ("slim_resnet", "slim_seresnet", "slim_bit") else {1}), name


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_grad_cam_reads_the_last_map(name):
    model = models.make_backbone(name, num_classes=2)
    layer = models.cam_layer(model, 64)
    aside = ("head", "fc", "downsample", ".se.")
    paths = [k for k, m in model.named_modules() if isinstance(m, nn.Conv2d) and not any(a in k for a in aside)]
    assert layer is model.get_submodule(paths[-1])


@pytest.mark.parametrize(("name", "kind"), [("slim_swin", "SwinTransformer"), ("slim_vit", "VisionTransformer")])
def test_grad_cam_has_nothing_to_read_in_a_transformer(name, kind):
    with pytest.raises(InputError, match=f"^{kind}: has no convolution with a map"):
        models.cam_layer(models.make_backbone(name), 64)
