"""Scoring footage: a row for each clip, decisions, files and pages, and one line for what cannot be."""

import io
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from clips import picture, write_clip
from PIL import Image

from ddet import models, params, paths, score
from ddet.data import crop_loader, crops
from ddet.report import html
from ddet.runs import finished
from ddet.runs.store import RECORD
from ddet.scoring import detectors
from ddet.stats import own
from ddet.synth.pretext import pretext_batch
from ddet.training import common, learner

SMOKE = params.load(paths.ROOT / "profiles" / "smoke.yaml")
RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)
CFG = SMOKE.model_copy(update={"runtime": RUNTIME})
NET = params.Model(name="timm", backbone="test_convnext", size=32, form="released", swin=None, width=1)


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """Render three faces that the detector finds."""
    return pretext_batch(3, 1, 160, range(3))[0]


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
    table, out = scored(tmp_path, run), tmp_path / "out"
    clips, root = score.find(tmp_path, "folder", CFG)
    score.crops_of(clips, root, out, detectors.of_run(run, "cpu"), CFG)
    net, cut = finished.load_model(run), pd.read_parquet(out / "faces.parquet")
    images = [torch.from_numpy(crops.resized(crops.load_crop(out / c), 32)) for c in cut["crop"]]
    prob = net(crop_loader.normalise((torch.stack(images), None))[0]).softmax(1)[:, 1].detach().numpy()
    by_clip = cut.assign(p=prob).groupby("clip_id")["p"]
    assert len(prob) == 6 and by_clip.mean().nunique() == 3
    for name, column in {"mean": "clip_prob", "min": "lowest", "max": "highest"}.items():
        np.testing.assert_allclose(table[column], by_clip.agg(name), atol=1e-5)


def test_a_row_by_hand():
    """The mean of .1, .2 and .9 is .4; a frame that was left out is no reason where others were scored."""
    clips = pd.DataFrame({"clip_id": ["a", "b"], "path": ["a.mp4", "b.mp4"], "label": [0, 1], "frames": [4, 2]})
    scored_crops = pd.DataFrame({"clip_id": ["a"] * 3, "prob": [0.1, 0.2, 0.9]})
    lost = {"clip_id": ["a", "b"], "frame_idx": [3, -1], "reason": ["no face", "no face in any of 2 frames"]}
    rows = score.summed(clips, scored_crops, pd.DataFrame(lost)).to_numpy().tolist()
    assert rows[0] == ["a.mp4", "real", 4, 3, pytest.approx(0.4), 0.1, 0.9, ""]
    assert rows[1][:4] + rows[1][7:] == ["b.mp4", "fake", 2, 0, "no face in any of 2 frames"]
    assert pd.isna(rows[1][4:7]).all()


def test_a_score_at_the_threshold_is_fake_and_no_score_no_decision():
    table = pd.DataFrame({"clip_prob": [0.49, 0.5, float("nan")]})
    assert score._decided(table, 0.5)["decision"].tolist() == ["real", "fake", ""]


def test_a_name_is_no_formula_in_a_spreadsheet():
    assert score._written(pd.DataFrame({"clip": ["=1+1.mp4"]}), "csv") == "clip\n'=1+1.mp4\n"


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


def test_an_unlabelled_list_comes_from_standard_input(tmp_path, portraits, run, command, monkeypatch):
    files = [still(tmp_path / name / "face.png", image) for name, image in zip("ab", portraits, strict=False)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{file}\n" for file in [*files, files[0]]) + "\n"))
    code, out, _ = command("-", "--format", "csv")
    table = pd.read_csv(io.StringIO(out))
    assert code == 0 and table["clip"].tolist() == ["a/face.png", "b/face.png"]


@pytest.mark.parametrize(("said", "decisions"), [("0", ["fake"]), ("1", ["real"])])
def test_a_threshold_decides(tmp_path, portraits, run, command, said, decisions):
    args = (still(tmp_path / "face.png", portraits[0]), "--threshold", said, "--format", "jsonl")
    code, out, err = command(*args)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["decision"] for line in lines] == decisions and score.WARNING in err
    assert lines[0]["threshold"] == float(said) and lines[0]["clip"] == "face.png"


def test_the_threshold_of_valid_is_the_run_s_own(tmp_path, portraits, run, command):
    told = {"clip_id": ["a", "b"], "frame_idx": 0, "track": 0, "group": ["a", "b"], "label": [0, 1], "split": "valid"}
    pd.DataFrame(told | {"prob_fake": [0.2, 0.6]}).to_parquet(run / common.VALID)
    _, out, _ = command(still(tmp_path / "face.png", portraits[0]), "--threshold", "valid", "--format", "csv")
    assert pd.read_csv(io.StringIO(out))["threshold"].tolist() == pytest.approx([0.4])


@pytest.mark.parametrize("said", ["2", "half"])
def test_a_threshold_that_is_none_is_one_line(tmp_path, run, command, said):
    code, out, err = command(tmp_path, "--threshold", said)
    assert (code, out) == (
        2,
        "",
    ) and err == f"--threshold {said}: is no number in [0, 1]; give one, or the word valid\n"


def test_where_no_clip_has_a_score_the_exit_status_is_2(tmp_path, run, command):
    code, out, _ = command(write_clip(tmp_path / "wall.mp4", [picture(0)] * 2))
    assert code == 2 and "no face in any of 2 frames" in out


def test_frames_of_labelled_clips_are_a_file_for_the_statistics(tmp_path, portraits, run, command):
    for i, image in enumerate(portraits):
        still(tmp_path / "own" / ("fake" if i else "real") / f"person{i}" / "a.png", image)
    assert command(tmp_path / "own", "--frames", tmp_path / "frames.csv")[0] == 0
    table = own.read(tmp_path / "frames.csv")
    assert sorted(table["label"]) == [0, 1, 1] and table["group"].nunique() == 3
    assert table["prob_fake"].between(0, 1).all()


def test_the_example_of_the_page_about_own_detectors_works(tmp_path, portraits, command, monkeypatch):
    page = (paths.ROOT / "docs/own_predictions.md").read_text()
    (tmp_path / "mine.py").write_text(re.search(r"<!-- detector -->\n```python\n(.*?)```", page, re.S)[1])
    for i, image in enumerate(portraits):
        still(tmp_path / "data/raw/own" / ("fake" if i else "real") / f"person{i}" / "a.png", image)
    monkeypatch.chdir(tmp_path)
    call = re.search(r"<!-- score -->\n```\npython -m ddet\.score (.*)\n```", page)[1]
    code, out, _ = command(*call.split())
    assert code == 0 and score.WARNING not in out and len(own.read(tmp_path / "mine.csv")) == 3


def test_a_page_shows_each_clip(tmp_path, portraits, run, command):
    write_clip(tmp_path / "in" / "two.mp4", [portraits[1]] * 6)
    (tmp_path / "in" / "<b>.mp4").write_bytes(b"not a clip")
    assert command(tmp_path / "in", "--html", tmp_path / "page.html")[0] == 0
    text = (tmp_path / "page.html").read_text()
    assert "<b>" not in text and "&lt;b&gt;.mp4" in text and "no score: not a video" in text
    assert text.count("data:image/jpeg") == 4 + 1 and "Grad-CAM of frame" in text and "<polyline" in text
    html.check_links(tmp_path / "page.html")


def test_faces_are_cut_as_for_the_dataset_that_the_run_was_trained_on():
    paper = params.load(paths.ROOT / "profiles" / "paper.yaml")
    cut = {
        s: score.as_trained(paths.RUNS / s / "abc", paper).faces for s in ("asrid_static", "herd_results", "prle_zoo")
    }
    assert {stage: (rule.size, rule.sampling) for stage, rule in cut.items()} == {
        "asrid_static": (380, "every"),
        "herd_results": (256, "fps"),
        "prle_zoo": (256, "every"),
    }
    assert cut["prle_zoo"].frames == 10 and cut["asrid_static"].of("celebdf").size == 380, "whatever is scored"


def test_two_calls_at_once_do_not_touch_each_other(tmp_path, portraits, run):
    for i, image in enumerate(portraits):
        still(tmp_path / f"{i}.png", image)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: scored(tmp_path, run), range(2))
    pd.testing.assert_frame_equal(one, other)
    assert one["faces"].tolist() == [1, 1, 1]


def test_the_module_runs_and_ends_with_2_and_one_line():
    call = [sys.executable, "-W", "ignore", "-m", "ddet.score", "clip.mp4", "--params", "nowhere.yaml"]
    done = subprocess.run(call, cwd=paths.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nowhere.yaml: no such params file" in done.stderr
