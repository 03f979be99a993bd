"""The Learner: bits that do not depend on kills or processes, model selection, optimisers, schedules, precision."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from torch import nn
from toy_fits import CPU, config, run, toy_dls, toy_model

from ddet.data.crop_loader import ArrayDataset, make_loader
from ddet.errors import InputError
from ddet.training import learner


class Scores(nn.Module):
    """A stand-in whose valid logits follow a script, one entry an epoch; its weight counts the epochs."""

    def __init__(self, script: list[list[float]]):
        super().__init__()
        self.script, self.weight, self.at = script, nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def forward(self, image):
        if self.training:
            return torch.stack([self.weight.expand(len(image)), -self.weight.expand(len(image))], 1)
        with torch.no_grad():
            self.at += 1
        z = torch.tensor(self.script[int(self.at) - 1])
        return torch.stack([torch.zeros(len(image)), z], 1)


def scripted(out: Path, script: list[list[float]], select: str):
    dataset = ArrayDataset(np.zeros((4, 4, 4, 3), np.uint8), np.array([0, 0, 1, 1]))
    dls = DataLoaders(make_loader(dataset, 2, CPU, shuffle_seed=1), make_loader(dataset, 4, CPU), device=CPU)
    cfg = config(epochs=len(script), schedule="flat", opt="sgd", wd=0.0, select=select)
    fitted = learner.fit(Scores(script), dls, cfg, out, 1, progress=False)
    return fitted, pd.read_csv(out / "history.csv")


def test_history_and_selection_by_hand(tmp_path):
    """Four epochs; the fake score z of (real, real, fake, fake). AUC .75, 1, 1, 0: the second is the first best."""
    script = [[0, 2, 1, 3], [-1, -1, 1, 1], [-2, -2, 2, 2], [9, 9, -9, -9]]
    fitted, history = scripted(tmp_path / "auc", script, "frame_auc")
    assert history["frame_auc"].tolist() == [0.75, 1, 1, 0]
    assert history["accuracy"].tolist() == [0.75, 1, 1, 0]  # z = 0 is a tie: argmax gives real
    # z = -1, -1, 1, 1: cross-entropy of every sample is log(1 + e^-1)
    assert history["valid_loss"][1] == pytest.approx(np.log1p(np.exp(-1)), abs=1e-6)
    assert history["selected"].tolist() == [0, 1, 0, 0]
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert fitted.model.at.item() == 2
    assert learner.load_weights(Scores([]), tmp_path / "auc" / "weights.safetensors").at.item() == 2
    assert scripted(tmp_path / "loss", script, "valid_loss")[1]["selected"].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("select", ["frame_auc", "valid_loss", "accuracy"])
def test_a_diverged_fit_is_one_line_whatever_selects(tmp_path, select):
    with pytest.raises(InputError, match=r"lr = .*diverged"):
        scripted(tmp_path, [[float("nan")] * 4] * 2, select)
    assert not (tmp_path / "weights.safetensors").exists()


def test_nan_in_some_epochs_is_passed_over(tmp_path):
    nan = [float("nan")] * 4
    assert scripted(tmp_path, [nan, [0, 0, 1, 1], nan], "valid_loss")[1]["selected"].tolist() == [0, 1, 0]


def test_selecting_by_a_metric_that_is_not_computed_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"valid_loss"):
        learner.fit(toy_model(), toy_dls(), config(), tmp_path, 1, metrics=[], progress=False)


def rates(tmp_path, **changes) -> list[float]:
    """Return the learning rate of every training step."""
    fitted = run(tmp_path, {"cfg": {"epochs": 4, **changes}})
    return [float(lr) for lr in fitted.recorder.lrs]


def test_schedules(tmp_path):
    step = rates(tmp_path / "step", schedule="step", lr=1e-3, step_epochs=2, step_gamma=0.1)
    assert step == pytest.approx([1e-3] * 8 + [1e-4] * 8)
    assert rates(tmp_path / "flat", schedule="flat", lr=1e-3) == [1e-3] * 16
    cycle = rates(tmp_path / "cycle", lr=1e-2)
    assert cycle[0] == pytest.approx(1e-2 / 25)
    assert max(cycle) == pytest.approx(1e-2, rel=1e-3)
    assert int(np.argmax(cycle)) == 4  # a quarter of the way
    assert cycle[-1] < 1e-2 / 25


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=3e-3, weight_decay=0.01, fused=True)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=3e-3, weight_decay=0.01, fused=True)),
        ("sgd", lambda p: torch.optim.SGD(p, lr=3e-3, weight_decay=0.01, momentum=0.9)),
    ],
)
def test_a_fit_is_the_plain_torch_loop(tmp_path, name, plain):
    """One epoch of every optimiser against the loop that anybody would write, bit for bit."""
    cfg = config(epochs=1, opt=name, schedule="flat", select="valid_loss")
    model = toy_model()
    model.drop_rate = 0.0
    learner.fit(model, toy_dls(augment={}), cfg, tmp_path, 3, progress=False)
    other = toy_model().train()
    other.drop_rate = 0.0
    optimiser = plain(other.parameters())
    for x, y in toy_dls(augment={}).train:
        optimiser.zero_grad()
        nn.functional.cross_entropy(other(x), y).backward()
        optimiser.step()
    for (key, a), b in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


@pytest.mark.parametrize("name", learner.OPTIMISERS)
def test_no_optimiser_takes_a_square_root_that_depends_on_the_cpu(name):
    """MKL's, which torch.sqrt calls, has no pin: one value in seven is not exact, and it depends on the CPU."""
    weight = nn.Parameter(torch.linspace(-1, 1, 64))
    weight.grad = torch.linspace(0.1, 3, 64)
    optimiser = learner.OPTIMISERS[name]([weight], lr=1e-3)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        optimiser.step()
    called = {event.key for event in seen.key_averages()}
    assert not {key for key in called if "sqrt" in key} and len(called) > 1


def test_bf16_takes_effect_on_a_cpu(tmp_path):
    one = {"epochs": 1, "schedule": "flat"}
    losses = [run(tmp_path / p, {"cfg": {**one, "precision": p}}).recorder.losses[0].item() for p in ("fp32", "bf16")]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_fp16_on_a_cpu_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"precision.*'fp32' or 'bf16'"):
        run(tmp_path, {"cfg": {"precision": "fp16"}})


def test_the_caller_may_bring_a_loss_and_callbacks(tmp_path):
    class CountRows(Callback):
        rows = 0

        def before_batch(self):
            self.rows += len(self.x) * self.training

    counter, seen = CountRows(), []

    def loss(logits, labels):
        seen.append(len(labels))
        return nn.functional.cross_entropy(logits, labels)

    learner.fit(toy_model(), toy_dls(), config(epochs=2), tmp_path, 1, loss_func=loss, cbs=[counter], progress=False)
    assert counter.rows == 2 * 48
    assert seen == [12, 12, 12, 12, 16] * 2


def test_predict_is_the_softmax_of_the_fake_logit_in_row_order():
    model, dls = toy_model(), toy_dls()
    prob = learner.predict(model, dls.valid)
    with torch.no_grad():
        want = torch.cat([model.eval()(x) for x, _ in dls.valid]).softmax(1)[:, 1]
    assert prob.dtype == np.float32
    assert np.allclose(prob, want.numpy(), atol=1e-6)
    with pytest.raises(InputError, match="precision"):
        learner.predict(model, dls.valid, "fp16")


def test_predictions_have_the_agreed_columns():
    row = {"clip_id": "a", "frame_idx": 0, "track": 0, "group": "g", "label": 1, "split": "test", "crop": "x"}
    table = learner.predictions(pd.DataFrame([row], index=[7]), np.array([0.5], np.float32))
    assert table.columns.tolist() == ["clip_id", "frame_idx", "track", "group", "label", "prob_fake", "split"]
    assert table.index.tolist() == [0]


def test_progress_goes_to_stderr_only(tmp_path, capsys):
    learner.fit(toy_model(), toy_dls(), config(epochs=1), tmp_path, 1)
    out = capsys.readouterr()
    assert out.out == ""
    assert "frame_auc" in out.err
