"""A rendered notebook: no network, no way out of reports/, anchors, table headers, words for pictures."""

import base64
import re

import nbformat
import pytest
from nbformat import v4

from ddet.report import notebook_page


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    png = base64.b64encode(b"\x89PNG").decode()
    table = (
        "<table><thead><tr><th></th><th>id</th></tr></thead><tbody><tr><th>0</th><td>herd-rst</td></tr></tbody></table>"
    )
    outputs = [
        v4.new_output("stream", name="stdout", text="<seen>\n"),
        v4.new_output("display_data", data={"image/png": png}),
        v4.new_output("execute_result", data={"text/html": table}, execution_count=1),
    ]
    links = "[the code](../ddet/x.py), [`y.py`](../ddet/y.py), [next](b_two.ipynb)."
    opening = f"# Is it <harmful>?\n\n**Question.** Does `NA` *win*?\n\n{links}"
    cells = [
        v4.new_markdown_cell(opening, id="a"),
        v4.new_markdown_cell("## Set-up", id="c"),
        v4.new_code_cell("answer = 6 * 7", outputs=outputs, execution_count=1, id="b"),
        v4.new_markdown_cell("## Set-up", id="d"),
    ]
    return v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def page(notebook) -> str:
    claims = [("claims/herd-rst.html", "herd-rst")]
    return notebook_page.render(notebook, "a_one", after=("b_two.html", "Two"), claims=claims, pages=["a_one", "b_two"])


def test_it_needs_no_network_and_is_the_same_twice(notebook, page):
    assert "&lt;seen&gt;" in page and "data:image/png;base64,iVBORw==" in page
    assert "<title>Is it &lt;harmful&gt;?</title>" in page
    light, dark = page.split("prefers-color-scheme: dark")[1:]  # the page's own colours come before both
    assert re.search(r'<span class="mi">6</span>', page) and ".highlight .mi" in light and ".highlight .mi" in dark
    assert not re.search(r"<script src|<link|@import|https?://", page)
    assert notebook_page.render(notebook, "a") == notebook_page.render(notebook, "a")


def test_links_out_of_the_folder_become_words_and_notebooks_pages(page):
    assert "the code (<code>ddet/x.py</code>), <code>y.py</code>" in page and 'href="../' not in page
    assert '<a href="b_two.html">next</a>' in page and 'href="a_one.ipynb"' in page


def test_headings_have_anchors_and_stand_in_the_contents(page):
    assert re.findall(r'<h2 id="([^"]+)">', page) == ["set-up", "set-up-2"]
    contents = re.search(r"<summary>On this page</summary>.*?</details>", page, re.DOTALL)[0]
    assert re.findall(r'href="([^"]+)">([^<]+)<', contents) == [("#set-up", "Set-up"), ("#set-up-2", "Set-up")]
    assert 'rel="next" href="b_two.html"' in page and 'rel="prev"' not in page


def test_table_headers_say_what_they_head(page):
    assert page.count('<th scope="col">') == 2 and page.count('<th scope="row">') == 1 and "<th>" not in page


def test_metrics_in_a_table_are_words_and_code_is_not():
    body = '<th scope="row">clip_auc</th><td>frame_macro_f1</td><td>clip_auc of</td><span class="n">frame_auc</span>'
    told = notebook_page._worded(body)
    assert told.startswith('<th scope="row">clip AUC</th><td>frame macro F1</td><td>clip_auc of</td>')
    assert told.endswith(">frame_auc</span>")


def test_a_claim_in_a_table_leads_to_its_page(page):
    assert '<td><a href="claims/herd-rst.html">herd-rst</a></td>' in page and "Claims tested here" in page


def test_a_picture_is_named_by_its_heading(page):
    assert re.findall(r'alt="([^"]+)"', page) == [
        "Figure under the heading “Set-up”; the text beside it says what it shows"
    ]


def test_title_and_question_are_those_of_the_opening(notebook):
    assert notebook_page.title(notebook, "x") == "Is it <harmful>?"
    assert notebook_page.question(notebook) == "Does NA win?"
    assert notebook_page.title(v4.new_notebook(), "x") == "x" and notebook_page.question(v4.new_notebook()) == ""
