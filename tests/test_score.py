"""Scoring footage: what is found in a folder or a dataset, a row for each clip, and one line for what cannot be."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from clips import picture, write_clip
from PIL import Image

from ddet import models, params, paths, score
from ddet.data import crop_loader, crops
from ddet.errors import InputError
from ddet.runs import finished
from ddet.runs.store import RECORD
from ddet.synth.pretext import pretext_batch
from ddet.training import learner

SMOKE = params.load(paths.ROOT / "profiles" / "smoke.yaml")
RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)
CFG = SMOKE.model_copy(update={"runtime": RUNTIME})
NET = params.Model(name="timm", backbone="test_convnext", size=32, form="released", swin=None, width=1)


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """Render three faces that the detector finds."""
    return pretext_batch(3, 1, 160, range(3))[0]


@pytest.fixture(autouse=True)
def work(monkeypatch, tmp_path_factory):
    monkeypatch.setattr(score, "WORK", tmp_path_factory.mktemp("scored"))


@pytest.fixture
def run(tmp_path_factory, monkeypatch):
    """Write a finished run with weights at random, and make it the one that the command line finds."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    learner.save_weights(models.create(NET), folder / learner.WEIGHTS)
    (folder / RECORD).write_text(json.dumps({"config": {"model": NET.model_dump()}}))
    monkeypatch.setattr(score, "run_of", lambda arm, seed: folder)
    return folder


def still(path, image: np.ndarray):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def scored(footage, run, layout: str = "folder") -> pd.DataFrame:
    clips, root = score.find(footage, layout, CFG)
    table = score.score(clips, root, run, CFG)
    assert table.columns.tolist() == score.COLUMNS and table.index.tolist() == list(range(len(table)))
    return table.set_index("clip")


# what is found


def test_a_folder_without_labels_is_searched_at_any_depth(tmp_path):
    still(tmp_path / "a.png", picture(0))
    write_clip(tmp_path / "deep" / "er" / "a.mp4", [picture(i) for i in range(3)])
    (tmp_path / "notes.txt").write_text("not footage")
    clips, root = score.find(tmp_path, "folder", CFG)
    assert root == tmp_path and clips["path"].tolist() == ["a.png", "deep/er/a.mp4"]
    assert clips["clip_id"].is_unique and clips["frames"].tolist() == [1, 3] and set(clips["label"]) == {-1}


def test_a_single_file_is_found_without_its_neighbours(tmp_path):
    for name in ("a.png", "b.png"):
        still(tmp_path / name, picture(0))
    clips, root = score.find(tmp_path / "b.png", "folder", CFG)
    assert root == tmp_path and clips["path"].tolist() == ["b.png"]


@pytest.mark.parametrize("names", [("real", "fake"), ("Real", "FAKE")])
def test_real_and_fake_folders_are_labels(tmp_path, names):
    for name in names:
        still(tmp_path / name / "a.png", picture(0))
    clips, root = score.find(tmp_path, "folder", CFG)
    labels = dict(zip(clips["path"], clips["label"], strict=True))
    assert labels == {f"{tmp_path.name}/{names[0]}/a.png": 0, f"{tmp_path.name}/{names[1]}/a.png": 1}
    assert all((root / path).is_file() for path in clips["path"])


def test_a_dataset_is_read_by_its_adapter(tmp_path):
    part = tmp_path / "DFDC" / "dfdc_train_part_0"
    write_clip(part / "aaaaaaaaaa.mp4", [picture(0)])
    meta = {"aaaaaaaaaa.mp4": {"label": "REAL"}, "bbbbbbbbbb.mp4": {"label": "FAKE", "original": "aaaaaaaaaa.mp4"}}
    (part / "metadata.json").write_text(json.dumps(meta))
    clips, _ = score.find(tmp_path / "DFDC", "dfdc", CFG)
    assert clips["status"].tolist() == ["ok", "unusable"] and clips["label"].tolist() == [0, 1]


@pytest.mark.parametrize("name", ["nowhere.mp4", "empty"])
def test_nothing_to_score_is_one_line(tmp_path, name):
    (tmp_path / "empty").mkdir()
    said = "no such file or folder" if name == "nowhere.mp4" else "holds no clip and no still"
    with pytest.raises(InputError, match=f"{name}: {said}") as e:
        score.find(tmp_path / name, "folder", CFG)
    assert "\n" not in str(e.value)


# rows


def test_every_clip_has_a_row_with_its_score_or_its_reason(tmp_path, portraits, run):
    still(tmp_path / "face.png", portraits[0])
    write_clip(tmp_path / "two.mp4", [portraits[1]] * 6)
    write_clip(tmp_path / "wall.mp4", [picture(i) for i in range(4)])
    (tmp_path / "broken.mp4").write_bytes(b"not a clip")
    (tmp_path / "nothing.mp4").write_bytes(b"")
    table = scored(tmp_path, run)
    assert table.index.tolist() == ["broken.mp4", "face.png", "nothing.mp4", "two.mp4", "wall.mp4"]
    assert table["faces"].tolist() == [0, 1, 0, 4, 0], "smoke.yaml takes four frames of a clip"
    assert table["frames"].tolist() == [0, 1, 0, 6, 4] and set(table["label"]) == {"unknown"}
    found, lost = table.loc[["face.png", "two.mp4"]], table.loc[["broken.mp4", "nothing.mp4", "wall.mp4"]]
    assert (found["lowest"] <= found["clip_prob"]).all() and (found["clip_prob"] <= found["highest"]).all()
    assert found["clip_prob"].between(0, 1).all() and (found["reason"] == "").all()
    assert lost[["clip_prob", "lowest", "highest"]].isna().all(axis=None) and (lost["reason"] != "").all()
    assert lost["reason"]["wall.mp4"] == "no face in any of 4 frames"


def test_a_score_is_the_mean_probability_of_fake_over_the_crops(tmp_path, portraits, run):
    for i, image in enumerate(portraits[:2]):
        still(tmp_path / f"{i}.png", image)
    write_clip(tmp_path / "both.mp4", [portraits[0]] * 2 + [portraits[1]] * 2)
    table = scored(tmp_path, run)
    (out,) = score.WORK.iterdir()
    net, cut = finished.load_model(run), pd.read_parquet(out / "faces.parquet")
    images = [torch.from_numpy(crops.resized(crops.load_crop(out / c), 32)) for c in cut["crop"]]
    prob = net(crop_loader.normalise((torch.stack(images), None))[0]).softmax(1)[:, 1].detach().numpy()
    by_clip = cut.assign(p=prob).groupby("clip_id")["p"]
    assert len(prob) == 6 and by_clip.mean().nunique() == 3
    for name, column in {"mean": "clip_prob", "min": "lowest", "max": "highest"}.items():
        np.testing.assert_allclose(table[column], by_clip.agg(name), atol=1e-5)


@pytest.mark.parametrize("single", [True, False])
def test_footage_without_any_face_still_gives_a_table(tmp_path, run, single):
    wall = write_clip(tmp_path / "wall.mp4", [picture(i) for i in range(2)])
    table = scored(wall if single else tmp_path, run)
    assert table.loc["wall.mp4", ["faces", "reason"]].tolist() == [0, "no face in any of 2 frames"]


def test_labels_of_real_and_fake_folders_stand_in_the_table(tmp_path, portraits, run):
    still(tmp_path / "real" / "a.png", portraits[0])
    still(tmp_path / "fake" / "a.png", portraits[1])
    (tmp_path / "fake" / "notes.txt").write_text("a remark")
    table = scored(tmp_path, run)
    assert table["label"].to_dict() == {
        f"{tmp_path.name}/{name}": label
        for name, label in {"real/a.png": "real", "fake/a.png": "fake", "fake/notes.txt": "fake"}.items()
    }
    assert table["reason"][f"{tmp_path.name}/fake/notes.txt"] == "neither a clip nor a still: .txt"


def test_footage_is_only_read(tmp_path, portraits, run):
    still(tmp_path / "face.png", portraits[0])
    scored(tmp_path, run)
    assert [p.name for p in tmp_path.rglob("*")] == ["face.png"]


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
    assert score.run_of(arm, 0, trained) == trained / folder


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
        score.run_of(arm, seed, trained)
    assert said in str(e.value) and "\n" not in str(e.value)


def test_before_the_first_training_there_is_no_run(tmp_path):
    (tmp_path / "asrid_runs.csv").write_text("arm,seed,key,chain\nNA,0,abc,abc\n")  # of no image detector
    with pytest.raises(InputError, match=r"holds no table of runs; train some: make repro$"):
        score.run_of("NA", 0, tmp_path)


# the command


@pytest.fixture
def command(monkeypatch, capsys):
    monkeypatch.setattr(params, "load", lambda path: CFG)

    def call(*args: object) -> tuple[int, str, str]:
        code = score._main([str(a) for a in args])
        return code, *capsys.readouterr()

    return call


def test_the_command_prints_a_row_a_clip_and_the_warning(tmp_path, portraits, run, command):
    code, out, _ = command(still(tmp_path / "face.png", portraits[0]), "--out", tmp_path / "scores.csv")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == score.COLUMNS and lines[1].split()[:4] == ["face.png", "unknown", "1", "1"]
    assert lines[2:] == [score.WARNING]
    assert pd.read_csv(tmp_path / "scores.csv")["clip"].tolist() == ["face.png"]


def test_a_table_that_cannot_be_written_has_been_printed(tmp_path, portraits, run, command):
    code, out, err = command(still(tmp_path / "face.png", portraits[0]), "--out", tmp_path / "no" / "scores.csv")
    assert code == 2 and "face.png" in out
    last = err.splitlines()[-1]  # below the progress bars
    assert "scores.csv: cannot be written" in last and "--out" in last


def test_the_command_reports_bad_input_in_one_line(tmp_path, run, command):
    code, out, err = command(tmp_path / "nowhere.mp4")
    assert (code, out, err.count("\n")) == (2, "", 1) and "nowhere.mp4: no such file or folder" in err


def test_the_module_runs_and_ends_with_2_and_one_line():
    call = [sys.executable, "-W", "ignore", "-m", "ddet.score", "clip.mp4", "--params", "nowhere.yaml"]
    done = subprocess.run(call, cwd=paths.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nowhere.yaml: no such params file" in done.stderr


# real footage


def test_the_dfdc_excerpt_lists_its_three_absent_clips(real_footage):
    clips, root = score.find(real_footage / "dfdc_layout", "dfdc", CFG)
    assert len(clips) == 5 and root == real_footage.resolve()
    absent = clips[clips["status"] == "unusable"]
    assert len(absent) == 3 and absent["reason"].str.contains("metadata.json but not found").all()
    assert clips.loc[clips["status"] == "ok", "stem"].tolist() == ["abofeumbvv", "abqwwspghj"]
    assert clips.loc[clips["status"] == "ok", "frames"].tolist() == [300, 300]
