"""The table of operating points: its columns, its thresholds, and the sentence on what they change."""

import pandas as pd
import pytest
from predictions import CFG, made_up

from ddet.report import operating_points, tables
from ddet.stats import bootstrap, metrics, thresholds

HALVED = [made_up(s).assign(prob_fake=lambda d: d["prob_fake"] / 2) for s in (3, 4)]
PREDS = {"Base": [made_up(1), made_up(2)], "WL": HALVED}
VALID = {arm: [p.assign(split="valid") for p in seeds] for arm, seeds in PREDS.items()}
FOUND = {arm: bootstrap.over_seeds(PREDS[arm], CFG, valid=VALID[arm]) for arm in PREDS}
KEYS = {arm: [f"{arm} {s}" for s in (0, 1)] for arm in PREDS}


@pytest.mark.parametrize("level", metrics.LEVELS)
def test_a_row_has_both_thresholds_and_what_needs_none(level):
    table = operating_points.table(FOUND, KEYS, VALID, level, "Herd, operating points")
    cells = table.tidy().set_index(["row", "column"])
    assert [c.title for c in table.columns] == [
        "t", "Acc at .5", "Acc at t", "balanced Acc at .5", "balanced Acc at t", "F1 at .5", "F1 at t",
        "TPR at 1 % FPR", "TPR at 5 % FPR", "ECE", "Brier",
    ]  # fmt: skip
    for title, metric in {"Acc at .5": "accuracy", "F1 at t": "macro_f1_at_valid_threshold", "Brier": "brier"}.items():
        assert cells.loc[("WL", title), "ours"] == FOUND["WL"][f"{level}_{metric}"].value
    chosen = [f"{thresholds.of_valid(v)[level]:.2f}" for v in VALID["WL"]]
    assert cells.loc[("WL", "t"), "word"] == ", ".join(chosen)
    assert "| WL | " + ", ".join(chosen) in table.markdown()


def test_no_paper_stands_beside_what_no_paper_has():
    table = operating_points.table(FOUND, KEYS, VALID, "frame", "Herd, operating points")
    assert " / " not in table.markdown() and "<small>paper" not in table.html()


def test_the_sentence_says_where_the_threshold_changes_most():
    """Scores of WL are halved, so that .5 finds no fake: its threshold of valid finds as many as .5 did before."""
    said = operating_points.sentence(FOUND, "frame")
    name = "frame_macro_f1"
    moves = pd.Series({arm: f[f"{name}_at_valid_threshold"].value - f[name].value for arm, f in FOUND.items()})
    assert moves["WL"] > 0.2 > abs(moves["Base"])
    assert f"F1 by {moves.mean():+.3f} on average ({moves.min():+.3f} to {moves.max():+.3f})" in said
    assert "over 2 rows at frame level" in said and "F1 most in WL, from 0." in said
    cells = operating_points.table(FOUND, KEYS, VALID, "frame", "c").rows["WL"]
    before, after = (tables.with_interval(cells[f"F1 at {where}"].ours) for where in (".5", "t"))
    assert said.endswith(f"from {before} to {after}."), "the table of these rows has the same intervals"


def test_rows_without_a_threshold_are_left_out():
    bare = {"rule": bootstrap.over_seeds([made_up(5)], CFG, given=True)}
    assert operating_points.sentence(bare, "clip") == "No row has a threshold of valid."
    assert "over 2 rows" in operating_points.sentence(FOUND | bare, "clip")
    cells = operating_points.table(FOUND | bare, KEYS, VALID, "clip", "c").rows["rule"]
    assert cells["Acc at t"].ours is None and cells["Acc at .5"].ours.value == bare["rule"]["clip_accuracy"].value
