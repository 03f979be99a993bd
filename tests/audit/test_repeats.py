"""Identical cells where chance would rarely give them."""

from ddet import published
from ddet.audit import repeats
from ddet.audit.findings import problems


def numbers(columns):
    rows = {
        f"r{i}": {name: values[i] for name, values in columns.items()} for i in range(len(next(iter(columns.values()))))
    }
    return published.tidy(rows, "invented", "I")


def test_identical_cells_are_reported_only_where_chance_would_not_give_them():
    spread = numbers({"x": ["10.11", "20.57", "33.33", "33.33", "47.90", "61.02"]})
    found = repeats.identical(spread, ["x"])
    assert [(f.row, f.printed, f.verdict, f.check) for f in found] == [("r2", "33.33", "coincidence", 9)]
    dense = numbers({"x": ["0.51", "0.52", "0.52", "0.53", "0.54", "0.55", "0.56"]})
    assert not problems(repeats.identical(dense, ["x"]))
    assert not problems(repeats.identical(numbers({"x": ["1.01", "2.02", "3.03"]}), ["x"]))


def test_identical_metrics_of_one_row():
    frame = numbers({"Acc": ["0.9111", "0.8222"], "AUC": ["0.9111", "0.7333"]})
    assert not problems(repeats.identical(frame, ["Acc", "AUC"]))
    (found,) = problems(repeats.identical(frame, ["Acc", "AUC"], across="columns"))
    assert "r0, Acc and r0, AUC both print 0.9111" in found.sentence


def test_columns_that_are_not_runs_are_left_out():
    assert repeats.identical(numbers({"size": ["9.123", "9.123"]}), ["x"]) == []
