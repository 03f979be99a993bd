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
            "null": "no difference",
            "evidence": "runs",
            "checks": "s; t",
        },
        {
            "id": "b",
            "paper": "p",
            "claim": "people err",
            "where": "2",
            "stated": "",
            "null": "no difference",
            "evidence": "people",
            "checks": "",
        },
        {
            "id": "c",
            "paper": "q",
            "claim": "it is fast",
            "where": "3",
            "stated": "",
            "null": "no difference",
            "evidence": "timing",
            "checks": "t",
        },
    ]
)
OUTCOME = pd.Series({"s": "consistent", "t": "differs, contradicted"})
RESULT = ",".join(verdicts.RESULT) + "\n"


def merged(tmp_path):
    return ledger.merge(CLAIMS, OUTCOME, ledger.read_results(tmp_path, CLAIMS)).set_index("id")


def test_without_results_nothing_is_tested(tmp_path):
    table = merged(tmp_path)
    assert list(table["verdict"]) == ["not tested", "not testable here", "not tested"]
    assert list(table["own tables"]) == ["differs, contradicted", "not checked", "differs, contradicted"]
    assert table[["effect", "lo", "hi", "n"]].isna().all(axis=None)


def test_results_are_merged_one_row_per_data_set(tmp_path):
    one = "a,1.5,0.5,2.5,240,k1;k2,holds,synthetic,larger,0.5,0.001,24,3,\n"
    two = "a,-1,-2,,12,k3,undecided,celebdf,compatible,2,0.3,12,3,\n"
    (tmp_path / "claims_p.csv").write_text(RESULT + one + two)
    table = merged(tmp_path)
    assert list(table.index) == ["a", "a", "b", "c"]
    first = table.iloc[0]
    assert (first["effect"], first["lo"], first["hi"], first["n"]) == (1.5, 0.5, 2.5, 240)
    assert (first["runs"], first["verdict"], first["data"]) == ("k1;k2", "holds", "synthetic")
    assert (first["size"], first["detectable"], first["people"], first["seeds"]) == ("larger", 0.5, 24, 3)
    assert pd.isna(table.iloc[1]["hi"])
    # Two tests: the smaller p counts twice, the larger once (Benjamini and Hochberg) or as it is (Holm).
    assert [first[name] for name in ledger.ADJUSTED] == [pytest.approx(0.002)] * 2
    assert [table.iloc[1][name] for name in ledger.ADJUSTED] == [pytest.approx(0.3)] * 2


def test_adjusted_p_by_hand():
    """Of .01, .02, .03, .5: times 4, 4/2, 4/3, 1, none above the next; Holm: times 4, 3, 2, 1, none below the last."""
    found = ledger.adjusted(pd.Series([0.5, 0.02, float("nan"), 0.01, 0.03], index=list("abcde")))
    discoveries, holm = (found[name] for name in ledger.ADJUSTED)
    assert discoveries[list("dbea")].tolist() == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert holm[list("dbea")].tolist() == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert pd.isna(discoveries["c"]) and pd.isna(holm["c"])


def test_multiplicity_by_hand():
    verdicts_of = ["holds"] * 3 + ["undecided", "not testable here", "not tested"]
    p = [0.001, 0.015, 0.04, 0.2, 0.001, float("nan")]
    table = pd.DataFrame({"paper": list("xxyyyy"), "verdict": verdicts_of, "p": p})
    table = table.assign(**ledger.adjusted(table["p"].where(table["verdict"] != "not testable here")))
    found = ledger.multiplicity(table, 0.95).set_index("paper")
    # Four tests; adjusted .004 .03 .0533 .2 and .004 .045 .08 .2.
    assert found["tests"].to_dict() == {"x": 2, "y": 2, "all": 4} and found.loc["all", "by chance"] == pytest.approx(
        0.1
    )
    assert found["holds"].tolist() == [2, 1, 3]
    assert found["remain, false discoveries"].tolist() == found["remain, any error"].tolist() == [2, 0, 2]


def test_the_share_of_decided_claims_is_one_of_testable_claims():
    words = ["holds", "fails", "undecided", "not testable here", "not tested", "undecided"]
    found = ledger.decided(pd.DataFrame({"paper": list("xxyyyy"), "verdict": words})).set_index("paper")
    assert found["testable"].to_dict() == {"x": 2, "y": 2, "all": 4} and found["claims"].tolist() == [2, 4, 6]
    assert found["decided"].tolist() == [2, 0, 2] and found["share decided"].tolist() == [1, 0, 0.5]


def test_a_claimed_effect_is_in_reach_where_it_is_no_smaller_than_what_could_be_seen(tmp_path):
    """herd-aug-f1 states .0821, herd-wl-f1 .0164 to .0446; herd-rf-na states no size, asrid-85 that of a level."""
    told = {"herd-aug-f1": 0.08, "herd-mep-f1": 0.05, "herd-wl-f1": 0.04, "herd-rf-na": 0.01}
    lines = [f"{claim},0.1,0,0.2,9,k,undecided,d,compatible,{least},.1,9,3,," for claim, least in told.items()]
    (tmp_path / "claims_herd.csv").write_text(RESULT + "\n".join(lines) + "\n")
    (tmp_path / "claims_asrid.csv").write_text(RESULT + "asrid-85,0.1,0,0.2,9,k,holds,d,smaller,.1,.1,9,3,,0.7\n")
    found = ledger.reach(ledger.ledger(tmp_path)).set_index("id")
    assert found["in reach"].to_dict() == {"herd-aug-f1": True, "herd-mep-f1": False, "herd-wl-f1": True}
    assert found["claimed"].tolist() == [0.0821, 0.01, 0.0446] and found.loc["herd-mep-f1", "detectable"] == 0.05


def test_a_result_overrules_what_seemed_untestable(tmp_path):
    (tmp_path / "claims_p.csv").write_text(RESULT + "b,0,0,0,1,,not testable here,none,not stated,,,,,people 0\n")
    assert merged(tmp_path).loc["b", "data"] == "none"


def test_an_empty_result_file_is_no_result(tmp_path):
    (tmp_path / "claims_p.csv").write_text(RESULT)
    assert merged(tmp_path).loc["a", "verdict"] == "not tested"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RESULT + "c,1,0,2,3,k,holds,x,larger,1,.01,9,3,\n", "unknown claim_id 'c'; one of: a, b"),
        (RESULT + "a,1,0,2,3,k,proved,x,larger,1,.01,9,3,\n", "unknown verdict 'proved'"),
        (RESULT + "a,1,0,2,3,k,holds,x,huge,1,.01,9,3,\n", "unknown size 'huge'"),
        (RESULT + "a,1,0,2,3,k,holds,x,larger,1,.01,9,3,\n" * 2, "'a' twice on one data set"),
        ("claim_id,effect\na,1\n", "it lacks the columns lo, hi, n, runs, verdict, data, size"),
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
    assert arms - set(params.load(paths.ROOT / file).herd.arms) == {"augmented reals", "reals under its geometry alone"}


def test_each_claim_of_herd_that_runs_can_decide_is_tested_somewhere():
    """By a notebook of part 2, or by the modules that measure what no prediction says."""
    sources = [*(paths.ROOT / "notebooks").glob("2?_herd_*.ipynb"), *(paths.ROOT / "ddet/herd").glob("*.py")]
    text = "".join(file.read_text() for file in sources)
    listed = published.facts("claims").query("paper == 'herd'")
    decided = listed.loc[~listed["evidence"].isin(ledger.UNTESTABLE), "id"]
    assert [claim for claim in decided if f'"{claim}"' not in text.replace('\\"', '"')] == []
