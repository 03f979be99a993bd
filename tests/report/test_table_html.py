"""Tables as elements: what is shown, what is folded, and which rows say that they were not run."""

import dataclasses
import re

from ddet.report import cells, table_html
from ddet.report.cells import Column
from ddet.stats.interval import Estimate

MADE = Estimate(0.8, 0.75, 0.85, 0.02, (0.78, 0.82), 90, 30, 12, 100, 0, False, seed_sd=0.02, seed_df=1)
ALONE = dataclasses.replace(MADE, per_seed=(0.8,), pooled=True)
COLUMNS = [Column(f"c{i}", f"frame_{i}") for i in range(10)]


def made(ours: Estimate | None, column: int, paper: str = "") -> cells.Cell:
    return cells.Cell(ours, paper, float(paper or "nan"), 3, 1, ("k1",) if ours else ())


def rows(count: int, paper: tuple[int, ...] = ()) -> dict[str, dict[str, cells.Cell]]:
    def line(ours: Estimate | None) -> dict[str, cells.Cell]:
        return {c.title: made(ours, i, "0.7" if i in paper else "") for i, c in enumerate(COLUMNS[:count])}

    return {"two": line(MADE), "one": line(ALONE), "none": line(None)}


def heads(element: str) -> list[str]:
    return re.findall(r'<th scope="col"(?: class="text")?>([^<]+)</th>', element)


def test_a_narrow_table_shows_all_and_a_wide_one_the_papers_and_the_first():
    assert heads(table_html.results("c", COLUMNS[:8], rows(8), "")) == ["Row", *(c.title for c in COLUMNS[:8])]
    wide = table_html.results("c", COLUMNS, rows(10, paper=(8, 9)), "Note.")
    assert heads(wide) == ["Row", *(f"c{i}" for i in (0, 1, 2, 3, 4, 5, 8, 9))]
    assert "Note. Behind the paper’s number" in wide and "2 more columns stand on the page" in wide
    folded = table_html.behind("c", COLUMNS, rows(10, paper=(8, 9)))
    assert heads(folded)[:3] == ["Row", "c6", "c7"] and folded.count("<details>") == 2


def test_one_column_more_is_one_column():
    assert "Note. 1 more column stands on" in table_html.results("c", COLUMNS[:9], rows(9), "Note.")
    assert "<summary>1 more column</summary>" in table_html.behind("c", COLUMNS[:9], rows(9))


def test_only_columns_that_the_paper_has_name_it():
    element = table_html.results("c", COLUMNS[:2], rows(2, paper=(1,)), "")
    assert re.findall(r"paper ([\d.–]+)", element) == ["0.7"] * 3
    two = re.search(r'<th scope="row">two</th>(.*?)</tr>', element)[1].split("<td ")
    assert "paper" not in two[1] and "paper 0.7" in two[2]


def test_titles_are_words():
    column = Column("test clip_auc", "clip_auc")
    element = table_html.results("c", [column], {"a": {column.title: made(MADE, 0)}}, "")
    assert heads(element) == ["Row", "test clip AUC"]


def test_rows_that_were_not_run_or_have_one_seed_say_so():
    element = table_html.results("c", COLUMNS[:1], rows(1), "")
    assert '<tr class="unbuilt"><th scope="row">none<small>not run here</small></th>' in element
    assert '<tr><th scope="row">one<small>one seed</small></th>' in element
    assert '<tr><th scope="row">two</th>' in element and "Behind the paper" not in element


def test_what_stands_behind_a_row_is_counted_for_rows_that_ran():
    folded = table_html.behind("c", COLUMNS[:1], rows(1))
    assert (
        '<th scope="row">two</th><td>2</td><td>90</td><td>30</td><td>12</td><td class="text"><code>k1</code>' in folded
    )
    assert ">none<" not in folded and folded.count("<details>") == 1


def test_names_of_metrics_are_words_and_others_are_text():
    element = table_html.frame(
        "c", ["metric", "clip_auc"], [["frame_log_loss", "0.5"], ["<b>", "1"]], [False, True], ""
    )
    assert heads(element) == ["metric", "clip AUC"] and '<td class="text">frame log loss</td><td>0.5</td>' in element
    assert "&lt;b&gt;" in element


def test_a_column_of_text_has_its_title_above_it_and_claims_lead_to_their_pages():
    element = table_html.frame("c", ["id", "n"], [["herd-<a>", "1"]], [False, True], "")
    assert '<th scope="col" class="text">id</th><th scope="col">n</th>' in element
    assert '<td class="text"><a href="../claims/herd-%3Ca%3E.html">herd-&lt;a&gt;</a></td><td>1</td>' in element
