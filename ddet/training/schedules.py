"""Torch's learning-rate schedules, a rate for each part of a network, and gradient accumulation, as callbacks."""

import warnings
from typing import Any

from fastai.callback.core import Callback
from fastai.callback.training import GradientAccumulation
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from ddet.errors import InputError


class TorchSchedule(Callback):
    """The base of callbacks that run one of torch's schedulers on the optimiser, each group from its own rate.

    It starts from the rates that the fit was given. Its state is saved and restored by `ddet.training.checkpoint`.
    """

    order = 60  # after the recorder has noted the rate of the step, before the checkpoint

    def before_fit(self) -> None:
        optimiser = self.opt.opt  # fastai wraps torch's
        for group in optimiser.param_groups:
            group.pop("initial_lr", None)  # of an earlier fit of the same Learner
        self.scheduler = self.make(optimiser)

    def make(self, optimiser: Optimizer) -> LRScheduler:
        """Return the scheduler with the paper's arguments."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state)

    def _step(self, *args: float) -> None:
        with warnings.catch_warnings():  # torch warns where the first batches only accumulate
            warnings.simplefilter("ignore")
            self.scheduler.step(*args)


class CosineRestarts(TorchSchedule):
    """Cosine annealing with warm restarts after 1, 3, 7, ... epochs, stepped with the epoch's fraction.

    Paper: ASRID 5.2. As released: T_0 = 1, T_mult = 2, eta_min = 0; the fraction is that of the batch just done, so
    that the first two batches of a fit share the full rate.
    """

    def make(self, optimiser: Optimizer) -> LRScheduler:
        return CosineAnnealingWarmRestarts(optimiser, T_0=1, T_mult=2, eta_min=0)

    def after_batch(self) -> None:
        if self.training:
            self._step(self.epoch + self.iter / self.n_iter)


class Plateau(TorchSchedule):
    """Halve the rate when the valid loss has not fallen by 5 % for more than two epochs.

    Paper: ASRID 5.2. As released; torch leaves a rate alone that would change by less than 1e-8, so at the released
    rate of 1e-8 this schedule never acts.
    """

    def make(self, optimiser: Optimizer) -> LRScheduler:
        rule = {"mode": "min", "factor": 0.5, "patience": 2, "threshold": 0.05, "threshold_mode": "rel"}
        return ReduceLROnPlateau(optimiser, **rule, cooldown=0, min_lr=0)

    def after_epoch(self) -> None:
        names = list(self.recorder.metric_names)[1:]
        self._step(float(self.recorder.values[-1][names.index("valid_loss")]))


class OneCycle(TorchSchedule):
    """Warm up to the rate of the fit and anneal to nearly 0, once over all batches.

    Paper: ASRID 5.2. As released: torch's defaults, no cycled momentum.
    Differs: `fit_one_cycle` (schedule one_cycle) is fastai's, with cycled momentum and other ends.
    """

    def make(self, optimiser: Optimizer) -> LRScheduler:
        peaks = [group["lr"] for group in optimiser.param_groups]
        n_batches = len(self.dls.train)
        return OneCycleLR(optimiser, peaks, epochs=self.n_epoch, steps_per_epoch=n_batches, cycle_momentum=False)

    def after_batch(self) -> None:
        if self.training:
            self._step()


SCHEDULES = {
    "cosine_restarts": CosineRestarts,
    "plateau": Plateau,
    "one_cycle_torch": OneCycle,
}


class PartRates(Callback):
    """Give each part of a network its own learning rate: the fit's times the part's factor; parts not named keep 1.

    The network names its parts by a method `parts`. Works with the schedules of this module and with a flat rate;
    fastai's one-cycle and the step decay set all groups to one rate. The recorder notes the last part's rate.

    Paper: ASRID section 6, future work: a rate for each module.

    Raises:
        InputError: a part that the network lacks.
    """

    order = 55  # before a schedule reads the rates

    def __init__(self, factors: dict[str, float]):
        self.factors = factors

    def after_create(self) -> None:
        parts = self.model.parts()
        if unknown := sorted(set(self.factors) - set(parts)):
            raise InputError(f"rate of part {unknown[0]!r}", "there is no such part", f"parts are {', '.join(parts)}")
        self.learn.splitter = lambda model: list(model.parts().values())

    def before_fit(self) -> None:
        factors = [self.factors.get(name, 1.0) for name in self.model.parts()]
        self.opt.set_hyper("lr", [h["lr"] * f for h, f in zip(self.opt.hypers, factors, strict=True)])


class Accumulate(GradientAccumulation):
    """Accumulate gradients: one step per `n_acc` samples, and one at the end of an epoch for the rest.

    Paper: ASRID 5.3: 6 clips on each of 4 GPUs make one step of 24.
    Differs: fastai's carries gradients over into the next epoch, which no checkpoint between the two would hold.
    """

    def before_step(self) -> None:
        if self.iter == self.n_iter - 1:
            self.count = self.n_acc
        super().before_step()
