"""Schedules, rates by part and accumulated gradients against plain torch loops, by hand, and after an interruption."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from torch import nn
from torch.optim import lr_scheduler as plain_lr

from ddet import params
from ddet.errors import InputError
from ddet.training import learner as training_learner
from ddet.training import schedules
from ddet.training.schedules import Accumulate, PartRates

NAMES = ("cosine_restarts", "plateau", "one_cycle_torch")
DRAW = torch.Generator().manual_seed(0)
X, NOISE = torch.randn(24, 6, generator=DRAW), torch.randn(24, generator=DRAW)
Y = (X[:, 0] + NOISE > 0).long()
TRAIN = 16  # samples to train on, in four batches; the other 8 validate


def config(**changes) -> params.Train:
    base = {"epochs": 5, "bs": 4, "lr": 0.1, "wd": 0.01, "opt": "sgd", "schedule": "flat", "step_epochs": 1}
    rest = {"step_gamma": 0.1, "precision": "fp32", "channels_last": False, "select": "valid_loss"}
    return params.Train(**(base | rest | changes))


class Samples:
    epoch = 0

    def __init__(self, x: torch.Tensor, y: torch.Tensor):
        self.pairs = list(zip(x, y, strict=True))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pairs[i]


def loaders(bs: int = 4, n: int = TRAIN) -> DataLoaders:
    """Return the first `n` samples to train on, in their order, and the last 8."""
    parts = [(X[:n], Y[:n], bs), (X[TRAIN:], Y[TRAIN:], 8)]
    return DataLoaders(*(DataLoader(Samples(x, y), bs=k, num_workers=0) for x, y, k in parts), device="cpu")


class Net(nn.Module):
    """Two layers that name themselves as parts."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body, self.head = nn.Linear(6, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).tanh())

    def parts(self) -> dict[str, list[nn.Parameter]]:
        return {"body": list(self.body.parameters()), "head": list(self.head.parameters())}


class Trace(Callback):
    """Note each group's rate before each step, and the weights after each epoch; stop like a crash before a batch."""

    order = 89  # after the schedule, before the checkpoint

    def __init__(self, stop: int | None = None):
        self.stop, self.rates, self.weights = stop, [], []

    def before_batch(self):
        if self.training and self.train_iter == self.stop:
            raise KeyboardInterrupt

    def before_backward(self):
        self.rates.append([group["lr"] for group in self.opt.opt.param_groups])

    def after_epoch(self):
        self.weights.append(flat(self.model))


def flat(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


def fitted(out: Path, cbs=(), stop: int | None = None, dls: DataLoaders | None = None, **changes) -> Trace:
    trace = Trace(stop)
    training_learner.fit(Net(), dls or loaders(), config(**changes), out, 0, cbs=[*cbs, trace], progress=False)
    return trace


def sgd(model: nn.Module, lr: float = 0.1, heads: float = 1.0) -> torch.optim.Optimizer:
    groups = [{"params": p, "lr": lr * f} for p, f in zip(model.parts().values(), (1.0, heads), strict=True)]
    return torch.optim.SGD(groups, lr=lr, weight_decay=0.01, momentum=0.9)


def loop(make: Callable, batch_step: Callable | None = None, epoch_step: Callable | None = None, lr=0.1, heads=1.0):
    """Train as anybody would; returns the rate of each step and the weights after each of five epochs."""
    model, rates, weights = Net(), [], []
    optimiser = sgd(model, lr, heads)
    scheduler = make(optimiser)
    batches = list(zip(X[:TRAIN].split(4), Y[:TRAIN].split(4), strict=True))
    for epoch in range(5):
        for i, (x, y) in enumerate(batches):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            rates.append([group["lr"] for group in optimiser.param_groups])
            optimiser.step()
            if batch_step:
                batch_step(scheduler, epoch + i / len(batches))
        with torch.no_grad():
            valid_loss = nn.functional.cross_entropy(model(X[TRAIN:]), Y[TRAIN:]).item()
        if epoch_step:
            epoch_step(scheduler, valid_loss)
        weights.append(flat(model))
    return rates, weights


def halving(optimiser):
    return plain_lr.ReduceLROnPlateau(optimiser, "min", 0.5, 2, 0.05, "rel", 0, 0)


def one_cycle(optimiser):
    peaks = [group["lr"] for group in optimiser.param_groups]
    return plain_lr.OneCycleLR(optimiser, peaks, epochs=5, steps_per_epoch=4, cycle_momentum=False)


def restarts(optimiser):
    return plain_lr.CosineAnnealingWarmRestarts(optimiser, T_0=1, T_mult=2, eta_min=0)


LOOPS = {  # how the scheduler is made, what it does after a batch, and after an epoch
    "cosine_restarts": (restarts, lambda s, at: s.step(at), None),
    "plateau": (halving, None, lambda s, loss: s.step(loss)),
    "one_cycle_torch": (one_cycle, lambda s, at: s.step(), None),
}


def lasting(name: str) -> float:
    """Return a rate; for `plateau` one at which the valid loss falls too slowly."""
    return 1e-3 if name == "plateau" else 0.1


def test_params_may_name_just_the_schedules_that_are_built():
    assert tuple(schedules.SCHEDULES) == NAMES
    assert set(NAMES) < set(params.Train.model_fields["schedule"].annotation.__args__)


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_is_the_plain_torch_loop(tmp_path, name):
    """Rates of every step and weights after every epoch, bit for bit."""
    rates, weights = loop(*LOOPS[name], lr=lasting(name))
    trace = fitted(tmp_path, schedule=name, lr=lasting(name))
    assert [rate for [rate] in trace.rates] == [rate[0] for rate in rates] and len(rates) == 20
    assert len({rate[0] for rate in rates}) > 1, "it moves"
    assert all(torch.equal(a, b) for a, b in zip(trace.weights, weights, strict=True))


def by_hand(tmp_path, name: str, **changes) -> list[float]:
    """Return the rate of each step in units of the fit's."""
    return [rate / 0.1 for [rate] in fitted(tmp_path, schedule=name, **changes).rates]


def test_cosine_restarts_by_hand(tmp_path):
    """The fraction is that of the batch just done; restarts after epochs 1 and 3, seen one batch late."""
    rates = by_hand(tmp_path, "cosine_restarts", epochs=4)
    done = [0, *(k / 4 for k in range(15))]
    since = [t if t < 1 else (t - 1) / 2 if t < 3 else (t - 3) / 4 for t in done]
    assert rates == pytest.approx([(1 + math.cos(math.pi * s)) / 2 for s in since])
    assert rates[:4] == pytest.approx([1, 1, 0.853553, 0.5], abs=1e-6)
    assert rates[4] == pytest.approx(0.146447, abs=1e-6) and rates[5] == pytest.approx(1) and rates[13] == rates[1]


def test_one_cycle_by_hand(tmp_path):
    """From a 25th up to the rate of the fit at 30 % of all batches, down to a ten-thousandth of the start."""
    rates = by_hand(tmp_path, "one_cycle_torch")
    low, peak, end = 1 / 25 / 1e4, 5, 19  # steps, the first of 20 is 0
    up = [1 / 25 + 24 / 25 * (1 - math.cos(math.pi * k / peak)) / 2 for k in range(peak)]
    down = [low + (1 - low) * (1 + math.cos(math.pi * (k - peak) / (end - peak))) / 2 for k in range(peak, 20)]
    assert rates == pytest.approx(up + down, rel=1e-6)


def test_one_cycle_leaves_the_momentum_alone(tmp_path):
    seen = []

    class Momentum(Callback):
        def before_step(self):
            seen.append(self.opt.opt.param_groups[0]["momentum"])

    fitted(tmp_path, [Momentum()], schedule="one_cycle_torch")
    assert seen == [0.9] * 20


class Scripted(nn.Module):
    """A stand-in whose valid losses follow a script, one entry an epoch."""

    def __init__(self, script: list[float]):
        super().__init__()
        self.script, self.weight = iter(script), nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value = self.weight if self.training else torch.tensor([next(self.script)])
        return value.expand(len(x), 2)


def plateau(tmp_path, script: list[float], lr: float) -> list[float]:
    """Return the rate of each epoch where the valid losses are those of `script`."""
    trace, cfg = Trace(), config(epochs=len(script), schedule="plateau", lr=lr)
    training_learner.fit(
        Scripted(script), loaders(), cfg, tmp_path, 0, lambda z, _: z.mean(), cbs=[trace], progress=False
    )
    return [rate for [rate] in trace.rates[::4]]


def test_plateau_by_hand(tmp_path):
    """The third epoch in a row without a fall by 5 % halves the rate of the next."""
    script = [1.0, 0.96, 0.97, 0.955, 0.94, 0.93, 0.92, 0.88, 0.87, 0.86, 0.85, 0.5]
    # .96 .97 .955: above .95, halve; .94 is a new best; .93 .92 above .893; .88 best; .87 .86 .85 above .836, halve
    assert plateau(tmp_path, script, 1.0) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(("lr", "last"), [(1e-8, 1e-8), (5e-8, 1.25e-8)])
def test_plateau_never_acts_on_the_released_rate(tmp_path, lr, last):
    rates = plateau(tmp_path, [1.0] * 14, lr)
    assert rates[0] == lr and rates[-1] == pytest.approx(last)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_fit_of_a_learner_starts_from_its_own_rate(name):
    learner, trace = training_learner.build_learner(Net(), loaders(), config(), cbs=[Trace()]), []
    for lr in (0.1, 0.05, 0.2):
        learner.fit(1, lr, cbs=[schedules.SCHEDULES[name]()])
        trace.append([rate / lr for [rate] in learner.trace.rates[-4:]])
    assert trace[0] == pytest.approx(trace[1]) and trace[0] == pytest.approx(trace[2])


def written(out: Path) -> tuple[bytes, bytes]:
    return (out / training_learner.WEIGHTS).read_bytes(), (out / training_learner.HISTORY).read_bytes()


CALLBACKS = {
    "alone": lambda: [],
    "parts": lambda: [PartRates({"head": 0.3})],
    "accumulated": lambda: [Accumulate(6), PartRates({"body": 2.0})],
}


@pytest.mark.parametrize("cbs", CALLBACKS)
@pytest.mark.parametrize("name", [*NAMES, "flat"])
@pytest.mark.parametrize("stop", [4, 10, 17])  # batches done: one epoch; two and a half; more than four
def test_a_fit_that_was_interrupted_ends_with_the_bits_of_one_that_was_not(tmp_path, name, cbs, stop):
    cfg = {"schedule": name, "lr": lasting(name)}
    whole = fitted(tmp_path / "whole", CALLBACKS[cbs](), **cfg)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", CALLBACKS[cbs](), stop, **cfg)
    done = stop // 4
    rest = fitted(tmp_path / "cut", CALLBACKS[cbs](), **cfg)
    assert rest.rates == whole.rates[4 * done :] and len(rest.rates) == 20 - 4 * done
    assert all(torch.equal(a, b) for a, b in zip(rest.weights, whole.weights[done:], strict=True))
    assert written(tmp_path / "cut") == written(tmp_path / "whole")


def test_each_part_has_the_rate_of_the_fit_times_its_factor(tmp_path):
    for factors, want in (({"head": 0.25}, [0.1, 0.025]), ({"body": 3.0, "head": 0.5}, [0.3, 0.05]), ({}, [0.1, 0.1])):
        rates = fitted(tmp_path / str(want), [PartRates(factors)], epochs=1).rates
        assert len(rates) == 4 and all(rate == pytest.approx(want) for rate in rates)


def test_a_fit_with_rates_by_part_is_the_plain_torch_loop(tmp_path):
    _, weights = loop(lambda _: None, heads=0.25)
    trace = fitted(tmp_path / "parts", [PartRates({"head": 0.25})])
    assert all(torch.equal(a, b) for a, b in zip(trace.weights, weights, strict=True))
    assert not torch.allclose(weights[-1], fitted(tmp_path / "even").weights[-1], atol=1e-3)


def test_factors_of_one_change_nothing(tmp_path):
    trace = fitted(tmp_path / "parts", [PartRates({"head": 1.0})])
    assert torch.equal(trace.weights[-1], fitted(tmp_path / "even").weights[-1])


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_moves_each_part_from_its_own_rate(tmp_path, name):
    rates, weights = loop(*LOOPS[name], lr=lasting(name), heads=0.25)
    trace = fitted(tmp_path, [PartRates({"head": 0.25})], schedule=name, lr=lasting(name))
    assert trace.rates == rates and all(head == pytest.approx(body / 4) for body, head in rates)
    assert len({body for body, _ in rates}) > 1
    assert all(torch.equal(a, b) for a, b in zip(trace.weights, weights, strict=True))


def test_factors_do_not_pile_up_over_the_fits_of_a_learner():
    learner = training_learner.build_learner(Net(), loaders(), config(), cbs=[Trace(), PartRates({"head": 0.5})])
    for _ in range(3):
        learner.fit(1, 0.1)
    assert all(rate == pytest.approx([0.1, 0.05]) for rate in learner.trace.rates)


def unknown(tmp_path) -> InputError:
    with pytest.raises(InputError) as e:
        fitted(tmp_path, [PartRates({"head": 1.0, "tail": 0.1})])
    return e.value


def test_a_part_that_is_not_there_is_one_line(tmp_path):
    assert str(unknown(tmp_path)) == "rate of part 'tail': there is no such part; parts are body, head"


def test_a_part_that_is_not_there_is_one_line_out_of_a_worker_too(tmp_path):
    error = unknown(tmp_path)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("opt", ["sgd", "adamw"])
def test_accumulated_batches_are_one_big_batch(tmp_path, opt):
    """A net without batch normalisation cannot tell: 16 samples as 4 x 4, 8 x 2 and 2 x 8, stepping at 8."""
    whole = fitted(tmp_path / "whole", dls=loaders(8), opt=opt, lr=0.02)
    for bs in (1, 2, 4, 8):
        parts = fitted(tmp_path / str(bs), [Accumulate(8)], dls=loaders(bs), opt=opt, lr=0.02)
        for a, b in zip(parts.weights, whole.weights, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(whole.weights[-1], fitted(tmp_path / "small", opt=opt, lr=0.02).weights[-1], atol=1e-3)


def test_what_is_left_at_the_end_of_an_epoch_steps(tmp_path):
    """Sixteen samples, a step after 12 and one with the last 4, whose gradients weigh as among 12."""
    trace = fitted(tmp_path, [Accumulate(12)], epochs=3)
    model = Net()
    optimiser = sgd(model)
    for weights in trace.weights:
        for part in (slice(0, 12), slice(12, 16)):
            optimiser.zero_grad()
            (nn.functional.cross_entropy(model(X[part]), Y[part], reduction="sum") / 12).backward()
            optimiser.step()
        torch.testing.assert_close(weights, flat(model), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("n", "bs", "n_acc", "steps"),
    [
        (16, 4, 8, [1, 3]),
        (16, 4, 12, [2, 3]),
        (16, 4, 16, [3]),
        (16, 4, 100, [3]),  # less than a step's worth in all
        (16, 4, 4, [0, 1, 2, 3]),
        (14, 4, 8, [1, 3]),  # a last batch of two
        (13, 3, 5, [1, 3, 4]),  # more than asked for
    ],
)
def test_steps_fall_where_enough_has_come_together(tmp_path, n, bs, n_acc, steps):
    taken, losses = [], []

    class Steps(Callback):
        def after_step(self):
            taken.append(self.iter)

        def after_batch(self):
            if self.training:
                losses.append(self.loss.item())

    fitted(tmp_path / "parts", [Accumulate(n_acc), Steps()], dls=loaders(bs, n), epochs=2)
    assert taken == steps * 2
    until = steps[0] + 1  # before the first step all losses are those of the first weights
    want = [
        nn.functional.cross_entropy(Net()(x), y).item() for x, y in zip(X[:n].split(bs), Y[:n].split(bs), strict=True)
    ]
    assert losses[:until] == pytest.approx(want[:until]), "what is recorded is not scaled"


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_counts_batches_whether_they_step_or_not(tmp_path, name, recwarn):
    rates, _ = loop(*LOOPS[name], lr=lasting(name))
    trace = fitted(tmp_path, [Accumulate(12)], schedule=name, lr=lasting(name))
    if name != "plateau":  # its valid losses are others
        assert [rate for [rate] in trace.rates] == [rate[0] for rate in rates]
    assert not [w for w in recwarn if "lr_scheduler" in str(w.message)]
