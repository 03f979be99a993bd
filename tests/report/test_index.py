"""The front page's parts: a section for each, with its notebooks, their questions, tables and figures."""

import re

from ledger_lines import outcome, untested
from nbformat import v4

from ddet.report import index, nav
from ddet.report.dvc_lock import Entry, Stage

NAME = "30_asrid_static"


def page(root, outcomes, outs=(), notebooks=None, synthetic=True):
    stage = Stage("s", (Entry(f"notebooks/{NAME}.ipynb", "", 0),), tuple(Entry(o, "", 0) for o in outs))
    return index.index(outcomes, [stage], notebooks or {}, root, "smoke", synthetic, "a1")


def notebook():
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Frame by frame\n\n**Question.** Does `it` add?")])


def part(text: str, anchor: str) -> str:
    return re.search(rf'<h2 id="{anchor}">.*?(?=<h2|<p><a href="provenance)', text, re.DOTALL)[0]


def test_each_part_has_a_section_in_the_order_of_the_header(tmp_path):
    text = page(tmp_path, [])
    places = [text.index(f'<h2 id="{anchor}">{name}</h2>') for anchor, name in nav.PARTS.values()]
    assert places == sorted(places) and text.count("Not run yet") == len(places) - 1
    assert f"<h3>{NAME}</h3>" in part(text, "asrid"), "a stage whose report is not there is named"


def test_a_notebook_stands_in_its_part_with_question_tables_and_figures(tmp_path):
    (tmp_path / "reports/tables").mkdir(parents=True)
    caption = "ASRID, Table 2 &amp; more (synthetic benchmark, profile smoke, celebdf)"
    (tmp_path / "reports/tables/t.html").write_text(f"<title>{caption}</title>")
    (tmp_path / "reports/tables/u.html").write_text("")
    outs = ["reports/tables/t.html", "reports/tables/u.html", "reports/tables/t.csv", "reports/figures/two_words.svg"]
    asrid = part(page(tmp_path, [], outs, {NAME: notebook()}), "asrid")
    assert f'<h3><a href="{NAME}.html">Frame by frame</a></h3>\n<p>Does it add?</p>' in asrid
    assert "<summary>2 tables</summary>" in asrid and '<a href="tables/t.html">ASRID, Table 2 &amp; more</a>' in asrid
    assert '<a href="tables/u.html">u</a>' in asrid and "t.csv" not in asrid
    assert '<summary>1 figure</summary><ul><li><a href="figures/two_words.svg">two words</a>' in asrid


def test_claims_are_counted_once(tmp_path):
    shown = [outcome(), outcome(variant="hybrid form"), outcome(id="b", paper="prle"), untested(id="c")]
    text = page(tmp_path, shown)
    assert '<h2 id="effects">2 effects at a glance</h2>' in text and "All 3 claims" in text
    assert '<option value="prle">PRLE</option>' in text and '<option value="asrid">' not in text


def test_the_study_stands_below_the_tally_and_in_the_table(tmp_path):
    study = [outcome(), outcome(id="b", verdict="fails"), untested(id="c")], "ten <seeds>"
    text = index.index([outcome()], [], {}, tmp_path, "default", True, "a1", study)
    said = "<p><strong>In the study 2 of 2 tested are decided</strong>: 1 holds, 1 fails, 1 not tested. ten &lt;seeds"
    assert text.index('<ul class="tally">') < text.index(said) < text.index("What may be trusted")
    assert ">In the study</th>" in text
    assert "In the study" not in page(tmp_path, [outcome()])


def test_the_statement_is_that_of_the_data():
    assert "not evidence" in index.statement("default", True) and "real datasets" in index.statement("paper", False)
    for profile, synthetic in (("smoke", True), ("rehearsal", False)):
        said = index.statement(profile, synthetic)
        assert "mean nothing" in said and "real datasets, indexed" not in said


def test_pages_of_tables_are_told_from_other_files():
    assert index.is_table("reports/tables/a.html")
    assert not index.is_table("reports/tables/a.csv") and not index.is_table("reports/a.html")
