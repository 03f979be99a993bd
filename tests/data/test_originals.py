"""The frame that a fake was forged from: the same clip, frame and square, and no other."""

import pandas as pd

from ddet.data import originals

COLUMNS = ["clip_id", "frame_idx", "label", "original", "crop", "x0", "y0", "x1", "y1"]


def table(*rows) -> pd.DataFrame:
    return pd.DataFrame([[*row, *([5, 6, 25, 26] if len(row) == 5 else [])] for row in rows], columns=COLUMNS)


def test_a_fake_has_the_same_frame_of_its_own_original():
    rows = table(
        ("fake/a_b", 3, 1, "real/a", "f.png"), ("real/a", 2, 0, "real/a", "a2.png"),
        ("real/a", 3, 0, "real/a", "a3.png"), ("real/b", 3, 0, "real/b", "b3.png"),
    )  # fmt: skip
    assert originals.beside(rows)["untouched"].tolist() == ["a3.png", "a2.png", "a3.png", "b3.png"]
    turned = originals.beside(rows.iloc[::-1])["untouched"]
    assert turned.loc[rows.index].tolist() == ["a3.png", "a2.png", "a3.png", "b3.png"], "whatever the order"


def test_there_is_none_of_another_frame_another_square_or_a_clip_that_is_not_there():
    rows = table(
        ("real/a", 2, 0, "real/a", "a2.png"), ("fake/a_b", 3, 1, "real/a", "f.png"),
        ("fake/a_b", 2, 1, "real/a", "g.png", 5, 6, 25, 27), ("fake/c_b", 2, 1, "real/c", "h.png"),
        ("other/a_c", 2, 1, "real/a", "i.png"), ("third/a_c", 2, 1, "fake/a_b", "j.png"),
    )  # fmt: skip
    assert originals.beside(rows)["untouched"].tolist() == ["a2.png", "", "", "", "a2.png", ""]


def test_of_two_persons_in_a_frame_the_square_tells():
    rows = table(
        ("real/a", 1, 0, "real/a", "left.png", 0, 0, 9, 9), ("real/a", 1, 0, "real/a", "right.png", 50, 0, 59, 9),
        ("fake/a_b", 1, 1, "real/a", "f.png", 50, 0, 59, 9),
    )  # fmt: skip
    assert originals.beside(rows)["untouched"].tolist() == ["left.png", "right.png", "right.png"]
