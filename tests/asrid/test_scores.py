"""What ASRID's runs left, read back: scores by split and set, constants, losses by step, weights."""

import json
import math

import pandas as pd
import pytest
import torch
from asrid_toys import FRAMES, INVENTED, config, given, section, write_clips, write_runs

from ddet.asrid import scores as asrid_scores
from ddet.asrid import train as asrid_train
from ddet.runs.store import RECORD
from ddet.stats import metrics
from ddet.training import learner
from ddet.training.common import PREDICTIONS

CLIPPED = -math.log(1e-15)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces, 96)


@pytest.fixture(scope="module")
def cfg():
    return section(arms=INVENTED)


@pytest.fixture(scope="module")
def done(rows, cfg, tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("runs"), cfg, rows)


def loss(table: pd.DataFrame, column: str = "prob_fake") -> float:
    return metrics.scores(table["label"], table[column])["log_loss"]


def test_constants_by_hand():
    train = pd.DataFrame({"label": [1, 1, 1, 0]})
    preds = pd.DataFrame({"label": [1, 0], "prob_fake": [0.2, 0.3]})
    found = asrid_scores.constants(train, preds)
    assert [t["prob_fake"].tolist() for (t,) in found.values()] == [[0.75] * 2, [1.0] * 2]
    majority = found["majority class"][0]
    assert loss(majority) == pytest.approx(CLIPPED / 2)  # sure, and wrong of every other clip


def test_scores_of_an_arm_come_seed_by_seed(done):
    found = asrid_scores.scored(done[::-1], "Dyn")
    assert len(found) == 3
    for seed, table in zip((2, 1, 0), found, strict=True):
        folder = done[(done["arm"] == "Dyn") & (done["seed"] == seed)]["folder"].item()
        pd.testing.assert_frame_equal(table, pd.read_parquet(folder / PREDICTIONS))
    assert asrid_scores.scored(done, "absent") == []


def test_predictions_are_one_score_of_one_split(done):
    whole = asrid_scores.scored(done, "Dyn")[1]
    for split in ("train", "valid", "test"):
        kept = whole[whole["split"] == split]
        for score in ("prob_fake", "static", "dynamic"):
            found = asrid_scores.predictions(done, "Dyn", split, score)[1]
            assert found["clip_id"].tolist() == kept["clip_id"].tolist() and found.index.tolist() == list(
                range(len(kept))
            )
            assert found["prob_fake"].tolist() == kept[score].tolist()
            assert "static" not in found and set(found["split"]) == {split}


def test_predictions_may_be_of_some_clips_alone(done):
    every = asrid_scores.predictions(done, "Dyn")[0]
    some = set(every["clip_id"][::3])
    found = asrid_scores.predictions(done, "Dyn", among=some)[0]
    assert set(found["clip_id"]) == some and len(found) == len(some) < len(every)
    assert asrid_scores.predictions(done, "Dyn", among=set())[0].empty, "none is not all"


def test_the_clips_of_a_set_are_as_many_as_it_says_and_the_same_for_every_arm(rows, cfg):
    small = asrid_scores.clips_of_set(cfg, INVENTED["Dyn"], given(rows))
    split = rows.drop_duplicates("clip_id").set_index("clip_id")["split"]
    assert split[sorted(small)].value_counts().to_dict() == {"train": 8, "valid": 4, "test": 4}
    assert small == asrid_scores.clips_of_set(cfg, INVENTED["StaNew"], given(rows))
    assert asrid_scores.clips_of_set(cfg, INVENTED["StaNew, large"], given(rows)) == set(rows["clip_id"])


def test_the_majority_of_a_training_set_may_be_real():
    found = asrid_scores.constants(pd.DataFrame({"label": [1, 0, 0]}), pd.DataFrame({"label": [1]}))
    assert found["majority class"][0]["prob_fake"].tolist() == [0.0]
    even = asrid_scores.constants(pd.DataFrame({"label": [1, 0]}), pd.DataFrame({"label": [1]}))
    assert even["majority class"][0]["prob_fake"].tolist() == [1.0]


def test_a_history_tells_the_last_step_of_each_epoch(done):
    steps, histories = asrid_scores.steps(done, "Dyn"), asrid_scores.histories(done, "Dyn")
    assert len(steps) == len(histories) == 3
    assert list(steps[0]) == ["step", "epoch", "smooth", "loss"] and len(steps[0]) == 8
    for history in histories:
        assert history["epoch"].tolist() == [1, 2] and history["step"].tolist() == [4, 8]


def test_the_test_loader_holds_the_test_clips_in_the_order_of_the_scores(rows, faces, cfg, done):
    loader = asrid_scores.test_loader(cfg, rows, faces)
    assert loader.dataset.clips["clip_id"].tolist() == asrid_scores.predictions(done, "Dyn")[0]["clip_id"].tolist()
    crops, mask, label = next(iter(loader))
    assert crops.shape == (cfg.train.bs, FRAMES, 3, 32, 32) and mask.all() and label.tolist() == [0, 1, 0, 1]


def test_a_run_gives_its_network_back(rows, tmp_path):
    made = config(rows, strategy="dynamic", w=0.8)
    (tmp_path / RECORD).write_text(json.dumps({"config": made}))
    model = asrid_train.build(made["model"])
    learner.save_weights(model, tmp_path / learner.WEIGHTS)
    back = asrid_scores.load_model(tmp_path)
    assert not back.training and (back.strategy, back.w) == ("dynamic", 0.8)
    own, found = model.state_dict(), back.state_dict()
    assert own.keys() == found.keys() and all(torch.equal(own[name], found[name]) for name in own)
