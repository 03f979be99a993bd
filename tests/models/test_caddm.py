"""CADDM: as large as released, four scales of maps, what training sees, its penalty, bad input in one line."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import caddm
from ddet.models.caddm_boxes import assign, detection_loss
from ddet.models.caddm_swap import Swapped

LABEL = torch.tensor([0, 1, 1, 0])
FULL = {
    "resnet34": (44_003_162, 512),
    "tf_efficientnet_b3": (210_970_178, 1536),
    "tf_efficientnet_b4": (289_736_546, 1792),
}


def config(**changes) -> params.Model:
    base = {"name": "caddm", "backbone": "slim_resnet", "size": 56, "form": "released", "swin": None, "width": 8}
    return params.Model(**(base | changes))


def created(**changes) -> caddm.CADDM:
    torch.manual_seed(0)
    return caddm.build(config(**changes))


def batch(size: int = 56) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    image, pair = torch.randn(2, 4, 3, size, size, generator=draw)
    mask = torch.zeros(4, 1, size, size)
    mask[1:3, :, 10:40, 10:40] = 1
    return {"image": image, "label": LABEL, "mask": mask, "pair": pair}


@pytest.mark.parametrize(("backbone", "found"), FULL.items())
def test_the_full_size_is_the_released_one(backbone, found):
    """It also has ImageNet's classifier of 1000 classes, which nothing uses."""
    with torch.device("meta"):
        model = caddm.build(config(backbone=backbone, width=1))
    assert sum(p.numel() for p in model.parameters()) + 1000 * found[1] + 1000 == found[0]
    assert model.head.in_features == found[1]
    assert model.dropout.p == {"resnet34": 0, "tf_efficientnet_b3": 0.3, "tf_efficientnet_b4": 0.4}[backbone]


def test_at_full_size_the_map_has_seven_cells_a_side():
    with torch.device("meta"):
        model, image = caddm.build(config(backbone="resnet34", width=1)).eval(), torch.zeros(1, 3, 224, 224)
        assert model.backbone.forward_features(image).shape == (1, 512, 7, 7)
        assert model(image).shape == (1, 2)


@pytest.mark.parametrize(("backbone", "size"), [("slim_resnet", 56), ("slim_resnet", 80), ("lite0_stride8", 80)])
def test_slim_shapes_in_evaluation(backbone, size):
    model = created(backbone=backbone).eval()
    image = torch.randn(2, 3, size, size)
    with torch.no_grad():
        found = model(image)
        assert found.shape == (2, 2) and torch.equal(found, model(image)) and model.penalty is None
        torch.testing.assert_close(model(image[:1]), found[:1], atol=1e-5, rtol=1e-5)


def test_the_detector_has_four_scales_in_the_order_of_the_anchors():
    torch.manual_seed(0)
    detector, kept = caddm.Detector(16, 8).eval(), []
    for step in detector.steps:
        step.register_forward_hook(lambda m, args, out: kept.append(out))
    with torch.no_grad():
        offsets, scores, last = detector(torch.randn(2, 16, 7, 7))
        assert [m.shape[1:] for m in kept] == [(8, 7, 7), (8, 5, 5), (8, 3, 3), (16, 1, 1)]
        assert offsets.shape == (2, 168, 4) and scores.shape == (2, 168, 2)
        torch.testing.assert_close(last, kept[3][:, :, 0, 0])
        # The second anchor of row 2, column 4 of the second scale: 98 + 2 x (2 x 5 + 4) + 1.
        torch.testing.assert_close(offsets[:, 127], detector.place[1](kept[1])[:, 4:8, 2, 4])
        torch.testing.assert_close(scores[:, 127], detector.score[1](kept[1])[:, 2:4, 2, 4])
        torch.testing.assert_close(scores[:, 166], detector.score[3](kept[3])[:, :2, 0, 0])


def test_a_larger_map_is_averaged_and_one_of_seven_cells_is_taken_as_it_is():
    torch.manual_seed(0)
    detector, x = caddm.Detector(16, 8).eval(), torch.randn(2, 16, 14, 14)
    with torch.no_grad():
        torch.testing.assert_close(detector(x)[0], detector(F.avg_pool2d(x, 2))[0])


def test_blocks_by_hand():
    torch.manual_seed(0)
    residual, last, x = caddm.Residual(4, 6, 3).eval(), caddm.Last(4, 6), torch.randn(2, 4, 5, 5)
    norm = (1 + 1e-5) ** 0.5
    with torch.no_grad():
        first, second = residual.main[0], residual.main[3]
        inner = (F.conv2d(x, first.weight, first.bias) / norm).relu()
        expected = F.conv2d(inner, second.weight, padding=1) / norm + F.conv2d(x, residual.around[0].weight) / norm
        torch.testing.assert_close(residual(x), expected.relu())
        first, second = last.main[0], last.main[2]
        inner = F.conv2d(x, first.weight, first.bias).relu()
        expected = F.conv2d(inner, second.weight, second.bias) + F.conv2d(x, last.around.weight, last.around.bias)
        torch.testing.assert_close(last(x), expected.relu())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in residual.modules()) == 3
    assert not any(isinstance(m, nn.BatchNorm2d) for m in last.modules())


def test_the_last_layer_sees_the_pooled_features_and_the_last_map():
    model, image = created().eval(), torch.randn(2, 3, 80, 80)
    with torch.no_grad():
        found = model.backbone.forward_features(image)
        expected = model.head(found.mean(dim=(2, 3)) + model.detector(found)[2])
        torch.testing.assert_close(model(image), expected)


def test_a_gradient_reaches_every_parameter(monkeypatch):
    """Places are learnt at the scales where something was mixed: here one image for each scale."""
    model, inputs = created(), batch()
    boxes = model.anchors[[60, 120, 156, 167]]
    corners = torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], dim=1)
    mixed = Swapped(torch.rand(4, 3, 56, 56), corners[:, None].repeat(1, 2, 1), torch.ones(4, 2) > 0)
    monkeypatch.setattr(caddm, "swap", lambda *args: mixed)
    (F.cross_entropy(model(**inputs), LABEL) + model.penalty).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_training_sees_what_was_mixed_and_pays_for_its_boxes(monkeypatch):
    model, inputs, seen = created(), batch(), {}
    mixed = Swapped(torch.rand(4, 3, 56, 56), torch.rand(4, 2, 4).sort(dim=2).values, torch.ones(4, 2) > 0)

    def swap(*args: torch.Tensor) -> Swapped:
        seen["args"] = args
        return mixed

    monkeypatch.setattr(caddm, "swap", swap)
    model.backbone.forward_features, features = (
        (lambda image: seen.update(image=image) or features(image)),
        model.backbone.forward_features,
    )
    model.detector.register_forward_hook(lambda m, args, out: seen.update(out=out))
    model(**inputs)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    for found, image in zip(seen["args"], (inputs["image"], inputs["pair"]), strict=False):
        torch.testing.assert_close(found, image * std + mean)
    assert seen["args"][2] is inputs["mask"] and seen["args"][3] is LABEL
    torch.testing.assert_close(seen["image"], (mixed.pixels - mean) / std)
    positive, target = assign(mixed.boxes, mixed.known, model.anchors)
    expected = 0.1 * detection_loss(seen["out"][0], seen["out"][1], positive, target)
    torch.testing.assert_close(model.penalty, expected)
    assert model.penalty > 0


def test_images_are_mixed_in_full_precision_under_autocast(monkeypatch):
    seen, mixed = [], Swapped(torch.rand(4, 3, 56, 56), torch.rand(4, 2, 4).sort(dim=2).values, torch.ones(4, 2) > 0)
    monkeypatch.setattr(caddm, "swap", lambda *args: seen.append(torch.is_autocast_enabled("cpu")) or mixed)
    model = created()
    with torch.autocast("cpu", torch.bfloat16):
        model(**batch())
    assert seen == [False] and model.penalty.dtype == torch.float32


def test_a_pass_that_records_no_gradients_mixes_nothing(monkeypatch):
    model, inputs = created(), batch()
    model(**inputs)
    assert model.penalty is not None
    monkeypatch.setattr(caddm, "swap", None)
    with torch.no_grad():
        model(inputs["image"])
    assert model.penalty is None
    model.eval()(**inputs)
    assert model.penalty is None


def test_bad_input_is_one_line():
    inputs = batch()
    with pytest.raises(InputError, match=r"^CADDM: needs mask and pair in training"):
        created()(inputs["image"], label=LABEL)
    with pytest.raises(InputError, match=r"^CADDM: its backbone's last map has 5 x 5 cells, and its detector needs 7"):
        created(backbone="lite0_stride16").eval()(torch.randn(1, 3, 80, 80))
    with pytest.raises(InputError, match=r"model\.width = 40: leaves the detector 6 of 256 channels; use 1 to 32"):
        created(width=40)


def test_grad_cam_reads_the_backbones_last_convolution():
    model = created()
    layer = model.cam_layer(56)
    assert layer is model.backbone.layer4[-1].conv3
