"""The audit of the three papers: complete, well-formed, and driven by the files, not by expectations."""

import pytest

from ddet import published
from ddet.audit import findings, papers


@pytest.fixture(scope="module")
def outcome():
    return papers.audit()


def test_every_check_examines_something(outcome):
    assert {finding.check for finding in outcome} == set(findings.CHECKS)
    assert {finding.paper for finding in outcome} == {"herd", "asrid", "prle"}


def test_every_statement_is_judged(outcome):
    judged = set(papers.by_statement(outcome).index)
    for name in ("shares", "splits", "leakage", "statements", "orders", "same", "architectures"):
        assert set(published.facts(name)["id"]) <= judged


def test_every_finding_is_a_whole_sentence(outcome):
    for finding in outcome:
        assert finding.sentence.endswith(".") and "nan" not in finding.sentence


def test_the_summary_counts_everything(outcome):
    summary = findings.summary(outcome)
    assert summary["examined"].sum() == len(outcome)
    assert summary["found"].sum() == len(findings.problems(outcome))
    assert list(findings.to_frame(outcome).columns)[:8] == [
        *("check", "paper", "table", "row", "column", "printed", "recomputed", "verdict"),
    ]


@pytest.mark.parametrize(
    ("table", "row", "column", "planted", "check"),
    [
        ("prle_table3", "DF: VGG", "AVG", "66.99", 1),
        ("prle_table6", "E.", "DFDC difference", "-5.59", 2),
        ("herd_table2", "RST", "F1", "0.9998", 3),
        ("herd_table2", "NA", "AUC", "0.5000", 4),
        ("asrid_table4", "test", "small accuracy", "0.990", 6),
        ("prle_table2", "EfficientNet + PRLE", "AVG AUC", "70.00", 8),
        ("prle_table7", "ResNet-50 w/o exploitation", "DFDC", "67.00", 11),
        ("prle_table8", "Xception", "Param.", "22.81M", 12),
    ],
)
def test_a_planted_error_is_found(outcome, monkeypatch, table, row, column, planted, check):
    frame = published.load(table)
    hit = (frame["row"] == row) & (frame["column"] == column)
    assert hit.sum() == 1
    frame.loc[hit, "printed"] = planted
    frame["value"] = frame["printed"].map(published.number)
    load = published.load
    monkeypatch.setattr(published, "load", lambda name: frame.copy() if name == table else load(name))
    runs = {1: papers._averages, 2: papers._differences, 3: papers._confusions, 4: papers._areas, 6: papers._counts}
    runs |= {8: papers._gains, 11: papers._orders, 12: papers._architectures}
    before = {f.sentence for f in findings.problems(outcome)}
    assert [f for f in findings.problems(runs[check]()) if f.sentence not in before]


def test_worst_keeps_what_is_not_sound():
    assert papers.worst(["consistent", "truncated"]) == "consistent"
    assert papers.worst(["differs", "consistent", "leaks", "differs"]) == "differs, leaks"
