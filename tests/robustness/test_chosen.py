"""The arm that stands for a paper: among its proposals, the best on valid, whatever it does on test."""

import pandas as pd
import pytest

from ddet import params, paths
from ddet.errors import InputError
from ddet.robustness import chosen
from ddet.training import common

CFG = params.load(paths.PARAMS)
GOOD, FAIR, POOR = [0.1, 0.2, 0.8, 0.9], [0.1, 0.8, 0.2, 0.9], [0.9, 0.8, 0.2, 0.1]  # AUC 1, .75 and 0


def predictions(prob: list[float], split: str, frame: int) -> pd.DataFrame:
    told = {"clip_id": [f"celebdf/m/-/{k}" for k in range(4)], "frame_idx": frame, "track": 0, "group": list("abcd")}
    return pd.DataFrame(told | {"label": [0, 0, 1, 1], "split": split, "prob_fake": prob})


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Write two runs of every proposal: NA, StaNew and F3-Net + PRLE are the best on valid, and the worst on test."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    for stages in chosen.STAGES.values():
        for stage in stages:
            (tmp_path / f"{stage}_runs.csv").write_text("arm,seed,key,chain\n")
    for paper, arms in chosen.proposals(CFG).items():
        stage, lines = chosen.STAGES[paper][0], "arm,seed,key,chain\n"
        for n, arm in enumerate(arms):
            best = arm in ("NA", "StaNew", "F3-Net + PRLE")
            for seed in (1, 0):
                folder = tmp_path / stage / f"k{n}{seed}"
                folder.mkdir(parents=True)
                valid, test = (GOOD, POOR) if best else ((FAIR, POOR)[seed], GOOD)
                own, told = predictions(valid, "valid", -1), predictions(test, "test", -1)
                if paper == "ASRID":
                    pd.concat([own, told]).to_parquet(folder / common.PREDICTIONS)
                else:
                    own.to_parquet(folder / common.VALID)
                    told.to_parquet(folder / common.PREDICTIONS)
                lines += f'"{arm}",{seed},k{n}{seed},k{n}{seed}\n'
        (tmp_path / f"{stage}_runs.csv").write_text(lines)
    return tmp_path


def test_baselines_and_what_is_their_copy_are_no_proposals():
    found = chosen.proposals(CFG)
    assert found["ASRID"] == ["StaNew", "StaNew + Mix", "Dyn (0.2)", "Dyn (0.2) + Mix"]
    assert found["PRLE"] == [f"{detector} + PRLE" for detector in CFG.prle.detectors]
    assert {"NA", "MEP", "WL + RF + MEP"} <= set(found["Herd"]) and not {"Base", "RST", "ViT"} & set(found["Herd"])


def test_the_best_on_valid_is_chosen_by_its_mean_over_seeds(trained):
    ranked = chosen.ranking(CFG, trained)
    assert ranked.loc[ranked["chosen"], "arm"].tolist() == ["NA", "StaNew", "F3-Net + PRLE"]
    assert ranked["paper"].drop_duplicates().tolist() == ["Herd", "ASRID", "PRLE"]
    others = ranked[~ranked["chosen"]]
    assert set(ranked.loc[ranked["chosen"], "valid AUC"]) == {1.0} and set(others["valid AUC"]) == {(0.75 + 0) / 2}
    assert set(ranked["seeds"]) == {2}


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_a_subject_has_the_runs_of_its_first_seeds_in_their_order(trained, seeds):
    cast = chosen.subjects(CFG, chosen.ranking(CFG, trained), seeds, trained)
    assert [(s.paper, s.dataset, s.metric) for s in cast] == [
        ("Herd", "celebdf", "frame_auc"), ("ASRID", "celebdf", "clip_auc"), ("PRLE", "ffpp", "frame_auc"),
    ]  # fmt: skip
    assert all([run.name[-1] for run in s.runs] == ["0", "1"][:seeds] for s in cast)


def test_a_proposal_that_was_not_trained_is_one_line(trained):
    stage = chosen.STAGES["PRLE"][0]
    (trained / f"{stage}_runs.csv").write_text("arm,seed,key,chain\n")
    with pytest.raises(InputError, match="was not trained"):
        chosen.ranking(CFG, trained)
