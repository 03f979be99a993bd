"""The page that a reader sees is made of the findings, and every bad verdict has a consequence."""

from ddet.audit import reading
from ddet.audit.findings import SOUND, VERDICTS, Finding


def finding(check, paper, verdict, sentence):
    return Finding(check, paper, "I", "r", "c", "1", "2", verdict, sentence)


def test_every_verdict_that_is_not_sound_has_a_consequence():
    assert set(reading.MEANS) == set(VERDICTS) - set(SOUND)


def test_the_page_holds_the_findings_of_its_paper_only():
    found = [
        finding(2, "one", "consistent", "All is well."),
        finding(2, "one", "differs", "This is off."),
        finding(10, "two", "leaks", "That leaks."),
    ]
    page = reading.page(found, "one")
    assert "**2. printed differences against their cells**: 2 examined, 1 sound, 1 finding." in page
    assert "* *differs* · This is off." in page
    assert "All is well" not in page and "leaks" not in page
    assert f"* *differs*: {reading.MEANS['differs']}" in page


def test_a_clean_paper_asks_nothing():
    assert reading.page([finding(1, "one", "consistent", "Fine.")], "one").endswith("* nothing")
