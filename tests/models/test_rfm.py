"""RFM: the attention map by finite differences, erasing against the released algorithm in loops, flooding."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import rfm


def config(**changes) -> params.Model:
    base = {"name": "rfm", "backbone": "slim_xception", "size": 64, "form": "released", "swin": None, "width": 1}
    return params.Model(**(base | changes))


def created(**changes) -> rfm.RFM:
    torch.manual_seed(0)
    return rfm.build(config(**changes))


def images(n: int = 4, size: int = 64) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(5))


LABEL = torch.tensor([0, 1, 1, 0])


def test_the_full_size_is_xceptions():
    with FakeTensorMode():
        model = rfm.build(config(backbone="legacy_xception", size=224))
        assert sum(p.numel() for p in model.parameters()) == 20_811_050
        assert model(torch.zeros(2, 3, 224, 224), label=torch.zeros(2, dtype=torch.int64)).shape == (2, 2)
        assert model.eval()(torch.zeros(2, 3, 224, 224)).shape == (2, 2)


@pytest.mark.parametrize(("size", "n"), [(64, 1), (80, 3)])
def test_slim_shapes_in_training_and_evaluation(size, n):
    model = created(size=size)
    assert model.eval()(images(n, size)).shape == (n, 2) and model.penalty is None
    assert model.train()(images(max(n, 2), size), label=LABEL[: max(n, 2)]).shape == (max(n, 2), 2)
    assert model.penalty.shape == ()


def test_evaluation_is_its_backbone_on_pixels_of_its_own_normalisation():
    model, pixels = created().eval(), torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        found = model((pixels - mean) / std)
        torch.testing.assert_close(found, model.backbone((pixels - 0.5) / 0.25))
        assert torch.equal(found, model((pixels - mean) / std, label=LABEL[:2]))


def test_a_gradient_reaches_every_parameter():
    model = created()
    F.cross_entropy(model(images(), label=LABEL), LABEL).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


class Quadratic(nn.Module):
    """Logits a.x + (c.x)^2 of an image, of which only fake has the linear part; counts the modes it was called in."""

    def __init__(self, pixels: int):
        super().__init__()
        draw = torch.Generator().manual_seed(2)
        self.a, self.c = (nn.Parameter(torch.randn(pixels, generator=draw)) for _ in range(2))
        self.modes = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training)
        flat = image.flatten(1)
        return torch.stack([(flat @ self.c).square(), 3 * flat @ self.a], dim=1)


def test_the_map_is_the_steepest_of_three_channels_by_hand():
    """The difference of the logits is 3 a.x - (c.x)^2, its gradient 3 a - 2 (c.x) c."""
    net, image = Quadratic(3 * 4 * 5), torch.randn(2, 3, 4, 5)
    found = rfm.attention_map(net, image)
    a, c = net.a.detach(), net.c.detach()
    gradient = torch.stack([3 * a - 2 * (x @ c) * c for x in image.flatten(1)]).view(2, 3, 4, 5)
    torch.testing.assert_close(found, gradient.abs().amax(dim=1))
    assert net.modes == [False] and net.training, "it is made in evaluation mode"
    assert net.a.grad is None and not image.requires_grad and not found.requires_grad


def test_the_map_equals_finite_differences_of_a_network():
    model = created().double().eval()
    image = images(1).double()
    found = rfm.attention_map(model.backbone, image)[0]
    for y, x in ((3, 7), (30, 30)):
        slopes = []
        for channel in range(3):
            step = torch.zeros_like(image)
            step[0, channel, y, x] = 1e-6
            with torch.no_grad():
                up, down = (model.backbone(image + s)[0] for s in (step, -step))
            slopes.append(abs(((up[1] - up[0]) - (down[1] - down[0])).item() / 2e-6))
        assert found[y, x].item() == pytest.approx(max(slopes), rel=1e-4)


def slow_erase(image: torch.Tensor, attention: torch.Tensor, draws: list) -> torch.Tensor:
    """Visit the pixels one by one as the released code does; `draws` holds (h, sh), (w, sw) for each block in turn."""
    erased = np.zeros(attention.shape, dtype=bool)
    for i, order in enumerate(attention.flatten(1).argsort(dim=1, descending=True).tolist()):
        count = 0
        for at in order:
            y, x = divmod(at, attention.shape[2])
            if erased[i, y, x]:
                continue
            (h, sh), (w, sw) = (tuple(int(v[i]) for v in pair) for pair in draws[count])
            erased[i, max(y - sh, 0) : max(y + h - sh, 0), max(x - sw, 0) : max(x + w - sw, 0)] = True
            count += 1
            if count == len(draws):
                break
    return torch.from_numpy(erased)


def spans_of(side: int, n: int, largest: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a length and an offset for n pixels in the order in which `erase` draws them."""
    length = torch.randint(1, round(side * largest) + 1, (n,))
    return length, 1 + (torch.rand(n) * length).long()


@pytest.mark.parametrize(("blocks", "largest", "side"), [(3, 120 / 224, 24), (5, 0.2, 20), (1, 0.5, 16)])
def test_erasing_equals_the_released_loop_over_pixels(blocks, largest, side):
    for seed in range(20):
        torch.manual_seed(seed)
        image, attention = torch.full((3, 3, side, side + 4), 9.0), torch.rand(3, side, side + 4)
        state = torch.get_rng_state()
        out = rfm.erase(image, attention, blocks, largest)
        torch.set_rng_state(state)
        draws = [(spans_of(side, 3, largest), spans_of(side + 4, 3, largest)) for _ in range(blocks)]
        expected = slow_erase(image, attention, draws)
        assert torch.equal((out != 9).all(dim=1), expected) and torch.equal((out != 9).any(dim=1), expected)


def test_a_pixel_beside_its_own_block_is_not_visited_twice(monkeypatch):
    """Each block lies just above and left of its pixel, so the peak itself stays; the next in order is taken."""
    monkeypatch.setattr(rfm, "_spans", lambda at, positions, _: positions == (at - 1)[:, None])
    attention = torch.zeros(1, 6, 6)
    attention[0, 5, 5], attention[0, 2, 3] = 2.0, 1.0
    out = rfm.erase(torch.full((1, 3, 6, 6), 9.0), attention, 2, 0.5)
    assert (out[0, 0] != 9).nonzero().tolist() == [[1, 2], [4, 4]]


def test_erasing_does_not_depend_on_how_a_map_lies_in_memory():
    attention, image = torch.rand(2, 12, 10), torch.full((2, 3, 12, 10), 9.0)
    out = []
    for layout in (attention, attention.permute(1, 2, 0).contiguous().permute(2, 0, 1)):
        torch.manual_seed(0)
        out.append(rfm.erase(image, layout, 3, 0.3))
    assert torch.equal(*out)


def test_the_noise_and_the_sizes_are_uniform():
    torch.manual_seed(0)
    image, attention = torch.full((2000, 3, 56, 56), 9.0), torch.zeros(1, 56, 56)
    attention[0, 28, 28] = 1
    out = rfm.erase(image, attention.repeat(2000, 1, 1), 1, 120 / 224)
    noise = out[out != 9]
    assert noise.min() >= -1 and noise.max() <= 1 and abs(noise.mean()) < 0.01
    assert noise.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.01)
    heights = (out[:, 0] != 9).any(dim=2).sum(dim=1)
    assert set(heights.tolist()) == set(range(1, 31)), "1 to 56 x 120 / 224 = 30"
    assert heights.float().mean().item() == pytest.approx(15.5, abs=0.6)


def test_at_full_size_a_block_is_at_most_120_px(monkeypatch):
    seen = []
    monkeypatch.setattr(
        torch, "randint", lambda low, high, size, **kw: seen.append((low, high)) or torch.ones(size).long()
    )
    rfm.erase(torch.zeros(1, 3, 224, 224), torch.rand(1, 224, 224), rfm.BLOCKS, rfm.LARGEST)
    assert seen == [(1, 121)] * 6, "three blocks, two sides each"


def test_training_classifies_the_erased_image_and_floods():
    model, seen = created(), []
    model.backbone.register_forward_pre_hook(lambda net, inputs: seen.append((net.training, inputs[0].detach())))
    torch.manual_seed(3)
    logits = model(images(), label=LABEL)
    (first, whole), (second, erased) = seen
    assert (first, second) == (False, True) and model.training
    torch.testing.assert_close(whole, model.own(images()))
    changed = (whole != erased).any(dim=1)
    assert 0.02 < changed.float().mean() < 0.6 and erased[changed[:, None].expand_as(erased)].abs().max() <= 1
    assert F.cross_entropy(logits, LABEL) > 0.04 and model.penalty.item() == 0


def test_a_sure_network_pays_for_it():
    """Logits of +-10 have a cross-entropy of 2.06e-9, 2 x (.04 - 2e-9) below the level; the loss is turned round."""
    model = created()
    right = (20 * F.one_hot(LABEL, 2) - 10.0).requires_grad_()
    model.backbone = Fixed(right)
    loss = F.cross_entropy(model(images(), label=LABEL), LABEL) + model.penalty
    assert loss.item() == pytest.approx(0.08, abs=1e-6)


class Fixed(nn.Module):
    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = logits

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.logits + 0 * image.mean(dim=(1, 2, 3))[:, None]


def test_a_pass_that_records_no_gradients_is_plain_and_clears_the_penalty():
    model = created()
    model(images(), label=LABEL)
    assert model.penalty is not None
    with torch.no_grad():
        torch.manual_seed(1)
        before = torch.get_rng_state()
        model(images())
    assert model.penalty is None and torch.equal(before, torch.get_rng_state())


def test_training_without_labels_is_one_line():
    with pytest.raises(InputError, match=r"^RFM: needs label in training"):
        created()(images())


def test_grad_cam_reads_the_backbone():
    model = created()
    assert model.cam_layer(64) is model.backbone.features[12].pointwise
