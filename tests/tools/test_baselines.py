"""How the finished run's plain detectors do: which they are, and what is said of them by hand."""

import numpy as np
import pandas as pd
import pytest

from ddet import params, paths
from ddet.errors import InputError
from ddet.tools import baselines

WHOLE = params.load(paths.ROOT / "profiles/smoke.yaml")


def test_only_arms_without_a_paper_s_method_are_told():
    found = baselines.plain(WHOLE)
    assert found["herd"] == ("herd_augmentation", ["NA", "Base"])
    assert found["asrid"] == ("asrid_static", ["Baseline", "StaNew + Mix"])
    assert found["prle"] == ("prle_zoo", list(WHOLE.prle.detectors))


def finish(folder, data: dict[str, float], loss: float) -> None:
    """Write a run whose AUC on each dataset is what `data` says: 0, .5 or 1, on ten groups."""
    folder.mkdir(parents=True)
    pd.DataFrame({"train_loss": [0.9, loss], "valid_loss": [0.9, 0.7], "selected": [0, 1]}).to_csv(
        folder / "history.csv", index=False
    )
    rows = []
    for dataset, right in data.items():
        for group, label in ((g, y) for g in range(10) for y in (0, 1)):
            told = label if right == 1 else 1 - label if right == 0 else 0.5
            row = {"clip_id": f"{dataset}/m{label}/-/{group}", "frame_idx": 0, "track": 0, "group": f"g{group}"}
            rows.append(row | {"label": label, "prob_fake": told, "split": "test"})
    pd.DataFrame(rows).to_parquet(folder / "preds.parquet")
    pd.DataFrame(rows).assign(split="valid", prob_fake=0.5).to_parquet(folder / "valid.parquet")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Lay out two seeds of one detector of each paper; the second is wrong at home."""
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "FACES", tmp_path / "faces")
    stages = {"a": ("herd_augmentation", ["Base"]), "prle": ("prle_zoo", ["Xception"])}
    monkeypatch.setattr(baselines, "plain", lambda whole: stages)
    (tmp_path / "results").mkdir()
    read = baselines.finished.read_runs
    monkeypatch.setattr(baselines.finished, "read_runs", lambda *given: read(*given, results=tmp_path / "results"))
    for stage, (arm,) in stages.values():
        lines = [{"arm": arm, "seed": seed, "key": f"k{seed}", "chain": f"k{seed}"} for seed in (0, 1)]
        pd.DataFrame(lines).to_csv(tmp_path / "results" / f"{stage}_runs.csv", index=False)
        home = "celebdf" if arm == "Base" else "ffpp"
        away = {} if arm == "Base" else {"celebdf": 0.5, "dfdc": 0, "df1": 1}
        for seed in (0, 1):
            finish(tmp_path / "runs" / stage / f"k{seed}", {home: 1 - seed} | away, 0.2 + 0.1 * seed)
    return tmp_path


def test_home_away_spread_and_the_worst_loss_by_hand(run):
    table = baselines.table(WHOLE)
    herd, prle = table.loc[("a", "Base")], table.loc[("prle", "Xception")]
    for line in (herd, prle):
        assert (line["seeds"], line["worst"], line["valid"], line["home"]) == (2, 0.3, 0.5, 0.5)
        assert line["sd"] == pytest.approx(np.sqrt(0.5), abs=1e-3) and line["low"] < 0.5 < line["high"]
    assert np.isnan(herd["away"]) and (prle["celebdf"], prle["dfdc"], prle["df1"], prle["away"]) == (0.5, 0, 1, 0.5)


def test_a_stage_that_has_not_run_is_one_line(run, monkeypatch, capsys):
    (run / "results/prle_zoo_runs.csv").unlink()
    monkeypatch.setattr(params, "load", lambda: WHOLE)
    assert baselines._main() == 2 and "no runs yet; run the notebook" in capsys.readouterr().err
    with pytest.raises(InputError):
        baselines.table(WHOLE)
