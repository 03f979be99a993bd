"""Conclusions: the sentence of a ledger's line by hand, for each verdict and for what may lack; rows of a table."""

import dataclasses
import math

import pandas as pd
import pytest

from ddet import params
from ddet.report import conclude
from ddet.stats import verdicts
from ddet.stats.interval import Estimate
from ddet.stats.premise import Premise

CFG = params.Report(bootstrap=100, confidence=0.95, seed=1)


def estimate(value: float, half: float, seeds: int = 3) -> Estimate:
    """Return an estimate on 40 people whose interval is that of people alone."""
    made = Estimate(value, value - half, value + half, 0.0, (value,) * seeds, 90, 90, 40, 100, 0, False)
    return dataclasses.replace(made, people=half / 2, seed_sd=0.0, seed_df=2.0)


def told(claim: str, *given, **more) -> pd.Series:
    return verdicts.line(claim, estimate(*given), ["k"], CFG, "d", **more).iloc[0]


def test_an_undecided_claim_of_a_size_that_was_out_of_reach():
    """By hand: (t(39, .975) + t(39, .8)) x .05 = (2.0227 + .8509) x .05 = .144 > .0821."""
    assert conclude.sentence(told("herd-aug-f1", 0.02, 0.1)) == (
        "`herd-aug-f1`, that training without augmentation gives a higher F1 than standard augmentation: "
        "**undecided**. Effect +0.020 [-0.080, +0.120] in macro F1 of frames (NA against Base); 40 people, 3 seeds. "
        "In size it is compatible with what the paper says (+8.21 points). "
        "This run would miss an effect of that size in more than one of five studies; it finds 0.144."
    )


@pytest.mark.parametrize(
    ("value", "said", "size"),
    [(0.02, "holds", "smaller than"), (0.3, "holds", "larger than"), (-0.1, "fails", "smaller")],
)
def test_a_decided_claim_says_its_size_and_not_what_was_in_reach(value, said, size):
    text = conclude.sentence(told("herd-aug-f1", value, 0.01))
    assert f"**{said}**" in text and f"In size it is {size}" in text and "five studies" not in text


def test_an_undecided_claim_without_a_size_says_what_would_have_been_seen():
    text = conclude.sentence(told("herd-rf-na", 0.02, 0.1))
    assert text.endswith("(RF against NA); 40 people, 3 seeds. "
                         "The least effect that a run like this finds in four of five studies is 0.144.")  # fmt: skip


def test_a_stated_level_is_told_as_a_level():
    text = conclude.sentence(told("asrid-85", 0.05, 0.02, level=estimate(0.67, 0.05)))
    assert "The number itself is 0.670 [0.620, 0.720]: smaller than what the paper says (85 %)." in text
    assert "null: the share of the commoner class" in text


def test_an_unmet_premise_is_named_with_its_number_and_a_met_one_is_not():
    premises = [Premise("frame_auc of Base", 0.6, least=0.9), Premise("area", 0.1, most=0.3)]
    text = conclude.sentence(told("herd-aug-f1", 0.2, 0.1, premises=premises))
    assert "**not testable here**, for its premise is not met (frame_auc of Base 0.600, needed: at least 0.9)." in text
    assert "area" not in text and "Effect +0.200" in text and "size" not in text


def test_a_single_seed_is_said_to_be_one():
    one = dataclasses.replace(estimate(0.1, 0.05, seeds=1), low=math.nan, high=math.nan, seed_sd=math.nan)
    text = conclude.sentence(verdicts.line("herd-rf-na", one, ["k"], CFG, "d").iloc[0])
    assert "Effect +0.100 without an interval" in text
    assert text.endswith("40 people, one seed, whose noise is not known.")


def test_the_weakest_cell_is_named():
    line = told("prle-over-random", 0.1, 0.2).copy()
    line["data"] = "toys, the weakest of 3: ResNet-50 + PRLE"
    assert ", the weakest of 3: ResNet-50 + PRLE; 40 people" in conclude.sentence(line)


def test_a_claim_without_an_effect_is_a_verdict_alone():
    line = pd.Series(dict.fromkeys(verdicts.RESULT), dtype=object)
    line["claim_id"], line["verdict"] = "asrid-seed", "holds"
    assert conclude.sentence(line).endswith("the same results again: **holds**.")


def test_claims_begin_with_their_tally():
    table = pd.DataFrame([told("herd-aug-f1", 0.3, 0.1), told("herd-rf-na", 0.0, 0.1), told("herd-aug-acc", 0.3, 0.1)])
    text = conclude.claims(table)
    assert text.splitlines()[0] == "Tested here: 3 claims (2 holds, 1 undecided)."
    assert [line[:6] for line in text.splitlines()[2:]] == ["* `her"] * 3
    assert conclude.claims(table.iloc[:0]) == "No claim was tested in this run."


def test_a_line_read_back_from_its_file_reads_the_same(tmp_path):
    table = pd.DataFrame([told("asrid-85", 0.05, 0.02, level=estimate(0.67, 0.05)), told("herd-rf-na", 0.0, 0.1)])
    table.to_csv(tmp_path / "t.csv", index=False)
    assert conclude.claims(pd.read_csv(tmp_path / "t.csv")) == conclude.claims(table)


def test_levels_name_the_ends_and_count_what_exceeds_chance():
    rows = {"A": estimate(0.9, 0.05), "B": estimate(0.55, 0.1), "C": estimate(0.7, 0.1, seeds=1)}
    rows["C"] = dataclasses.replace(rows["C"], seed_sd=math.nan, low=math.nan, high=math.nan)
    assert conclude.levels(rows, "clip_auc", 0.5) == (
        "AUC of clips: highest A, 0.900 [0.850, 0.950]; lowest B, 0.550 [0.450, 0.650]. "
        "Of 3 rows 1 lie above 0.5 with their whole interval. 1 of 3 rows have one seed."
    )
    assert conclude.levels({"A": rows["A"]}, "clip_auc") == "AUC of clips: highest A, 0.900 [0.850, 0.950]."
    assert conclude.levels({}, "frame_macro_f1") == "No row has a number for the macro F1 of frames."
