"""ASRID's tables from invented scores: constants, fusion, sets."""

import math

import numpy as np
import pandas as pd
import pytest
from asrid_toys import INVENTED, given, section, write_clips, write_runs

from ddet import params
from ddet.asrid import scores as asrid_scores
from ddet.asrid import tables as asrid_tables
from ddet.stats import metrics, thresholds

CFG = params.Report(bootstrap=100, confidence=0.95, seed=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("faces"), 96)


@pytest.fixture(scope="module")
def cfg():
    return section(arms=INVENTED)


@pytest.fixture(scope="module")
def done(rows, cfg, tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("runs"), cfg, rows)


def loss(table: pd.DataFrame, column: str = "prob_fake") -> float:
    return metrics.scores(table["label"], table[column])["log_loss"]


def test_table_2_has_the_paper_s_columns_and_the_constants(cfg, rows, done):
    names = {"StaNew": "StaNew", "Dyn": "Dyn"}
    found, keys = asrid_tables.ablation_rows(cfg, names, done, given(rows), CFG)
    assert list(found) == ["StaNew", "Dyn", "training prior", "majority class"]
    row, own = found["StaNew"], asrid_scores.clips_of_set(cfg, INVENTED["StaNew"], given(rows))
    assert (row["last"].value, row["variation"].value) == pytest.approx((0.4, 0.1))
    every = asrid_scores.scored(done, "StaNew")
    valid = [t[(t["split"] == "valid") & t["clip_id"].isin(own)] for t in every]
    assert row["valid clip_log_loss"].value == pytest.approx(np.mean([loss(t) for t in valid]))
    assert row["valid clip_log_loss"].clips == 4 and row["test clip_log_loss"].clips == 24
    assert row["test clip_log_loss"].value == pytest.approx(np.mean([loss(t[t["split"] == "test"]) for t in every]))
    at = [thresholds.of_valid(t[t["split"] == "valid"])["clip"] for t in every]
    right = [((t["prob_fake"] >= h) == t["label"])[t["split"] == "test"].mean() for t, h in zip(every, at, strict=True)]
    assert row["test clip_accuracy_at_valid_threshold"].value == pytest.approx(np.mean(right))
    assert keys["StaNew"] == ["k10", "k11", "k12"] and keys["training prior"] == []
    assert found["training prior"]["test clip_auc"].value == 0.5
    assert "last" not in found["training prior"]


def test_table_3_starts_with_the_paper_s_split_and_fills_both_sizes(cfg, rows, done):
    found, keys = asrid_tables.set_rows(cfg, "table3", done, given(rows), CFG)
    assert list(found)[:3] == ["train", "val", "test"]
    assert "val · training prior" in found and "test, identity split · majority class" in found
    shown = ("clip_log_loss", "clip_accuracy", "clip_accuracy_at_valid_threshold", "clip_auc")
    assert set(found["train"]) == {f"small {m}" for m in shown}
    assert set(found["train · training prior"]) == {f"small {m}" for m in shown if not m.endswith("threshold")}
    assert found["test, identity split"]["small clip_auc"].clips == 4
    assert found["test, identity split"]["large clip_auc"].clips == 24
    assert keys["test, identity split"] == ["k10", "k11", "k12", "k20", "k21", "k22"]


def test_fusing_with_a_score_that_knows_nothing_by_hand(done):
    table = asrid_tables.fusion(done, ["Dyn"], CFG).set_index("score")
    tests = [t[t["split"] == "test"] for t in asrid_scores.scored(done, "Dyn")]
    static, fused = (np.mean([loss(t, c) for t in tests]) for c in ("static", "prob_fake"))
    assert table.loc["static", "gain of fusing"] == pytest.approx(static - fused)
    assert table.loc["dynamic", "clip_log_loss"] == pytest.approx(math.log(2))
    assert table.loc["dynamic", "clip_auc"] == 0.5 and math.isnan(table.loc["fused", "gain of fusing"])


def test_every_arm_says_whether_it_beats_the_prior(cfg, done):
    table = asrid_tables.on_test(cfg, INVENTED, done, CFG).set_index("arm")
    assert table["clips"].eq(24).all() and table["seeds"].eq(3).all()
    assert table.loc["Dyn", "beats the prior"] == "yes"
    assert table["log loss of the prior"].between(0.69, 0.75).all()


def test_every_score_is_listed(done):
    table = asrid_tables.every_score(done, list(INVENTED))
    assert len(table) == 4 * 3 * 24 and set(table["arm"]) == set(INVENTED)


def test_clips_out_of_order_are_ranked_by_their_roughness(done):
    clips = asrid_scores.predictions(done, "StaNew")[0].drop(columns="prob_fake")
    rough = clips["label"].to_numpy() * 1.0
    table = asrid_tables.out_of_order(done, ["StaNew", "Dyn"], clips, rough, CFG).set_index("score")
    assert list(table.index) == ["roughness, no training", "StaNew: static", "Dyn: static", "Dyn: dynamic"]
    auc, sd = table["clip_auc"], table["sd"]
    assert auc["roughness, no training"] == 1 and auc["Dyn: dynamic"] == 0.5
    static = [t["prob_fake"].std() for t in asrid_scores.predictions(done, "StaNew")]
    assert sd["Dyn: dynamic"] == 0 and sd["StaNew: static"] == pytest.approx(np.mean(static)) and sd.iloc[1] > 0.05


@pytest.mark.parametrize(("arm", "suffix"), [("StaNew, by clip", ""), ("StaNew", ", identity split")])
def test_rows_of_table_3_are_scored_on_the_split_that_they_name(cfg, rows, done, arm, suffix):
    found, _ = asrid_tables.set_rows(cfg, "table3", done, given(rows), CFG)
    own = asrid_scores.clips_of_set(cfg, INVENTED[arm], given(rows))
    every = [t[t["clip_id"].isin(own)] for t in asrid_scores.scored(done, arm)]
    want = {word: np.mean([loss(t[t["split"] == part]) for t in every])
            for word, part in {"train": "train", "val": "valid", "test": "test"}.items()}  # fmt: skip
    assert len({round(value, 6) for value in want.values()}) == 3, "the splits can be told apart"
    got = {word: found[f"{word}{suffix}"]["small clip_log_loss"].value for word in want}
    assert got == pytest.approx(want)
