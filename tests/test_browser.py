"""The pages in reports/, opened from disk in a browser at the widths of a desk and of a phone."""

import io

import browsing
import pytest
from PIL import Image

from ddet import paths
from ddet.prle import people_page

INDEX, TABLES = paths.REPORTS / "index.html", sorted((paths.REPORTS / "tables").glob("*.html"))
PAGES = {  # every page of a kind, but of the tables each tenth: they have one form
    "index": [INDEX],
    "claims": sorted((paths.REPORTS / "claims").glob("*.html")),
    "notebooks": sorted(paths.REPORTS.glob("[0-9]*.html")),
    "tables": TABLES[::10],
}
READ = [  # one of each kind, those with most on them
    INDEX,
    paths.REPORTS / "claims/herd-aug-f1.html",
    paths.REPORTS / "23_herd_results.html",
    paths.REPORTS / "tables/prle_table2.html",
]
PLANTED = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Planted</title></head><body>
<h1 id="top">Faults</h1><div style="width: 1500px">too wide</div><img src="gone.png"><a href="#nowhere">x</a>
<a href="gone.html">y</a><a href="#top">z</a><script>nothing.at.all()</script></body></html>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing.started(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def ledger(browser):
    """Return the index, as wide as a desk, with its scripts run."""
    browsing.resize(browser, browsing.DESK)
    browser.get(INDEX.as_uri())
    return browser


def test_planted_faults_are_seen(browser, tmp_path):
    page = tmp_path / "planted.html"
    page.write_text(PLANTED)
    found = "\n".join(browsing.faults(browser, page))
    for fault in ("px wide on a screen of 390", "px wide on a screen of 1400", "gone.png does not load"):
        assert fault in found
    for fault in ("#nowhere, which is not there", "gone.html, which is not there", "nothing is not defined"):
        assert fault in found
    assert "#top" not in found and "image-alt" in "\n".join(browsing.barriers(browser, page, dark=False))


@pytest.mark.parametrize("kind", PAGES)
def test_pages_open_without_a_fault(browser, kind):
    assert PAGES[kind]
    found = [fault for page in PAGES[kind] for fault in browsing.faults(browser, page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", READ, ids=lambda page: page.stem)
def test_no_barrier_is_serious(browser, page):
    browsing.resize(browser, browsing.DESK)
    found = [fault for dark in (False, True) for fault in browsing.barriers(browser, page, dark)]
    assert not found, "\n".join(found)


def lines(browser) -> list[dict]:
    """Read the ledger's lines in their order: text, paper, verdict and effect of each, and whether it is seen."""
    return browser.execute_script(
        """return [...document.querySelectorAll("#verdicts-table tbody tr")].map(line => ({
             ...line.dataset, text: line.textContent, seen: line.checkVisibility(),
             effect: line.cells[2].dataset.v, link: line.querySelector("a").href}))"""
    )


def shown(browser) -> list[dict]:
    return [line for line in lines(browser) if line["seen"]]


def chosen(browser, field: str, words: str) -> None:
    """Choose by the keyboard: a driver's click on an option is no input, as a person's is."""
    browser.find_element("css selector", f"#filter select[name={field}]").send_keys(words)


def test_the_ledger_filters_by_paper_verdict_and_words(ledger):
    chosen(ledger, "paper", "Herd")
    assert {line["paper"] for line in shown(ledger)} == {"herd"}
    verdict = shown(ledger)[0]["verdict"]
    chosen(ledger, "verdict", verdict)
    few = shown(ledger)
    assert {(line["paper"], line["verdict"]) for line in few} == {("herd", verdict)}
    word = few[-1]["text"].split()[0]
    ledger.find_element("name", "words").send_keys(word.upper())
    fewer, every = shown(ledger), lines(ledger)
    assert 0 < len(fewer) <= len(few) < len(every) and all(word.lower() in x["text"].lower() for x in fewer)
    assert ledger.find_element("id", "shown").text == f"{len(fewer)} of {len(every)} lines shown"
    ledger.find_element("name", "words").send_keys("no claim holds these words")
    assert not shown(ledger)


def test_the_ledger_sorts_by_a_click_and_by_another_the_other_way(ledger):
    head, before = ledger.find_element("css selector", "#verdicts-table thead th:nth-child(3)"), lines(ledger)
    for way, said in ((1, "ascending"), (-1, "descending")):
        head.find_element("tag name", "button").click()
        effects = [line["effect"] for line in lines(ledger)]
        known = [float(effect) for effect in effects if effect]
        assert known == sorted(known, reverse=way < 0) and head.get_attribute("aria-sort") == said
        assert not any(effects[len(known) :]), "lines without an effect stand last"
    assert sorted(x["link"] for x in before) == sorted(x["link"] for x in lines(ledger)) and before != lines(ledger)


def test_the_ledger_reads_without_a_script(browser):
    browsing.scripted(browser, on=False)
    try:
        browser.get(INDEX.as_uri())
        assert not browser.find_element("id", "filter").is_displayed()
        assert not browser.find_elements("css selector", "#verdicts-table th button")
        assert lines(browser) and all(line["seen"] and line["verdict"] in line["text"] for line in lines(browser))
    finally:
        browsing.scripted(browser, on=True)


def test_the_page_that_asks_people_takes_answers_by_key_and_by_touch(browser, tmp_path):
    picture, page = io.BytesIO(), tmp_path / "index.html"
    Image.new("RGB", (8, 8), "grey").save(picture, "PNG")
    page.write_text(people_page.page({"000": picture.getvalue(), "001": picture.getvalue()}))
    assert not browsing.faults(browser, page)
    begin, fake, real = (browser.find_element("id", name) for name in ("begin", "fake", "real"))
    assert begin.size["height"] >= 44, "too small for a thumb"
    begin.click()
    assert fake.is_displayed() and browser.find_element("id", "where").text == "Face 1 of 2"
    browser.find_element("tag name", "body").send_keys("f")
    real.click()
    lines = browser.find_element("id", "text").get_attribute("value").splitlines()
    assert [line.split(",")[3] for line in lines] == ["answer", "fake", "real"]
