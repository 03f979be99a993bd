"""Callbacks: a network's own loss term, metrics over clips by hand, and the losses of all steps."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from drawn import examples
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch import nn
from toy_fits import BATCHES, run

from ddet import params
from ddet.training import learner as training_learner
from ddet.training.callbacks import AddPenalty, ClipAuc, ClipLogLoss, FrameAuc, StepDecay, StepLosses
from ddet.training.schedules import Accumulate

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


def test_the_rate_drops_by_gamma_every_so_many_epochs():
    decay, rates = StepDecay(0.8, epochs=2, gamma=0.5), []
    for epoch in range(5):
        decay.learn = SimpleNamespace(epoch=epoch, opt=SimpleNamespace(set_hyper=lambda _, rate: rates.append(rate)))
        decay.before_train()
    assert rates == [0.8, 0.8, 0.4, 0.4, 0.2]


def fitted(tmp_path, model: nn.Module, cbs=(), **changes):
    """Take one step on the four samples above, which are also those of valid."""
    loaders = [DataLoader(Samples(), bs=4, num_workers=0) for _ in range(2)]
    cfg = params.Train(**(CFG.model_dump() | changes))
    dls = DataLoaders(*loaders, device=torch.device("cpu"))
    return training_learner.fit(model, dls, cfg, tmp_path, seed=0, cbs=cbs, progress=False)


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


PROBS = torch.tensor([0.2, 0.6, 0.7, 0.9])  # of fake; the labels are real, fake, real, fake
AUC = 3 / 4  # .6 > .2, .9 > .2, .9 > .7, but not .6 > .7
LOSS = -(math.log(0.8) + math.log(0.6) + math.log(0.3) + math.log(0.9)) / 4


def metric(kind: type[FrameAuc], *batches: tuple[torch.Tensor, list[int]]) -> float:
    """Return the metric over batches of predictions and labels, after others that a reset throws away."""
    made = kind()
    made.reset()
    made.accumulate(SimpleNamespace(pred=torch.zeros(2, 2), y=torch.tensor([0, 1])))
    made.reset()
    for pred, labels in batches:
        made.accumulate(SimpleNamespace(pred=pred, y=torch.tensor(labels)))
    return made.value


def logits(prob_fake: torch.Tensor, shift: float = 0.0) -> torch.Tensor:
    """Return logits n x 2 that mean these probabilities."""
    return torch.stack([1 - prob_fake, prob_fake], 1).log() + shift


def heads(*probs: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities n x 2 x H."""
    return torch.stack([logits(p) for p in probs], -1)


def test_clip_metrics_by_hand():
    for shift in (0.0, 3.0):  # logits need not be log-probabilities
        batches = (logits(PROBS[:3], shift), [0, 1, 0]), (logits(PROBS[3:], -shift), [1])
        assert metric(ClipAuc, *batches) == metric(FrameAuc, *batches) == AUC
        assert metric(ClipLogLoss, *batches) == pytest.approx(LOSS, abs=1e-6)


def test_of_several_scores_the_first_counts():
    for others in ([], [1 - PROBS], [1 - PROBS, torch.full((4,), 0.5)]):
        pred = heads(PROBS, *others)
        batches = (pred[:1], [0]), (pred[1:], [1, 0, 1])
        assert metric(ClipAuc, *batches) == metric(FrameAuc, *batches) == AUC
        assert metric(ClipLogLoss, *batches) == pytest.approx(LOSS, abs=1e-6)
    turned = heads(1 - PROBS, PROBS)
    assert metric(ClipAuc, (turned, [0, 1, 0, 1])) == 1 - AUC


def test_a_sure_error_costs_what_1e_15_does():
    sure = torch.tensor([[0.0, 100.0]])
    assert metric(ClipLogLoss, (sure, [0])) == pytest.approx(-math.log(1e-15), abs=1e-9)
    assert metric(ClipLogLoss, (sure, [1])) == 0
    assert metric(ClipLogLoss, (torch.tensor([[0.0, 34.0]]), [0])) == pytest.approx(34)
    never = torch.tensor([[-math.inf, 0.0], [math.log(0.5), math.log(0.5)]])
    assert metric(ClipLogLoss, (never, [0, 1])) == pytest.approx(-(math.log(1e-15) + math.log(0.5)) / 2)
    assert metric(ClipLogLoss, (never[..., None].expand(2, 2, 3), [0, 1])) == metric(ClipLogLoss, (never, [0, 1]))


@pytest.mark.parametrize("shape", ["n x 2", "n x 2 x H"])
def test_one_nan_makes_both_nan(shape):
    pred = logits(PROBS) if shape == "n x 2" else heads(PROBS, PROBS)
    pred[2] = math.nan
    assert math.isnan(metric(ClipLogLoss, (pred, [0, 1, 0, 1]))) and math.isnan(metric(ClipAuc, (pred, [0, 1, 0, 1])))


def test_one_class_has_a_log_loss_and_no_auc():
    assert math.isnan(metric(ClipAuc, (logits(PROBS), [1] * 4)))
    assert metric(ClipLogLoss, (logits(PROBS), [1] * 4)) == pytest.approx(-PROBS.log().mean().item())


@examples(50)
@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(-100, 100), st.integers(0, 1)), min_size=2, max_size=9))
def test_metrics_are_those_of_probabilities(found):
    """Against a count of pairs, and scikit-learn's log loss on float64 probabilities."""
    pred, labels = torch.tensor([z[:2] for z in found]) / 8, [z[2] for z in found]  # exact, so that equal gaps tie
    prob = pred.double().softmax(1)[:, 1].numpy()
    want = log_loss(labels, np.clip(prob, 1e-15, 1 - 1e-15), labels=[0, 1])
    assert metric(ClipLogLoss, (pred, labels)) == pytest.approx(want, rel=1e-4, abs=1e-6)
    gap = (pred[:, 1] - pred[:, 0]).double().numpy()
    pairs = [(gap[i], gap[j]) for i, y in enumerate(labels) for j, w in enumerate(labels) if y and not w]
    if len(pairs) and max(abs(gap)) < 10:  # in float32 surer scores tie
        won = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs])
        assert metric(ClipAuc, (pred, labels)) == pytest.approx(won)
    assert bool(pairs) != math.isnan(metric(ClipAuc, (pred, labels)))


class Speaking(nn.Module):
    """A stand-in that scores the four valid samples by a script of P(fake), one entry an epoch."""

    def __init__(self, script: list[list[float]]):
        super().__init__()
        self.script, self.weight, self.at = script, nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self.weight.expand(len(x), 2, 2)
        with torch.no_grad():
            self.at += 1
        prob = torch.tensor(self.script[int(self.at) - 1])
        return heads(prob, 1 - prob)


@pytest.mark.parametrize(("select", "best"), [("clip_auc", 2), ("clip_log_loss", 3), ("valid_loss", 3)])
def test_the_best_epoch_has_the_highest_auc_or_the_lowest_log_loss(tmp_path, select, best):
    """Y is real, fake, fake, real. Epoch 2 ranks best, timidly; 3 is surest but for one fake; 1 and 4 are worse."""
    script = [[0.5, 0.4, 0.6, 0.5], [0.48, 0.5, 0.51, 0.49], [0.1, 0.9, 0.25, 0.3], [0.9, 0.2, 0.2, 0.9]]
    loaders = DataLoaders(*(DataLoader(Samples(), bs=4, num_workers=0) for _ in range(2)), device="cpu")
    cfg = params.Train(**(CFG.model_dump() | {"epochs": 4, "select": select}))
    model, metrics = Speaking(script), [ClipAuc(), ClipLogLoss()]
    training_learner.fit(
        model, loaders, cfg, tmp_path, 0, lambda z, y: nn.functional.nll_loss(z[..., 0], y), metrics, [], False
    )
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["clip_auc"].tolist() == [0.5, 1, 0.75, 0]
    assert history["clip_log_loss"].tolist() == pytest.approx(history["valid_loss"].tolist(), abs=1e-6)
    assert history["clip_log_loss"][2] == pytest.approx(-np.log([0.9, 0.9, 0.25, 0.7]).mean(), abs=1e-6)
    assert model.at.item() == best and history["selected"].tolist() == [int(i == best) for i in (1, 2, 3, 4)]


class Crash(Callback):
    """Stop before the training batch after so many."""

    def __init__(self, batches: int):
        self.left = batches

    def before_batch(self):
        if self.training and self.train_iter == self.left:
            raise KeyboardInterrupt


def stepped(out: Path, model: nn.Module | None = None, cbs=(), file: str = "steps.csv", **changes) -> pd.DataFrame:
    """Take three epochs of two batches of two samples each, and read the file of losses."""
    loaders = [DataLoader(Samples(), bs=2, num_workers=0) for _ in range(2)]
    cfg = params.Train(**(CFG.model_dump() | {"epochs": 3, "bs": 2} | changes))
    dls = DataLoaders(*loaders, device=torch.device("cpu"))
    training_learner.fit(model or Charging(None), dls, cfg, out, 0, cbs=[*cbs, StepLosses(out / file)], progress=False)
    return pd.read_csv(out / file)


def test_step_losses_are_those_of_a_plain_loop(tmp_path):
    table = stepped(tmp_path, opt="adam", lr=0.05)
    weight = START.clone().requires_grad_()
    adam, want = torch.optim.Adam([weight], lr=0.05), []
    for i in range(6):
        batch = slice(2 * (i % 2), 2 * (i % 2) + 2)
        adam.zero_grad()
        loss = nn.functional.cross_entropy(X[batch] @ weight.T, Y[batch])
        loss.backward()
        adam.step()
        want.append(loss.item())
    assert table.columns.tolist() == ["step", "epoch", "loss", "smooth"]
    assert table["step"].tolist() == [1, 2, 3, 4, 5, 6] and table["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert table["loss"].tolist() == want and len(set(want)) == 6
    mean, smooth = 0.0, []
    for n, loss in enumerate(want, 1):
        mean = 0.98 * mean + 0.02 * loss
        smooth.append(mean / (1 - 0.98**n))
    assert table["smooth"].tolist() == pytest.approx(smooth, abs=1e-5)


def test_step_losses_are_raw_whatever_is_charged_or_accumulated(tmp_path):
    charged = stepped(tmp_path / "charged", Charging(0.7), [AddPenalty()], lr=1e-9)
    free = stepped(tmp_path / "free", lr=1e-9)
    assert charged["loss"].tolist() == pytest.approx(free["loss"].tolist(), abs=1e-6)
    first = [nn.functional.cross_entropy(X[s] @ START.T, Y[s]).item() for s in (slice(0, 2), slice(2, 4))]
    summed = stepped(tmp_path / "summed", cbs=[Accumulate(4)])["loss"].tolist()
    assert len(summed) == 6 and summed[:2] == pytest.approx(first), "a batch that does not step has its row"
    assert summed[2] != pytest.approx(first[0], abs=1e-4)


@pytest.mark.parametrize("batches", [2, 3, 5])
def test_a_resumed_fit_writes_the_losses_of_one_that_was_not(tmp_path, batches):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    stepped(whole)
    with pytest.raises(KeyboardInterrupt):
        stepped(cut, cbs=[Crash(batches)])
    done = pd.read_csv(cut / "steps.csv")
    assert len(done) == 2 * (batches // 2), "whole epochs are on the disk"
    stepped(cut)
    assert (cut / "steps.csv").read_bytes() == (whole / "steps.csv").read_bytes()
    assert sorted(p.name for p in cut.glob("steps*")) == ["steps.csv"]


def test_the_training_samples_know_the_epoch_from_which_their_augmentation_is_drawn(tmp_path):
    seen = []

    class See(Callback):
        def before_batch(self):
            if self.training:
                seen.append(self.dls.train.dataset.epoch)

    run(tmp_path, {}, (See(),))
    assert seen == sorted([0, 1, 2, 3] * (BATCHES - 1)), "the last pass averages, with draws of its own"
