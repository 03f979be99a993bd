"""Detectors by name: runs of all papers, and functions of one's own."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from ddet import models, params, paths
from ddet.asrid import train as asrid_train
from ddet.data import crops
from ddet.errors import InputError
from ddet.runs.store import RECORD
from ddet.scoring import detectors
from ddet.training import common, learner

NET = params.Model(name="timm", backbone="test_convnext", size=32, form="released", swin=None, width=1)
SMOKE = params.load(paths.ROOT / "profiles" / "smoke.yaml")


@pytest.fixture
def cut(tmp_path):
    """Write five crops of two clips; return their rows and folder."""
    rng, lines = np.random.default_rng(0), []
    for clip, frames in (("a", 3), ("b", 2)):
        for i in range(frames):
            crops.save_crop(tmp_path / "crops" / f"{clip}{i}.png", rng.integers(0, 255, (40, 40, 3), np.uint8))
            lines.append((clip, i * 10, 0, f"crops/{clip}{i}.png", 0))
    return pd.DataFrame(lines, columns=["clip_id", "frame_idx", "track", "crop", "label"]), tmp_path


def finished_run(folder, net, config):
    folder.mkdir()
    learner.save_weights(net, folder / learner.WEIGHTS)
    (folder / RECORD).write_text(json.dumps({"config": config}))
    return folder


@pytest.fixture
def images(tmp_path):
    torch.manual_seed(1)
    return finished_run(tmp_path / "run", models.create(NET), {"model": NET.model_dump()})


def predictions(**changes) -> pd.DataFrame:
    told = {"clip_id": list("abc"), "frame_idx": -1, "track": 0, "group": list("abc"), "label": [0, 1, 1]}
    return pd.DataFrame(told | {"split": "valid", "prob_fake": [0.1, 0.5, 0.9]} | changes)


def test_a_detector_of_images_scores_each_crop(cut, images):
    rows, root = cut
    detector = detectors.of_run(images, "cpu")
    prob = detector.score(rows, root)
    assert prob.shape == (5,) and len(set(prob.tolist())) == 5 and detector.size == 32
    assert detector.network is not None


@pytest.mark.parametrize("strategy", ["static_mix", "dynamic"])
def test_a_detector_of_clips_gives_all_crops_of_a_clip_its_score_however_short(cut, tmp_path, strategy):
    rows, root = cut
    model = SMOKE.asrid.model.model_dump() | {"strategy": strategy, "w": 0.8 if strategy == "dynamic" else 1.0}
    model |= {"axis_bug": False, "size": 32}
    rule = {"frames": 4, "short": "drop", "scaling": "imagenet", "sampling": "videos", "augment_per": "frame"}
    torch.manual_seed(1)
    run = finished_run(tmp_path / "clips", asrid_train.build(model), {"model": model, "clips": rule})
    predictions().to_parquet(run / common.PREDICTIONS)
    detector = detectors.of_run(run, "cpu")
    prob = detector.score(rows.iloc[::-1], root)[::-1]
    assert len(set(prob[:3])) == len(set(prob[3:])) == 1 and prob[0] != prob[3]
    assert detector.network is None and detector.of_valid() == pytest.approx(0.3)


def test_the_threshold_of_a_run_is_that_of_its_valid_clips(images):
    predictions().to_parquet(images / common.VALID)
    assert detectors.of_run(images, "cpu").of_valid() == pytest.approx(0.3)
    predictions(split="test").to_parquet(images / common.VALID)
    with pytest.raises(InputError, match="cannot come from test"):
        detectors.of_run(images, "cpu").of_valid()


# functions


def function(folder, body: str) -> str:
    (folder / "mine.py").write_text(f"def predict(crops):\n    {body}\n")
    return f"{folder / 'mine.py'}:predict"


def test_a_function_sees_rgb_crops_of_its_size(cut, tmp_path):
    rows, root = cut
    spec = function(
        tmp_path, "assert crops.shape[1:] == (24, 24, 3); return crops.reshape(len(crops), -1).mean(1) / 255"
    )
    prob = detectors.of_function(spec, 24).score(rows, root)
    means = [crops.resized(crops.load_crop(root / c), 24).mean() / 255 for c in rows["crop"]]
    np.testing.assert_allclose(prob, means)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return crops", "returned ndarray of shape (5, 24, 24, 3), not 5 numbers in [0, 1]"),
        ("return [2.0] * len(crops)", "returned list of shape (5,), not 5 numbers"),
        ("return [float('nan')] * len(crops)", "not 5 numbers in [0, 1]"),
        ("return None", "returned NoneType of shape (), not 5 numbers"),
    ],
)
def test_what_is_no_probability_is_one_line(cut, tmp_path, body, said):
    rows, root = cut
    with pytest.raises(InputError) as e:
        detectors.of_function(function(tmp_path, body), 24).score(rows, root)
    assert said in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("spec", "text", "said"),
    [
        ("nowhere.py:predict", None, "names no Python file"),
        ("mine.py", "x = 1", "names no Python file"),
        ("mine.py:other", "x = 1", "the file defines no function other"),
        ("mine.py:predict", "import no_such_package", "cannot be imported (No module named 'no_such_package')"),
        ("mine.py:predict", "def", "cannot be imported (invalid syntax"),
    ],
)
def test_a_function_that_is_not_there_is_one_line(tmp_path, monkeypatch, spec, text, said):
    monkeypatch.chdir(tmp_path)
    if text:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError) as e:
        detectors.of_function(spec, 24)
    assert said in str(e.value)


def test_a_tensor_is_taken_too(cut, tmp_path):
    rows, root = cut
    spec = function(tmp_path, "import torch; return torch.full((len(crops),), .25, requires_grad=True)")
    assert detectors.of_function(spec, 24).score(rows, root).tolist() == [0.25] * 5


# which run


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Write the tables of two stages with four runs, of which the second lost its weights."""
    tables = {
        "herd_augmentation": "NA,0,012345678901,012345678901\nNA,1,abc,abc\n",
        "herd_results": "RF,0,1e5,012 1e5\nNone,0,1e6,1e6\n",
    }
    for stage, lines in tables.items():
        (tmp_path / f"{stage}_runs.csv").write_text("arm,seed,key,chain\n" + lines)
    for folder in ("herd_augmentation/012345678901", "herd_results/1e5", "herd_results/1e6"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / learner.WEIGHTS).write_text("")
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arm", "folder"),
    [
        ("NA", "herd_augmentation/012345678901"),
        ("RF", "herd_results/1e5"),
        ("None", "herd_results/1e6"),
    ],
)
def test_a_run_is_found_in_the_table_of_its_stage_and_the_arm_called_na_is_an_arm(trained, arm, folder):
    assert detectors.run_of(arm, 0, trained) == trained / folder


@pytest.mark.parametrize(
    ("arm", "seed", "said"),
    [
        ("Base", 0, "Base, seed 0: no such run; there are: NA 0, NA 1, RF 0, None 0"),
        ("RF", 1, "RF, seed 1: no such run; there are: NA 0, NA 1, RF 0"),
        ("nan", 0, "nan, seed 0: no such run"),
        ("NA", 1, "abc: its weights are not here"),
    ],
)
def test_a_run_that_is_not_there_names_those_that_are(trained, arm, seed, said):
    with pytest.raises(InputError) as e:
        detectors.run_of(arm, seed, trained)
    assert said in str(e.value) and "\n" not in str(e.value)


def test_before_the_first_training_there_is_no_run(tmp_path):
    (tmp_path / "other_runs.csv").write_text("arm,seed,key,chain\nNA,0,abc,abc\n")  # of no detector
    with pytest.raises(InputError, match=r"holds no table of runs; train some: make repro$"):
        detectors.run_of("NA", 0, tmp_path)
