"""Colours can be told from what they stand on, on light and on dark screens (WCAG 2, level AA: 4.5 to 1)."""

import re

import pytest

from ddet.report import style


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000", "#ffffff") == pytest.approx(21.0) and contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("back", ["back", "fill"])
def test_text_can_be_read(scheme, back):
    colours = dict(re.findall(r"--(\w+): (#\w+)", style.BASE.split("@media")[scheme]))
    text = {"ink", "soft", "link", "warn", *style.VERDICT_COLOURS.values()}
    assert text <= set(colours)
    assert [name for name in sorted(text) if contrast(colours[name], colours[back]) < 4.5] == []


def test_every_colour_has_a_dark_twin():
    light, dark = (set(re.findall(r"(--\w+):", part)) for part in style.BASE.split("@media"))
    assert light == dark == set(re.findall(r"var\((--\w+)\)", style.BASE))


def test_all_verdicts_have_a_colour():
    from ddet.report.outcomes import WORDS

    assert list(style.VERDICT_COLOURS) == list(WORDS)
    for name in set(style.VERDICT_COLOURS.values()):
        assert f".{name} {{ color: var(--{name}); }}" in style.BASE
