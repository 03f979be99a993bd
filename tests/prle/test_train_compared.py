"""What a compared detector is trained on: the backbones' crops, with masks, frames and labels where it needs them."""

from types import SimpleNamespace

import needy
import pandas as pd
import pytest
import torch
from prle_toys import SIZE, inputs, section
from toys import RUNTIME

from ddet import params
from ddet.data.forged import Masks
from ddet.prle import arms as prle_arms
from ddet.prle import compared, train_compared
from ddet.prle import train as prle_train
from ddet.runs import planned
from ddet.training import common, learner
from ddet.training.common import PREDICTIONS, VALID

NETS = {
    "Needy": params.Compared(name="needy", backbone="slim_resnet"),
    "Plain": params.Compared(name="timm", backbone="slim_resnet"),
}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")


def plan(rows: pd.DataFrame, **changes) -> dict[str, planned.Row]:
    cfg = section(compared=params.Others(seeds=1, detectors=NETS), **changes)
    given = inputs(cfg)
    given = planned.Inputs({prle_arms.WHOLE: rows}, given.hashes, {"slim_resnet": "s"})
    return {row.arm: row.phases[0] for row in compared.plan(cfg, compared.chosen(cfg), given, Masks())}


@pytest.fixture
def nets(monkeypatch):
    """Collect the networks that are built to be trained."""
    made, build = [], needy.build
    monkeypatch.setattr(needy, "build", lambda cfg: made.append(build(cfg)) or made[-1])
    return made


def test_a_network_gets_the_masks_frames_and_labels_of_its_own_crops(rows, faces, tmp_path, nets):
    config = plan(rows, per_class=6)["Needy"]
    nets.clear()
    train_compared.train(config, rows, faces, None, RUNTIME, tmp_path, Masks())
    files = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert files == [learner.HISTORY, PREDICTIONS, VALID, learner.WEIGHTS]
    (net,) = nets
    assert len(net.seen) == 3, "twelve crops in batches of four"
    for image, label, mask, pair in net.seen:
        assert mask.shape == (4, 1, SIZE, SIZE) and pair.shape == image.shape == (4, 3, SIZE, SIZE)
        for one, kind, forged_part, frame in zip(image, label, mask, pair, strict=True):
            assert torch.equal(one, frame) == bool(kind == 0), "the pair of a real crop is the crop itself"
            assert bool(forged_part.mean() > 0.2) == bool(kind == 1), "noise: fakes differ from originals"
    preds = pd.read_parquet(tmp_path / PREDICTIONS)
    test = rows[rows["split"] == "test"].reset_index(drop=True)
    same = ["clip_id", "frame_idx", "track", "group", "label", "split"]
    pd.testing.assert_frame_equal(preds[same], test[same])
    assert set(pd.read_parquet(tmp_path / VALID)["split"]) == {"valid"}


class Given:
    """Stand in for `learner.fit`: keep what it is given, and leave the weights alone."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(learner, "fit", self)
        monkeypatch.setattr(common, "settle", lambda *given: None)
        monkeypatch.setattr(common, "write_scores", lambda *given: None)

    def __call__(self, model, dls, cfg, out, seed, **more):
        self.dls, self.cfg, self.seed, self.more = dls, cfg, seed, more
        return SimpleNamespace(model=model, dls=dls)


def test_a_network_without_needs_is_trained_as_a_plain_backbone(rows, faces, tmp_path, monkeypatch):
    """The same crops in the same order with the same seed; its own penalty is the only difference that it may have."""
    seen, config = Given(monkeypatch), plan(rows, per_class=4)["Plain"]
    train_compared.train(config, rows, faces, None, RUNTIME, tmp_path, Masks())
    here = (seen.seed, [path.name for path in seen.dls.train.dataset.plain.paths], seen.cfg, seen.dls.valid.n)
    cfg = section(per_class=4)
    fit = {"x": prle_arms.fits(cfg)["Xception"]}
    plain = prle_arms.plan(cfg, fit, inputs(cfg), {})[0].phases[0]
    prle_train.train(plain, rows, faces, None, RUNTIME, tmp_path, tmp_path)
    assert here == (seen.seed, [path.name for path in seen.dls.train.dataset.paths], seen.cfg, seen.dls.valid.n)


def test_fakes_without_what_is_needed_are_not_trained_on(rows):
    gone = rows[(rows["clip_id"] == "ffpp/real/-/000")].index
    fewer = rows.drop(gone)
    config = {"needs": ["pair"], "per_class": 99, "seed": 0}
    with pytest.warns(UserWarning, match="training set"):
        chosen = train_compared.chosen_of(config, fewer, Masks())
    fakes = chosen.loc[chosen["label"] == 1, "clip_id"]
    assert len(fakes) and not fakes.str.endswith("/000").any()
    with pytest.warns(UserWarning, match="training set"):
        whole = train_compared.chosen_of(config | {"needs": []}, fewer, Masks())
    assert whole["clip_id"].str.endswith("/000").any()
