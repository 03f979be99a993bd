"""The tuning command: which detectors it trains, what it reads off their runs, what it refuses."""

import numpy as np
import pandas as pd
import pytest

from ddet import params
from ddet.runs import planned, starts
from ddet.tools import regime

WHOLE = params.load("profiles/smoke.yaml")


@pytest.fixture
def given(monkeypatch):
    """Let every crop set and every start be known."""
    columns = ("clip_id", "split", "label", "method", "original", "crop", "frame_idx", "track", "x0", "y0", "x1", "y1")
    rows = pd.DataFrame({name: [] for name in columns})
    monkeypatch.setattr(starts, "start_of", lambda backbone: (None, ""))
    sets = {"FF++": rows, "identity": rows}
    for module in (regime.herd_arms, regime.asrid_arms, regime.prle_arms):
        hashes = {name: "h" for name in ("identity", "official", "celebdf, identity", "folder, identity", "FF++")}
        known = {b: "" for b in WHOLE.start.backbones}
        monkeypatch.setattr(module, "inputs", lambda *_, h=hashes, k=known: planned.Inputs(sets, h, k))


def test_plain_detectors_alone_are_trained(given, tmp_path):
    found = {paper: list(dict.fromkeys(r.arm for r in rows)) for paper, rows, *_ in regime.plans(WHOLE, tmp_path, None)}
    assert list(found) == list(regime.CODES)
    assert found["herd"] == ["NA", "Base", "ResNet-50", "SENet", "EfficientNet-b7", "BiT", "ViT"]
    assert found["asrid"] == ["Baseline", "StaNew + Mix", "Motion, out of order"], "and the positive control"
    assert found["dfdc"] == ["trained on DFDC"]
    assert found["prle"] == list(WHOLE.prle.detectors)
    assert found["compared"] == list(WHOLE.prle.compared.detectors) and found["herd_compared"] == ["RECCE", "CADDM"]
    assert all(row.phases[0]["hide"] == {"kind": "nothing"} for row in _rows(tmp_path, "prle"))


def test_one_paper_can_be_asked_for(given, tmp_path):
    assert [paper for paper, *_ in regime.plans(WHOLE, tmp_path, "asrid")] == ["asrid"]


def _rows(folder, paper):
    return next(iter(regime.plans(WHOLE, folder, paper)))[1]


def test_scores_at_home_and_away_by_hand(tmp_path):
    run = tmp_path / "runs" / "k"
    run.mkdir(parents=True)
    history = {"epoch": [1, 2], "train_loss": [0.6, 0.4], "valid_loss": [0.9, 0.7], "selected": [0, 1]}
    pd.DataFrame(history).to_csv(run / "history.csv", index=False)
    scored = {
        "ffpp": [(0, 0.1), (0, 0.5), (1, 0.9), (1, 0.3)],  # 3 of 4 pairs in order
        "celebdf": [(0, 0.2), (1, 0.8)],
        "dfdc": [(0, 0.8), (1, 0.2)],
        "df1": [(0, 0.1), (0, 0.5), (1, 0.4), (1, 0.6)],  # its own real clips, copies of those of FF++
    }
    rows = [(f"{d}/m/-/{i}", y, p, "test") for d, part in scored.items() for i, (y, p) in enumerate(part)]
    rows.append(("ffpp/m/-/9", 1, 0.0, "valid"))
    kept = {"label": [0, 0, 1, 1], "prob_fake": [0.5, 0.5, 0.5, 0.5]}
    pd.DataFrame(rows, columns=["clip_id", "label", "prob_fake", "split"]).to_parquet(run / "preds.parquet")
    pd.DataFrame(kept).to_parquet(run / "valid.parquet")
    done = pd.DataFrame({"arm": ["A"], "seed": [0], "key": ["k"], "folder": [run]})
    line = regime.line_of("prle", next(done.itertuples()), tmp_path / "faces")
    assert (line["loss"], line["valid"], line["running"]) == (0.4, 0.5, 0.7)
    assert line["log_loss"] == pytest.approx(np.log(2))
    assert (line["home"], line["celebdf"], line["dfdc"], line["df1"]) == (0.75, 1.0, 0.0, 0.75)
    assert line["away"] == pytest.approx(1.75 / 3) and np.isnan(line["s"])


def test_the_summary_names_the_spread_over_seeds_and_the_worst_loss():
    runs = pd.DataFrame({"paper": "prle", "arm": "A", "seed": [0, 1], "loss": [0.2, 0.4], "valid": [0.9, 0.7]})
    table = regime.summary(runs.assign(home=[0.9, 0.8], benchmark=101))
    row = table.loc[("prle", "A")]
    assert (row["loss"], row["worst"], row["valid"], row["home"]) == (0.3, 0.4, 0.8, 0.85)
    assert row["sd"] == pytest.approx(0.071, abs=1e-3)


def test_the_reported_benchmark_is_refused(capsys):
    seed = params.load().benchmark.seed
    assert regime._main(["--seeds", str(seed)]) == 2
    assert "is the reported benchmark's; tune on another" in capsys.readouterr().err


def test_df1_is_scored_again_with_distorted_real_clips(tmp_path, monkeypatch):
    names = ["df1/real/-/0", "df1/real/-/1", "df1/m/-/2"]
    rows = pd.DataFrame({"clip_id": names, "dataset": "df1", "label": [0, 0, 1]}).assign(
        frame_idx=0, track=0, group="g", split="test"
    )
    (tmp_path / "k").mkdir()
    rows.assign(prob_fake=[0.1, 0.2, 0.5]).to_parquet(tmp_path / "k" / "preds.parquet")
    pd.DataFrame().to_parquet(tmp_path / "clips.parquet")
    seen = np.zeros((2, 64, 64, 3), np.uint8)
    asked = []
    monkeypatch.setattr(regime.alike, "distorted", lambda *given: asked.append(given) or seen)
    monkeypatch.setattr(regime.finished, "load_model", lambda folder: None)
    monkeypatch.setattr(regime.common, "predict_images", lambda _, images: np.array([0.4, 0.9]))
    mixed = WHOLE.data.model_copy(update={"df1_variants": ["end_to_end", "end_to_end_mix_3_distortions"]})
    done = pd.DataFrame({"folder": [tmp_path / "k"]})
    assert regime.df1_alike(WHOLE.model_copy(update={"data": mixed}), rows, tmp_path, done) == [0.5], "one pair of two"
    ((real, *_, variant, _),) = asked
    assert real["clip_id"].tolist() == names[:2] and variant == "end_to_end_mix_3_distortions"
    none = WHOLE.data.model_copy(update={"df1_variants": ["end_to_end"]})
    assert np.isnan(regime.df1_alike(WHOLE.model_copy(update={"data": none}), rows, tmp_path, done)).all()
