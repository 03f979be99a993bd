"""The whole pipeline at smoke size, in a clone, with the network refused: run once, shared by the tests below."""

import json
import re
import subprocess

import pandas as pd
import pytest
from clone import Clone
from ruamel.yaml import YAML

from ddet import paths, published
from ddet.asrid import arms as asrid_arms
from ddet.audit import ledger
from ddet.herd import arms as herd_arms
from ddet.prle import arms as prle_arms
from ddet.prle import compared
from ddet.report import tables

STAGES = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]
TRAIN = (*herd_arms.STAGES, *asrid_arms.STAGES, *prle_arms.STAGES, compared.STAGE)  # stages that train detectors
ABSENT = {  # rows of the papers' tables that no run of ours stands behind
    "herd_table1": set(),
    "herd_table2": set(),
    "asrid_table1": {"1st", "2nd", "3rd"},
    "asrid_table2": set(),
    "asrid_table3": set(),
    "asrid_table4": set(),
    "asrid_strength": set(),
    "prle_table1": set(),
    "prle_table2": set(),
    "prle_table4": set(),
    "prle_table5": set(),
    "prle_table6": set(),
    "prle_table7": set(),
}
pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("smoke") / "ddet")
    clone.run("python", "-m", "ddet.tools.side_by_side")
    clone.commit("run at smoke size")
    return clone


def runs(clone):
    """Find every finished run: stage/key -> when it was finished."""
    found = clone.root.glob("data/runs/*/*/manifest.json")
    return {f"{p.parts[-3]}/{p.parts[-2]}": p.stat().st_mtime_ns for p in found}


def named(clone, arm=None):
    """Read stage/key of the runs that the tables of runs name: those of one arm, or of all; earlier phases included."""
    found = set()
    for stage in TRAIN:
        table = read(clone, f"data/results/{stage}_runs.csv")
        chains = table["chain"] if arm is None else table.loc[table["arm"] == arm, "chain"]
        found |= {f"{stage}/{key}" for chain in chains for key in chain.split()}
    return found


def behind(clone):
    """Collect the keys of all runs that a number may rest on: finished fits of the tables of runs, and maps."""
    maps = read(clone, "data/results/prle_maps.csv")
    keys = {run.split("/")[1] for run in named(clone)} | set(maps["maps"]) | set(" ".join(maps["members"]).split())
    return keys & {run.split("/")[1] for run in runs(clone)}


def read(clone, path):
    """Read a table in which NA is the name of an arm, and a key may be all digits."""
    text = dict.fromkeys(("key", "keys", "chain", "runs", "maps", "members"), str)
    return pd.read_csv(clone.root / path, keep_default_na=False, na_values=[""], dtype=text)


def test_writes_every_declared_output(smoke):
    for name, stage in STAGES.items():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind, []):
                path = next(iter(out)) if isinstance(out, dict) else out
                assert (smoke.root / path).exists(), (name, path)


def test_asks_nobody_outside(smoke):
    assert not smoke.log.exists() or smoke.log.read_text() == ""


def test_every_page_that_shows_a_result_says_that_it_is_synthetic(smoke):
    tables = [f"reports/tables/{paper}*.{kind}" for paper in ("herd", "asrid", "prle") for kind in ("html", "md")]
    pages = smoke.files("reports/*.ipynb", "reports/index.html", *tables)
    assert len(pages) > 40
    silent = [name for name, text in pages.items() if b"ynthetic" not in text]
    without = ("50_", "prle_table8")  # the audit reads printed tables only, Table VIII counts operations
    assert [n for n in silent if not any(part in n for part in without)] == []


@pytest.mark.parametrize("name", [*herd_arms.STAGES[:3], *ABSENT])
def test_a_table_names_the_runs_behind_each_cell_and_they_exist(smoke, name):
    table = read(smoke, f"reports/tables/{name}.csv")
    keys = {k for cell in table["keys"].dropna() for k in cell.split()}
    assert keys and keys <= behind(smoke)
    run = table.dropna(subset="ours")
    # The noise of a single seed is not known where no other rows lend theirs; a detector that is given has none.
    alone = (run["seeds"] == 1) & ~run["pooled"].astype(bool) & (run["seed_sd"] != 0)
    assert len(run) and (run.loc[~alone, "low"] <= run.loc[~alone, "high"]).all()
    assert run.loc[alone, ["low", "high"]].isna().all().all()
    assert run[["frames", "clips", "groups"]].ge(1).all().all()
    if name.startswith("asrid"):
        assert (run["seeds"].ge(1) == run["keys"].notna()).all(), "constant predictors have no runs, all others have"
    else:
        assert run["seeds"].ge(1).all() and run["keys"].notna().all()
    if name.startswith("herd"):
        assert run["ours"].between(0, 1).all(), "elsewhere there are losses, percent and differences"


@pytest.mark.parametrize("name", list(ABSENT))
def test_every_row_of_a_paper_s_table_has_a_run_but_for_other_authors_detectors(smoke, name):
    table = read(smoke, f"reports/tables/{name}.csv")
    rows = [f"{row} (row)" if row in tables.MISSING else row for row in published.wide(name).index]
    ours = table.groupby("row")["ours"].count()
    assert {row for row in rows if ours[row] == 0} == ABSENT[name]
    assert list(dict.fromkeys(table["row"]))[: len(rows)] == list(rows)


def test_the_stores_hold_the_runs_that_the_tables_of_runs_name_and_no_others(smoke):
    assert {run for run in runs(smoke) if run.split("/")[0] in TRAIN} == named(smoke)


@pytest.mark.parametrize(("paper", "open_"), [("herd", set()), ("asrid", set()), ("prle", set())])
def test_every_claim_that_runs_can_decide_has_a_verdict(smoke, paper, open_):
    listed = published.facts("claims").query("paper == @paper")
    told = read(smoke, f"data/results/claims_{paper}.csv")
    assert set(told["claim_id"]) == set(listed.loc[~listed["evidence"].isin(ledger.UNTESTABLE), "id"]) - open_
    known = behind(smoke)
    shown_else = ("prle-time", "asrid-seed")  # by a benchmark, by files of two fits that no table holds
    named_by = told.loc[~told["claim_id"].isin(shown_else), "runs"].str.split()
    assert named_by.map(lambda keys: bool(keys) and set(keys) <= known).all()


def test_every_clip_is_used_or_listed_with_a_reason(smoke):
    clips = pd.read_parquet(smoke.root / "data/faces/clips.parquet")
    crops = pd.read_parquet(smoke.root / "data/faces/faces.parquet")
    rejects = pd.read_csv(smoke.root / "data/faces/rejects.csv")
    assert set(clips.clip_id) == set(crops.clip_id) | set(rejects[rejects.frame_idx == -1].clip_id)
    assert rejects.reason.str.len().gt(5).all() and (clips.status == "unusable").any()


def test_running_again_does_nothing(smoke):
    assert "Data and pipelines are up to date" in smoke.run("dvc", "repro").stdout
    assert smoke.git("status", "--short") == ""


def test_a_fresh_clone_takes_everything_from_a_remote_and_trains_nothing(smoke, tmp_path):
    store, fresh = ("remote", "add", "--local", "-d", "store", str(tmp_path / "store")), tmp_path / "fresh"
    smoke.run("dvc", *store)
    smoke.run("dvc", "push", "-q")
    smoke.run("git", "clone", "-q", str(smoke.root), str(fresh))
    there = {"cwd": fresh, "env": smoke.env | {"PYTHONPATH": str(fresh)}, "capture_output": True, "text": True}
    for words in (store, ("pull", "-q"), ("repro",)):
        done = subprocess.run(["dvc", *words], **there)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Data and pipelines are up to date" in done.stdout
    taken = {f"{p.parts[-3]}/{p.parts[-2]}" for p in fresh.glob("data/runs/*/*/manifest.json")}
    assert taken == set(runs(smoke)) and taken
    assert subprocess.run(["git", "status", "--short"], **there).stdout == ""
    smoke.run("dvc", "remote", "remove", "--local", "store")


def test_metrics_and_plots_show_something(smoke):
    shown = json.loads(smoke.run("dvc", "metrics", "show", "--json").stdout)
    files = next(iter(shown.values()))["data"]
    assert {"Base", "NA", "RF"} <= set(files["data/results/herd_augmentation.json"]["data"])
    assert {"Base", "WL + RF + MEP", "ED + VAE"} <= set(files["data/results/herd.json"]["data"])
    smoke.run("dvc", "plots", "show")
    page = (smoke.root / "dvc_plots" / "index.html").read_text()
    assert "herd_history" in page and "confusion" in page


def test_notebooks_pass_nbval(smoke):
    how = ("-p", "no:cacheprovider", "--nbval-lax", "-n", "2", "--dist", "loadfile")
    done = smoke.run("python", "-m", "pytest", *how, "notebooks", check=False)
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
    before, of_arm = runs(smoke), named(smoke, "no decay")
    smoke.run("dvc", "exp", "run", "-n", "longer", "-S", "+asrid.arms.no_decay.epochs=2", "asrid_results")
    after = runs(smoke)
    seeds = YAML(typ="safe").load((smoke.root / "params.yaml").read_text())["asrid"]["arms"]["no_decay"]["seeds"]
    assert set(before) - set(after) == of_arm and len(of_arm) == seeds > 1
    assert set(after) - set(before) == named(smoke, "no decay") and len(after) == len(before)
    assert all(after[k] == before[k] for k in set(after) & set(before)), "a finished run was trained again"
    shown = smoke.run("dvc", "exp", "show", "--only-changed", "--csv").stdout
    assert "longer" in shown and "asrid.arms.no_decay.epochs" in shown
    assert "no decay" in smoke.run("dvc", "metrics", "diff", "--md").stdout
    smoke.git("checkout", "-q", ".")
    smoke.run("dvc", "checkout", "-q", "-f")
