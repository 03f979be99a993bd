"""RECCE: as large as released, what is decoded and compared where, its three penalties by hand, who learns what."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import recce, xceptions

LABEL = torch.tensor([0, 1, 1, 0])


def config(**changes) -> params.Model:
    base = {"name": "recce", "backbone": "slim_xception", "size": 48, "form": "released", "swin": None, "width": 8}
    return params.Model(**(base | changes))


def created(**changes) -> recce.Recce:
    torch.manual_seed(0)
    return recce.build(config(**changes))


def images(n: int = 4, size: int = 48) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def test_the_full_size_is_the_released_one():
    """It also has ImageNet's classifier of 1000 classes, which nothing uses."""
    with torch.device("meta"):
        model = recce.build(config(backbone="legacy_xception", size=299, width=1))
        encoded, decoded, seen = model.eval().reconstruct(torch.zeros(1, 3, 299, 299), (299, 299))
        assert model(torch.zeros(1, 3, 299, 299)).shape == (1, 2)
    assert sum(p.numel() for p in model.parameters()) + 2048 * 1000 + 1000 == 25_830_509
    assert encoded.shape == (1, 728, 19, 19) and seen.shape == (1, 3, 299, 299)
    assert [m.shape[1:] for m in decoded] == [(256, 38, 38), (128, 76, 76)]
    assert model.cuts == (1, 4, 5), "block 4 is decoded; reasoning follows block 7, attention block 8"


@pytest.mark.parametrize("size", [48, 80])
def test_slim_shapes_in_training_and_evaluation(size):
    model = created(size=size)
    with torch.no_grad():
        assert model.eval()(images(1, size)).shape == (1, 2)
        encoded, decoded, seen = model.reconstruct(images(2, size), (size, size))
    cells = size // 8
    assert encoded.shape == (2, 112, cells, cells) and seen.shape == (2, 3, size, size)
    assert [m.shape[1:] for m in decoded] == [(32, 2 * cells, 2 * cells), (16, 4 * cells, 4 * cells)]
    assert model.cuts == (0, 1, 2)


def test_evaluation_is_deterministic_and_real_scores_zero():
    model = created().eval()
    with torch.no_grad():
        found = model(images())
        assert torch.equal(found, model(images())) and torch.equal(found, model(images(), label=LABEL))
    assert (found[:, 0] == 0).all() and (found[:, 1] != 0).all() and model.penalty is None


def test_a_gradient_reaches_every_parameter():
    model = created()
    (F.cross_entropy(model(images(), label=LABEL), LABEL) + model.penalty).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_classification_alone_teaches_the_decoder_through_the_residual():
    model = created()
    F.cross_entropy(model(images(), label=LABEL), LABEL).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.decoder.parameters())


def test_the_parts_are_wired_as_released(monkeypatch):
    model, image = created().eval(), torch.rand(2, 3, 48, 48) * 2 - 1
    parts, calls = xceptions.flows(model.backbone), {}
    for name in ("reasoning", "guided"):
        getattr(model, name).register_forward_hook(lambda m, args, out, name=name: calls.update({name: (args, out)}))
    with torch.no_grad():
        encoded, decoded, seen = model.reconstruct(image, (48, 48))
        found = model.classify(encoded, decoded, (image - seen).abs())
        torch.testing.assert_close(encoded, parts.entry(parts.stem[1](parts.stem[0](image))))
        torch.testing.assert_close(seen, model.decoder(encoded)[2])  # 48 px are 8 x 6 cells: nothing to resize
        (x, first, second), gathered = calls["reasoning"]
        torch.testing.assert_close(x, parts.middle[0](encoded))
        assert first is decoded[0] and second is decoded[1]
        (x, residual), attended = calls["guided"]
        torch.testing.assert_close(x, parts.middle[1](parts.middle[0](encoded) + gathered))
        torch.testing.assert_close(residual, (image - seen).abs())
        torch.testing.assert_close(found, parts.exit(attended).relu())
        monkeypatch.setattr(model, "own", nn.Identity())
        torch.testing.assert_close(model(image)[:, 1:], model.head(found.mean(dim=(2, 3))))


# noise


def test_half_of_the_images_get_noise_and_all_are_cut_off():
    torch.manual_seed(0)
    image = torch.rand(400, 3, 8, 8) * 2 - 1
    found = recce.noisy(image)
    changed = (found != image).flatten(1).any(dim=1)
    assert 160 < changed.sum() < 240 and (found - image).abs().max() < 1e-5
    assert (found - image)[changed].double().std().item() == pytest.approx(1e-6, rel=0.05)
    assert recce.noisy(torch.full((3, 3, 2, 2), 4.0)).eq(1).all()
    assert recce.noisy(torch.full((3, 3, 2, 2), -4.0)).eq(-1).all()


def test_noise_is_for_training_alone(monkeypatch):
    model, seen = created(), []
    monkeypatch.setattr(recce, "noisy", lambda image: seen.append(model.training) or image)
    with torch.no_grad():
        model(images(2))
        model.eval()(images(2))
    assert seen == [True]


# penalties


def slow_likeness_loss(features: torch.Tensor, label: torch.Tensor) -> float:
    same, other = [], []
    for i in range(len(label)):
        for j in range(len(label)):
            likeness = (1 + F.cosine_similarity(features[i], features[j], dim=0).item()) / 2
            if i != j and label[i] == label[j] == 0:
                same.append(likeness)
            elif label[i] != label[j]:
                other.append(likeness)
    return 1 - (sum(same) / len(same) if same else 0) + (sum(other) / len(other) if other else 0)


@pytest.mark.parametrize("label", [[0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])
def test_the_metric_loss_equals_a_loop_over_pairs(label):
    features, label = torch.randn(5, 7, generator=torch.Generator().manual_seed(4)), torch.tensor(label)
    found = recce.likeness_loss(features, label).item()
    assert found == pytest.approx(slow_likeness_loss(features, label), abs=1e-5)


def test_the_metric_loss_by_hand():
    """Real images alike (1), a fake at a right angle (.5): 1 - 1 + .5; opposite to them (0): nothing to pay."""
    real = torch.tensor([[1.0, 0], [2.0, 0]])
    label = torch.tensor([0, 0, 1])
    assert recce.likeness_loss(torch.cat([real, torch.tensor([[0, 3.0]])]), label).item() == pytest.approx(0.5)
    assert recce.likeness_loss(torch.cat([real, torch.tensor([[-1.0, 0]])]), label).item() == pytest.approx(0)


def test_the_penalty_is_the_sum_of_its_parts_by_hand():
    model = created()
    image, seen = torch.zeros(4, 3, 2, 2), torch.zeros(4, 3, 2, 2)
    seen[0], seen[1], seen[3] = 0.5, 9.0, 0.1  # of the fake nothing counts: (.5 + .1) / 2 = .3
    logits = torch.tensor([[0, -5.0], [0, 5.0], [0, 5.0], [0, -5.0]])  # cross-entropy ln(1 + e^-5) = .006715
    orthogonal = torch.tensor([[1.0, 0], [0, 1], [0, 1], [1, 0]])[:, :, None, None]
    found = model.cost(image, seen, (orthogonal,) * 3, logits, LABEL).item()
    flooding = 2 * (0.04 - math.log(1 + math.exp(-5)))
    assert found == pytest.approx(flooding + 0.1 * 0.3 + 0.1 * 3 * 0.5, rel=1e-5)


def test_without_real_images_there_is_nothing_to_reconstruct():
    model, fakes = created(), torch.ones(4, dtype=torch.int64)
    maps = (torch.tensor([[1.0, 0]] * 4)[:, :, None, None],)
    found = model.cost(torch.zeros(4, 3, 2, 2), torch.ones(4, 3, 2, 2), maps, torch.zeros(4, 2), fakes)
    assert found.item() == pytest.approx(0.1, rel=1e-5), "the metric loss of no pairs, 1"


def test_training_pays_for_its_own_images():
    model, kept = created(), {}
    model.decoder.register_forward_hook(lambda m, args, out: kept.update(encoded=args[0], decoded=out))
    logits = model(images(), label=LABEL)
    *maps, seen = kept["decoded"]
    expected = model.cost(model.own(images()), seen, (kept["encoded"], *maps), logits, LABEL)
    torch.testing.assert_close(model.penalty, expected)
    with torch.no_grad():
        model(images(), label=LABEL)
    assert model.penalty is None


def test_the_metric_loss_is_computed_in_full_precision_under_autocast(monkeypatch):
    seen = []

    def loss(features: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        seen.append((features.dtype, torch.is_autocast_enabled("cpu")))
        return torch.zeros(())

    monkeypatch.setattr(recce, "likeness_loss", loss)
    model = created()
    with torch.autocast("cpu", torch.bfloat16):
        model(images(), label=LABEL)
    assert seen == [(torch.float32, False)] * 3 and model.penalty.dtype == torch.float32


def test_cross_entropy_is_binary_cross_entropy_of_the_output():
    logits = created().eval()(images())
    expected = F.binary_cross_entropy_with_logits(logits[:, 1], LABEL.float())
    torch.testing.assert_close(F.cross_entropy(logits, LABEL), expected)


# by name


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match=r"^Recce: needs label in training"):
        created()(images())
    with pytest.raises(InputError, match=r"'slim_vgg': is no Xception"):
        created(backbone="slim_vgg")
    with pytest.raises(InputError, match=r"model\.width = 32: leaves 2 of the decoder's 64 channels; use 1"):
        created(width=32)


def test_grad_cam_reads_the_last_convolution():
    model = created()
    assert model.cam_layer(48) is model.backbone.features[12].pointwise
    assert isinstance(model.head[0], nn.Dropout) and model.head[0].p == 0.2
