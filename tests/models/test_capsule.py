"""Capsule-Forensics against loops over capsules and classes, its published sizes, and a front that stays fixed."""

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models import capsule

NAMES = ("capsule_v1", "capsule_v2")


def built(name: str = "capsule_v1", backbone: str = "slim_vgg", size: int = 32, seed: int = 0) -> capsule.Capsule:
    torch.manual_seed(seed)
    return capsule.build(params.Model(name=name, backbone=backbone, size=size, form="released", swin=None, width=1))


def images(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "parameters"), [("capsule_v1", 471_321), ("capsule_v2", 1_571_070)])
def test_parameters_are_as_many_as_published(name, parameters):
    with FakeTensorMode():
        model = built(name, "vgg19", 128)
        assert model.backbone(torch.zeros(1, 3, 128, 128)).shape == (1, 256, 16, 16)
        assert model(torch.zeros(2, 3, 128, 128), label=torch.zeros(2, dtype=torch.int64)).shape == (2, 2)
    assert count(model) - count(model.backbone) == parameters
    assert count(model.backbone) == 2_325_568
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == parameters


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [32, 50, 80])
def test_any_side_goes_through(name, size):
    model = built(name, size=size).eval()
    seen = []
    model.cam_layer(size).register_forward_hook(lambda _, inputs, out: seen.append(tuple(out.shape)))
    with torch.no_grad():
        assert model(images(2, size)).shape == (2, 2)
    assert seen == [(2, 16 * (10 if name == "capsule_v2" else 3), size // 8, size // 8)]


def slow_primary(layers: nn.Sequential, x: torch.Tensor, capsules: int) -> torch.Tensor:
    """Run the primary capsules one by one, with layers of their own."""
    first, norm1, _, second, norm2, _, _, third, norm3, last, norm4 = layers

    def part(conv: nn.Module, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        return conv.weight.chunk(capsules)[k], conv.bias.chunk(capsules)[k]

    def normed(y: torch.Tensor, norm: nn.Module, k: int) -> torch.Tensor:
        args = (t.chunk(capsules)[k] for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
        return F.batch_norm(y, *args)

    out = []
    for k in range(capsules):
        y = normed(F.conv2d(x, *part(first, k), padding=1), norm1, k).relu()
        y = normed(F.conv2d(y, *part(second, k), padding=1), norm2, k).relu()
        assert y.shape[1] == 16
        pixels = y.flatten(2)
        mean = pixels.mean(dim=2)
        std = ((pixels - mean[..., None]) ** 2).sum(dim=2).div(pixels.shape[2] - 1).sqrt()
        y = normed(F.conv1d(torch.stack([mean, std], dim=1), *part(third, k), stride=2, padding=2), norm3, k)
        out.append(normed(F.conv1d(y, *part(last, k), padding=1), norm4, k)[:, 0])
    return torch.stack(out, dim=1)


@pytest.mark.parametrize("capsules", [3, 10])
def test_primary_capsules_equal_networks_of_their_own(capsules):
    torch.manual_seed(0)
    layers, x = capsule.primary(6, capsules).eval(), torch.randn(2, 6, 5, 4)
    for layer in layers:
        for value in layer.state_dict().values():
            if value.dtype == torch.float32:
                nn.init.uniform_(value, 0.1, 0.9)
    with torch.no_grad():
        found, expected = layers(x), slow_primary(layers, x, capsules)
    assert found.shape == (2, capsules, 8) and found.std() > 0.01
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def slow_squash(v: np.ndarray) -> np.ndarray:
    return (v @ v) / (1 + v @ v) * v / np.sqrt(v @ v)


def slow_routing(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Route one image: n x 8 to classes x 4."""
    out = np.zeros((2, 4))
    for c in range(2):
        proposals = [weight[c, k] @ x[k] for k in range(len(x))]
        logits = np.zeros((len(x), 4))
        for _ in range(2):
            shares = np.exp(logits) / np.exp(logits).sum(axis=0)
            out[c] = slow_squash(sum(share * u for share, u in zip(shares, proposals, strict=True)))
            logits = logits + np.array(proposals) * out[c]
    return out


def test_routing_equals_a_loop_over_classes_and_capsules():
    torch.manual_seed(0)
    routing, x = capsule.Routing(5, 0.5).eval(), torch.randn(3, 5, 8)
    found = routing(x).detach().numpy()
    weight = routing.weight.detach().double().numpy()
    np.testing.assert_allclose(found, [slow_routing(weight, v) for v in x.double().numpy()], atol=1e-5)


def test_squash_by_hand():
    """|(3, 4)| = 5, and 25 / 26 of a unit vector is left; the other axis is not looked at."""
    v = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = capsule.squash(v, dim=1)
    torch.testing.assert_close(found, torch.tensor([[15 / 26, 20 / 26], [0.0, 0.0]]))
    found.sum().backward()
    assert v.grad.isfinite().all()


def test_noise_and_dropout_are_of_training_alone():
    torch.manual_seed(0)
    routing, x = capsule.Routing(40, 0.5), torch.randn(1, 40, 8)
    assert not torch.equal(routing(x), routing(x))
    assert torch.equal(routing.eval()(x), routing(x))
    plain = capsule.Routing(40, 0.0)
    still, moved = plain.eval()(x), plain.train()(x)
    assert 0 < (still - moved).abs().max() < 0.05, "noise of .01 on weights of 1"


def test_numbers_that_are_not_dropped_stay_as_they_are(monkeypatch):
    """A single capsule has all the weight, so each outcome is the squashed rest of its proposal."""
    torch.manual_seed(0)
    monkeypatch.setattr(capsule.torch, "randn_like", torch.zeros_like)
    routing, x = capsule.Routing(1, 0.5), torch.randn(64, 1, 8)
    with torch.no_grad():
        found, proposed = routing(x), torch.einsum("cij,bj->bci", routing.weight[:, 0], x[:, 0])
    kept = found != 0
    assert 0.4 < kept.float().mean() < 0.6
    torch.testing.assert_close(found, capsule.squash(proposed * kept, dim=2))


def test_the_vote_is_squashed_along_the_capsules():
    model = built().eval()
    with torch.no_grad():
        seen = model.capsules(model.backbone(images()))
        length = seen.square().sum(dim=1, keepdim=True)
        numbers = model.routing(seen * length.sqrt() / (1 + length))
        expected = torch.stack([numbers[:, :, d].softmax(dim=1) for d in range(4)]).mean(dim=0)
        torch.testing.assert_close(model(images()).exp(), expected)


@pytest.mark.parametrize("name", NAMES)
def test_training_minimises_the_sum_over_the_numbers(name):
    model, label, found = built(name), torch.tensor([0, 1, 1, 0]), []
    model.routing.register_forward_hook(lambda _, inputs, out: found.append(out))
    logits = model(images(), label=label)
    total = F.cross_entropy(logits, label) + model.penalty
    votes = found[0].softmax(dim=1) if name == "capsule_v1" else found[0]
    expected = sum(F.cross_entropy(votes[:, :, d], label) for d in range(4))
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_parameter_but_the_fronts(name):
    model, label = built(name), torch.arange(6) % 2
    (F.cross_entropy(model(images(6), label=label), label) + model.penalty).backward()
    reached = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    before_norm = {f"capsules.{at}.bias" for at in (0, 3, 7, 9)}  # a batch norm takes them away, but for rounding
    assert {key for key, _ in model.named_parameters() if not key.startswith("backbone.")} - before_norm <= reached
    assert not any(key.startswith("backbone.") for key in reached)


def test_the_penalty_is_of_training_alone():
    model, label = built(), torch.arange(4) % 2
    model(images(), label=label)
    assert model.penalty is not None
    with torch.no_grad():
        model(images())
    assert model.penalty is None
    with pytest.raises(InputError, match=r"^Capsule: needs label in training"):
        model(images())


def test_layers_begin_as_released():
    layers = capsule.primary(64, 10)
    for at, (mean, std) in {0: (0, 0.02), 3: (0, 0.02), 1: (1, 0.02), 7: (0, 0.02)}.items():
        weight = layers[at].weight
        assert weight.mean().item() == pytest.approx(mean, abs=0.006)
        assert weight.std().item() == pytest.approx(std, rel=0.25)
    assert built("capsule_v2").routing.weight.std().item() == pytest.approx(1, rel=0.15)


def randomised(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    whole = models.make_backbone("slim_vgg", num_classes=7)
    for norm in (m for m in whole.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 1, 2)
    return whole.eval()


def test_start_weights_of_the_whole_vgg_fill_the_front(tmp_path):
    whole, model = randomised(7), built()
    safetensors.torch.save_file(whole.state_dict(), tmp_path / "w.safetensors")
    models.load_backbone(model.backbone, tmp_path / "w.safetensors")
    expected = whole.features[:24](images())
    torch.testing.assert_close(model.train().backbone(images()), expected)
    assert expected.shape == (4, 48, 4, 4), "after the third pooling"
    with pytest.raises(InputError, match="does not fit the backbone"):
        safetensors.torch.save_file(models.make_backbone("slim_xception").state_dict(), tmp_path / "x.safetensors")
        models.load_backbone(model.backbone, tmp_path / "x.safetensors")


def test_nothing_in_training_changes_the_front():
    model, label = built(), torch.arange(4) % 2
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    assert len(before) == 7 * 2 + 7 * 5, "seven convolutions and their batch norms"
    free = [p for p in model.parameters() if p.requires_grad]
    step = torch.optim.SGD(free, lr=0.1)
    (F.cross_entropy(model(images(), label=label), label) + model.penalty).backward()
    step.step()
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.backbone.modules())


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_repeats_itself(name):
    model = built(name).eval()
    with torch.no_grad():
        assert torch.equal(model(images()), model(images()))


@pytest.mark.parametrize("backbone", ["slim_xception", "lite0_stride8"])
def test_another_family_is_refused_in_one_line(backbone):
    with pytest.raises(InputError, match=rf"model\.backbone = '{backbone}': is no VGG; use vgg19 or slim_vgg"):
        built(backbone=backbone)
