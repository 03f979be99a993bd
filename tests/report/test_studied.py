"""The study's ledger: what is kept of a run, and what a claim's page says of it."""

import json

import pandas as pd
import pytest
from ledger_lines import EMPTY, TESTED, outcome, write_ledger

from ddet.errors import InputError
from ddet.report import studied


@pytest.fixture
def run(tmp_path):
    """Return a finished study: three runs, one without a note, and the note of a run long gone."""
    write_ledger(tmp_path / "reports/tables", TESTED, EMPTY)
    (tmp_path / "params.yaml").write_text("profile: study    # as it is\n")
    for key in ("herd_results/a1", "herd_results/b2", "asrid_static/c3"):
        (tmp_path / "data/runs" / key).mkdir(parents=True)
    for key, seconds in {"herd_results/a1": 3600, "asrid_static/c3": 1800, "asrid_static/gone": 7200}.items():
        note = tmp_path / "data/machine" / f"{key}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"wall_s": seconds}))
    return tmp_path


def test_a_ledger_is_kept_with_what_it_was_run_with(run):
    target = run / "study_claims.csv"
    studied.keep(run, "abc1234", "a CPU, 2 cores", target)
    table = pd.read_csv(target, dtype=str)
    assert table["id"].tolist() == ["herd-aug-f1", "asrid-batch"]
    assert set(table["commit"]) == {"abc1234"} and set(table["hours"]) == {"1.5"} and set(table["fits"]) == {"3"}
    found, about = studied.read(target, [])
    assert [o.verdict for o in found] == ["holds", "not tested"] and found[0].seeds == 3
    assert "more arms: a CPU, 2 cores, commit abc1234, 20" in about
    assert studied.read(target, [], "smoke") == ([], ""), "it speaks of the default profile alone"
    assert about.endswith(", 3 runs, 1.5 hours of fits in all")


def test_a_claim_s_page_shows_its_line_alone(run):
    studied.keep(run, "abc", "a <CPU>", run / "kept.csv")
    text = studied.section("herd-aug-f1", *studied.read(run / "kept.csv", []))
    for part in (
        "<h2>In the study</h2>",
        "a &lt;CPU&gt;, commit abc",
        "+12.6 [+8.0, +17.1] points",
        "3 seeds",
        "holds",
    ):
        assert part in text, part
    other = studied.section("asrid-batch", *studied.read(run / "kept.csv", []))
    assert "not tested" in other and "source groups" not in other and "+12.6" not in other
    assert studied.section("prle-avg", *studied.read(run / "kept.csv", [])) == ""


@pytest.mark.parametrize(("behind", "told"), [("k2", True), ("", True), ("k1 k3", False)])
def test_a_claim_is_left_out_where_a_fit_behind_it_is_not_the_study_s(run, behind, told):
    studied.keep(run, "abc", "a CPU", run / "kept.csv")
    found, about = studied.read(run / "kept.csv", [outcome(runs=behind)])
    assert [o.id for o in found] == ["herd-aug-f1"] * told + ["asrid-batch"]
    assert about.endswith("in all" if told else "in all; left out are 1 whose fits have changed since")


def test_a_claim_is_left_out_where_the_study_has_no_other_fits(run):
    studied.keep(run, "abc", "a CPU", run / "kept.csv")
    found, about = studied.read(run / "kept.csv", [outcome(runs="k1 k2"), outcome(id="asrid-batch", runs="")])
    assert [o.id for o in found] == ["asrid-batch"], "which has no fits at all"
    assert about.endswith("in all; left out are 1 whose fits are the default's own")


def test_a_claim_of_two_data_sets_in_the_study_is_told_where_one_of_them_has_our_fits(run):
    lines = ("k1 k2 k3", "default form"), ("k9", "hybrid form")
    write_ledger(run / "reports/tables", *(TESTED | {"runs": runs, "data": data} for runs, data in lines))
    studied.keep(run, "abc", "a CPU", run / "kept.csv")
    assert len(studied.read(run / "kept.csv", [outcome(runs="k1 k2")])[0]) == 2
    assert studied.read(run / "kept.csv", [outcome(runs="k1 k4")])[0] == []


def test_a_study_that_was_not_run_says_nothing(tmp_path):
    assert studied.section("herd-aug-f1", *studied.read(tmp_path / "none.csv", [])) == ""


def test_what_is_no_finished_study_is_refused(run):
    (run / "params.yaml").write_text("profile: smoke\n")
    with pytest.raises(InputError, match="was run with profile smoke"):
        studied.keep(run, "a", "b", run / "kept.csv")
    (run / "reports/tables/claims.csv").unlink()
    with pytest.raises(InputError, match="no ledger; finish the study"):
        studied.keep(run, "a", "b", run / "kept.csv")
    assert not (run / "kept.csv").exists()


def test_lines_of_one_claim_say_what_each_is_of():
    both = [outcome(), outcome(variant="hybrid form", effect=-0.2)]
    first, second = studied.section("herd-aug-f1", both, "").split("<p><span")[1:]
    assert "hybrid form" in second and "hybrid form" not in first
