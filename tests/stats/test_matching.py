"""Predictions are held to the same crops: seeds of an arm wholly, two arms to those that both scored."""

import pandas as pd
import pytest

from ddet.errors import InputError
from ddet.stats import matching


def preds(crops: str, prob=0.5, **changes) -> pd.DataFrame:
    table = {"clip_id": list(crops), "frame_idx": 0, "track": 0, "group": list(crops), "label": 0, "prob_fake": prob}
    return pd.DataFrame(table | changes)


def test_seeds_are_checked_and_put_in_the_order_of_their_crops():
    one, two = matching.same_crops([preds("ba", [0.2, 0.1]), preds("ab", [0.3, 0.4])])
    assert one["clip_id"].tolist() == two["clip_id"].tolist() == ["a", "b"]
    assert one["prob_fake"].tolist() == [0.1, 0.2] and two["prob_fake"].tolist() == [0.3, 0.4]


@pytest.mark.parametrize(
    ("seeds", "cause"),
    [
        ([], "no seed given"),
        ([preds("ab"), preds("ac")], "different crops"),
        ([preds("ab"), preds("ab", label=1)], "different crops"),
        ([preds("ab"), preds("ab", group="x")], "different crops"),
    ],
)
def test_seeds_of_other_crops_are_refused(seeds, cause):
    with pytest.raises(InputError, match=cause):
        matching.same_crops(seeds)


def test_two_arms_keep_what_both_scored_and_count_the_rest():
    a, b, others = matching.common([preds("abc", [0.1, 0.2, 0.3])] * 2, [preds("bcd", [0.7, 0.8, 0.9])])
    assert [len(a), len(b), others] == [2, 1, 2]
    assert a[1]["prob_fake"].tolist() == [0.2, 0.3] and b[0]["prob_fake"].tolist() == [0.7, 0.8]


def test_arms_that_share_nothing_or_disagree_are_refused():
    with pytest.raises(InputError, match="share no crop"):
        matching.common([preds("ab")], [preds("cd")])
    for other in (preds("ab", label=1), preds("ab", group="x")):
        with pytest.raises(InputError, match="another label or group"):
            matching.common([preds("ab")], [other])


def test_a_rule_without_training_gives_every_crop_one_score():
    assert matching.constant([preds("ab", 0.4), preds("ab", 0.6)])
    assert not matching.constant([preds("ab", 0.4), preds("ab", [0.4, 0.5])])
