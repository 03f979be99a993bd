"""Findings: their words, their table, their count."""

import pytest

from ddet.audit import findings
from ddet.audit.findings import CHECKS, SOUND, VERDICTS, Finding

CELL = {"source": "herd", "table": 2, "row": "NA", "column": "F1", "printed": "0.9", "value": 0.9}


def finding(check: int = 1, paper: str = "p", verdict: str = "consistent", **more) -> Finding:
    return Finding(check, paper, "t", "r", "c", "1", "1", verdict, f"{verdict}.", **more)


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="unknown verdict 'fine'"):
        finding(verdict="fine")


def test_a_finding_about_a_cell_takes_its_place_from_it():
    found = findings.at(CELL, 3, 0.85, "differs", "It differs.")
    assert found == Finding(3, "herd", "2", "NA", "F1", "0.9", "0.85", "differs", "It differs.", "")


def test_a_plural_stands_with_any_number_but_one():
    assert [findings.plural(n) for n in (0, 1, 2)] == ["s", "", "s"]


def test_problems_are_what_is_not_sound_in_the_order_given():
    every = [finding(verdict=verdict) for verdict in VERDICTS]
    assert [f.verdict for f in findings.problems(every)] == [v for v in VERDICTS if v not in SOUND]
    assert set(SOUND) < set(VERDICTS) and findings.problems([]) == []


def test_the_table_has_a_row_a_finding_and_its_columns_without_any():
    table = findings.to_frame([finding(2, verdict="differs", about="x"), finding(1)])
    assert table["check"].tolist() == [2, 1] and table["about"].tolist() == ["x", ""]
    empty = findings.to_frame([])
    assert empty.empty and list(empty) == list(table)
    assert list(table)[-1] == "about" and list(table)[:2] == ["check", "paper"]


def test_the_summary_by_hand():
    """Of paper a check 1 examined three things, two of them sound; of b check 12 one."""
    given = [finding(1, "a"), finding(1, "a", "truncated"), finding(1, "a", "differs"), finding(12, "b", "leaks")]
    summary = findings.summary(given)
    assert summary[["paper", "check", "name", "examined", "sound", "found"]].values.tolist() == [
        ["a", 1, CHECKS[1], 3, 2, 1], ["b", 12, CHECKS[12], 1, 0, 1],
    ]  # fmt: skip


def test_every_verdict_and_check_is_explained():
    assert all(words and not words.endswith(".") for words in (*VERDICTS.values(), *CHECKS.values()))
    assert list(CHECKS) == list(range(1, 13))
