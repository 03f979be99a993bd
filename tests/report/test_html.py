"""The one HTML document: escaped, links that hold, nothing loaded."""

import re

import pytest

from ddet.errors import InputError
from ddet.report import html, style


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('<a href="there.txt#part">x</a><a href="https://a.org">x</a><img src="data:,">', None),
        ('<p id="here"></p><a href="#here">x</a><a href="p.html#here">x</a>', None),
        ('<a href="#gone">x</a>', "link to #gone, which has no such anchor"),
        ('<a href="with%20space.txt">x</a>', None),
        ('<a href="gone.txt">x</a>', "link to gone.txt"),
        ('<a href="/there.txt">x</a>', "absolute link"),
        ('<img src="https://a.org/x.png">', "<img> would load"),
        ('<script src="//a.org/x.js"></script>', "<script> would load"),
        ('<link rel="stylesheet" href="https://a.org/x.css">', "<link> would load"),
        ('<a href="file:///there.txt">x</a>', "would load"),
    ],
)
def test_links_are_checked(tmp_path, text, cause):
    (tmp_path / "there.txt").touch()
    (tmp_path / "with space.txt").touch()
    (tmp_path / "p.html").write_text(text)
    if cause is None:
        return html.check_links(tmp_path / "p.html")
    with pytest.raises(InputError, match=cause):
        html.check_links(tmp_path / "p.html")


def test_a_document_is_whole_and_names_itself_safely():
    text = html.document("a < b & c", "<p>x</p>", "p { color: red; }")
    assert text.startswith("<!DOCTYPE html>\n<html lang=") and text.endswith("<p>x</p>\n</main>\n</body>\n</html>\n")
    assert "<title>a &lt; b &amp; c</title>" in text and '<meta charset="utf-8">' in text
    assert text.index(style.BASE) < text.index("p { color: red; }") < text.index("</style>"), "its own rules win"
    assert html.document("a", "") == html.document("a", "")


def test_a_document_loads_nothing(tmp_path):
    assert not re.search(r"<script|<link|@import|url\(|https?:", html.document("a", ""))
    (tmp_path / "p.html").write_text(html.document("a", "<p>x</p>"))
    html.check_links(tmp_path / "p.html")


def test_a_link_is_named_by_its_last_part_unless_told_otherwise():
    assert html.link("a/b c.csv") == '<a href="a/b%20c.csv">b c.csv</a>'
    assert html.link("x", "a < b") == '<a href="x">a &lt; b</a>'
    assert html.link('x"y', "z") == '<a href="x%22y">z</a>'
    assert html.link("a/100%.csv#b") == '<a href="a/100%25.csv#b">100%.csv#b</a>'
    assert html.link("https://a.org/b?c=d&e", "f") == '<a href="https://a.org/b?c=d&amp;e">f</a>'


def test_a_link_to_a_file_of_any_name_holds(tmp_path):
    for name in ("100%.csv", "a b.csv", "ü.csv", "<b>.csv", 'say "x".csv', "50%20.csv"):
        (tmp_path / name).touch()
        (tmp_path / "p.html").write_text(html.link(name), encoding="utf-8")
        html.check_links(tmp_path / "p.html")


def test_a_link_is_followed_from_the_folder_of_its_page(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "file.txt").touch()
    page = tmp_path / "sub" / "p.html"
    page.write_text('<a href="../file.txt">x</a><a href="..">x</a><a href="">x</a><a>x</a>')
    html.check_links(page)
    page.write_text('<a href="file.txt">x</a>')
    with pytest.raises(InputError, match=r"^p\.html: link to file\.txt, which is not there"):
        html.check_links(page)


def test_a_page_may_be_held_to_a_folder(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "file.txt").touch()
    page = tmp_path / "reports" / "p.html"
    page.write_text('<a href="../file.txt">x</a>')
    html.check_links(page)
    with pytest.raises(InputError, match="outside reports/"):
        html.check_links(page, tmp_path / "reports")


def test_what_leaves_says_so_and_what_is_wide_scrolls_alone():
    assert html.external("https://a.org?x&y", "A & B") == (
        '<a href="https://a.org?x&amp;y" rel="external">A &amp; B ↗</a>'
    )
    assert html.scroller("a < b", "<p>").startswith(
        '<div class="scroll" role="region" tabindex="0" aria-label="a &lt; b">'
    )
    assert html.definitions({"a": "<b>"}) == "<dl>\n<dt>a</dt><dd><b></dd>\n</dl>"
