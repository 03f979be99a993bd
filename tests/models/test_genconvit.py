"""GenConViT-ED in both forms against the facts of its specification, and networks by name."""

import pytest
import timm
import torch
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.models.genconvit import CELLS, GenConViTED, decoder, encoder
from ddet.training.learner import save_weights


def config(**changes) -> params.Model:
    base = {"name": "genconvit_ed", "backbone": "test_convnext", "size": 64, "form": "released", "swin": None}
    return params.Model(**{**base, "width": 4, **changes})


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def created(seed: int = 0, **changes) -> nn.Module:
    torch.manual_seed(seed)
    return models.create(config(**changes))


def without_gradient(model: nn.Module) -> list[str]:
    """Name the parameters that a step on random images and labels does not reach."""
    torch.manual_seed(1)
    nn.functional.cross_entropy(model(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 1, 0])).backward()
    return [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_full_size_parameter_counts():
    model = models.create(config(backbone="convnext_tiny", size=224, width=16))
    assert [count(m) for m in (model.encoder, model.decoder, model.head)] == [392_608, 174_515, 1_001_502]
    assert count(model) == 30_157_753
    assert model.cam_layer(224) is model.backbone.stages[3].downsample[1]
    assert (model.cam_layer(224).out_channels, model.cam_layer(224).kernel_size) == (768, (2, 2))


@pytest.mark.parametrize("width", [16, 4])
def test_the_autoencoder_halves_five_times_and_doubles_its_channels(width):
    torch.manual_seed(0)
    image = torch.randn(2, 3, 96, 96)
    code = encoder(width)(image)
    assert code.shape == (2, 16 * width, 3, 3)
    decoded = decoder(width)(code)
    assert decoded.shape == image.shape
    assert decoded.min() >= 0
    assert created(width=width).encoder[0].out_channels == created(width=width).decoder[-2].in_channels == width


def test_forward_is_the_head_on_both_views_decoded_first():
    model = created().eval()
    image = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        first, last = model.backbone(model.decoder(model.encoder(image))), model.backbone(image)
        assert first.shape == (3, 1000)
        h = nn.functional.gelu(torch.cat([first, last], 1))
        h = nn.functional.gelu(nn.functional.linear(h, model.head[1].weight, model.head[1].bias))
        want = nn.functional.linear(h, model.head[3].weight, model.head[3].bias)
        assert torch.allclose(model(image), want, atol=1e-6)
    assert want.shape == (3, 2)


# the form that was released


def test_in_the_released_form_swin_changes_nothing_but_the_draw_of_initial_weights():
    plain, with_swin = created(), created(swin="slim_swin")
    one, other = plain.state_dict(), with_swin.state_dict()
    assert set(one) == {name for name in other if not name.startswith("dead.")} != set(other)
    equal = {name for name in one if torch.equal(one[name], other[name])}
    assert all(name in equal for name in one if name.startswith("backbone."))
    assert not any(f"{part}.weight" in equal for part in ("head.1", "head.3", "encoder.0", "decoder.0"))
    plain.load_state_dict({name: other[name] for name in one})
    image = torch.randn(2, 3, 64, 64)
    assert torch.equal(plain.train()(image), with_swin.train()(image))


def test_the_dead_branch_is_swin_with_its_head_and_a_projection():
    dead = created(swin="slim_swin").dead
    swin, projection = dead
    assert type(swin).__name__ == "SwinTransformer" and swin.num_classes == 1000
    assert projection.weight.shape == (64, 1000, 1, 1), "test_convnext ends with 64 channels"


def test_a_gradient_reaches_every_parameter_but_those_of_the_dead_branch():
    model = created(swin="slim_swin")
    assert without_gradient(model) == [f"dead.{name}" for name, _ in model.dead.named_parameters()]
    assert all(p.grad is None for p in model.dead.parameters()), "an optimiser leaves them alone, weight decay as well"
    assert without_gradient(created()) == []


# the form that the paper intends


@pytest.mark.parametrize(("swin", "width"), [("slim_swin", 64 + 128), (None, 64)])
def test_the_intended_form_compares_pooled_features(swin, width):
    model = created(form="intended", swin=swin)
    assert model.features(torch.randn(2, 3, 64, 64)).shape == (2, width)
    assert [model.head[1].in_features, model.head[1].out_features, model.head[3].out_features] == [2 * width, 500, 2]
    assert model.dead is None and not any("head.fc" in name for name, _ in model.backbone.named_parameters())
    assert without_gradient(model) == []


def test_in_the_intended_form_swin_sees_both_views_beside_the_backbone():
    model = created(form="intended", swin="slim_swin").eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        views = model.decoder(model.encoder(image)), image
        seen = torch.cat([branch(view) for view in views for branch in (model.backbone, model.swin)], dim=1)
        assert torch.equal(model(image), model.head(seen))
        assert seen.shape == (2, 2 * (64 + 128))


def test_a_gradient_reaches_swin_of_the_released_sizes():
    model = GenConViTED(timm.create_model("test_convnext"), small_swin(), "intended", 4)
    assert model.head[1].in_features == 2 * (64 + 128) and without_gradient(model) == []


@pytest.mark.parametrize("swin", ["slim_swin", "swin_tiny_patch4_window7_224"])
def test_swin_by_name_takes_the_size_of_the_config(swin):
    model = created(form="intended", swin=swin, size=96)
    assert model(torch.randn(1, 3, 96, 96)).shape == (1, 2) and model.swin.patch_embed.img_size == (96, 96)


def small_swin() -> nn.Module:
    return timm.create_model(
        "swin_tiny_patch4_window7_224",
        img_size=64,
        embed_dim=16,
        depths=(1, 1, 1, 1),
        num_heads=(1, 1, 2, 2),
    )


# by name, with start weights


@pytest.mark.parametrize("form", ["released", "intended"])
def test_start_weights_reach_the_backbone_of_either_form(tmp_path, form):
    torch.manual_seed(1)
    source = timm.create_model("test_convnext")
    save_weights(source, tmp_path / "w.safetensors")
    torch.manual_seed(2)
    model = models.create(config(form=form, swin="slim_swin"), tmp_path / "w.safetensors")
    own = model.backbone.state_dict()
    assert all(torch.equal(own[name], value) for name, value in source.state_dict().items() if name in own)
    assert ("head.fc.weight" in own) is (form == "released")


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "genconvit"}, "genconvit_ed"),
        ({"backbone": "convnext_tinny"}, "convnext_tiny"),
        ({"name": "timm", "backbone": "xceptoin"}, "xception"),
        ({"size": 112}, "multiple of 32"),
        ({"swin": "slim_swim"}, "slim_swin"),
        ({"swin": "test_resnet"}, r"model\.swin = 'test_resnet': is no Swin; use slim_swin or swin_tiny_patch4"),
    ],
)
def test_bad_names_and_sizes_are_one_line(changes, words):
    with pytest.raises(InputError, match=words) as e:
        models.create(config(**changes))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("form", ["released", "intended"])
@pytest.mark.parametrize("backbone", ["test_resnet", "lite0_stride16"])
def test_another_backbone_stands_in_for_convnext(backbone, form):
    model = created(backbone=backbone, form=form)
    layer = models.cam_layer(model, 64)
    assert layer is models.cam_layer(model.backbone, 64, CELLS) and isinstance(layer, torch.nn.Conv2d)
    seen = []
    layer.register_forward_hook(lambda _, __, output: seen.append(output.shape[-2:]))
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 2)
    assert set(seen) == {(16, 16)}, "8 x 8 cells would be too few to tell an eye"


def test_batch_norm_sees_both_views_as_one_batch_in_training_and_keeps_their_statistics():
    """In evaluation after many equal batches the logits are those of training: the averages are of the same batches."""
    model = created(backbone="slim_resnet")
    image = torch.randn(6, 3, 64, 64)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.5
        for _ in range(40):
            trained = model.train()(image)
        seen = model.backbone(torch.cat(model.views(image))).chunk(2)
        assert torch.allclose(trained, model.head(torch.cat(seen, 1)), atol=1e-5)
        assert torch.allclose(model.eval()(image), trained, atol=0.05 * trained.std().item())
        alone = model.train()
        apart = model.head(torch.cat([alone.backbone(view) for view in model.views(image)], 1))
        assert not torch.allclose(apart, trained, atol=0.2 * trained.std().item())


# the form with one view


def test_in_the_form_with_one_view_the_head_sees_the_image_alone():
    model = created(form="one_view", swin="slim_swin").eval()
    names = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert names == {"backbone", "head"} and model.head[1].in_features == 1000
    image = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model(image), model.head(model.backbone(image)))
    assert without_gradient(created(form="one_view")) == []
    assert models.cam_call(model) == -1


def test_the_variational_network_has_no_such_form():
    with pytest.raises(InputError, match=r"one_view.*genconvit_ed"):
        created(name="genconvit_vae", form="one_view")
