"""The whole pipeline at smoke size, in a clone, with the network refused: run once, shared by the tests below."""

import json
import re

import pandas as pd
import pytest
from clone import Clone
from ruamel.yaml import YAML

from ddet import paths

STAGES = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]
pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("smoke") / "ddet")
    clone.run("dvc", "repro")
    clone.commit("run at smoke size")
    return clone


def runs(clone):
    return {p.parent.name: p.stat().st_mtime_ns for p in clone.root.glob("data/runs/herd/*/manifest.json")}


def test_writes_every_declared_output(smoke):
    for name, stage in STAGES.items():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind, []):
                path = next(iter(out)) if isinstance(out, dict) else out
                assert (smoke.root / path).exists(), (name, path)


def test_asks_nobody_outside(smoke):
    assert not smoke.log.exists() or smoke.log.read_text() == ""


def test_every_page_that_shows_a_result_says_that_it_is_synthetic(smoke):
    pages = smoke.files("reports/*.ipynb", "reports/index.html", "reports/tables/herd*.html", "reports/tables/herd*.md")
    assert len(pages) > 6
    silent = [name for name, text in pages.items() if b"ynthetic" not in text]
    assert [n for n in silent if "50_" not in n] == []  # the audit reads printed tables only


def test_the_table_names_the_runs_behind_each_cell_and_they_exist(smoke):
    table = pd.read_csv(smoke.root / "reports/tables/herd_augmentation.csv")
    keys = {k for cell in table["keys"].dropna() for k in cell.split()}
    assert keys and all((smoke.root / "data/runs/herd" / k / "weights.safetensors").is_file() for k in keys)
    run = table.dropna(subset="ours")
    assert len(run) and (run["low"] <= run["high"]).all() and run["ours"].between(0, 1).all()
    assert run[["frames", "clips", "groups", "seeds"]].ge(1).all().all()


def test_every_clip_is_used_or_listed_with_a_reason(smoke):
    clips = pd.read_parquet(smoke.root / "data/faces/clips.parquet")
    crops = pd.read_parquet(smoke.root / "data/faces/faces.parquet")
    rejects = pd.read_csv(smoke.root / "data/faces/rejects.csv")
    assert set(clips.clip_id) == set(crops.clip_id) | set(rejects[rejects.frame_idx == -1].clip_id)
    assert rejects.reason.str.len().gt(5).all() and (clips.status == "unusable").any()


def test_running_again_does_nothing(smoke):
    assert "Data and pipelines are up to date" in smoke.run("dvc", "repro").stdout
    assert smoke.git("status", "--short") == ""


def test_metrics_and_plots_show_something(smoke):
    shown = json.loads(smoke.run("dvc", "metrics", "show", "--json").stdout)
    assert {"Base", "NA", "RF"} <= set(
        next(iter(shown.values()))["data"]["data/results/herd_augmentation.json"]["data"]
    )
    smoke.run("dvc", "plots", "show")
    page = (smoke.root / "dvc_plots" / "index.html").read_text()
    assert "herd_history" in page and "confusion" in page


def test_notebooks_pass_nbval(smoke):
    done = smoke.run("python", "-m", "pytest", "-p", "no:cacheprovider", "--nbval-lax", "notebooks", check=False)
    assert done.returncode == 0 and re.search(r"\d+ passed", done.stdout), done.stdout[-6000:]
    assert smoke.git("status", "--short") == ""


def test_real_footage_is_prepared_and_scored_with_a_smoke_model(smoke, real_footage):
    out = smoke.root / "scores.csv"
    done = smoke.run(
        "python", "-m", "ddet.score", str(real_footage / "dfdc_layout"), "--layout", "dfdc", "--out", str(out)
    )
    assert "mean nothing" in done.stdout
    table = pd.read_csv(out)
    out.unlink()
    assert len(table) == 5 and (table["faces"] > 0).sum() == 2
    assert table.loc[table["faces"] > 0, "clip_prob"].between(0, 1).all()
    assert table.loc[table["faces"] == 0, "reason"].str.contains("not found").all()


def test_an_experiment_on_one_arm_trains_that_arm_only(smoke):
    before = runs(smoke)
    smoke.run("dvc", "exp", "run", "-n", "shorter", "-S", "herd.arms.RF.epochs=1")
    after = runs(smoke)
    seeds = YAML(typ="safe").load((smoke.root / "params.yaml").read_text())["herd"]["seeds"]
    assert len(after) == len(before) and len(set(after) - set(before)) == seeds
    assert all(after[k] == before[k] for k in set(after) & set(before)), "a finished run was trained again"
    shown = smoke.run("dvc", "exp", "show", "--only-changed", "--csv").stdout
    assert "shorter" in shown and "herd.arms.RF.epochs" in shown
    assert "RF" in smoke.run("dvc", "metrics", "diff", "--md").stdout
    smoke.git("checkout", "-q", ".")
    smoke.run("dvc", "checkout", "-q", "-f")
