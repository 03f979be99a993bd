"""The Learner: bits that do not depend on kills or processes, model selection, optimisers, schedules, precision."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from torch import nn

from ddet import learn, models, params, resume
from ddet.augment import pipeline
from ddet.data.loaders import ArrayDataset, make_loader
from ddet.errors import InputError
from ddet.runs import Store
from ddet.seeds import seed_everything

CPU = torch.device("cpu")
STRONG = {"RandomRotate90": 0.2, "HorizontalFlip": 0.5, "GaussNoise": 0.2, "ShiftScaleRotate": 0.2, "Texture": 0.2}
BATCHES = 5  # of an epoch of `toy_dls`: 4 to train, 1 to validate


def config(**changes) -> params.Train:
    base = {"epochs": 3, "bs": 12, "lr": 3e-3, "wd": 0.01, "opt": "adam", "schedule": "one_cycle", "step_epochs": 2}
    rest = {"step_gamma": 0.1, "precision": "fp32", "channels_last": False, "select": "frame_auc"}
    return params.Train(**{**base, **rest, **changes})


def toy_dls(workers: int = 0, augment: dict[str, float] = STRONG) -> DataLoaders:
    """Return 48 train and 16 valid images of 32 px; the fakes (odd) are a little brighter."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = rng.integers(0, 200, (64, 32, 32, 3)) + 8 * labels[:, None, None, None]
    steps = pipeline(params.AugmentList(p=0.9, steps=augment))
    train = ArrayDataset(images[:48].astype(np.uint8), labels[:48], steps, seed=5)
    valid = ArrayDataset(images[48:].astype(np.uint8), labels[48:])
    return DataLoaders(make_loader(train, 12, CPU, workers, shuffle_seed=6), make_loader(valid, 16, CPU), device=CPU)


def toy_model(seed: int = 1) -> nn.Module:
    seed_everything(seed, 1)
    net = {"name": "timm", "backbone": "test_resnet", "size": 32, "form": "released", "swin": None, "width": 1}
    model = models.create(params.Model(**net))
    model.drop_rate = 0.2  # a layer that draws, so that random states matter
    return model


def run(out: Path, job: dict, cbs: tuple = ()):
    """Do one fit as `job` says: training keys, `workers`."""
    cfg = config(**job.get("cfg", {}))
    return learn.fit(toy_model(), toy_dls(job.get("workers", 0)), cfg, out, seed=9, cbs=cbs, progress=False)


def written(out: Path) -> tuple[bytes, bytes]:
    return (out / "weights.safetensors").read_bytes(), (out / "history.csv").read_bytes()


class KillAtBatch(Callback):
    """End this process like a power cut after so many batches, training and validation counted alike."""

    def __init__(self, left: int):
        self.left = left

    def before_batch(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def child(job: dict) -> None:
    """Run one job in this (forked) process; `kill` counts batches, or is `save`: while a checkpoint is written."""
    kill = job.get("kill")
    if kill == "save":
        resume.os = type("os", (), {"replace": lambda *_: os.kill(os.getpid(), signal.SIGKILL)})
    run(Path(job["out"]), job, (KillAtBatch(kill),) if isinstance(kill, int) else ())


def serve(jobs: list[dict]) -> None:
    """Fork a process per job after paying the imports once; torch has not computed anything before the forks."""
    endings = []
    for job in jobs:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                child(job)
                code = 0
            finally:
                os._exit(code)
        endings.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(json.dumps(endings))


def in_processes(jobs: list[dict]) -> list[int]:
    """Run the jobs one after another, each in a process of its own; returns how each ended."""
    command = [sys.executable, "-W", "ignore", __file__, json.dumps(jobs)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(learn.__file__).parents[1]), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=True)
    return json.loads(done.stdout.splitlines()[-1])


SGD = {"opt": "sgd", "schedule": "step", "step_epochs": 1, "lr": 0.05, "precision": "bf16", "channels_last": True}


def test_a_fit_killed_anywhere_ends_with_the_bits_of_one_that_was_not(tmp_path):
    """Kill one fit at a random batch again and again, in training, validation and saving, until it ends."""
    draw = random.Random(20)
    kills = [draw.randrange(BATCHES), "save", draw.randrange(BATCHES, 2 * BATCHES), draw.randrange(BATCHES), None]
    adam, sgd = {"out": str(tmp_path / "adam")}, {"out": str(tmp_path / "sgd"), "cfg": SGD, "workers": 2}
    jobs = [{**adam, "kill": kill} for kill in kills]
    jobs += [{**sgd, "kill": BATCHES + 2}, sgd]
    whole = [{"out": str(tmp_path / "adam_whole")}, {**sgd, "out": str(tmp_path / "sgd_whole"), "workers": 0}]
    assert in_processes(jobs + whole) == [-9, -9, -9, -9, 0, -9, 0, 0, 0]
    for name in ("adam", "sgd"):
        assert written(tmp_path / name) == written(tmp_path / f"{name}_whole")
    run(tmp_path / "here", {})  # a process with other imports and another hash salt
    assert written(tmp_path / "here") == written(tmp_path / "adam_whole")


def test_a_finished_fit_run_again_trains_nothing_and_writes_the_same(tmp_path):
    run(tmp_path, {})
    first = written(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    run(tmp_path, {}, (KillAtBatch(0),))
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


def test_a_fit_in_the_store_leaves_no_checkpoint_behind(tmp_path):
    store = Store("toy", ["ddet.learn"], {"threads": 1, "device": "cpu"}, tmp_path)
    out = store.get({"epochs": 1}, lambda folder: run(folder, {"cfg": {"epochs": 1}}))
    assert sorted(p.name for p in out.iterdir()) == ["history.csv", "manifest.json", "run.json", "weights.safetensors"]


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
    fitted = learn.fit(Scores(script), dls, cfg, out, 1, progress=False)
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
    assert learn.load_weights(Scores([]), tmp_path / "auc" / "weights.safetensors").at.item() == 2
    assert scripted(tmp_path / "loss", script, "valid_loss")[1]["selected"].tolist() == [0, 0, 1, 0]


def test_a_diverged_fit_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"lr = .*diverged"):
        scripted(tmp_path, [[float("nan")] * 4] * 2, "frame_auc")


def test_nan_in_some_epochs_is_passed_over(tmp_path):
    nan = [float("nan")] * 4
    assert scripted(tmp_path, [nan, [0, 0, 1, 1], nan], "valid_loss")[1]["selected"].tolist() == [0, 1, 0]


def test_selecting_by_a_metric_that_is_not_computed_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"valid_loss"):
        learn.fit(toy_model(), toy_dls(), config(), tmp_path, 1, metrics=[], progress=False)


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
    learn.fit(model, toy_dls(augment={}), cfg, tmp_path, 3, progress=False)
    other = toy_model().train()
    other.drop_rate = 0.0
    optimiser = plain(other.parameters())
    for x, y in toy_dls(augment={}).train:
        optimiser.zero_grad()
        nn.functional.cross_entropy(other(x), y).backward()
        optimiser.step()
    for (key, a), b in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), key


@pytest.mark.parametrize("name", learn.OPTIMISERS)
def test_no_optimiser_takes_a_square_root_that_depends_on_the_cpu(name):
    """MKL's, which torch.sqrt calls, has no pin: one value in seven is not exact, and it depends on the CPU."""
    weight = nn.Parameter(torch.linspace(-1, 1, 64))
    weight.grad = torch.linspace(0.1, 3, 64)
    optimiser = learn.OPTIMISERS[name]([weight], lr=1e-3)
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

    learn.fit(toy_model(), toy_dls(), config(epochs=2), tmp_path, 1, loss_func=loss, cbs=[counter], progress=False)
    assert counter.rows == 2 * 48
    assert seen == [12, 12, 12, 12, 16] * 2


def test_predict_is_the_softmax_of_the_fake_logit_in_row_order():
    model, dls = toy_model(), toy_dls()
    prob = learn.predict(model, dls.valid)
    with torch.no_grad():
        want = torch.cat([model.eval()(x) for x, _ in dls.valid]).softmax(1)[:, 1]
    assert prob.dtype == np.float32
    assert np.allclose(prob, want.numpy(), atol=1e-6)
    with pytest.raises(InputError, match="precision"):
        learn.predict(model, dls.valid, "fp16")


def test_predictions_have_the_agreed_columns():
    row = {"clip_id": "a", "frame_idx": 0, "track": 0, "group": "g", "label": 1, "split": "test", "crop": "x"}
    table = learn.predictions(pd.DataFrame([row], index=[7]), np.array([0.5], np.float32))
    assert table.columns.tolist() == ["clip_id", "frame_idx", "track", "group", "label", "prob_fake", "split"]
    assert table.index.tolist() == [0]


def test_progress_goes_to_stderr_only(tmp_path, capsys):
    learn.fit(toy_model(), toy_dls(), config(epochs=1), tmp_path, 1)
    out = capsys.readouterr()
    assert out.out == ""
    assert "frame_auc" in out.err


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
