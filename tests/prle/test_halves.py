"""Halves of the training crops: no source group in both, and other splits untouched."""

import numpy as np
import pandas as pd

from ddet.prle import halves

ROWS = pd.DataFrame(
    {"split": ["test", "valid", *["train"] * 20], "group": ["g0", "x", *(f"g{i // 2}" for i in range(20))]}
)


def test_halves_share_no_group_and_are_alike_in_groups():
    found = halves.half_of(ROWS)
    train = ROWS.assign(half=found)[2:]
    assert (found[:2] == 0).all() and set(train["half"]) == {1, 2}
    assert (train.groupby("group")["half"].nunique() == 1).all()
    assert train.groupby("half")["group"].nunique().tolist() == [5, 5]
    assert [*train.drop_duplicates("group")["half"]] != [1] * 5 + [2] * 5, "drawn, not in order"


def test_the_draw_follows_from_the_groups_alone():
    order = np.random.default_rng(0).permutation(len(ROWS))
    np.testing.assert_array_equal(halves.half_of(ROWS.iloc[order]), halves.half_of(ROWS)[order])


def test_a_half_is_trained_on_and_looks_at_the_other():
    every = set(ROWS.index[2:])
    for half in halves.HALVES:
        trained, mapped = halves.trained_on(ROWS, half), halves.mapped_by(ROWS, half)
        assert set(trained.index[:2]) == {0, 1} and set(mapped["split"]) == {"train"}
        assert set(trained.index[2:]) | set(mapped.index) == every and not set(trained.index) & set(mapped.index)


def test_names_are_read_back():
    assert halves.parsed(halves.name("FF++", 2)) == ("FF++", 2) and halves.parsed("Deepfakes") == ("Deepfakes", None)
