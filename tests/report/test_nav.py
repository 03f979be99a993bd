"""The frame of every page: landmarks, the same header everywhere, neighbours and contents where there are any."""

import re

from ddet.report import nav


def test_every_page_has_the_same_parts_and_landmarks():
    here, below = nav.page("t", "<h1>t</h1>"), nav.page("t", "<h1>t</h1>", up="../")
    links = re.findall(r'<nav aria-label="Parts">(.*?)</nav>', here)[0]
    targets = re.findall(r'href="([^"]+)"', links)
    assert targets == ["index.html", "index.html#verdicts", *(f"index.html#{id}" for id, _ in nav.PARTS.values())]
    assert [f"../{t}" for t in targets] == re.findall(r'href="(\.\./[^"]+)"', below)
    for landmark in ("<header>", "</header>", '<main id="main">', "</main>", 'class="skip" href="#main"'):
        assert here.count(landmark) == 1
    assert "Neighbours" not in here and "On this page" not in here


def test_neighbours_and_contents():
    text = nav.page("t", "", before=("a.html", "A & B"), after=("c.html", "C"), contents=[("#x", "One <two>")])
    assert '<a rel="prev" href="a.html">← A &amp; B</a> <a rel="next" href="c.html">C →</a>' in text
    assert '<li><a href="#x">One &lt;two&gt;</a></li>' in text
