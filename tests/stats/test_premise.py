"""Premises of claims: measured, worded, and read from the list of claims."""

import math

import pytest
from predictions import made_up

from ddet import published
from ddet.errors import InputError
from ddet.stats import metrics, premise
from ddet.stats.premise import Premise


@pytest.mark.parametrize(
    ("value", "met"), [(0.3, False), (0.31, True), (0.5, True), (0.7, True), (0.71, False), (math.nan, False)]
)
def test_a_premise_is_met_between_its_bounds(value, met):
    assert Premise("share", value, 0.31, 0.7).met == met


def test_a_premise_says_its_number_and_what_is_needed():
    assert str(Premise("frame AUC of Base", 0.6464, least=0.9)) == "frame AUC of Base 0.646, needed: at least 0.9"
    assert str(Premise("area", 0.12, 0.01, 0.3)) == "area 0.120, as needed: at least 0.01 and at most 0.3"


def test_what_speaks_of_a_metric_of_an_arm_is_measured():
    preds = {"Base": [made_up(1), made_up(2)], "Dyn (0.2) + Mix": [made_up(3)]}
    text = "clip_auc(Base) >= 0.9; the maps are fine; frame_accuracy(Dyn (0.2) + Mix) <= 0.4; clip_auc(NA) >= 0.1"
    first, second = premise.measured(text, preds)
    auc = [metrics.frame_and_clip(p)["clip_auc"] for p in preds["Base"]]
    assert (first.what, first.value, first.least, first.most) == (
        "clip_auc of Base",
        pytest.approx(sum(auc) / 2),
        0.9,
        math.inf,
    )
    assert (second.what, second.least, second.most) == ("frame_accuracy of Dyn (0.2) + Mix", -math.inf, 0.4)
    assert premise.measured("", preds) == []
    with pytest.raises(InputError, match="no such metric"):
        premise.measured("clip_size(Base) >= 1", preds)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("", None),
        ("0.0821", (0.08205, 0.08215)),
        ("0.50..0.70", (0.5, 0.7)),
        ("0.85..", (0.85, math.inf)),
        ("..0.03", (-math.inf, 0.03)),
    ],
)
def test_a_stated_size_is_a_range(text, span):
    assert premise.stated_range(text) == (span if span is None else pytest.approx(span))


def test_a_size_in_words_is_refused():
    with pytest.raises(InputError, match="size 'much'"):
        premise.stated_range("much")


def test_every_claim_of_the_list_can_be_read():
    for claim in published.facts("claims").to_dict("records"):
        assert bool(premise.stated_range(claim["size"])) == (claim["sized"] in ("effect", "level"))
        assert claim["null"]
        parts = [part.strip() for part in claim["premise"].split(";") if "(" in part]
        assert all(premise.PATTERN.fullmatch(part) for part in parts), claim["id"]
