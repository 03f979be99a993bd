"""Networks by name: start weights that fit, sides, the layer that Grad-CAM reads, errors in one line."""

import pytest
import safetensors.torch
import timm
import torch

from ddet import models, params
from ddet.errors import InputError
from ddet.training.learner import save_weights


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
        ("lite0_stride16", "blocks.3.2.conv_pwl"),
        ("lite0_stride8", "blocks.3.2.conv_pwl"),
        ("slim_xception", "features.12.pointwise"),
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


def test_a_timm_network_is_drawn_from_the_global_state():
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(models.make_backbone("test_resnet", num_classes=2).state_dict()["conv1.0.weight"])
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


OVER = {
    "capsule": "slim_vgg",
    "mat": "lite0_stride8",
    **dict.fromkeys(("f3net", "srm", "recce", "ffd"), "slim_xception"),
}  # not any backbone


def test_every_name_leads_to_its_own_network():
    kinds = {}
    for name in params.NETWORKS:
        backbone = OVER.get(name.split("_")[0], "test_convnext")
        kinds[name] = type(models.create(config(name=name, backbone=backbone))).__name__
    assert kinds["genconvit_ed"] == "GenConViTED" and kinds["genconvit_vae"] == "GenConViTVAE"
    assert kinds["f3net"].startswith("F3Net") and kinds["f3net_mix"].startswith("F3Net")
    assert kinds["meso4"] == kinds["mesoinception4"] == "MesoNet" and kinds["capsule_v1"] == "Capsule"
    assert [kinds[name] for name in ("srm", "rfm", "recce", "cvit", "ffd", "mat", "caddm")] == [
        *("SRM", "RFM", "Recce", "CViT", "FFD", "MAT", "CADDM")
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "resnet"}, r"^model\.name = 'resnet': no such network; use one of timm, genconvit_ed, "),
        ({"name": "timm", "backbone": "resnet_50"}, r"timm has no such network; near: .*resnet50"),
        ({"name": "timm", "backbone": "qqqq"}, "near: none$"),
    ],
)
def test_unknown_names_propose_near_ones_in_one_line(changes, said):
    with pytest.raises(InputError, match=said) as e:
        models.create(config(**changes))
    assert "\n" not in str(e.value)


def test_a_transformer_takes_the_sides_that_its_patches_fit():
    with torch.device("meta"):
        fixed, free = models.make_backbone("swin_tiny_patch4_window7_224"), models.make_backbone("test_vit")
    models.check_size(fixed, 224)
    with pytest.raises(InputError, match=r"^model\.size = 240: the backbone sees 240 px; it takes 224 px only$"):
        models.check_size(fixed, 240)
    models.check_size(free, 48)
    with pytest.raises(
        InputError, match=r"^model\.size = 56: the backbone sees 56 px; it takes multiples of 16 px only$"
    ):
        models.check_size(free, 56)
    models.check_size(models.make_backbone("test_resnet"), 61)


def test_the_classifier_is_what_changes_with_the_outputs():
    two, three = (models.make_backbone("test_resnet", num_classes=n) for n in (2, 3))
    apart = {name for name, value in two.state_dict().items() if value.shape != three.state_dict()[name].shape}
    assert models.classifier_keys(two) == apart == {"fc.weight", "fc.bias"}
    assert models.classifier_keys(two, ["fc.weight", "fcx.weight", "conv1.weight"]) == {"fc.weight"}


def test_start_weights_are_put_in_whole(tmp_path):
    torch.manual_seed(1)
    source = models.make_backbone("test_resnet", num_classes=2)
    save_weights(source, tmp_path / "w.safetensors")
    torch.manual_seed(2)
    own = models.create(config(name="timm", backbone="test_resnet"), tmp_path / "w.safetensors").state_dict()
    assert all(torch.equal(own[name], value) for name, value in source.state_dict().items())


def test_a_network_may_choose_its_layer_and_which_run_of_it_counts():
    class Own(torch.nn.Module):
        cam_call = 2

        def cam_layer(self, size):
            return size

    assert models.cam_layer(Own(), 64) == 64 and models.cam_call(Own()) == 2
    assert models.cam_call(torch.nn.Identity()) == -1, "the last run, unless a network says otherwise"


@pytest.mark.parametrize("text", [b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_file_that_holds_no_weights_is_one_line(tmp_path, text):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(text)
    with pytest.raises(InputError, match=r"weights\.safetensors: cannot be read as weights \(S"):
        models.load_backbone(models.make_backbone("test_resnet", num_classes=2), file)
