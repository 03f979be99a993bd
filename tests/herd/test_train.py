"""The input of a fit in each phase of a curriculum, and the files that it writes."""

import numpy as np
import pandas as pd
import pytest
import torch
from toys import NET, RUNTIME, arm, given, section, write_faces

from ddet import models, params
from ddet.data import crop_loader, crop_table, crops, landmarks
from ddet.herd import arms as herd_arms
from ddet.herd import train as herd_train
from ddet.seeds import derive, seed_everything
from ddet.training import common, learner
from ddet.training.callbacks import AddPenalty

VAE = params.Model(name="genconvit_vae", backbone="test_resnet", size=32, form="released", swin=None, width=1)
FIT = learner.fit


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def rows(faces):
    return crop_table.load(faces, "celebdf", "identity")


def config(seed: int = 0, **changes) -> dict:
    """Return the configuration of the first phase of the arm that `changes` make."""
    cfg = section(seed + 1, **({"model": changes.pop("net")} if "net" in changes else {}))
    return herd_arms.plan(cfg, {"x": arm(**changes)}, given())[seed].phases[0]


class Given:
    """Stand in for `learner.fit`: keep what it is given, and leave the weights alone."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(learner, "fit", self)
        monkeypatch.setattr(common, "settle", lambda *_: None)

    def __call__(self, model, dls, cfg, out, seed, loss_func, cbs, progress):
        self.model, self.state = model, {name: value.clone() for name, value in model.state_dict().items()}
        self.dls, self.cfg, self.seed, self.loss, self.cbs, self.progress = dls, cfg, seed, loss_func, cbs, progress
        return self


@pytest.fixture
def to_fit(rows, faces, monkeypatch, tmp_path):
    """Return what the fit of a configuration is given."""

    def call(cfg: dict, start=None, runtime: params.Runtime = RUNTIME) -> Given:
        seen = Given(monkeypatch)
        herd_train.train(cfg, rows, faces, start, runtime, tmp_path)
        return seen

    return call


def labels(dataset: crop_loader.ImageDataset) -> list[int]:
    return sorted(dataset.targets.tolist())


# crops


def test_train_is_balanced_and_valid_is_as_it_is(to_fit, rows, faces):
    seen = to_fit(config())
    assert labels(seen.dls.train.dataset) == [0] * 3 + [1] * 3
    valid = rows[rows["split"] == "valid"]
    assert seen.dls.valid.dataset.paths == [faces / crop for crop in valid["crop"]]
    assert not set(seen.dls.train.dataset.paths) - {faces / crop for crop in rows[rows["split"] == "train"]["crop"]}


def test_arms_with_the_same_seed_index_train_on_the_same_crops_in_the_same_order(to_fit):
    plain, other = to_fit(config()), to_fit(config(augment="flips", weight=3.0))
    assert plain.dls.train.dataset.paths == other.dls.train.dataset.paths
    assert plain.seed == other.seed == derive("fit", 0, 0) != to_fit(config(seed=1)).seed
    assert plain.dls.train.dataset.paths != to_fit(config(seed=1)).dls.train.dataset.paths


def test_an_imbalance_changes_the_ratio_and_not_the_size(to_fit):
    assert labels(to_fit(config(imbalance=2.0)).dls.train.dataset) == [0] * 2 + [1] * 4


def test_only_train_is_augmented_by_the_list_of_the_configuration(to_fit):
    seen = to_fit(config(augment="turn"))
    made = seen.dls.train.dataset.transform
    assert [(type(step).__name__, step.p) for step in made.transforms] == [("RandomRotate90", 0.2)] and made.p == 0.7
    assert seen.dls.valid.dataset.transform is None and to_fit(config()).dls.train.dataset.transform is None


def test_the_batch_size_and_the_rate_are_those_of_the_configuration(to_fit):
    seen = to_fit(config(bs=2, lr=0.5, epochs=7))
    assert (seen.cfg.bs, seen.cfg.lr, seen.cfg.epochs) == (2, 0.5, 7)
    assert len(next(iter(seen.dls.train))[0]) == 2


# hidden eyes


def test_eyes_are_hidden_where_the_phase_says_so_and_in_train_alone(to_fit, rows, faces):
    seen, plain = to_fit(config(curriculum="masked")), to_fit(config())
    hidden, shown = seen.dls.train.dataset, plain.dls.train.dataset
    assert hidden.paths == shown.paths
    by_crop = rows.set_index("crop")
    for i, path in enumerate(hidden.paths):
        points = landmarks.landmarks_of(by_crop.loc[[path.relative_to(faces).as_posix()]], 32)
        eyes = landmarks.eyes(points, 32)[0]
        assert 0 < eyes.sum() < 32 * 32 / 2
        assert (hidden.image(i)[eyes] == 0).all() and (shown.image(i)[eyes] > 0).any()
        assert (hidden.image(i)[~eyes] == shown.image(i)[~eyes]).all()
    for one, other in zip(seen.dls.valid, plain.dls.valid, strict=True):
        assert torch.equal(one[0], other[0])


def test_predictions_are_made_with_eyes(rows, faces, tmp_path):
    """A network that no rate can move gives the same scores whatever is hidden in training."""
    still = {"lr": 1e-30, "epochs": 1, "curriculum": "masked"}
    herd_train.train(config(**still), rows, faces, None, RUNTIME, tmp_path)
    net, held = created(config(**still)), rows[rows["split"] == "test"]
    learner.load_weights(net, tmp_path / learner.WEIGHTS)
    preds = pd.read_parquet(tmp_path / common.PREDICTIONS)
    who = ["clip_id", "frame_idx", "track", "group", "label", "split"]
    pd.testing.assert_frame_equal(preds[who], held[who].reset_index(drop=True))
    for crop, prob in zip(held["crop"], preds["prob_fake"], strict=True):
        image = torch.from_numpy(crops.resized(crops.load_crop(faces / crop), 32))[None]
        x, _ = crop_loader.normalise((image, None))
        assert net.eval()(x).softmax(1)[0, 1].item() == pytest.approx(prob, abs=1e-5)


# loss


@pytest.mark.parametrize(
    ("says", "weights"),
    [({}, [1, 1]), ({"weight": 1.85}, [1, 1.85]), ({"weight": 1.85, "weighted_class": "real"}, [1.85, 1])],
)
def test_the_fit_is_given_the_weights_of_real_and_fake(to_fit, says, weights):
    assert to_fit(config(**says)).loss.weight.tolist() == pytest.approx(weights)


def test_a_weight_changes_what_is_learnt(rows, faces, tmp_path):
    learnt = set()
    for weight in (1.0, 5.0):
        # The seed follows from the configuration; here it is the weight alone that differs.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(herd_train, "derive", lambda *parts: 5)
            herd_train.train(config(weight=weight), rows, faces, None, RUNTIME, tmp_path / str(weight))
        learnt.add((tmp_path / str(weight) / learner.WEIGHTS).read_bytes())
    assert len(learnt) == 2


def test_a_network_with_a_penalty_pays_it_in_training(to_fit, tmp_path):
    """One epoch against the loop that anybody would write, bit for bit."""
    seen, other = to_fit(config(net=VAE)), to_fit(config(net=VAE))
    assert [type(callback) for callback in seen.cbs] == [AddPenalty]
    FIT(seen.model, seen.dls, seen.cfg, tmp_path, seen.seed, loss_func=seen.loss, cbs=seen.cbs, progress=False)
    seed_everything(derive(seen.seed, "fit"), 1)
    model, penalties = other.model.train(), []
    optimiser = torch.optim.Adam(model.parameters(), lr=seen.cfg.lr, fused=True)
    for x, y in other.dls.train:
        optimiser.zero_grad()
        loss = seen.loss(model(x), y)
        penalties.append(model.penalty.item())
        (loss + model.penalty).backward()
        optimiser.step()
    assert min(penalties) > 0.3, "normalised noise has a variance about one"
    for (name, a), b in zip(seen.model.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_one_fit_at_a_time_shows_its_progress_and_several_do_not(to_fit):
    assert to_fit(config()).progress
    assert not to_fit(config(), runtime=RUNTIME.model_copy(update={"fits": 2})).progress


# the weights that a phase starts from


def created(cfg: dict) -> torch.nn.Module:
    seed_everything(derive("fit", cfg["seed"], cfg["phase"]), 1)
    return models.create(params.Model(**cfg["model"]))


def test_without_start_weights_a_network_begins_as_its_seed_says(to_fit):
    seen, want = to_fit(config()), created(config()).state_dict()
    assert all(torch.equal(seen.state[name], value) for name, value in want.items())


def test_the_first_phase_starts_from_the_weights_of_the_backbone(to_fit, tmp_path):
    torch.manual_seed(3)
    source = models.make_backbone("test_resnet", num_classes=5)
    learner.save_weights(source, tmp_path / "start.safetensors")
    seen, own = to_fit(config(), tmp_path / "start.safetensors"), created(config()).state_dict()
    for name, value in source.state_dict().items():
        classifier = name.startswith("fc.")
        assert torch.equal(seen.state[name], own[name] if classifier else value), name


@pytest.mark.parametrize("net", [NET, VAE], ids=lambda net: net.name)
def test_a_later_phase_starts_from_all_weights_of_the_one_before(to_fit, tmp_path, net):
    later = config(net=net) | {"start": {"phase": "0123456789ab"}}
    torch.manual_seed(4)
    before = models.create(net)
    learner.save_weights(before, tmp_path / "before.safetensors")
    seen = to_fit(later, tmp_path / "before.safetensors")
    assert set(seen.state) == set(before.state_dict())
    assert all(torch.equal(seen.state[name], value) for name, value in before.state_dict().items())


def test_a_later_phase_draws_anew(to_fit, tmp_path):
    learner.save_weights(models.create(NET), tmp_path / "before.safetensors")
    first, second = config(), config() | {"start": {"phase": "0123456789ab"}, "phase": 1}
    assert to_fit(first).seed != to_fit(second, tmp_path / "before.safetensors").seed


def test_other_data_or_weights_of_the_same_configuration_draw_the_same(to_fit):
    """So an edit of code, which renames what a fit starts from, re-draws nothing."""
    first, second = config(), config() | {"data_hash": "other crops", "start": {"backbone": "another key"}}
    assert to_fit(first).seed == to_fit(second).seed == to_fit(config(lr=0.5)).seed != to_fit(config(seed=1)).seed


def test_the_scores_of_valid_are_those_of_the_kept_weights(rows, faces, tmp_path):
    herd_train.train(config(epochs=3, lr=1e-2), rows, faces, None, RUNTIME, tmp_path)
    kept, held = pd.read_parquet(tmp_path / common.VALID), rows[rows["split"] == "valid"]
    assert kept["split"].unique().tolist() == ["valid"] and kept["clip_id"].tolist() == held["clip_id"].tolist()
    net = learner.load_weights(created(config()), tmp_path / learner.WEIGHTS)
    again = common.predict(
        net, held.assign(split="test"), crop_loader.Loading(faces, 32, 4, torch.device("cpu")), "fp32"
    )
    np.testing.assert_allclose(kept["prob_fake"], again["prob_fake"], atol=1e-6)


def test_what_a_fit_leaves_behind(rows, faces, tmp_path):
    herd_train.train(config(epochs=2), rows, faces, None, RUNTIME, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        learner.HISTORY, common.PREDICTIONS, "resume", common.VALID, learner.WEIGHTS
    ]  # fmt: skip
    assert pd.read_csv(tmp_path / learner.HISTORY)["epoch"].tolist() == [1, 2]
    preds = pd.read_parquet(tmp_path / common.PREDICTIONS)
    assert preds["split"].tolist() == ["test"] * 6
    assert preds["prob_fake"].between(0, 1).all()
