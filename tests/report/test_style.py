"""Colours can be told from what they stand on, on light and on dark screens (WCAG 2, level AA: 4.5 to 1)."""

import re

import pytest

from ddet.report import notebook_page, style


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


@pytest.mark.parametrize("scheme", [0, 1])
def test_code_can_be_read(scheme):
    """Each kind of token but white space stands on the fill colour of its scheme."""
    fill = re.search(r"--fill: (#\w+)", style.BASE.split("@media")[scheme])[1]
    rules = re.findall(r"\.highlight \.(\w+) \{ color: (#\w+)", notebook_page._highlighting().split("@media")[scheme])
    assert len(rules) > 30
    assert [name for name, colour in rules if name != "w" and contrast(colour, fill) < 4.5] == []


def test_nothing_is_wider_than_a_phone_but_what_scrolls_by_itself():
    """At 390 px, less 2 x 16 px of padding, 22 rem fit; wider minima stand inside scrollers."""
    css = style.BASE + style.NOTEBOOK + style.RESULTS
    inside = (".plot .wide", "#verdicts-table")
    wide = [
        rule
        for rule, size in re.findall(r"([^{}]+)\{[^{}]*?(?<!max-)width: ([\d.]+)rem", css)
        if float(size) > 22 and not rule.strip().startswith(inside)
    ]
    assert wide == []
    assert all(float(size) <= 22 for size in re.findall(r"minmax\(([\d.]+)rem", css))
    for holder in ("\npre {", ".scroll {", "math[display=block] {"):
        assert "overflow-x: auto" in css.split(holder, 1)[1].split("}")[0]
    assert re.search(r"output img[^{]*\{ max-width: 100%", css) and re.search(r"shown img \{ max-width: 100%", css)


def test_every_colour_has_a_dark_twin():
    light, dark = (set(re.findall(r"(--\w+):", part)) for part in style.BASE.split("@media"))
    assert light == dark == set(re.findall(r"var\((--\w+)\)", style.BASE))


def test_all_verdicts_have_a_colour():
    from ddet.report.outcomes import WORDS

    assert list(style.VERDICT_COLOURS) == list(WORDS)
    for name in set(style.VERDICT_COLOURS.values()):
        assert f".{name} {{ color: var(--{name}); }}" in style.BASE
