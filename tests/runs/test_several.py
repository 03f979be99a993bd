"""Runs made by several processes: what is started, what a kill leaves, and how what goes wrong is told."""

import os
import re
import signal
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import shared_fits
import torch
import toy_fits
from fastai.callback.core import Callback
from toys import RUNTIME

from ddet.data import crop_loader
from ddet.errors import InputError
from ddet.runs import several
from ddet.training import learner

TWO = RUNTIME.model_copy(update={"processes": 2})


def test_one_process_makes_a_run_as_ever():
    assert several.shared(print, RUNTIME) is print
    assert several.code(["a"], RUNTIME) == ["a"]


def test_several_know_how_many_they_are_and_have_code_of_their_own():
    made = several.shared(print, TWO.model_copy(update={"threads": 3}))
    assert made.func is several._by_processes and made.args == (print, 2, 3, "cpu")
    assert several.code(["a"], TWO) == ["a", "ddet.training.ranks"]


@pytest.mark.parametrize(("there", "told"), [(1, "1 CUDA devices"), (2, None)])
def test_each_process_needs_a_gpu(monkeypatch, there, told):
    monkeypatch.setattr(crop_loader, "device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    if told is None:
        assert several.shared(print, TWO).args[-1] == "cuda"
        return
    with pytest.raises(InputError) as e:
        several.shared(print, TWO)
    assert str(e.value) == "runtime.processes = 2: torch finds 1 CUDA devices; each process needs a GPU: set it to that"


class KillInEpoch(Callback):
    """End one process, once, in the middle of an epoch (from 0), like a power cut."""

    def __init__(self, rank: int, epoch: int, mark: Path):
        self.rank, self.at, self.mark = rank, epoch, mark

    def after_batch(self) -> None:
        if self.training and self.epoch == self.at and os.environ["RANK"] == str(self.rank) and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def killed(mark: Path, out: Path) -> None:
    """Fit a network that draws and has batch normalisation; a file `mark` says that it was killed before."""
    toy_fits.run(out, {}, cbs=(KillInEpoch(1, 1, mark),))


def test_after_a_kill_it_goes_on_and_ends_with_the_same_bits(tmp_path):
    """The processes leave nothing but what one leaves, and only the first one writes."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    (tmp_path / "never").touch()
    several.shared(partial(killed, tmp_path / "never"), TWO)(whole)
    fit = several.shared(partial(killed, tmp_path / "mark"), TWO)
    with pytest.raises(InputError, match=r"cut: process 2 of 2 that made it was killed; rerun: it goes on from its"):
        fit(cut)
    assert len(pd.read_csv(cut / learner.HISTORY)) == 1
    fit(cut)
    assert toy_fits.written(cut) == toy_fits.written(whole)
    names = sorted(p.relative_to(cut).as_posix() for p in cut.rglob("*") if p.is_file())
    assert names == ["history.csv", "resume/fit.pt", "weights.safetensors"]


def diverging(out: Path) -> None:
    learner.fit(shared_fits.Plain(), shared_fits.uneven_dls(), shared_fits.config(lr=1e30), out, 9, progress=False)


def test_what_a_fit_refuses_is_told_in_its_own_line(tmp_path):
    told = re.escape("lr = 1e+30: the fit diverged: nan on valid in every epoch; lower it")
    with pytest.raises(InputError, match=f"^{told}$"):
        several.shared(diverging, TWO)(tmp_path)
