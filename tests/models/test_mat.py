"""MAT: its size against the released code, what its maps meet, and what training adds to the cross-entropy."""

import pytest
import torch
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models import mat, mat_parts
from ddet.training.learner import save_weights


def built(backbone: str = "lite0_stride8", size: int = 32, width: int = 2, seed: int = 0) -> mat.MAT:
    torch.manual_seed(seed)
    return mat.build(params.Model(name="mat", backbone=backbone, size=size, form="released", swin=None, width=width))


def images(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


LABEL = torch.tensor([0, 1, 1, 0])


def test_the_full_size_is_that_of_the_released_code_but_for_a_layer_that_it_does_not_use():
    with torch.device("meta"):
        model = built("tf_efficientnet_b4", 380, 1)
        shapes = [tuple(x.shape[1:]) for x in model.features(torch.zeros(1, 3, 380, 380))]
        assert model.eval()(torch.zeros(1, 3, 380, 380)).shape == (1, 2)
    assert shapes == [(32, 95, 95), (160, 24, 24), (1792, 12, 12)]
    assert sum(p.numel() for p in model.parameters()) == 18_822_482 == 18_826_068 - (1792 * 2 + 2)
    assert model.cam_layer(380) is model.backbone.conv_head
    assert [block.drop_path.drop_prob for block in model.backbone.blocks[-1]][-1] > 0.15


@pytest.mark.parametrize(
    ("backbone", "size", "width"), [("lite0_stride8", 80, 1), ("lite0_stride16", 64, 2), ("lite0_stride8", 50, 2)]
)
def test_slim_ones_take_any_side(backbone, size, width):
    model = built(backbone, size, width).eval()
    with torch.no_grad():
        assert model(images(2, size)).shape == (2, 2)
        shallow, middle, final = model.features(images(1, size))
    fourth, eighth = -(-size // 4), -(-size // 8)
    assert shallow.shape == (1, 24, fourth, fourth) and middle.shape == (1, 40, eighth, eighth)
    assert final.shape[1] == 80 and model.cam_layer(size) is model.backbone.blocks[-1][-1]
    assert model.regions.centres.shape == (4, 24 // width)


def test_logits_are_made_of_textures_and_of_the_global_features():
    model, image = built().eval(), images()
    with torch.no_grad():
        shallow, middle, final = model.features(image)
        attention = model.attention(middle)
        textures, around = model.texture(shallow, attention)
        local = model.local(mat_parts.pool(textures, attention).flatten(1))
        total = attention.sum(dim=1, keepdim=True)  # as large as the last map
        whole = model.whole((final * total).sum(dim=(2, 3)) / (total.sum(dim=(2, 3)) + 16e-8))
        expected = model.head(torch.cat([local, whole], dim=1))
        logits, maps, vectors = model.look(image)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(maps, attention)
    torch.testing.assert_close(vectors, mat_parts.pool(mat_parts.standardised(around), attention))


def test_whole_attentions_are_dropped_in_training_from_both_poolings(monkeypatch):
    model, seen, weights = built(), [], []
    monkeypatch.setattr(mat, "average", lambda x, weight: weights.append(weight) or mat_parts.average(x, weight))
    model.local.register_forward_hook(lambda _, inputs, out: seen.append(inputs[0].unflatten(1, (4, -1))))
    _, attention, _ = model.look(images(64))
    gone = (seen[0].detach().abs().sum(dim=2) == 0).float()
    length = seen[0].detach().norm(dim=2)
    assert 0.15 < gone.mean() < 0.35
    torch.testing.assert_close(length[gone == 0], torch.full_like(length[gone == 0], 4 / 3))
    kept = (attention * (1 - gone)[:, :, None, None]).sum(dim=1, keepdim=True) * 4 / 3
    torch.testing.assert_close(weights[0], kept)
    model.eval().look(images(64))
    assert (seen[1].norm(dim=2) > 0.99).all()


def test_the_penalty_is_the_weighed_sum_of_its_three_terms(monkeypatch):
    model, image = built(), images()
    blurred, chosen = images(8)[4:], torch.tensor([0, 1, 2, 3])
    monkeypatch.setattr(mat, "degrade", lambda image, attention: (blurred, chosen))
    monkeypatch.setattr(mat.F, "dropout", lambda x, *_: x)
    _, _, before = model.look(image)
    logits, _, after = model.look(blurred)
    moved = [(after[b, m] - before[b, m]).norm() for b in range(4) for m in range(4) if m != chosen[b]]
    expected = 0.5 * mat_parts.Regions(4, 12)(before, LABEL) + F.cross_entropy(logits, LABEL) + 0.1 * sum(moved) / 16
    model(image, label=LABEL)
    torch.testing.assert_close(model.penalty, expected)


def test_a_gradient_reaches_every_parameter():
    model = built(size=64)
    loss = F.cross_entropy(model(images(4, 64), label=LABEL), LABEL) + model.penalty
    loss.backward()
    lost = {key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    before_norm = {f"texture.dense.{k}.2.bias" for k in range(4)} | {"attention.layers.0.bias", "texture.first.bias"}
    assert lost <= {*before_norm, "texture.extract.bias"}, "a bias that is taken away again may lack one"


def test_the_penalty_is_of_training_alone():
    model = built()
    model(images(), label=LABEL)
    assert model.penalty is not None and model.regions.centres.any()
    centres = model.regions.centres.clone()
    with torch.no_grad():
        model(images())
    assert model.penalty is None
    model(images(), label=LABEL)
    model.eval()(images())
    assert model.penalty is None
    assert not torch.equal(model.regions.centres, centres), "the second pass in training moved them again"
    with pytest.raises(InputError, match=r"^MAT: needs label in training, and was given none"):
        model.train()(images())


def test_start_weights_fill_the_backbone(tmp_path):
    torch.manual_seed(7)
    plain = models.make_backbone("lite0_stride8", num_classes=5)
    save_weights(plain, tmp_path / "w.safetensors")
    model = built()
    models.load_backbone(model.backbone, tmp_path / "w.safetensors")
    assert torch.equal(model.backbone.conv_stem.weight, plain.conv_stem.weight)


def test_evaluation_repeats_itself():
    model = built().eval()
    with torch.no_grad():
        assert torch.equal(model(images()), model(images()))


def test_another_family_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^model\.backbone = 'slim_vgg': MAT cannot tap it; use one of tf_eff"):
        built("slim_vgg")
