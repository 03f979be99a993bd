"""A fit that two processes share (gloo, on the CPU) beside the fit of one: docs/beyond_one_machine.md states how far
they may be apart. Without batch normalisation 1e-5; with it no further from one process whose batch normalisation
takes each share by itself.
"""

from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest
import shared_fits
import torch
from shared_fits import KEPT, STEPS, ByShare, apart, state
from timm.layers import BatchNormAct2d
from torch import nn

from ddet.runs import several
from ddet.training import learner, ranks

TOLERANCE = 1e-5
CONVERGED = 1e-3  # how far the weights move in these fits, at least


def by_two(fit, out):
    several._by_processes(fit, 2, 1, "cpu", out)
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Fit the network without batch normalisation by one process and by two."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    shared_fits.plain(one)
    return one, by_two(shared_fits.plain, two)


def test_without_batch_normalisation_the_weights_are_those_of_one(plain):
    """Class weights, a penalty, accumulated steps, a last batch that does not divide: nothing is off."""
    one, two = map(state, plain)
    assert apart(one, two) < TOLERANCE
    begun = shared_fits.Plain().state_dict()
    moved = {name for name in one if (one[name] - begun[name]).abs().max() > CONVERGED}
    assert moved == set(one) - {"idle"}


def test_the_history_is_that_of_one(plain):
    one, two = (pd.read_csv(folder / learner.HISTORY) for folder in plain)
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=TOLERANCE)
    assert len(one) == 3 and one["selected"].sum() == 1


def test_every_step_has_the_loss_of_the_whole_batch(plain):
    one, two = (pd.read_csv(folder / STEPS) for folder in plain)
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=TOLERANCE)
    assert len(one) == 12


def test_batch_normalisation_on_a_cpu_takes_each_share_by_itself_and_nothing_else_differs(tmp_path):
    names = ("share", "two", "whole")
    for name in names:
        (tmp_path / name).mkdir()
    shared_fits.with_norms(ByShare, tmp_path / "share")
    shared_fits.with_norms(nn.BatchNorm2d, tmp_path / "whole")
    by_two(partial(shared_fits.with_norms, nn.BatchNorm2d), tmp_path / "two")
    kept = {name: state(tmp_path / name, KEPT) for name in names}
    assert apart(kept["share"], kept["two"]) < TOLERANCE
    assert apart(kept["whole"], kept["two"]) > TOLERANCE, "the shares' statistics are not the batch's"
    settled = state(tmp_path / "two")
    model = shared_fits.normed(nn.BatchNorm2d)
    model.load_state_dict(kept["two"])
    averaged = settled_by_one(model)
    assert apart(settled, averaged) < TOLERANCE


def settled_by_one(model: nn.Module) -> dict[str, torch.Tensor]:
    """Average batch normalisation over whole batches of the epoch after the last, in this process."""
    learn = learner.build_learner(model, shared_fits.toy_dls(), shared_fits.config(epochs=2))
    for _ in range(2):
        list(learn.dls.train)  # the order goes on
    shared_fits.common.norms.average(learn, 2)
    return model.state_dict()


def test_each_process_draws_its_own_numbers_in_each_epoch_and_the_same_again():
    def drawn(rank: int, epoch: int, seed: int = 3) -> float:
        cb = ranks.Ranks()
        cb.learn, cb.seed, cb.rank = SimpleNamespace(epoch=epoch), seed, rank
        cb.before_train()
        return float(torch.rand(1))

    found = [drawn(0, 0), drawn(1, 0), drawn(0, 1), drawn(1, 1), drawn(0, 0, 4)]
    assert len(set(found)) == 5
    assert drawn(1, 1) == found[3]


def test_on_gpus_batch_normalisation_keeps_the_activations_of_timm():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNormAct2d(4), nn.BatchNorm2d(4)).eval()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = model(x)
    made = ranks.convert_sync_batchnorm(model)
    assert [isinstance(layer, nn.SyncBatchNorm) for layer in made] == [False, True, True]
    assert torch.equal(made(x), before)
