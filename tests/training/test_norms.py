"""Batch norm's averages after a fit: of all training batches, as the network sees them, under the kept weights."""

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback
from torch import nn
from toy_fits import KillAtBatch, config, run, toy_dls, toy_model, written

from ddet.training import common, learner, norms


def fitted(out, **changes):
    dls = toy_dls()
    return learner.fit(toy_model(), dls, config(**changes), out, 9, progress=False)


def batch_norms(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}


def test_each_average_is_that_of_the_inputs_over_one_pass(tmp_path):
    """By hooks that average the mean and the unbiased variance of what reaches each layer, batch by batch."""
    learn, seen = fitted(tmp_path, epochs=1), {}

    def note(name):
        def hook(_, inputs):
            x = inputs[0].transpose(0, 1).flatten(1)
            seen.setdefault(name, []).append((x.mean(1), x.var(1, correction=1)))

        return hook

    hooks = [m.register_forward_pre_hook(note(name)) for name, m in batch_norms(learn.model).items()]
    norms.average(learn, 1)
    for hook in hooks:
        hook.remove()
    assert {len(found) for found in seen.values()} == {4}, "48 images in batches of 12"
    for name, norm in batch_norms(learn.model).items():
        means, variances = (torch.stack(part).mean(0) for part in zip(*seen[name], strict=True))
        torch.testing.assert_close(norm.running_mean, means, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, variances, rtol=1e-4, atol=1e-5)
        assert norm.momentum == 0.1 and not norm.training


def test_no_weight_changes_and_nothing_is_left_of_the_running_averages(tmp_path):
    learn = fitted(tmp_path, epochs=1)
    learn.model.drop_rate = 0.0  # it draws anew in each pass
    before = {name: value.clone() for name, value in learn.model.named_parameters()}
    found = []
    for start in (0.0, 1e6):
        for norm in batch_norms(learn.model).values():
            norm.running_mean.fill_(start)
        learn.dls = toy_dls()  # the same order again
        norms.average(learn, 1)
        found.append([norm.running_mean.clone() for norm in batch_norms(learn.model).values()])
    assert all(torch.equal(value, before[name]) for name, value in learn.model.named_parameters())
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class Halves(Callback):
    """Change the images of training batches, as what hides a part of them does."""

    def before_batch(self):
        if self.training:
            self.learn.xb = (self.xb[0] * 0.5,)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_batches_are_those_that_callbacks_make(tmp_path, precision):
    cfg, inputs, model = config(epochs=1, precision=precision), [], toy_model()
    learn = learner.fit(model, toy_dls(), cfg, tmp_path, 9, cbs=[Halves()], progress=False)
    model.register_forward_pre_hook(lambda _, xb: inputs.append(xb[0]))
    learn.dls, plain = toy_dls(), toy_dls()
    norms.average(learn, 1)
    plain.train.dataset.epoch = 1
    wanted = [images for images, _ in plain.train]
    assert all(torch.equal(x, 0.5 * images) for x, images in zip(inputs, wanted, strict=True))
    assert learn.model.training is False and learn.training is False


def test_the_crops_are_drawn_as_those_of_the_next_epoch(tmp_path):
    learn = fitted(tmp_path, epochs=2)
    common.settle(learn, config(epochs=2), tmp_path)
    assert learn.dls.train.dataset.epoch == 2


def test_a_network_without_batch_norm_is_left_alone(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    dls = toy_dls()
    learn = learner.fit(model, dls, config(epochs=1), tmp_path, 9, progress=False)
    order = dls.train.rng.getstate()
    norms.average(learn, 1)
    assert dls.train.rng.getstate() == order, "no pass was made"


def test_the_weights_on_disk_have_the_averages(tmp_path):
    learn = run(tmp_path, {"cfg": {"epochs": 1}})
    stored = learner.load_weights(toy_model(), tmp_path / learner.WEIGHTS)
    for own, kept in zip(batch_norms(learn.model).values(), batch_norms(stored).values(), strict=True):
        assert torch.equal(own.running_mean, kept.running_mean)
    running = learner.fit(toy_model(), toy_dls(), config(epochs=1), tmp_path / "running", 9, progress=False)
    apart = [
        not np.allclose(a.running_mean, b.running_mean)
        for a, b in zip(batch_norms(running.model).values(), batch_norms(stored).values(), strict=True)
    ]
    assert all(apart)


def test_a_fit_killed_while_it_averages_ends_with_the_same_bits(tmp_path):
    run(tmp_path / "whole", {"cfg": {"epochs": 2}})

    class Stop(Exception):
        pass

    class StopAt(KillAtBatch):
        def before_batch(self):
            self.left -= 1
            if self.left < 0:
                raise Stop("here")

    with pytest.raises(Stop):
        run(tmp_path / "cut", {"cfg": {"epochs": 2}}, (StopAt(2 * 5 + 2),))
    run(tmp_path / "cut", {"cfg": {"epochs": 2}})
    assert written(tmp_path / "cut") == written(tmp_path / "whole")
