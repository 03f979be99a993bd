"""A row of Table 1 that needs more than images: what its network is given, and that the rest is Herd's own fit."""

from types import SimpleNamespace

import needy
import numpy as np
import pandas as pd
import pytest
import torch
from toys import NET, RUNTIME, given, section, write_faces

from ddet import models, params
from ddet.data import crop_table
from ddet.data.forged import Masks
from ddet.herd import compared, train_compared
from ddet.herd import train as herd_train
from ddet.runs import planned
from ddet.training import common, learner


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def rows(faces):
    """Load the crops; each fake was forged from the real clip of its number, at the same square."""
    found = crop_table.load(faces, "celebdf", "identity")
    original = found["clip_id"].str.replace("Celeb-synthesis", "real")
    return found.assign(original=original, x0=0, y0=0, x1=40, y1=40)


def config(rows: pd.DataFrame, name: str = "needy", **changes) -> dict:
    """Return the configuration of the first phase of an arm of the network `name`."""
    arm = params.Arm(part="compared", model=params.ModelChange(name=name), **changes)
    inputs = planned.Inputs({"identity": rows}, given().hashes, given().starts)
    return compared.plan(section(), {"x": arm}, inputs, Masks())[0].phases[0]


def test_a_fit_hands_over_labels_masks_and_frames(rows, faces, tmp_path, monkeypatch):
    made, build = [], needy.build
    cfg = config(rows)
    monkeypatch.setattr(needy, "build", lambda cfg: made.append(build(cfg)) or made[-1])
    train_compared.train(cfg, rows, faces, None, RUNTIME, tmp_path, Masks())
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert names == {learner.HISTORY, learner.WEIGHTS, common.PREDICTIONS, common.VALID}
    for image, label, mask, pair in made[0].seen:
        own = [torch.equal(a, b) for a, b in zip(image, pair, strict=True)]
        assert own == (label == 0).tolist() and ((mask.mean((1, 2, 3)) > 0) == (label == 1)).all()
    test = rows[rows["split"] == "test"]
    assert pd.read_parquet(tmp_path / common.PREDICTIONS)["clip_id"].tolist() == test["clip_id"].tolist()


class Given:
    """Stand in for `learner.fit`: keep what it is given, and leave the weights alone."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(learner, "fit", self)
        monkeypatch.setattr(common, "settle", lambda *_: None)
        monkeypatch.setattr(common, "write_scores", lambda *_: None)

    def __call__(self, model, dls, cfg, out, seed, loss_func, cbs, progress):
        dataset = getattr(dls.train.dataset, "plain", dls.train.dataset)
        crops, self.hidden = [path.name for path in dataset.paths], dataset.hidden
        self.told = (crops, cfg, seed, progress, dls.valid.n, float(loss_func(*self.scores())))
        self.state = {name: value.clone() for name, value in model.state_dict().items()}
        return SimpleNamespace(model=model, dls=dls)

    @staticmethod
    def scores() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([0, 1])


@pytest.mark.parametrize("changes", [{}, {"weight": 3.0, "imbalance": 2.0}, {"curriculum": "masked"}])
def test_all_else_is_the_fit_of_any_arm(rows, faces, tmp_path, monkeypatch, changes):
    seen, cfg = Given(monkeypatch), config(rows, "timm", **changes)
    train_compared.train(cfg, rows, faces, None, RUNTIME, tmp_path, Masks())
    told, hidden, state = seen.told, seen.hidden, seen.state
    herd_train.train(cfg, rows, faces, None, RUNTIME, tmp_path)
    assert told == seen.told and (hidden is None) == (seen.hidden is None) == ("curriculum" not in changes)
    assert hidden is None or np.array_equal(hidden, seen.hidden)
    assert all(torch.equal(value, seen.state[name]) for name, value in state.items())


def test_a_later_phase_goes_on_with_the_weights_of_the_one_before(rows, faces, tmp_path, monkeypatch):
    seen, before = Given(monkeypatch), models.create(NET)
    learner.save_weights(before, tmp_path / "w")
    cfg = config(rows, "timm") | {"start": {"phase": "k"}}
    train_compared.train(cfg, rows, faces, tmp_path / "w", RUNTIME, tmp_path, Masks())
    assert all(torch.equal(value, seen.state[name]) for name, value in before.state_dict().items())
