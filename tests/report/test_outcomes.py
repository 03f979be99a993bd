"""The ledger as pages read it: every field in its place, numbers in units and decimals that a reader can compare."""

import math

import pandas as pd
import pytest
from ledger_lines import EMPTY, NAN, TESTED, outcome, untested, write_ledger

from ddet.errors import InputError
from ddet.report import foreign, outcomes


def test_a_ledger_is_read_with_what_the_paper_says(tmp_path):
    write_ledger(tmp_path, TESTED, EMPTY)
    first, second = outcomes.read(tmp_path / "claims.csv")
    assert (first.effect, first.low, first.high, first.p, first.frames) == (0.126138, 0.079852, 0.171348, 0.0004, 488)
    assert (first.arm_a, first.arm_b, first.metric, first.compared) == ("NA", "Base", "frame_macro_f1", "compatible")
    assert first.span == pytest.approx((0.08205, 0.08215)) and first.keys() == ["k1", "k2"] and first.tested
    assert first.seed_effects() == [0.1, 0.12, 0.158] and second.seed_effects() == []
    assert math.isnan(second.effect) and second.span is None and not second.tested and second.data == ""


def test_a_seed_below_zero_is_a_number_although_a_spreadsheet_s_apostrophe_stands_before_it(tmp_path):
    per_seed = foreign.in_csv("-0.1 0.2")
    write_ledger(tmp_path, TESTED | {"per seed": per_seed})
    assert per_seed == "'-0.1 0.2"
    assert outcomes.read(tmp_path / "claims.csv")[0].seed_effects() == [-0.1, 0.2]


def test_no_ledger_has_no_outcomes_and_another_one_is_refused(tmp_path):
    assert outcomes.read(tmp_path / "claims.csv") == []
    pd.DataFrame([{"id": "herd-aug-f1", "effect": 1.0}]).to_csv(tmp_path / "claims.csv", index=False)
    with pytest.raises(InputError, match="lacks the columns lo, hi"):
        outcomes.read(tmp_path / "claims.csv")


def test_two_data_sets_of_one_claim_are_told_apart(tmp_path):
    other = TESTED | {"data": "synthetic benchmark, celebdf, hybrid form"}
    write_ledger(tmp_path, TESTED, other, EMPTY)
    assert [o.variant for o in outcomes.read(tmp_path / "claims.csv")] == ["", "hybrid form", ""]


def test_a_stated_level_is_no_stated_effect():
    assert outcome(sized="level").span is None and outcome(size=None).span is None


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.126138, 0.079852, 0.171348), "+12.6 [+8.0, +17.1] points"),  # half width 4.6: one decimal
        ((0.0004, -0.4, 0.4), "0 [−40, +40] points"),
        ((-0.02031, -0.02151, -0.01911), "−2.03 [−2.15, −1.91] points"),
        ((0.1, NAN, NAN), "+10 points"),
        ((0.0, 0.0, 0.0), "0.0 [0.0, 0.0] points"),
        ((NAN, NAN, NAN), "–"),
    ],
)
def test_decimals_follow_the_interval(numbers, text):
    effect, low, high = numbers
    assert outcome(effect=effect, low=low, high=high).interval() == text


def test_losses_are_not_multiplied():
    loss = outcome(metric="clip_log_loss", effect=0.1301, low=0.0354, high=0.2238)
    assert loss.interval() == "+0.130 [+0.035, +0.224] nats" and loss.show(0.05, sign=False) == "0.050"


def test_verdicts_are_counted_in_their_order():
    given = [untested(), outcome(verdict="fails"), outcome(), outcome()]
    assert list(outcomes.tally(given).items()) == [("holds", 2), ("fails", 1), ("not tested", 1)]


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "< 0.001"), (0.0123, "0.012"), (0.5, "0.50"), (1.0, "1.00"), (NAN, "–")]
)
def test_probabilities_are_short(p, text):
    assert outcomes.probability(p) == text
