"""Constant predictors: priors, log losses, and the one constant that explains several splits."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from ddet import published
from ddet.audit import constant
from ddet.audit.constant import Split
from ddet.audit.findings import problems

SPLITS = {"train": Split(125, 875), "valid": Split(30, 170), "test": Split(50, 150)}


def table(column, printed):
    return published.tidy({row: {column: p} for row, p in printed.items()}, "invented", "I")


def test_constant_loss_is_that_of_sklearn():
    truth = np.repeat([0, 1], [30, 170])
    assert constant.constant_loss(0.85, 0.7) == pytest.approx(log_loss(truth, np.full(200, 0.7)))


@given(st.floats(0.05, 0.95), st.floats(0.01, 0.99), st.integers(2, 4))
@example(share=0.0501439230272146, q=0.65234375, digits=2)  # a constant near 0, where the loss is steep
def test_the_constant_is_among_those_that_give_its_loss(share, q, digits):
    printed = f"{constant.constant_loss(share, q):.{digits}f}"
    allowed = constant.constants_giving(printed, share)
    assert any(low - 1e-6 <= q <= high + 1e-6 for low, high in allowed)
    limits = (share, constant.EDGE, 1 - constant.EDGE)
    edges = [float(constant.constant_loss(share, edge)) for pair in allowed for edge in pair if edge not in limits]
    half = 0.5 * 10**-digits
    assert all(abs(edge - float(printed)) <= half * 1.001 for edge in edges)


def test_no_constant_beats_the_share():
    assert constant.constants_giving("0.100", 0.85) == []


def test_accuracy_not_above_the_prior_says_nothing():
    frame = table("acc", {"train": "0.900", "valid": "0.850", "test": "0.700"})
    found = constant.accuracy_against_prior(frame, SPLITS, "acc", "clips")
    assert [f.row for f in problems(found)] == ["valid", "test"]
    assert "0.8500, the share of the commoner class (by clips)" in found[1].sentence


def test_the_prior_is_that_of_the_commoner_class_even_if_real():
    frame = table("acc", {"a": "0.85"})
    assert constant.accuracy_against_prior(frame, {"a": Split(90, 10)}, "acc")[0].verdict == "uninformative"


def test_one_constant_behind_all_losses_is_found():
    printed = {row: f"{constant.constant_loss(split.share, 0.75):.3f}" for row, split in SPLITS.items()}
    *rows, together = constant.loss_against_constants(table("loss", printed), SPLITS, "loss")
    assert {f.verdict for f in rows} == {"uninformative"}
    assert all("0.25 for real prints exactly this" in f.sentence for f in rows)
    assert together.verdict == "uninformative"
    low, high = (float(edge) for edge in together.recomputed.strip("[]").split(", "))
    assert low <= 0.75 <= high < low + 0.02


def test_losses_of_a_model_that_looks_are_sound():
    found = constant.loss_against_constants(
        table("loss", {"train": "0.20", "valid": "0.25", "test": "0.31"}), SPLITS, "loss"
    )
    assert not problems(found)
    assert "no single constant" in found[-1].sentence


def test_bad_losses_of_different_constants_do_not_intersect():
    frame = table("loss", {"train": "0.425", "valid": "0.999", "test": "0.600"})
    found = constant.loss_against_constants(frame, SPLITS, "loss")
    assert [f.row for f in problems(found)] == ["train", "valid", "test"]


def test_loss_against_a_half_needs_no_counts_but_decimals():
    found = constant.loss_against_half(table("loss", {"a": "0.818", "b": "0.693", "c": "0.692", "d": "1"}), "loss")
    assert [(f.row, f.verdict) for f in found] == [
        ("a", "uninformative"),
        ("b", "uninformative"),
        ("c", "consistent"),
    ]
