"""A results table of invented predictions beside an invented published one."""

import pandas as pd
from predictions import CFG, made_up

from ddet import published
from ddet.report import tables
from ddet.report.tables import Column

COLUMNS = [Column("Acc", "frame_accuracy"), Column("AUC", "clip_auc")]
CAPTION = f"Table 9 ({tables.origin('smoke', synthetic=True)})"


def printed(*cells: tuple[str, str, str]) -> pd.DataFrame:
    """Write a published table as `ddet.published` documents it, from (row, column, printed) in reading order."""
    rows, columns = (list(dict.fromkeys(c[i] for c in cells)) for i in (0, 1))
    frame = pd.DataFrame(
        [
            ("x", "9", r, c, p, str(len(p.partition(".")[2])), str(rows.index(r)), str(columns.index(c)), "")
            for r, c, p in cells
        ],
        columns=published.COLUMNS,
    )
    return published.with_values(frame)


PAPER = printed(
    *[("Xception", "Acc", "0.97"), ("Xception", "AUC", "0.991")],
    *[("Base model", "Acc", "0.9333"), ("Base model", "AUC", "0.977")],
)


def table(**change) -> tables.Table:
    seeds = {"Ours": [made_up(1), made_up(2)], "Base": [made_up(3), made_up(4)]}
    keys = {"Ours": ["k1", "k2"], "Base": ["k3", "k4"]}
    given = {"preds": seeds, "keys": keys, "columns": COLUMNS, "published": PAPER, "cfg": CFG, "caption": CAPTION}
    return tables.results_table(**given | {"note": "A note", "names": {"Base": "Base model"}} | change)
