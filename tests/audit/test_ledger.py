"""The ledger: every claim once, results merged, bad result files refused."""

import pandas as pd
import pytest

from ddet import params, paths, published
from ddet.audit import ledger
from ddet.errors import InputError
from ddet.stats import metrics, verdicts

CLAIMS = pd.DataFrame(
    [
        {
            "id": "a",
            "paper": "p",
            "claim": "it helps",
            "where": "1",
            "stated": "+1",
            "evidence": "runs",
            "checks": "s; t",
        },
        {
            "id": "b",
            "paper": "p",
            "claim": "people err",
            "where": "2",
            "stated": "",
            "evidence": "people",
            "checks": "",
        },
        {
            "id": "c",
            "paper": "q",
            "claim": "it is fast",
            "where": "3",
            "stated": "",
            "evidence": "timing",
            "checks": "t",
        },
    ]
)
OUTCOME = pd.Series({"s": "consistent", "t": "differs, contradicted"})
RESULT = "claim_id,effect,lo,hi,n,runs,verdict,data\n"


def merged(tmp_path):
    return ledger.merge(CLAIMS, OUTCOME, ledger.read_results(tmp_path, CLAIMS)).set_index("id")


def test_without_results_nothing_is_tested(tmp_path):
    table = merged(tmp_path)
    assert list(table["verdict"]) == ["not tested", "not testable here", "not tested"]
    assert list(table["own tables"]) == ["differs, contradicted", "not checked", "differs, contradicted"]
    assert table[["effect", "lo", "hi", "n"]].isna().all(axis=None)


def test_results_are_merged_one_row_per_data_set(tmp_path):
    lines = "a,1.5,0.5,2.5,240,k1;k2,reproduced,synthetic\na,-1,-2,,12,k3,undecided,celebdf\n"
    (tmp_path / "claims_p.csv").write_text(RESULT + lines)
    table = merged(tmp_path)
    assert list(table.index) == ["a", "a", "b", "c"]
    first = table.iloc[0]
    assert (first["effect"], first["lo"], first["hi"], first["n"]) == (1.5, 0.5, 2.5, 240)
    assert (first["runs"], first["verdict"], first["data"]) == ("k1;k2", "reproduced", "synthetic")
    assert pd.isna(table.iloc[1]["hi"])


def test_a_result_overrules_what_seemed_untestable(tmp_path):
    (tmp_path / "claims_p.csv").write_text(RESULT + "b,0,0,0,1,,not testable here,none\n")
    assert merged(tmp_path).loc["b", "data"] == "none"


def test_an_empty_result_file_is_no_result(tmp_path):
    (tmp_path / "claims_p.csv").write_text(RESULT)
    assert merged(tmp_path).loc["a", "verdict"] == "not tested"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RESULT + "c,1,0,2,3,k,reproduced,x\n", "unknown claim_id 'c'; one of: a, b"),
        (RESULT + "a,1,0,2,3,k,proved,x\n", "unknown verdict 'proved'"),
        (RESULT + "a,1,0,2,3,k,reproduced,x\n" * 2, "'a' twice on one data set"),
        ("claim_id,effect\na,1\n", "it lacks the columns lo, hi, n, runs, verdict, data"),
    ],
)
def test_bad_result_files_are_refused(tmp_path, text, message):
    (tmp_path / "claims_p.csv").write_text(text)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        ledger.read_results(tmp_path, CLAIMS)


def test_a_claim_that_names_no_statement_is_refused():
    with pytest.raises(InputError, match="no statement 's' was audited"):
        ledger.merge(CLAIMS, OUTCOME.drop("s"), pd.DataFrame(columns=verdicts.RESULT))


def test_the_ledger_holds_every_claim_of_every_paper(tmp_path):
    table = ledger.ledger(tmp_path)
    assert list(table["id"]) == list(published.facts("claims")["id"])
    assert list(table.columns) == ledger.LEDGER
    assert set(table["verdict"]) <= {"not tested", *verdicts.VERDICTS}
    assert set(table["paper"]) == {"herd", "asrid", "prle"}
    total = ledger.counts(table).drop(columns="paper").to_numpy().sum()
    assert total == len(table)


def test_the_metrics_that_claims_of_herd_name_can_be_computed():
    listed = published.facts("claims").query("paper == 'herd' and evidence == 'runs'")
    named = listed[listed["metric"].str.match("(frame|clip)_")]
    assert len(named) > 8 and all(metrics.level_and_name(metric) for metric in named["metric"])


@pytest.mark.parametrize("file", ["params.yaml", "profiles/smoke.yaml", "profiles/paper.yaml"])
def test_the_arms_that_claims_of_herd_compare_stand_in_every_profile(file):
    listed = published.facts("claims").query("paper == 'herd' and evidence in ('runs', 'heat maps')")
    arms = {arm for side in ("arm_a", "arm_b") for arm in listed[side] if arm}
    assert arms - set(params.load(paths.ROOT / file).herd.arms) == {"augmented reals", "plain reals"}


def test_each_claim_of_herd_that_runs_can_decide_is_tested_somewhere():
    """By a notebook of part 2, or by the modules that measure what no prediction says."""
    sources = [*(paths.ROOT / "notebooks").glob("2?_herd_*.ipynb"), *(paths.ROOT / "ddet/herd").glob("*.py")]
    text = "".join(file.read_text() for file in sources)
    listed = published.facts("claims").query("paper == 'herd'")
    decided = listed.loc[~listed["evidence"].isin(ledger.UNTESTABLE), "id"]
    assert [claim for claim in decided if f'"{claim}"' not in text.replace('\\"', '"')] == []
