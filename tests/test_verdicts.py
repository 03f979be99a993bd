"""Claims put to the test: the rule by hand-made intervals, and a difference that was planted."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ddet import claims, metrics, params, published, verdicts
from ddet.bootstrap import Estimate
from ddet.errors import InputError

CFG = params.Report(bootstrap=200, confidence=0.9, seed=5)
F1, ACC = "herd-aug-f1", "herd-aug-acc"  # more in NA than in Base


def estimate(low: float, high: float, few: bool = False) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.0, (0.0,), 9, 9, 9, 200, 0, few)


@pytest.mark.parametrize(
    ("low", "high", "few", "said"),
    [
        (0.01, 0.2, False, "reproduced"),
        (-0.2, -0.01, False, "not reproduced"),
        (-0.1, 0.2, False, "undecided"),
        (0.0, 0.2, False, "undecided"),
        (-0.2, 0.0, False, "undecided"),
        (0.01, 0.2, True, "undecided"),
        (-0.2, -0.01, True, "undecided"),
        (float("nan"), float("nan"), False, "undecided"),
        (float("nan"), -0.1, False, "undecided"),
    ],
)
def test_the_whole_interval_decides(low, high, few, said):
    assert verdicts.verdict(estimate(low, high, few)) == said
    assert said in claims.VERDICTS


def scored(right: float, groups: int = 20, seed: int = 0) -> pd.DataFrame:
    """Invent predictions, one clip of three frames of each label a group, right with the given probability."""
    rng = np.random.default_rng(seed)
    rows = [(f"d/m/-/{g}{y}", f, 0, f"g{g:02d}", y) for g in range(groups) for y in (0, 1) for f in range(3)]
    table = pd.DataFrame(rows, columns=[*metrics.ROW, "group", "label"])
    hit = rng.random(len(table)) < right
    return table.assign(prob_fake=np.where(hit, table["label"] * 0.8 + 0.1, 0.9 - table["label"] * 0.8))


def judged(na: float, base: float, ids=(F1, ACC), **kwargs) -> pd.DataFrame:
    preds = {arm: [scored(p, seed=s, **kwargs) for s in (0, 1)] for arm, p in {"NA": na, "Base": base}.items()}
    return verdicts.judge(ids, preds, {"NA": ["k1", "k2"], "Base": ["k3", "k4"]}, CFG, "invented")


@pytest.mark.parametrize(
    ("na", "base", "said"), [(0.95, 0.6, "reproduced"), (0.6, 0.95, "not reproduced"), (0.8, 0.8, "undecided")]
)
def test_a_planted_difference_is_found_with_its_sign(na, base, said):
    table = judged(na, base)
    assert table.columns.tolist() == claims.RESULT and table["claim_id"].tolist() == [F1, ACC]
    assert table["verdict"].tolist() == [said] * 2
    by_hand = [metrics.frame_and_clip(scored(p, seed=s))["frame_accuracy"] for p in (na, base) for s in (0, 1)]
    assert table["effect"][1] == pytest.approx(np.mean(by_hand[:2]) - np.mean(by_hand[2:]))
    assert (table["lo"] <= table["effect"]).all() and (table["effect"] <= table["hi"]).all()


def test_a_line_names_its_runs_its_data_and_its_crops():
    line = judged(0.9, 0.6).iloc[0]
    assert (line["runs"], line["data"], line["n"]) == ("k1 k2 k3 k4", "invented", 120)


def test_few_groups_decide_nothing():
    table = judged(1.0, 0.3, groups=9)
    assert (table["lo"] > 0).all() and (table["verdict"] == "undecided").all()


def test_the_ledger_takes_what_is_judged(tmp_path):
    judged(0.9, 0.6).to_csv(tmp_path / "claims_herd.csv", index=False)
    read = claims.read_results(tmp_path, published.facts("claims"))
    assert read["claim_id"].tolist() == [F1, ACC] and read["verdict"].tolist() == ["reproduced"] * 2


def test_no_claim_gives_an_empty_ledger_with_its_columns():
    assert judged(0.9, 0.6, ids=()).columns.tolist() == claims.RESULT


@pytest.mark.parametrize(
    ("claim", "said"), [("herd-nonsense", "no such claim"), ("herd-rf-f1", "needs the arm 'RF', which was not run")]
)
def test_an_unknown_claim_or_an_arm_that_was_not_run_is_one_line(claim, said):
    with pytest.raises(InputError, match=f"^{claim}: {said}") as e:
        judged(0.9, 0.6, ids=(claim,))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(("per_seed", "said"), [((0.09, 0.1, 0.11), "reproduced"), ((0.0, 0.1, 0.2), "undecided")])
def test_a_difference_within_the_noise_of_seeds_decides_nothing(per_seed, said):
    """By hand: t(2, .975) = 4.303; 4.303 x .01 / sqrt 3 = .025 < .1, and 4.303 x .1 / sqrt 3 = .25 > .1."""
    gain = dataclasses.replace(estimate(0.05, 0.15, False), per_seed=per_seed, spread=(per_seed[2] - per_seed[0]) / 2)
    assert verdicts.verdict(gain) == said
