"""ASRID's arms as runs: what a configuration says, what a fit leaves behind, and what is read back."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from asrid_toys import FRAMES, MODEL, TRAIN, arm, given, section, write_clips
from toys import RUNTIME, store

from ddet.asrid import arms as asrid_arms
from ddet.asrid import frame_order, repeatability
from ddet.asrid import scores as asrid_scores
from ddet.asrid import train as asrid_train
from ddet.data import clip_loader
from ddet.errors import InputError
from ddet.models.asrid import scores
from ddet.runs import planned
from ddet.seeds import derive
from ddet.training import learner
from ddet.training.common import PREDICTIONS, core

DYNAMIC = {"strategy": "dynamic_mix", "w": 0.8}


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces)


def config(rows, seed=0, **changes) -> dict:
    return asrid_arms.plan(section(seed + 1), {"x": arm(**changes)}, given(rows))[seed].stages[0]


@pytest.fixture(scope="module")
def done(rows, faces, tmp_path_factory):
    """Return the runs of a static arm with two seeds and of a dynamic one, and the section that they came from."""
    arms = {"Static": arm(seeds=2), "Dyn": arm(**DYNAMIC)}
    cfg = section(arms=arms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned, "start_of", lambda backbone: (None, ""))
        kept = store(tmp_path_factory.mktemp("runs"))
        runs = planned.run(
            kept, asrid_arms.plan(cfg, arms, given(rows)), given(rows), RUNTIME, faces, asrid_train.train
        )
    return runs, cfg


# configurations


def test_a_plain_arm_is_what_the_section_says(rows):
    assert config(rows) == {
        "accumulate": 1,
        "augment": {"p": 1.0, "steps": []},
        "clips": {"frames": 3, "sampling": "videos", "short": "drop", "scaling": "imagenet", "augment_per": "frame"},
        "data": given(rows).hashes["dfdc, identity"],
        "model": MODEL.model_dump() | {"strategy": "static_mix", "w": 1.0, "axis_bug": False},
        "rates": {},
        "seed": 0,
        "set": {},
        "start": {"backbone": "s"},
        "train": TRAIN.model_dump(),
    }


@pytest.mark.parametrize(
    ("says", "where", "becomes"),
    [
        ({"sampling": "pictures"}, "clips", {"sampling": "pictures"}),
        ({"augment_per": "clip"}, "clips", {"augment_per": "clip"}),
        ({"augment": "flips"}, "augment", {"p": 0.5, "steps": [["HorizontalFlip", 0.5]]}),
        ({"mode": "code"}, "model", {"mode": "code"}),
        ({"set": "small"}, "set", {"train": 8, "valid": 4, "test": 4}),
        ({"wd": 0.0, "bs": 2, "schedule": "plateau"}, "train", {"wd": 0.0, "bs": 2, "schedule": "plateau"}),
        ({"rates": {"backbone": 0.1}}, "rates", {"backbone": 0.1}),
    ],
)
def test_an_arm_changes_what_it_names_and_nothing_else(rows, says, where, becomes):
    plain, changed = config(rows), config(rows, **says)
    assert changed[where] == plain[where] | becomes
    assert {k: v for k, v in changed.items() if k != where} == {k: v for k, v in plain.items() if k != where}


def test_the_seed_follows_from_the_core_of_the_configuration(rows):
    plain = derive(core(config(rows)))
    assert plain == derive(core(config(rows) | {"data": "other", "start": {"backbone": "other"}}))
    assert len({plain, *(derive(core(config(rows, **c))) for c in ({"lr": 0.5}, {"seed": 1}, {"set": "small"}))}) == 4


def test_clips_out_of_order_are_for_the_benchmark_alone():
    cfg = section(arms={"a": arm(), "b": arm(synthetic=True)})
    assert list(asrid_arms.of_part(cfg, "static", True)) == ["a", "b"] and list(
        asrid_arms.of_part(cfg, "static", False)
    ) == ["a"]


# fits


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
    loader = clip_loader.clip_loader(
        rows[rows["split"] == "test"], faces, FRAMES, 32, "drop", "imagenet", 8, torch.device("cpu")
    )
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


def test_a_killed_fit_ends_with_the_same_files(rows, faces, tmp_path):
    asked = (config(rows, schedule="plateau", epochs=3, accumulate=2), rows, faces, None, RUNTIME)
    same = repeatability.compared(asrid_train.train, *asked, folder=tmp_path / "x")
    assert set(same) == {learner.HISTORY, learner.WEIGHTS, PREDICTIONS, asrid_train.STEPS} and all(same.values())
    assert not (tmp_path / "x").exists()


def write_once(out):
    (out / "weights.safetensors").write_bytes(b"x")


def test_a_fit_too_short_to_be_killed_is_one_line(tmp_path):
    with pytest.raises(InputError, match="not caught between two epochs"):
        repeatability.interrupted(write_once, out=tmp_path)


def test_the_claim_of_repeatability_falls_with_one_file():
    assert repeatability.line("asrid-seed", {"a": True, "b": True}, "d")["verdict"].item() == "reproduced"
    assert repeatability.line("asrid-seed", {"a": True, "b": False}, "d")["verdict"].item() == "not reproduced"
    assert repeatability.line("asrid-seed", {}, "d")["verdict"].item() == "not reproduced"


# order of frames


def test_shuffling_moves_the_dynamic_score_alone(done, rows, faces):
    runs, cfg = done
    loader = asrid_scores.test_loader(cfg, rows, faces)
    for name in ("Dyn", "Static"):
        model = asrid_scores.load_model(runs.loc[runs["arm"] == name, "folder"].iloc[0])
        both = frame_order.shuffled(model, loader, 1)
        assert len(both) == 8 and np.allclose(both["static"], both["static shuffled"], atol=1e-5)
        assert ("dynamic" in both) == (name == "Dyn")
        pd.testing.assert_frame_equal(both, frame_order.shuffled(model, loader, 1))
    model = asrid_scores.load_model(runs.loc[runs["arm"] == "Dyn", "folder"].iloc[0])
    both = frame_order.shuffled(model, loader, 1)
    assert (both["dynamic"] - both["dynamic shuffled"]).abs().max() > 1e-7


class Means(torch.nn.Module):
    """Stand in for ASRID: the backbone's feature is the mean of the picture."""

    def __init__(self):
        super().__init__()
        self.backbone = lambda crops: crops.flatten(1).mean(1, keepdim=True)


def test_roughness_by_hand():
    """Features 0 1 2: squared steps 1 and 1, variance 2/3, so 1 / (4/3); 0 2 1: steps 4 and 1, so 2.5 / (4/3)."""
    crops = torch.tensor([[0.0, 1, 2, 9], [0, 2, 1, 9]])[..., None, None, None].expand(2, 4, 3, 2, 2)
    mask = torch.tensor([[True] * 3 + [False]] * 2)
    rough = frame_order.roughness(Means(), [(crops, mask, None)])
    assert rough.tolist() == pytest.approx([0.75, 1.875])
    assert math.isnan(frame_order.roughness(Means(), [(crops[:, :1], mask[:, :1], None)])[0])


def test_a_look_reads_the_first_clips_of_a_loader(done, rows, faces):
    runs, cfg = done
    model, loader = asrid_scores.load_model(runs["folder"].iloc[0]), asrid_scores.test_loader(cfg, rows, faces)
    seen = frame_order.look(model, loader, 3)
    with torch.no_grad():
        (crops, mask, _), *_ = loader
        want = model(crops, mask)[:3]
    assert torch.allclose(seen.pred, want, atol=1e-5) and seen.frames.shape == (3, FRAMES, FRAMES)
