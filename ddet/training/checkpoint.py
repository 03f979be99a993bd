"""Bit-exact resume: all state of a fit is saved at the end of each epoch and restored before the next one.

A fit that was killed at any step and is run again ends with the same bits as one that was never killed.
"""

import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from fastai.callback.core import Callback, CancelEpochException
from fastai.learner import Learner
from fastai.torch_core import get_random_states, set_random_states
from fastcore.foundation import L

from ddet.errors import InputError

FOLDER = "resume"  # the run store deletes folders of this name when the run is complete
RECORDED = ("lrs", "iters", "losses", "values")
BROKEN = (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError)


class ResumableLearner(Learner):
    """A Learner whose epochs start at `first_epoch`.

    fastai's own `start_epoch` runs every callback on the epochs that it skips, where there is nothing to track.
    """

    first_epoch = 0

    def _do_fit(self) -> None:
        for epoch in range(self.first_epoch, self.n_epoch):
            self.epoch = epoch
            self._with_events(self._do_epoch, "epoch", CancelEpochException)


class Resume(Callback):
    """Save the state of a fit in `file` after each epoch; continue from it when it is there.

    Saved: weights, optimiser, loss scaler, schedule position, random states, data order, recorder, and the
    state of every callback whose class has `state_dict` and `load_state_dict`.

    Args:
        file: the checkpoint, replaced atomically: a kill leaves the old one or the new one.
        identity: text that identifies the fit (configuration, seed, data size).

    Raises:
        InputError: `file` is the checkpoint of another fit. Raised here, since fastai rewrites what a callback raises.
    """

    order = 90  # after every other callback, so that no state changes between saving and the next epoch

    def __init__(self, file: Path, identity: str):
        self.file, self.identity = file, identity
        self.saved = self._load() if file.exists() else None

    def before_fit(self) -> None:
        self.learn.first_epoch = 0
        if self.saved:
            self._restore(self.saved)
        self.saved = None

    def after_epoch(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_suffix(".partial")
        write(_plain(self._state()), partial)
        os.replace(partial, self.file)

    def _load(self) -> dict[str, Any] | None:
        try:
            saved = torch.load(self.file, map_location="cpu", weights_only=True)  # so a foreign file runs no code
        except BROKEN as e:
            print(f"{self.file}: unreadable checkpoint ({type(e).__name__}), training from the start", file=sys.stderr)
            return None
        if saved["identity"] != self.identity:
            raise InputError(self.file, "is the checkpoint of another fit", "delete it, or train into another folder")
        return saved

    def _state(self) -> dict[str, Any]:
        learn, recorder = self.learn, self.learn.recorder
        scaler = getattr(learn, "scaler", None)
        return {
            "identity": self.identity,
            "epoch": learn.epoch,
            "train_iter": learn.train_iter,
            "model": learn.model.state_dict(),
            "opt": learn.opt.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "order": [dl.rng.getstate() for dl in learn.dls.loaders],
            "recorder": {name: getattr(recorder, name) for name in RECORDED},
            "smooth_loss": vars(recorder.smooth_loss),
            "callbacks": {cb.name: cb.state_dict() for cb in _stateful(learn)},
            "random": get_random_states(),
        }

    def _restore(self, saved: dict[str, Any]) -> None:
        learn = self.learn
        learn.first_epoch, learn.train_iter = saved["epoch"] + 1, saved["train_iter"]
        learn.model.load_state_dict(saved["model"])
        learn.opt.load_state_dict(saved["opt"])
        if saved["scaler"]:
            learn.scaler.load_state_dict(saved["scaler"])
        for dl, state in zip(learn.dls.loaders, saved["order"], strict=True):
            dl.rng.setstate(state)
        vars(learn.recorder).update(saved["recorder"])
        vars(learn.recorder.smooth_loss).update(saved["smooth_loss"])
        for cb in _stateful(learn):
            cb.load_state_dict(saved["callbacks"][cb.name])
        random = saved["random"]
        name, words, *rest = random["numpy_state"]
        random["numpy_state"] = (name, words.numpy().astype(np.uint32), *rest)
        set_random_states(**random)  # last, since the lines above may use random numbers


def write(state: dict[str, Any], file: Path) -> None:
    """Write `state` to `file` tensor by tensor: a copy in memory would be three quarters of all that the fit holds.

    Raises:
        OSError: as for any other file. torch itself raises a RuntimeError that does not say that the disk is full.
    """
    with file.open("wb") as opened:
        passed = _Passed(opened)
        try:
            torch.save(state, passed)
        except RuntimeError as e:
            raise (passed.error or e) from None


class _Passed:
    """Pass what torch writes on to `file`, and keep the error that it would hide."""

    def __init__(self, file: IO[bytes]):
        self.file, self.error = file, None

    def write(self, data: memoryview) -> int:
        try:
            return self.file.write(data)
        except OSError as e:
            self.error = e
            raise

    def flush(self) -> None:
        self.file.flush()


def _plain(value: Any) -> Any:
    """Return nested values as dict, list and tuple of numbers and tensors: what loads where no pickled code may run."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.int64))
    if isinstance(value, torch.Tensor):
        return value.detach().as_subclass(torch.Tensor)
    if isinstance(value, tuple):
        return tuple(_plain(one) for one in value)
    if isinstance(value, list | L):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _stateful(learn: Learner) -> list[Callback]:
    """List the callbacks whose class has `state_dict`; a callback itself passes unknown names on to the model."""
    return [cb for cb in learn.cbs if hasattr(type(cb), "load_state_dict")]
