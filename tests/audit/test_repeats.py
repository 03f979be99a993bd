"""Identical cells where chance would rarely give them."""

import itertools

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


def test_every_pair_is_reported_with_how_many_there_are():
    frame = numbers({"x": ["10.11", "10.11", "10.11", "47.90", "82.02"]})
    found = repeats.identical(frame, ["x"])
    assert [(f.row, f.recomputed) for f in found] == [("r0", "10.11")] * 2 + [("r1", "10.11")]
    assert found[0].sentence == (
        "Table I: r0, x and r1, x both print 10.11; 3 such pairs, where chance gives about 0.01."
    )


def test_the_chance_by_hand():
    """Three pairs within 50 units and one equal: (3 + 1) / 100 = .04 expected, and P(N >= 1) = .039 is not rare."""
    frame = numbers({"x": ["0.10", "0.10", "0.35", "0.95", "0.60"]})
    (found,) = repeats.identical(frame, ["x"])
    close = sum(0 < abs(a - b) <= 50 for a, b in itertools.combinations((10, 10, 35, 95, 60), 2))
    assert (found.verdict, found.printed, found.recomputed) == ("consistent", "1", f"{(close + 1) / 100:.2f}")
    assert found.sentence.startswith("Table I: 1 identical pair of cells, where chance gives about 0.1.")


def test_numbers_are_compared_as_numbers_within_their_column():
    assert problems(repeats.identical(numbers({"x": ["12.50", "12.5", "47.90"]}), ["x"])), "12.50 is 12.5"
    apart = numbers({"x": ["12.51", "47.90"], "y": ["12.51", "83.02"]})
    assert not problems(repeats.identical(apart, ["x", "y"])), "another column is another quantity"


def test_cells_without_a_number_are_no_cells():
    assert repeats.identical(numbers({"x": ["-", "-", "10.11"]}), ["x"]) == []
    assert repeats.identical(numbers({"x": ["10.11"]}), ["x"]) == []
