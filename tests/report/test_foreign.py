"""Names from data in tables: no formula, no element, no link, no further cell."""

import pytest

from ddet.report import foreign


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-clip.mp4"])
def test_what_a_spreadsheet_would_run_is_text(text):
    assert foreign.in_csv(text) == f"'{text}"


@pytest.mark.parametrize("value", ["clip.mp4", "a=b", "-", "+", "-1.5", "+3", "1e-3", "", -2.5, 7, None, "–"])
def test_other_cells_stay_as_they_are(value):
    assert foreign.in_csv(value) is value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("[see](javascript:alert(1))", "[see]\\(javascript:alert(1))"),
        ("a\r\nb", "a  b"),
        (".912 [.900, .924] / .950", ".912 [.900, .924] / .950"),
    ],
)
def test_a_name_is_one_cell_of_plain_text(name, text):
    assert foreign.in_markdown(name) == text
