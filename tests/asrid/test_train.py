"""A fit of ASRID: what it leaves behind, which clips it trains on, and that its scores are those of its weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from asrid_toys import FRAMES, arm, config, given, section, write_clips
from toys import RUNTIME, store

from ddet.asrid import arms as asrid_arms
from ddet.asrid import scores as asrid_scores
from ddet.asrid import train as asrid_train
from ddet.data import clip_loader
from ddet.data.crop_loader import Loading
from ddet.models.asrid import scores
from ddet.runs import planned, starts
from ddet.training import learner
from ddet.training.common import PREDICTIONS

DYNAMIC = {"strategy": "dynamic_mix", "w": 0.8}


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces)


@pytest.fixture(scope="module")
def done(rows, faces, tmp_path_factory):
    """Return the runs of a static arm with two seeds and of a dynamic one, and the section that they came from."""
    arms = {"Static": arm(seeds=2), "Dyn": arm(**DYNAMIC)}
    cfg = section(arms=arms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "start_of", lambda backbone: (None, ""))
        kept = store(tmp_path_factory.mktemp("runs"))
        runs = planned.run(
            kept, asrid_arms.plan(cfg, arms, given(rows)), given(rows), RUNTIME, faces, asrid_train.train
        )
    return runs, cfg


def test_what_a_fit_leaves_behind(done):
    folder = done[0]["folder"].iloc[0]
    names = {learner.HISTORY, learner.WEIGHTS, PREDICTIONS, asrid_train.STEPS}
    assert names <= {p.name for p in folder.iterdir()}
    steps = pd.read_csv(folder / asrid_train.STEPS)
    assert steps["step"].tolist() == list(range(1, len(steps) + 1)) and steps["epoch"].max() == 2
    assert {"clip_auc", "clip_log_loss", "valid_loss"} <= set(pd.read_csv(folder / learner.HISTORY))


def test_scores_are_those_of_the_kept_weights(done, rows, faces):
    runs, _ = done
    folder = runs.loc[runs["arm"] == "Dyn", "folder"].iloc[0]
    table, model = pd.read_parquet(folder / PREDICTIONS), asrid_scores.load_model(folder)
    assert table["split"].value_counts().to_dict() == {"train": 15, "valid": 8, "test": 8}  # one has too few crops
    how, rule = Loading(faces, 32, 8, torch.device("cpu")), clip_loader.ClipRule(FRAMES, "drop", "imagenet")
    loader = clip_loader.clip_loader(rows[rows["split"] == "test"], how, rule)
    with torch.no_grad():
        (crops, mask, _), *_ = loader
        want = scores(model(crops, mask))
    test = table[table["split"] == "test"]
    for column, value in (("prob_fake", want.fused), ("static", want.static), ("dynamic", want.dynamic)):
        assert np.allclose(test[column], value.numpy(), atol=1e-5), column
    assert test["clip_id"].tolist() == loader.dataset.clips["clip_id"].tolist()


def test_a_static_arm_has_no_dynamic_score(done):
    (table, _) = asrid_scores.scored(done[0], "Static")
    assert table["dynamic"].isna().all() and np.allclose(table["prob_fake"], table["static"])


def test_the_small_set_trains_on_its_clips_and_is_judged_on_all(rows, faces, tmp_path):
    asrid_train.train(config(rows, set="small", epochs=1), rows, faces, None, RUNTIME, tmp_path)
    counts = pd.read_parquet(tmp_path / PREDICTIONS)["split"].value_counts()
    assert counts["train"] <= 8 and counts["valid"] == counts["test"] == 8
    own = asrid_scores.clips_of_set(section(), arm(set="small"), given(rows))
    scored = pd.read_parquet(tmp_path / PREDICTIONS)
    assert set(scored.loc[scored["split"] == "train", "clip_id"]) <= own and len(own) == 16


def test_accumulation_and_rates_of_an_arm_reach_the_fit(rows, tmp_path):
    """`accumulate` counts batches; the callback counts samples."""
    cfg = section().train.model_copy(update={"bs": 6})

    def made(**changes) -> dict[str, object]:
        return {type(cb).__name__: cb for cb in asrid_train._callbacks(config(rows, **changes), cfg, tmp_path)}

    assert set(made()) == {"StepLosses"}
    assert made(accumulate=4)["Accumulate"].n_acc == 24
    assert made(rates={"backbone": 0.1})["PartRates"].factors == {"backbone": 0.1}
