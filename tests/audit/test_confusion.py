"""Feasible confusion matrices and the AUC they allow: against slow versions, and the truth is always among them."""

import math
import time
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from invented import printed
from sklearn.metrics import f1_score

from ddet import published
from ddet.audit import confusion
from ddet.audit.findings import problems
from ddet.audit.rounding import exact, interval

SKLEARN = {"macro": {"average": "macro"}, "real": {"pos_label": 0}, "fake": {"pos_label": 1}}
SKLEARN["weighted"] = {"average": "weighted"}


def listed(ranges: np.ndarray) -> list[tuple[int, int]]:
    """List the matrices in ranges one by one."""
    return [(right, total - right) for total, low, high in ranges.tolist() for right in range(low, high + 1)]


def labels(real_right, fake_right, real, fake):
    truth = np.repeat([0, 1], [real, fake])
    answers = np.repeat([0, 1, 1, 0], [real_right, real - real_right, fake_right, fake - fake_right])
    return truth, answers


@pytest.mark.parametrize("reading", confusion.READINGS)
@pytest.mark.parametrize(("real_right", "fake_right"), [(3, 11), (0, 12), (5, 0), (5, 12), (0, 0)])
def test_f1_is_that_of_sklearn(reading, real_right, fake_right):
    truth, answers = labels(real_right, fake_right, 5, 12)
    expected = f1_score(truth, answers, zero_division=0, **SKLEARN[reading])
    got = confusion.f1(reading, np.array(real_right), np.array(fake_right), 5, 12)
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("reading", confusion.READINGS)
@pytest.mark.parametrize("fewer", [0, 1])
def test_feasible_is_the_double_loop(reading, fewer):
    real, fake = 13, 29
    accuracy, score, _ = printed(9, 23, real, fake, reading, digits=3).values()
    acc, f1 = (interval(printed, fewer) for printed in (accuracy, score))
    slow = {
        (a, b)
        for a in range(real + 1)
        for b in range(fake + 1)
        if acc[0] <= exact(str((a + b) / (real + fake))) <= acc[1]
        and float(f1[0]) <= float(confusion.f1(reading, np.array(a), np.array(b), real, fake)) <= float(f1[1])
    }
    got = confusion.feasible(accuracy, score, reading, real, fake, fewer)
    assert set(listed(got)) == slow
    assert confusion.count(got) == len(slow)
    assert (9, 23) in slow


@examples(300)
@given(st.data())
def test_ranges_are_what_trying_every_matrix_gives(data):
    """Any classes, digits and reading, numbers that belong together and numbers that do not, several chunks."""
    real, fake = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    digits, reading = data.draw(st.integers(1, 4)), data.draw(st.sampled_from(confusion.READINGS))
    right = data.draw(st.integers(0, real)), data.draw(st.integers(0, fake))
    accuracy = f"{sum(right) / (real + fake):.{digits}f}"
    own = float(confusion.f1(reading, *map(np.array, right), real, fake))
    score = f"{data.draw(st.sampled_from([own, data.draw(st.floats(0, 1))])):.{digits}f}"
    low, high = (float(bound) for bound in interval(score))
    grid = np.indices((real + 1, fake + 1))
    value, total = confusion.f1(reading, *grid, real, fake), grid.sum(axis=0)
    acc = [bound * (real + fake) for bound in interval(accuracy)]
    fits = (value >= low - 1e-12) & (value <= high + 1e-12) & np.isin(total, range(math.ceil(acc[0]), int(acc[1]) + 1))
    with mock.patch.object(confusion, "CHUNK", 3):
        got = listed(confusion.feasible(accuracy, score, reading, real, fake))
    assert sorted(got) == sorted(zip(*(axis.tolist() for axis in np.nonzero(fits)), strict=True))


@pytest.mark.parametrize(("accuracy", "score"), [("0.9333", "0.9332"), ("0.93", "0.92")])
def test_ten_million_images_a_class_take_seconds_and_little_memory(accuracy, score):
    n = 10_000_000
    tracemalloc.start()
    start = time.process_time()
    ranges = confusion.feasible(accuracy, score, "macro", n, n)
    assert time.process_time() - start < 10 and tracemalloc.get_traced_memory()[1] < 1e9
    tracemalloc.stop()
    points = confusion.ends(ranges)
    assert len(points) and points.min() >= 0 and points.max() <= n
    values = confusion.f1("macro", *points.T, n, n)
    low, high = (float(bound) for bound in interval(score))
    assert values.min() >= low - 1e-12 and values.max() <= high + 1e-12


def test_the_ends_of_ranges_bound_what_lies_between():
    ranges = np.array([[10, 2, 5], [7, 3, 3]])
    assert confusion.count(ranges) == 5
    assert {tuple(p) for p in confusion.ends(ranges).tolist()} == {(2, 8), (5, 5), (3, 4)}


@examples(150)
@given(st.data())
def test_the_truth_is_always_feasible(data):
    real, fake = data.draw(st.integers(1, 1500)), data.draw(st.integers(1, 1500))
    truth = data.draw(st.integers(0, real)), data.draw(st.integers(0, fake))
    digits, reading = data.draw(st.integers(2, 5)), data.draw(st.sampled_from(confusion.READINGS))
    accuracy = f"{sum(truth) / (real + fake):.{digits}f}"
    score = f"{float(confusion.f1(reading, *map(np.array, truth), real, fake)):.{digits}f}"
    for fewer in (0, 1):
        assert truth in set(listed(confusion.feasible(accuracy, score, reading, real, fake, fewer)))


def test_a_clean_table_has_nothing_and_names_its_reading():
    for reading in confusion.READINGS:
        rows = {f"m{i}": printed(80 + i, 800 + 7 * i, 100, 900, reading) for i in range(5)}
        found = confusion.accuracy_with_f1(published.tidy(rows, "invented", "I"), 100, 900)
        assert not problems(found)
        assert (found[-1].row, found[-1].recomputed) == ("(all rows)", reading)


def test_planted_errors_are_found():
    rows = {f"m{i}": printed(80 + i, 800 + 7 * i, 100, 900, "macro") for i in range(4)}
    rows["wrong digit"] = {**rows["m0"], "F1": "0.9999"}
    rows["other class"] = printed(85, 810, 100, 900, "fake")
    rows["coarse"] = {**rows["m1"], "F1": f"{float(rows['m1']['F1']) + 0.0003:.4f}"}
    rows["no F1"] = {"Acc": "0.9"}
    found = confusion.accuracy_with_f1(published.tidy(rows, "invented", "I"), 100, 900)
    verdicts = {f.row: f.verdict for f in problems(found)}
    expected = {"wrong digit": "infeasible", "other class": "other reading", "coarse": "coarser"}
    assert verdicts == {**expected, "(all rows)": "infeasible"}
    assert "only under fake" in next(f.sentence for f in found if f.row == "other class")


def test_a_table_without_f1_is_left_alone():
    frame = published.tidy({"a": {"Acc": "0.9"}}, "invented", "I")
    assert confusion.accuracy_with_f1(frame, 10, 90) == []


def test_stated_errors_fix_accuracy_and_f1():
    frame = published.tidy({"base": printed(80, 850, 100, 900, "macro")}, "invented", "I")
    assert not problems(confusion.stated_confusion(frame, "base", (20, 50), 100, 900))
    wrong = confusion.stated_confusion(frame, "base", (30, 50), 100, 900)
    assert [f.verdict for f in wrong] == ["differs", "differs"]
