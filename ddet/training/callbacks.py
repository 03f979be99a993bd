"""Callbacks of a fit: autocast on any device, step decay, keeping the best weights, metrics, history, progress."""

import math
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.fp16 import MixedPrecision
from fastai.learner import Learner, Metric
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

BEST = {  # whether the largest or the smallest value of each metric is best
    "frame_auc": max,
    "accuracy": max,
    "valid_loss": min,
    "clip_auc": max,
    "clip_log_loss": min,
}


class DeviceAmp(MixedPrecision):
    """Mixed precision on whatever device the fit runs on.

    Differs: fastai hard-codes `autocast("cuda")`, so its `to_fp16` and `to_bf16` do nothing on a CPU.
    """

    def __init__(self, dtype: torch.dtype):
        super().__init__("fp16" if dtype == torch.float16 else "bf16")
        self.dtype = dtype

    def before_fit(self) -> None:
        device = self.dls.device.type
        self.autocast = torch.autocast(device, dtype=self.dtype)
        scaler = torch.amp.GradScaler(device, enabled=self.dtype == torch.float16)  # bf16 has the range of fp32
        self.learn.scaler, self.scales = scaler, []


class SampleEpoch(Callback):
    """Set the epoch of the training dataset, from which it seeds its augmentation; forked workers inherit it."""

    def before_train(self) -> None:
        self.dls.train.dataset.epoch = self.epoch


class StepDecay(Callback):
    """Multiply the learning rate by `gamma` every `epochs` epochs; a function of the epoch, so it needs no state."""

    order = 60

    def __init__(self, lr: float, epochs: int, gamma: float):
        self.base, self.every, self.gamma = lr, epochs, gamma

    def before_train(self) -> None:
        self.opt.set_hyper("lr", self.base * self.gamma ** (self.epoch // self.every))


class AddPenalty(Callback):
    """Add a network's own loss term (`penalty`, set in each forward pass) to the training loss, if it has one.

    The valid loss stays the classifier's alone, so that networks with and without such a term compare.
    """

    def after_loss(self) -> None:
        penalty = getattr(self.model, "penalty", None)
        if self.training and penalty is not None:
            self.learn.loss_grad = self.loss_grad + penalty


class FrameAuc(Metric):
    """Area under the ROC curve of the fake class over the frames of a split; nan where it is not defined."""

    name = "frame_auc"

    def reset(self) -> None:
        self.logits, self.labels = [], []

    def accumulate(self, learn: Learner) -> None:
        self.logits.append(learn.pred.detach().float().cpu())
        self.labels.append(learn.y.detach().cpu())

    def scored(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log-probabilities n x 2 and labels n; of several scores side by side (n x 2 x H) the first counts."""
        logs = torch.cat(self.logits).log_softmax(1)
        return (logs if logs.ndim == 2 else logs[..., 0]), torch.cat(self.labels)

    def prob_fake(self) -> torch.Tensor:
        """Return the probability of fake of every sample, in the order in which they came: float32 n."""
        return self.scored()[0][:, 1].exp()

    @property
    def value(self) -> float:
        prob_fake, (_, label) = self.prob_fake(), self.scored()
        if len(label.unique()) < 2 or not prob_fake.isfinite().all():
            return math.nan
        return float(roc_auc_score(label.numpy(), prob_fake.numpy()))


class ClipAuc(FrameAuc):
    """Area under the ROC curve of the fake class over clips, where a sample is a clip."""

    name = "clip_auc"


class ClipLogLoss(ClipAuc):
    """Log loss over clips, probabilities clipped to 1e-15 as the DFDC scorer does; nan where one is nan."""

    name = "clip_log_loss"

    @property
    def value(self) -> float:
        logs, label = self.scored()
        return float(-logs.gather(1, label[:, None]).double().clamp(min=math.log(1e-15)).mean())


class KeepBest(Callback):
    """Keep the weights of the epoch with the best `metric` on valid; the earliest of equals, never one of nan loss."""

    order = 70  # after the recorder

    def __init__(self, metric: str):
        self.metric, self.better = metric, BEST[metric]
        self.load_state_dict({"value": math.nan, "epoch": None, "weights": None})

    def after_epoch(self) -> None:
        found = dict(zip(self.recorder.metric_names[1:], self.recorder.values[-1], strict=True))
        # Accuracy is a number even where every output is nan; the loss tells.
        value = math.nan if math.isnan(found["valid_loss"]) else float(found[self.metric])
        if math.isnan(value) or (self.best_epoch is not None and self.better(self.best, value) == self.best):
            return
        weights = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        self.load_state_dict({"value": value, "epoch": self.epoch, "weights": weights})

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.best, "epoch": self.best_epoch, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch, self.weights = state["value"], state["epoch"], state["weights"]


class History(Callback):
    """Rewrite `file` after each epoch: one row per epoch, counted from 1; no times, so a rerun writes the same."""

    order = 80  # after KeepBest, before Resume

    def __init__(self, file: Path):
        self.file = file

    def after_epoch(self) -> None:
        partial = self.file.with_suffix(".partial")
        self.frame().to_csv(partial, index=False)
        os.replace(partial, self.file)

    def frame(self) -> pd.DataFrame:
        """Tabulate the metrics, the learning rate at the end of each epoch, and which epoch's weights are kept."""
        recorder = self.recorder
        rows = [[float(v) for v in row] for row in recorder.values]
        frame = pd.DataFrame(rows, columns=list(recorder.metric_names)[1:])
        frame.insert(0, "epoch", range(1, len(rows) + 1))
        frame["lr"] = [float(recorder.lrs[i - 1]) for i in recorder.iters]
        frame["selected"] = (frame.index == self.keep_best.best_epoch).astype(int)
        return frame


class StepLosses(Callback):
    """Rewrite `file` after each epoch: the raw loss of every training batch beside fastai's smoothed one.

    One row per batch: step (from 1), epoch, loss, smooth.
    """

    order = 81  # after History, before Resume

    def __init__(self, file: Path):
        self.file = file
        self.load_state_dict({"rows": []})

    def after_batch(self) -> None:
        if self.training:
            smooth = float(self.recorder.losses[-1])
            self.rows.append((len(self.rows) + 1, self.epoch + 1, float(self.loss.detach()), smooth))

    def after_epoch(self) -> None:
        partial = self.file.with_suffix(".partial")
        pd.DataFrame(self.rows, columns=["step", "epoch", "loss", "smooth"]).to_csv(partial, index=False)
        os.replace(partial, self.file)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = list(state["rows"])


class Progress(Callback):
    """Show one bar over all training batches on stderr, with the last epoch's metrics beside it."""

    order = 85

    def before_fit(self) -> None:
        self.bar = None

    def before_train(self) -> None:
        if self.bar is None:  # the epoch at which a resumed fit continues is known only now
            n = len(self.dls.train)
            self.bar = tqdm(
                total=self.n_epoch * n, initial=self.epoch * n, file=sys.stderr, unit="batch", mininterval=1
            )

    def after_batch(self) -> None:
        if self.training:
            self.bar.update()

    def after_epoch(self) -> None:
        names, values = self.recorder.metric_names[1:], self.recorder.values[-1]
        shown = {name: f"{value:.4f}" for name, value in zip(names, values, strict=True)}
        self.bar.set_postfix(epoch=f"{self.epoch + 1}/{self.n_epoch}", **shown)

    def after_fit(self) -> None:
        if self.bar is not None:
            self.bar.close()
