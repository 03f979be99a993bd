"""Rows built of rows printed: of the paper's own tables alone, and each row once however many columns it has."""

import pandas as pd

from ddet.report import built


def test_rows_with_a_number_of_both_are_built(tmp_path):
    def table(name, *rows, columns=("row", "column", "ours", "paper")):
        pd.DataFrame(rows, columns=list(columns)).to_csv(tmp_path / f"{name}.csv", index=False)

    assert built.rows("prle", tmp_path) == (0, 0) and built.sentence("prle", tmp_path) == ""
    table("prle_table1", ("A", "x", 0.5, 0.6), ("A", "y", None, 0.6), ("B", "x", None, 0.7), ("C", "x", 0.5, None))
    table("prle_table8", ("A", 1.0, 1.1), ("B", None, 2.0), columns=("model", "GFLOPs", "GFLOPs, paper"))
    table("prle_arms", ("A", "x", 0.5, 0.6))
    table("herd_table1", ("A", "x", 0.5, 0.6))
    assert built.rows("prle", tmp_path) == (2, 4), "C is ours alone, and prle_arms is no table of the paper"
    assert built.sentence("prle", tmp_path) == "2 of the 4 rows of its tables are built."
