"""Cards of checkpoints: what they say is read from the runs, and the runs stay as they are."""

import json

import pandas as pd
import pytest
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.asrid import arms as asrid_arms
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.prle import arms as prle_arms
from ddet.prle import compared as prle_compared
from ddet.tools import model_cards

CFG = params.load()
PROBS = {0: [0.1, 0.6, 0.4, 0.9], 1: [0.1, 0.2, 0.8, 0.9]}  # seed -> of two real and two fake clips


@pytest.fixture
def tree(tmp_path):
    """Build the runs of a stage: an arm `a|b` of two seeds."""
    (tmp_path / "data/results").mkdir(parents=True)
    table = pd.DataFrame({"arm": "a|b", "seed": [0, 1], "key": ["k0", "k1"], "chain": ["k0", "k1"]})
    table.to_csv(tmp_path / "data/results/toy_runs.csv", index=False)
    for seed, probs in PROBS.items():
        folder = tmp_path / "data/runs/toy" / f"k{seed}"
        folder.mkdir(parents=True)
        config = {"data_hash": "d1", "seed": 71, "train": {"lr": 0.1, "epochs": 3}, "bs": 4}
        record = {"config": config, "runtime": {"device": "cpu"}, "versions": {"torch": "9"}, "key": f"k{seed}"}
        (folder / "run.json").write_text(json.dumps(record))
        (folder / "history.csv").write_text(f"epoch,lr,selected\n1,1,0\n2,1,{1 - seed}\n3,1,{seed}\n")
        clips = [f"{name}/m/-/{stem}" for name in ("away", "home") for stem in "rsuv"]
        labels, groups = [0, 0, 1, 1] * 2, ["p", "q", "p", "q"] * 2
        rows = {"clip_id": clips, "frame_idx": 0, "track": 0, "group": groups, "label": labels, "split": "test"}
        preds = pd.DataFrame(rows | {"prob_fake": [0.5] * 4 + probs})
        train = preds.head(1).assign(split="train", clip_id="unseen/m/-/r", group="t")
        pd.concat([preds, train]).to_parquet(folder / "preds.parquet", index=False)
    return tmp_path


def card_of(tree):
    (path,) = model_cards.write(CFG, tree)
    return path.read_text().splitlines()


def test_a_card_gives_of_each_dataset_the_mean_over_seeds_with_the_lowest_and_highest(tree):
    lines = card_of(tree)
    assert "| home | 0.875 [0.750 to 1.000] | 0.750 [0.500 to 1.000] | 0.338 [0.164 to 0.511] |" in lines
    assert "| away | 0.500 [0.500 to 0.500] | 0.500 [0.500 to 0.500] | 0.693 [0.693 to 0.693] |" in lines
    assert not any("unseen" in line for line in lines), "training crops are no result"


def test_a_card_names_weights_epochs_data_and_recipe(tree):
    lines = card_of(tree)
    assert "## a\\|b" in lines
    assert "| 0 | data/runs/toy/k0/weights.safetensors | 3 | 2 |" in lines
    assert "| 1 | data/runs/toy/k1/weights.safetensors | 3 | 3 |" in lines
    said = next(line for line in lines if line.startswith("Data: "))
    assert "fingerprint d1" in said and "8 crops or clips of test, of 4 real and 4 fake clips of 2 people" in said
    recipe = lines[lines.index("```yaml") + 1 : lines.index("```")]
    assert YAML(typ="safe").load("\n".join(recipe)) == {
        "bs": 4, "runtime": {"device": "cpu"}, "train": {"epochs": 3, "lr": 0.1}, "versions": {"torch": "9"},
    }  # fmt: skip


def test_a_page_says_what_its_numbers_are_evidence_of_its_limits_and_its_licence(tree):
    text = "\n".join(card_of(tree))
    assert "synthetic benchmark" in text and "## Limits" in text and "Apache-2.0" in text
    real = CFG.model_copy(update={"benchmark": CFG.benchmark.model_copy(update={"render": False})})
    assert "come from real datasets" in model_cards.write(real, tree)[0].read_text()


def test_runs_stay_as_they_are_and_pages_of_stages_that_are_gone_do_not(tree):
    def files():
        return {path: path.read_bytes() for path in (tree / "data").rglob("*") if path.is_file()}

    before = files()
    (tree / "reports/models").mkdir(parents=True)
    (tree / "reports/models/gone.md").write_text("old")
    assert [path.name for path in model_cards.write(CFG, tree)] == ["toy.md"]
    assert files() == before and [path.name for path in (tree / "reports/models").iterdir()] == ["toy.md"]


def test_one_seed_has_no_span(tree):
    pd.read_csv(tree / "data/results/toy_runs.csv").head(1).to_csv(tree / "data/results/toy_runs.csv", index=False)
    assert "| home | 0.750 | 0.500 | 0.511 |" in card_of(tree)


def test_nothing_trained_and_a_run_that_is_gone_are_one_line(tree):
    (tree / "data/runs/toy/k1/run.json").unlink()
    with pytest.raises(InputError, match=r"k1: this run is not there; run its stage again"):
        model_cards.write(CFG, tree)
    (tree / "data/results/toy_runs.csv").unlink()
    with pytest.raises(InputError, match="no stage has trained yet"):
        model_cards.write(CFG, tree)


def test_the_stage_reads_the_runs_of_every_stage_that_trains_detectors():
    deps = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]["model_cards"]["deps"]
    trained = {*herd_arms.STAGES, *asrid_arms.STAGES, *prle_arms.STAGES, prle_compared.STAGE}
    assert {d for d in deps if d.startswith("data/runs/")} == {f"data/runs/{stage}" for stage in trained}
    assert {d for d in deps if d.startswith("data/results/")} == {f"data/results/{s}_runs.csv" for s in trained}
