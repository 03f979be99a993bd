"""What a network charges for its training: a step by hand, and what is recorded beside it."""

import numpy as np
import pytest
import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from torch import nn

from ddet import learn, params
from ddet.callbacks import AddPenalty

CFG = params.Train(
    epochs=1, bs=4, lr=0.1, wd=0.0, opt="sgd", schedule="flat", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip
X = torch.tensor([[1.0, 2.0], [0.5, -1.0], [-1.0, 0.3], [2.0, 0.0]])
Y = torch.tensor([0, 1, 1, 0])
START = torch.tensor([[0.3, -0.2], [0.1, 0.4]])


class Charging(nn.Module):
    """A linear layer that charges `price` times the sum of its squared weights, in training or at all times."""

    def __init__(self, price: float | None, always: bool = False):
        super().__init__()
        self.linear, self.price, self.always = nn.Linear(2, 2, bias=False), price, always
        self.linear.weight.data = START.clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        charged = self.price is not None and (self.always or torch.is_grad_enabled())
        self.penalty = self.price * self.linear.weight.square().sum() if charged else None
        return self.linear(x)


def fitted(tmp_path, model: nn.Module, cbs=(), **changes):
    """Take one step on the four samples above, which are also those of valid."""
    loaders = [DataLoader(Samples(), bs=4, num_workers=0) for _ in range(2)]
    cfg = params.Train(**(CFG.model_dump() | changes))
    dls = DataLoaders(*loaders, device=torch.device("cpu"))
    return learn.fit(model, dls, cfg, tmp_path, seed=0, cbs=cbs, progress=False)


class Samples:
    epoch = 0

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return X[i], Y[i]


def cross_entropy(weight: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(X @ weight.T, Y)


def descended(price: float) -> torch.Tensor:
    """One step of rate .1 down the cross-entropy; the penalty adds 2 x price x weight to its gradient."""
    weight = START.clone().requires_grad_()
    cross_entropy(weight).backward()
    return START - 0.1 * (weight.grad + 2 * price * START)


def test_a_step_by_hand(tmp_path):
    model = Charging(0.7)
    fitted(tmp_path, model, [AddPenalty()])
    torch.testing.assert_close(model.linear.weight.data, descended(0.7))
    assert not torch.allclose(descended(0.7), descended(0), atol=1e-3)


def test_without_the_callback_nothing_is_charged(tmp_path):
    model = Charging(0.7)
    fitted(tmp_path, model)
    torch.testing.assert_close(model.linear.weight.data, descended(0))


@pytest.mark.parametrize("always", [False, True])
def test_what_is_recorded_is_the_loss_of_the_classifier_alone(tmp_path, always):
    learner = fitted(tmp_path, Charging(0.7, always), [AddPenalty()])
    train_loss, valid_loss = learner.recorder.values[0][:2]
    assert train_loss == pytest.approx(cross_entropy(START).item(), abs=1e-6)
    assert valid_loss == pytest.approx(cross_entropy(descended(0.7)).item(), abs=1e-6)


def test_a_network_that_charges_nothing_trains_as_without_the_callback(tmp_path):
    networks = [nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False), Charging(None)]
    for i, (model, cbs) in enumerate(zip(networks, ([], [AddPenalty()], [AddPenalty()]), strict=True)):
        next(model.parameters()).data = START.clone()
        fitted(tmp_path / str(i), model, cbs)
    plain, with_callback, priceless = (next(model.parameters()).data for model in networks)
    assert torch.equal(plain, with_callback) and torch.equal(plain, priceless)


def test_the_penalty_is_added_under_mixed_precision_as_well(tmp_path):
    model = Charging(0.7)
    fitted(tmp_path, model, [AddPenalty()], precision="bf16")
    np.testing.assert_allclose(model.linear.weight.detach().numpy(), descended(0.7).numpy(), atol=2e-3)
    assert not np.allclose(descended(0), descended(0.7), atol=5e-3)
