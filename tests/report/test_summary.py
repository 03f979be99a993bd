"""The first screen: the finding of a paper, its card, the tally, and what may be trusted, computed."""

import re

import pandas as pd
from ledger_lines import NAN, outcome, untested
from nbformat import v4

from ddet.report import summary


def test_the_clearest_claim_is_named_with_its_numbers():
    weak = outcome(id="b", claim="flips help", verdict="fails", p=0.04)
    said = summary.finding([weak, outcome(), outcome(id="c", verdict="undecided", p=0.5), untested(id="d")])
    assert said == (
        "Of 4 claims 1 holds, 1 fails, 1 undecided, 1 not tested. Clearest: “training without <list> is better” holds, "
        "+12.6 [+8.0, +17.1] points; stated: +8.21 points."
    )
    assert "Of 2 claims 2 hold." in summary.finding([outcome(), outcome()])


def test_where_nothing_is_decided_it_says_what_was_out_of_reach():
    open_ = [outcome(id=str(d), verdict="undecided", detectable=d) for d in (0.3, 0.1, 0.2)]
    assert summary.finding(open_).endswith("would have needed an effect of more than 20.0 points to be.")
    losses = [outcome(id=d, verdict="undecided", metric="clip_log_loss", detectable=0.4) for d in "abcd"]
    assert "more than 0.400 nats to be" in summary.finding([*open_, *losses])
    assert "more than 20.0 points to be" in summary.finding([*open_, *losses[:2]]), "of the unit of most"
    assert summary.finding([untested()]) == "Of 1 claim 1 not tested."


def test_a_claim_on_two_data_sets_counts_once():
    twice = [outcome(), outcome(verdict="fails", variant="hybrid form"), outcome(id="b")]
    assert [o.verdict for o in summary.first_of_each(twice)] == ["holds", "holds"]
    assert [o.verdict for o in summary.first_of_each(twice[1::-1])] == ["holds"], "the plain one, wherever it stands"
    assert "<strong>2</strong> hold<" in summary.tally_bar(twice) and "fail" not in summary.tally_bar(twice)


def test_the_bar_has_a_part_per_verdict_as_wide_as_its_count():
    html = summary.tally_bar([outcome(id="a"), outcome(id="b"), outcome(id="c", verdict="undecided")])
    assert re.findall(r'<span class="(\w+)" style="flex: (\d+)">', html) == [("holds", "2"), ("open", "1")]


def test_a_card_has_title_venue_score_finding_and_rows(tmp_path):
    papers = pd.DataFrame(
        [
            {"name": "herd", "title": "Herd & more", "venue": "V1", "url": "https://a.org/x"},
            {"name": "prle", "title": "Regions", "venue": "V2", "url": ""},
        ]
    )
    cells = {"row": ["Base", "NA"], "ours": [0.9, None], "paper": [0.8, 0.7]}
    pd.DataFrame(cells).to_csv(tmp_path / "herd_table1.csv", index=False)
    html = summary.cards([outcome(), untested(id="b")], papers, tmp_path)
    assert html.count(" 1 of the 2 rows of its tables are built.</p>") == 1 == html.count("rows of its")
    assert '<h3><a href="https://a.org/x" rel="external">Herd &amp; more ↗</a></h3>' in html and "V1" in html
    assert "1 decided of 1 tested" in html and "<h3>Regions</h3>" in html and html.count("Of ") == 1


def test_what_may_be_trusted_is_read_from_tables_and_notebooks(tmp_path):
    def table(name, rows):
        pd.DataFrame(rows, columns=["row", "column", "ours"]).to_csv(tmp_path / f"{name}.csv", index=False)

    table("herd_table2", [("Base model", "AUC", 0.953), ("Base model", "F1", 0.5), ("NA", "AUC", 0.99)])
    zoo = [("Xception", 91.2, 70.1), ("VGG", 88.0, 65.5), ("RFM", 60.0, 40.0)]  # RFM: another's, no base of PRLE
    zoo += [("VGG + PRLE", 99.0, 99.0), ("Xception + PRLE", None, None)]
    table("prle_table2", [(r, c, v) for r, *ours in zoo for c, v in zip(("FF++ AUC", "AVG AUC"), ours, strict=True)])
    counted = {"paper": "all", "tests": 40, "by chance": 1.0, "holds": 6, "remain, false discoveries": 4}
    pd.DataFrame([counted]).to_csv(tmp_path / "claims_chance.csv", index=False)
    printed = "profile smoke · synthetic benchmark · device cpu · AVX2 · 1 threads\n"
    cell = v4.new_code_cell("start()", outputs=[v4.new_output("stream", text=printed)])
    html = summary.trust(
        [outcome(), outcome(people=40.0), untested()], tmp_path, {"a": v4.new_notebook(cells=[cell])}, "<a1>"
    )
    assert dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html)) == {
        "People": "15 to 40 source groups behind a verdict",
        "Seeds": "3 per arm of a verdict",
        "Baselines at home": "Herd: AUC 0.95; PRLE: AUC 0.88 to 0.91",
        "Baselines away": "PRLE: AUC 0.66 to 0.70",
        "Chance": "of 40 tests 1.0 would hold by chance; 6 do, 4 when false discoveries are kept below 5 %",
        "Machine": "device cpu · AVX2 · 1 threads",
        "Commit": "&lt;a1&gt;",
    }


def test_what_is_not_known_is_left_out(tmp_path):
    assert summary.trust([outcome(people=NAN, seeds=NAN)], tmp_path, {}, "") == "<dl>\n</dl>"
