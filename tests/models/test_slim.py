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
IN_TIMM = dict(re.findall(r"`(test_\w+)` \(([\d,]+)[;)]", slim.__doc__))
DOCUMENTED = {name: int(n.replace(",", "")) for name, n in (TABLE | IN_TIMM).items()}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_table_lists_every_slim_network_and_what_it_stands_for():
    assert tuple(TABLE) == slim.NAMES and set(IN_TIMM) == {"test_vit", "test_efficientnet"}
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
        weight, bias = (model.state_dict()[key] for key in sorted(models.classifier_keys(model), reverse=True))
        torch.testing.assert_close(nn.functional.linear(seen.mean(axes), weight.flatten(1), bias), model(image))


def test_squeeze_and_excitation_is_the_only_difference():
    plain, se = (models.make_backbone(name, num_classes=2).state_dict() for name in ("slim_resnet", "slim_seresnet"))
    added = set(se) - set(plain)
    assert set(plain) < set(se) and all(".se." in key for key in added)
    assert len({key.split(".se.")[0] for key in added}) == 8, "at the end of each of 4 x 2 bottlenecks"
    assert all(plain[key].shape == se[key].shape for key in plain)


def test_what_each_family_keeps():
    made = {name: models.make_backbone(name, num_classes=2) for name in slim.NAMES}
    assert "BatchNorm2d" not in [type(m).__name__ for m in made["slim_nfnet"].modules()]
    kinds = {name: [type(m).__name__ for m in model.modules()] for name, model in made.items()}
    assert made["slim_resnet"].conv1.kernel_size == (7, 7) and kinds["slim_resnet"].count("Bottleneck") == 8
    assert "BatchNorm2d" not in kinds["slim_bit"] and {"GroupNormAct", "StdConv2d", "ConstantPad2d"} <= set(
        kinds["slim_bit"]
    )
    assert kinds["slim_bit"].count("Conv2d") == 1, "but the classifier, every convolution is weight-standardised"
    assert {m.num_groups for m in made["slim_bit"].modules() if isinstance(m, nn.GroupNorm)} == {8}
    assert kinds["slim_vgg"].count("Conv2d") == 13 and kinds["slim_vgg"].count("MaxPool2d") == 5
    assert {m.kernel_size for m in made["slim_vgg"].modules() if isinstance(m, nn.Conv2d)} == {(3, 3)}
    assert kinds["slim_xception"].count("Block") == 6 and "SeparableConv2d" in kinds["slim_xception"]
    blocks = [m for m in made["slim_swin"].modules() if type(m).__name__ == "SwinTransformerBlock"]
    assert [b.window_size for b in blocks] == [(6, 6)] * 6
    assert [b.shift_size for b in blocks][:4] == [(0, 0), (3, 3)] * 2
    assert made["slim_swin"].patch_embed.patch_size == (4, 4)


@pytest.mark.parametrize("name", [name for name in slim.NAMES if name != "slim_swin"])
def test_grad_cam_reads_the_last_map(name):
    model = models.make_backbone(name, num_classes=2)
    layer = models.cam_layer(model, 64)
    aside = ("head", "fc", "downsample", ".se.")
    paths = [k for k, m in model.named_modules() if isinstance(m, nn.Conv2d) and not any(a in k for a in aside)]
    assert layer is model.get_submodule(paths[-1])


def test_grad_cam_has_nothing_to_read_in_a_swin():
    with pytest.raises(InputError, match="SwinTransformer: has no convolution with a map"):
        models.cam_layer(models.make_backbone("slim_swin"), 64)
