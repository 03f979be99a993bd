"""What texts say of their tables, on an invented table with true and false statements."""

import pandas as pd
import pytest

from ddet import published
from ddet.audit import statements
from ddet.audit.findings import problems

TABLE = published.tidy(
    {
        "base": {"F1": "0.8408", "AUC": "0.90", "time": "200.0"},
        "one": {"F1": "0.9229", "AUC": "0.95", "time": "190.0"},
        "two": {"F1": "0.9000", "AUC": "0.89", "time": "180.0"},
    },
    "invented",
    "I",
)
LINE = {
    "id": "x",
    "source": "invented",
    "where": "1",
    "words": "it gains",
    "quantity": "",
    "table": "t",
    "scale": "100",
}


def load(name):
    return {"t": TABLE, "u": TABLE.assign(printed=TABLE["printed"].str.replace("0.9229", "0.9230"))}[name]


def gain(printed, relation, kind, a, b, column, scale="100"):
    cells = {"printed": printed, "relation": relation, "kind": kind, "row_a": a, "row_b": b, "column": column}
    (found,) = statements.gains(pd.DataFrame([{**LINE, **cells, "scale": scale}]), load)
    return found


@pytest.mark.parametrize(
    ("printed", "relation", "kind", "a", "b", "column", "verdict"),
    [
        ("8.21", "=", "difference", "one", "base", "F1", "consistent"),
        ("8.2", "=", "difference", "one", "base", "F1", "consistent"),
        ("5.92", "=", "difference", "two", "base", "F1", "consistent"),
        ("5.9", "=", "difference", "two", "base", "F1", "consistent"),
        ("8.12", "=", "difference", "one", "base", "F1", "differs"),
        ("9", "~", "difference", "one", "base", "F1", "consistent"),
        ("2", "=", "difference", "one; two", "base; base", "AUC", "consistent"),
        ("5", "=", "largest difference", "one; two", "base; base", "AUC", "consistent"),
        ("92.29", "=", "cell", "one", "", "F1", "consistent"),
        ("90.00", "=", "any cell", "base; two", "", "F1", "consistent"),
        ("92.29", "=", "any cell", "base; two", "", "F1", "differs"),
        ("91", "<", "largest cell", "base; two", "", "F1", "consistent"),
        ("90", "<", "largest cell", "base; two", "", "F1", "differs"),
        ("8.21", "=", "difference", "three", "base", "F1", "not printed"),
    ],
)
def test_gains(printed, relation, kind, a, b, column, verdict):
    found = gain(printed, relation, kind, a, b, column)
    assert (found.verdict, found.check, found.about) == (verdict, 8, "x")


def test_percent_less_is_relative_to_the_second_row():
    assert gain("5.0", "=", "percent less", "one", "base", "time", "1").verdict == "consistent"
    assert gain("3", "<", "percent less", "one", "base", "time", "1").verdict == "differs"


def test_the_true_source_of_a_number_is_named():
    assert "That number is one minus base" in gain("8.21", "=", "difference", "three", "base", "F1").sentence
    assert "No two rows of the table differ by it" in gain("7.77", "=", "difference", "one", "base", "F1").sentence
    assert "prints it for" not in gain("92.29", "=", "any cell", "base; two", "", "F1").sentence
    found = gain("0.9229", "=", "any cell", "base; two", "", "F1", "1")
    assert found.sentence.endswith("The table prints it for one.")
    assert "That number" not in gain("2", "=", "difference", "one", "base", "F1").sentence


def test_one_quantity_stated_twice():
    lines = [
        {**LINE, "quantity": "gain", "printed": printed, "row_a": "one", "column": "F1"}
        for printed in ("8.2", "8.21", "4")
    ]
    other = {**lines[0], "quantity": "", "printed": "99"}
    found = statements.stated_twice(pd.DataFrame([*lines, other]))
    assert [f.verdict for f in found] == ["consistent", "differs", "differs"]


def test_one_cell_in_two_tables():
    line = {
        "id": "x",
        "words": "the same arm",
        "table_a": "t",
        "row_a": "one",
        "table_b": "u",
        "row_b": "one",
        "columns": "F1; AUC",
    }
    found = statements.same_cells(pd.DataFrame([line]), load)
    assert [(f.column, f.verdict) for f in found] == [("F1", "differs"), ("AUC", "consistent")]
    (renamed,) = statements.same_cells(pd.DataFrame([{**line, "row_b": "base", "columns": "AUC=AUC"}]), load)
    assert renamed.verdict == "differs"


def order(better, worse, columns="F1; AUC", direction="higher", scope="all"):
    line = {**LINE, "better": better, "worse": worse, "columns": columns, "direction": direction, "scope": scope}
    return statements.orders(pd.DataFrame([line]), load)


def test_claims_of_improvement():
    assert not problems(order("one", "base; two"))
    (against,) = order("two", "base")
    assert (against.verdict, against.row, against.column, against.recomputed) == ("contradicted", "two", "AUC", "0.90")
    assert "true of 1 of 2 cells, not of AUC: two 0.89, base 0.90" in against.sentence
    assert not problems(order("two", "base", columns="time", direction="lower"))
    assert problems(order("two", "base", scope="most"))
    assert not problems(order("one; two", "base; base", scope="most"))


def test_a_tie_is_no_improvement():
    assert [f.verdict for f in order("one", "one", columns="F1")] == ["contradicted"]
