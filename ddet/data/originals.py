"""Find for each fake crop the crop of the frame that it was forged from: the same clip, frame and square, untouched."""

import pandas as pd

SQUARE = ["x0", "y0", "x1", "y1"]


def beside(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with a column `untouched`: the crop of the frame that each was forged from, its own for a real one.

    Fakes are cut at the boxes of their originals (`data.faces`), so that both crops show the same square of one frame.
    The column is empty where a fake has boxes of its own, or where its original's frame is not among `rows`.
    """
    key = ["clip_id", "frame_idx", *SQUARE]
    real = rows.loc[rows["label"] == 0, [*key, "crop"]].drop_duplicates(key).set_index(key)["crop"]
    asked = pd.MultiIndex.from_frame(rows[["original", "frame_idx", *SQUARE]], names=key)
    found = pd.Series(real.reindex(asked).to_numpy(), rows.index, object).fillna("")
    return rows.assign(untouched=found.where(rows["label"] == 1, rows["crop"]))
