"""What the compared networks share: pixels in another normalisation, needs in one line, flooding by hand."""

import pytest
import torch
from torch import nn

from ddet.errors import InputError
from ddet.models import shared


class Needy(nn.Module):
    needs = ("label", "mask")


@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.25), (0.5, 0.5), (0.0, 1.0)])
def test_it_normalises_pixels_anew(mean, std):
    pixels = torch.rand(2, 3, 4, 5)
    imagenet = (pixels - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        3, 1, 1
    )
    found = shared.Renormalise(mean, std)
    torch.testing.assert_close(found(imagenet), (pixels - mean) / std)
    assert not found.state_dict(), "it follows from constants"


def test_training_asks_for_what_it_needs_in_one_line():
    model = Needy()
    assert shared.learns(model, label=torch.zeros(1), mask=torch.zeros(1))
    with pytest.raises(InputError, match=r"^Needy: needs mask in training, and was given none; train it on crops") as e:
        shared.learns(model, label=torch.zeros(1), mask=None)
    assert "\n" not in str(e.value)
    with pytest.raises(InputError, match="needs label and mask in training"):
        shared.learns(model, label=None, mask=None)


def test_evaluation_and_passes_without_gradients_need_nothing():
    model = Needy()
    with torch.no_grad():
        assert not shared.learns(model, label=None, mask=None)
    assert not shared.learns(model.eval(), label=None, mask=None)


@pytest.mark.parametrize(("loss", "flooded", "slope"), [(0.7, 0.7, 1.0), (0.05, 0.05, 1.0), (0.01, 0.07, -1.0)])
def test_with_flooding_the_loss_turns_at_its_level(loss, flooded, slope):
    """|.01 - .04| + .04 = .07."""
    value = torch.tensor(loss, requires_grad=True)
    total = value + shared.flood(value, 0.04)
    total.backward()
    assert total.item() == pytest.approx(flooded) and value.grad.item() == pytest.approx(slope)
