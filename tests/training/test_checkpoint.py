"""Resuming: a fit killed anywhere ends with the bits of one that was not; no foreign or broken checkpoint is used."""

import os
import random
import resource
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback
from toy_fits import BATCHES, KillAtBatch, in_processes, run, written

from ddet.errors import InputError
from ddet.runs.store import Store
from ddet.training import checkpoint

SGD = {"opt": "sgd", "schedule": "step", "step_epochs": 1, "lr": 0.05, "precision": "bf16", "channels_last": True}


def test_a_fit_killed_anywhere_ends_with_the_bits_of_one_that_was_not(tmp_path):
    """Kill one fit at a random batch again and again, in training, validation, saving and averaging, until it ends."""
    draw = random.Random(20)
    kills = [draw.randrange(BATCHES), "save", draw.randrange(BATCHES, 2 * BATCHES), draw.randrange(BATCHES)]
    kills += [BATCHES + 2, None]  # in the pass that averages, behind the last epoch
    adam, sgd = {"out": str(tmp_path / "adam")}, {"out": str(tmp_path / "sgd"), "cfg": SGD, "workers": 2}
    jobs = [{**adam, "kill": kill} for kill in kills]
    jobs += [{**sgd, "kill": BATCHES + 2}, sgd]
    whole = [{"out": str(tmp_path / "adam_whole")}, {**sgd, "out": str(tmp_path / "sgd_whole"), "workers": 0}]
    assert in_processes(jobs + whole) == [-9, -9, -9, -9, -9, 0, -9, 0, 0, 0]
    for name in ("adam", "sgd"):
        assert written(tmp_path / name) == written(tmp_path / f"{name}_whole")
    run(tmp_path / "here", {})  # a process with other imports and another hash salt
    assert written(tmp_path / "here") == written(tmp_path / "adam_whole")


def test_a_finished_fit_run_again_trains_nothing_and_writes_the_same(tmp_path):
    run(tmp_path, {})
    first = written(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    run(tmp_path, {}, (KillAtBatch(BATCHES - 1),))  # the training batches once, to average
    assert written(tmp_path) == first


def test_a_checkpoint_of_another_fit_is_refused(tmp_path):
    run(tmp_path, {"cfg": {"epochs": 1}})
    with pytest.raises(InputError, match="another fit") as e:
        run(tmp_path, {"cfg": {"epochs": 2}})
    assert "\n" not in str(e.value)


def test_an_unreadable_checkpoint_starts_afresh_and_says_so(tmp_path, capsys):
    one = {"cfg": {"epochs": 1}}
    run(tmp_path / "a", one)
    broken = tmp_path / "b" / "resume" / "fit.pt"
    broken.parent.mkdir(parents=True)
    broken.write_bytes((tmp_path / "a" / "resume" / "fit.pt").read_bytes()[:5000])
    run(tmp_path / "b", one)
    assert written(tmp_path / "a") == written(tmp_path / "b")
    assert "unreadable checkpoint" in capsys.readouterr().err


class Payload:
    """Pickled, it says to make a file: code that a foreign checkpoint might hold."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def test_a_checkpoint_runs_no_code(tmp_path, capsys):
    planted = tmp_path / "resume" / "fit.pt"
    planted.parent.mkdir()
    torch.save({"identity": Payload(tmp_path / "ran")}, planted)
    run(tmp_path, {"cfg": {"epochs": 1}})
    assert not (tmp_path / "ran").exists() and "unreadable checkpoint" in capsys.readouterr().err
    torch.save({"identity": Payload(tmp_path / "ran")}, planted)
    torch.load(planted, weights_only=False)
    assert (tmp_path / "ran").exists(), "the payload works where it is let"


def test_a_fit_in_the_store_leaves_no_checkpoint_behind(tmp_path):
    store = Store("toy", ["ddet.training.learner"], {"threads": 1, "device": "cpu"}, tmp_path)
    out = store.get({"epochs": 1}, lambda folder: run(folder, {"cfg": {"epochs": 1}}))
    assert sorted(p.name for p in out.iterdir()) == ["history.csv", "manifest.json", "run.json", "weights.safetensors"]


class Counts(Callback):
    """Note the epochs that it sees; with a state of its own."""

    def __init__(self):
        self.epochs, self.total = [], 0

    def after_epoch(self):
        self.epochs.append(self.epoch)
        self.total += 1

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]


class Die(Callback):
    """End the fit with an error in the middle of an epoch."""

    def __init__(self, epoch: int):
        self.at = epoch

    def before_train(self):
        if self.epoch == self.at:
            raise KeyboardInterrupt


def test_callbacks_see_only_the_epochs_that_are_left_and_get_their_state_back(tmp_path):
    first, second = Counts(), Counts()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, {}, (first, Die(2)))
    assert first.epochs == [0, 1]
    run(tmp_path, {}, (second,))
    assert second.epochs == [2] and second.total == 3


def test_a_checkpoint_is_one_file_that_is_whole(tmp_path):
    run(tmp_path, {"cfg": {"epochs": 1}})
    (file,) = (tmp_path / checkpoint.FOLDER).iterdir()
    saved = torch.load(file, weights_only=True)
    assert saved["epoch"] == 0 and {"model", "opt", "order", "random", "recorder", "callbacks"} <= saved.keys()


def test_a_checkpoint_is_written_without_a_copy_of_it_in_memory(tmp_path):
    state = {"a": torch.arange(1_000_000.0), "b": {"c": [1, 2.5]}}
    tracemalloc.start()
    checkpoint.write(state, tmp_path / "a.pt")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    saved = torch.load(tmp_path / "a.pt", weights_only=True)
    assert torch.equal(saved["a"], state["a"]) and saved["b"] == state["b"] and most < 1_000_000


def test_a_disk_that_is_full_is_named_as_for_any_other_file(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.write({"a": torch.zeros(1_000_000)}, tmp_path / "a.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_callback_without_both_methods_has_no_state():
    class Half(Callback):
        """Answer unknown names as fastai does: with those of the model."""

        def __getattr__(self, name):
            return lambda *_: None

    learn = SimpleNamespace(cbs=[Half(), counts := Counts()])
    assert checkpoint._stateful(learn) == [counts]


def test_random_numbers_go_on_where_the_killed_fit_was(tmp_path):
    drawn = []

    class Draw(Callback):
        def after_epoch(self):
            drawn.append((random.random(), float(np.random.random()), float(torch.rand(1))))

    run(tmp_path / "whole", {}, (Draw(),))
    straight, drawn[:] = list(drawn), []
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", {}, (Draw(), Die(1)))
    random.seed(99), np.random.seed(99), torch.manual_seed(99)
    run(tmp_path / "killed", {}, (Draw(),))
    assert drawn == straight


class Scaler:
    """Stand in for torch's loss scaler, which a CPU has not."""

    def __init__(self, scale: float):
        self.scale = scale

    def state_dict(self):
        return {"scale": self.scale}

    def load_state_dict(self, state):
        self.scale = state["scale"]


class Scaled(Callback):
    """Give the Learner a scaler, as mixed precision does before a fit."""

    order = 10

    def __init__(self, scale: float):
        self.own = Scaler(scale)

    def before_fit(self):
        self.learn.scaler = self.own


def test_the_loss_scale_goes_on_where_the_killed_fit_was(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, {}, (Scaled(1024.0), Die(1)))
    again = Scaled(65536.0)
    run(tmp_path, {}, (again,))
    assert again.own.scale == 1024.0


def test_a_checkpoint_is_never_written_in_place(tmp_path, monkeypatch):
    """What a cut in the middle of saving leaves is the checkpoint before."""
    run(tmp_path, {"cfg": {"epochs": 1}})
    (file,) = (tmp_path / checkpoint.FOLDER).iterdir()
    before = file.read_bytes()

    def cut(*_):
        raise OSError("cut")

    monkeypatch.setattr(checkpoint.os, "replace", cut)
    saving = checkpoint.Resume(tmp_path / checkpoint.FOLDER / "fit.pt", torch.load(file, weights_only=True)["identity"])
    monkeypatch.setattr(saving, "_state", lambda: {"identity": "another"})
    with pytest.raises(OSError, match="cut"):
        saving.after_epoch()
    assert file.read_bytes() == before
