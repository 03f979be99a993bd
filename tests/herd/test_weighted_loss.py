"""The weighted loss: by hand, its normalisation, and what a weight on one class says of the other."""

import math

import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ddet.errors import InputError
from ddet.herd.weighted_loss import weighted

LOGITS = st.lists(
    st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32), st.integers(0, 1)), min_size=1, max_size=40
)


def value_and_gradient(loss: nn.Module, rows: list[tuple[float, float, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    logits = torch.tensor([row[:2] for row in rows], requires_grad=True)
    value = loss(logits, torch.tensor([row[2] for row in rows]))
    value.backward()
    return value.detach(), logits.grad


@pytest.mark.parametrize(("side", "real", "fake"), [("fake", 1, 1.85), ("real", 1.85, 1)])
def test_by_hand(side, real, fake):
    """Two real crops and a fake one, given log-odds of fake of 0, 1 and -1."""
    rows = [(0.0, 0.0, 0), (0.0, 1.0, 0), (1.0, 0.0, 1)]
    single = [math.log(2), math.log(1 + math.e), math.log(1 + math.e)]
    by_hand = (real * (single[0] + single[1]) + fake * single[2]) / (2 * real + fake)
    assert value_and_gradient(weighted(1.85, side, "cpu"), rows)[0].item() == pytest.approx(by_hand, rel=1e-6)


@examples(60)
@given(LOGITS, st.sampled_from(["fake", "real"]))
def test_weight_one_is_the_plain_loss_to_the_bit(rows, side):
    ours, plain = (value_and_gradient(loss, rows) for loss in (weighted(1, side, "cpu"), nn.CrossEntropyLoss()))
    assert torch.equal(ours[0], plain[0]) and torch.equal(ours[1], plain[1])


@examples(60)
@given(LOGITS, st.floats(0.1, 10))
def test_weighting_fake_down_is_weighting_real_up(rows, w):
    down, up = (value_and_gradient(loss, rows) for loss in (weighted(1 / w, "fake", "cpu"), weighted(w, "real", "cpu")))
    torch.testing.assert_close(down[0], up[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(down[1], up[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_a_batch_of_one_class_has_its_plain_mean(label):
    rows = [(0.3, -1.0, label), (2.0, 0.5, label)]
    plain = value_and_gradient(nn.CrossEntropyLoss(), rows)[0]
    torch.testing.assert_close(value_and_gradient(weighted(7.0, "fake", "cpu"), rows)[0], plain)


def test_the_weight_pulls_towards_its_class():
    rows = [(0.0, 0.0, 0), (0.0, 0.0, 1)]
    push = {side: value_and_gradient(weighted(3.0, side, "cpu"), rows)[1].sum(0)[1] for side in ("fake", "real")}
    assert push["fake"] < 0 < push["real"]  # descent raises the logit of fake, and lowers it


@pytest.mark.parametrize("weight", [0, -1.85, float("nan"), float("inf")])
def test_a_weight_that_is_no_positive_number_is_one_line(weight):
    with pytest.raises(InputError, match="must be a number above 0"):
        weighted(weight, "fake", "cpu")
