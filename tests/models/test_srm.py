"""SRM: as large as released, its attentions place by place, its margin by hand, start weights in both streams."""

import math

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models import srm, xceptions
from ddet.training.learner import save_weights

LABEL = torch.tensor([0, 1, 1, 0])


def config(**changes) -> params.Model:
    base = {"name": "srm", "backbone": "slim_xception", "size": 48, "form": "released", "swin": None, "width": 1}
    return params.Model(**(base | changes))


def created(**changes) -> srm.SRM:
    torch.manual_seed(0)
    return srm.build(config(**changes))


def images(n: int = 4, size: int = 48) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_full_size_is_the_released_one():
    """It also counts fixed filters (two for images, 32 and 64 channels), a classifier it does not use, biases."""
    with FakeTensorMode():
        model = srm.build(config(backbone="legacy_xception", size=256))
        assert model(torch.zeros(2, 3, 256, 256), label=torch.zeros(2, dtype=torch.int64)).shape == (2, 2)
        assert model.eval().features(torch.zeros(1, 3, 256, 256)).shape == (1, 2048, 8, 8)
    fixed = 25 * (2 * 9 + 3 * 32 + 3 * 64)
    assert count(model) + fixed + (2 * 2048 + 2) + 2 == 53_250_128
    assert [layer.in_features for layer in model.cross[0].places] == [256, 256]
    assert model.cross[0].shared.weight.shape[:2] == (91, 91)


@pytest.mark.parametrize(("size", "cells"), [(48, 6), (80, 10)])
def test_slim_shapes_in_training_and_evaluation(size, cells):
    model = created(size=size)
    assert srm.side(model.rgb, size) == cells and model.training
    assert model.cross[1].places[0].weight.shape == (cells**2, cells**2)
    with torch.no_grad():
        assert model.eval()(images(1, size)).shape == (1, 2)
        assert model.features(images(2, size)).shape == (2, 192, cells, cells)
        assert model.train()(images(2, size), label=LABEL[:2]).shape == (2, 2)


def test_finding_the_side_changes_no_statistics():
    model = created()
    assert all(norm.num_batches_tracked == 0 for norm in model.modules() if isinstance(norm, nn.BatchNorm2d))


def test_a_gradient_reaches_every_parameter():
    model = created()
    for cross in model.cross:
        nn.init.ones_(cross.strength)
    F.cross_entropy(model(images(), label=LABEL), LABEL).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_at_the_start_only_the_strength_of_attention_learns():
    model = created()
    F.cross_entropy(model(images(), label=LABEL), LABEL).backward()
    idle = [n for n, p in model.cross.named_parameters() if not p.grad.abs().sum() > 0]
    assert {n.split(".")[1] for n in idle} == {"key", "value", "shared", "places"}
    assert all(cross.strength.grad.ne(0).all() for cross in model.cross)


# attention


def slow_cross(block: srm.CrossAttention, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Attend place by place."""
    n, _, height, width = x.shape
    places = [divmod(at, width) for at in range(height * width)]
    keys = [block.shared(key(m)) for key, m in zip(block.key, (x, y), strict=True)]
    value_x, value_y = block.value[0](x), block.value[1](y)
    out_x, out_y = x.clone(), y.clone()
    for b in range(n):
        energy = torch.stack([torch.stack([keys[0][b, :, *p] @ keys[1][b, :, *q] for q in places]) for p in places])
        for i, p in enumerate(places):
            look = torch.softmax(block.places[0](energy[i]), dim=0)
            out_x[b, :, *p] += block.strength[0] * sum(w * value_y[b, :, *q] for w, q in zip(look, places, strict=True))
            look = torch.softmax(block.places[1](energy[:, i]), dim=0)
            out_y[b, :, *p] += block.strength[1] * sum(w * value_x[b, :, *q] for w, q in zip(look, places, strict=True))
    return out_x, out_y


def test_cross_attention_equals_a_loop_over_places():
    torch.manual_seed(1)
    block = srm.CrossAttention(16, 12)
    for p in block.parameters():
        nn.init.normal_(p)
    x, y = torch.randn(2, 2, 16, 3, 4)
    with torch.no_grad():
        for found, expected in zip(block(x, y), slow_cross(block, x, y), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_cross_attention_adds_nothing_at_the_start():
    block = srm.CrossAttention(16, 12)
    x, y = torch.randn(2, 2, 16, 3, 4)
    assert all(torch.equal(a, b) for a, b in zip(block(x, y), (x, y), strict=True))
    weights = block.value[0].weight
    assert weights.std().item() == pytest.approx(0.02 * math.sqrt(2 / (16 + 16)), rel=0.2)


def test_spatial_attention_weighs_where_residuals_are():
    torch.manual_seed(2)
    with torch.no_grad():
        stem = xceptions.flows(xceptions.make(config())).stem
        layer, residual = srm.SpatialAttention(stem).eval(), torch.randn(1, 3, 48, 48)
        nn.init.normal_(layer.weigh.weight)
        x, found = torch.randn(1, 32, 24, 24), layer.embed(residual)
        assert found.shape == x.shape
        out, norm = layer(x, residual), layer.norm
        weight = layer.weigh.weight[0]
        padded = F.pad(torch.stack([found.mean(1), found.max(1).values], 1), (3, 3, 3, 3))[0]
        for row, column in ((0, 0), (11, 5), (23, 23)):
            a = torch.sigmoid((padded[:, row : row + 7, column : column + 7] * weight).sum())
            expected = (x[0, :, row, column] * (1 + a)) / (1 + norm.eps) ** 0.5
            torch.testing.assert_close(out[0, :, row, column], expected.clamp(min=0), atol=1e-5, rtol=1e-5)


def test_at_full_size_the_weights_of_places_have_the_shape_of_the_stem():
    with FakeTensorMode():
        net = xceptions.make(config(backbone="legacy_xception"))
        layer = srm.SpatialAttention(xceptions.flows(net).stem)
        assert layer.embed(torch.zeros(1, 3, 256, 256)).shape == (1, 64, 125, 125)
    assert count(layer) == 864 + 64 + 18432 + 128 + 98 + 128


def test_fusion_by_hand():
    torch.manual_seed(3)
    layer = srm.Fusion(16).eval()
    nn.init.normal_(layer.weigh[0].weight)
    nn.init.normal_(layer.weigh[2].weight)
    x, y = torch.randn(2, 2, 16, 3, 3)
    with torch.no_grad():
        both = layer.mix(torch.cat([x, y], 1))
        small = [both.flatten(2).mean(2), both.flatten(2).max(2).values]
        first, second = layer.weigh[0].weight[..., 0, 0], layer.weigh[2].weight[..., 0, 0]
        a = torch.sigmoid(sum((s @ first.T).clamp(min=0) @ second.T for s in small))
        torch.testing.assert_close(layer(x, y), both + both * a[..., None, None])
    assert first.shape == (1, 16), "a sixteenth of the channels"


def test_the_streams_are_wired_as_released():
    """Guides add to the noise stream after each stem layer; the middle is halved; noise is filtered once more."""
    model, calls = created().eval(), []
    for name, layer in (("spatial", model.spatial), ("guide", model.guides[1]), ("cross", model.cross[0])):
        layer.register_forward_hook(lambda m, inputs, out, name=name: calls.append((name, inputs, out)))
    with torch.no_grad():
        image = model.own(images(2))
        model(images(2))
        one, other = xceptions.flows(model.rgb), xceptions.flows(model.noise)
        noise = model.residual(image)
        x0 = one.stem[0](image)
        y0 = (other.stem[0](noise) + model.guides[0](x0)).relu()
        x1 = one.stem[1](x0)
        y1 = (other.stem[1](y0) + model.guides[1](x1)).relu()
        (_, (guided,), _), (_, (weighed, residual), out), (_, (x, y), crossed) = calls[:3]
        for found, expected in ((guided, x1), (weighed, x1), (residual, model.residual(noise))):
            torch.testing.assert_close(found, expected)
        torch.testing.assert_close(x, one.entry(out))
        torch.testing.assert_close(y, other.entry(y1))
        x, y = model.cross[1](one.middle[0](crossed[0]), other.middle[0](crossed[1]))
        expected = model.fusion(one.exit(one.middle[1](x)), other.exit(other.middle[1](y)))
        torch.testing.assert_close(model.features(image), expected)


# logits


def test_evaluation_gives_thirty_cosines_and_is_deterministic():
    model = created().eval()
    with torch.no_grad():
        found, features = model(images()), model.features(model.own(images())).mean(dim=(2, 3))
        assert torch.equal(found, model(images()))
    for row, feature in zip(found, features, strict=True):
        expected = [30 * F.cosine_similarity(feature, d, dim=0).item() for d in model.directions]
        assert row.tolist() == pytest.approx(expected, abs=1e-4)


def test_training_takes_the_margin_from_the_right_class_alone():
    model = created()
    model.dropout.p = 0.0
    plain, margin = both(model)
    expected = torch.tensor([[13.5, 0], [0, 13.5], [0, 13.5], [13.5, 0]])
    torch.testing.assert_close(plain - margin, expected, atol=1e-4, rtol=0)


def both(model: srm.SRM) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits in training mode, without gradients (no margin) and with."""
    with torch.no_grad():
        plain = model(images())
    return plain, model(images(), label=LABEL).detach()


def test_cross_entropy_is_the_am_softmax_loss_by_hand():
    """Cosines .6 and .2 of a fake: -log(e^(30 (.2 - .45)) / (e^(30 (.2 - .45)) + e^(30 .6))) = 25.5."""
    model = created()
    model.dropout.p = 0.0
    model.directions.data = torch.eye(192)[:2]
    rest = math.sqrt(1 - 0.6**2 - 0.2**2)
    feature = 7 * (0.6 * torch.eye(192)[0] + 0.2 * torch.eye(192)[1] + rest * torch.eye(192)[2])
    model.features = lambda image: feature.view(1, 192, 1, 1)
    loss = F.cross_entropy(model(images(1), label=torch.tensor([1])), torch.tensor([1]))
    expected = math.log(math.exp(30 * -0.25) + math.exp(18)) - 30 * -0.25
    assert loss.item() == pytest.approx(expected, rel=1e-5) and expected == pytest.approx(25.5, abs=1e-6)


def test_cosines_are_computed_in_full_precision_under_autocast():
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert created().eval()(images(2)).dtype == torch.float32


# by name


def test_start_weights_fill_both_streams(tmp_path):
    torch.manual_seed(7)
    plain = models.make_backbone("slim_xception", num_classes=5)
    save_weights(plain, tmp_path / "w.safetensors")
    model = created()
    models.load_backbone(model.backbone, tmp_path / "w.safetensors")
    state = plain.state_dict()
    for stream in (model.rgb, model.noise):
        assert all(torch.equal(value, state[name]) for name, value in stream.state_dict().items())


def test_bad_input_is_one_line():
    model = created()
    with pytest.raises(InputError, match=r"^SRM: needs label in training"):
        model(images())
    with pytest.raises(InputError, match=r"^SRM: was built for images of 48 px and is given 64; set model\.size"):
        model.eval()(images(2, 64))
    with pytest.raises(InputError, match=r"'slim_resnet': is no Xception"):
        created(backbone="slim_resnet")


def test_grad_cam_reads_the_fused_map():
    model = created()
    assert model.cam_layer(48) is model.fusion
