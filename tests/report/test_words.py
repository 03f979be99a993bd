"""Names of metrics in words, and the minus sign; other words stay."""

import pytest

from ddet.report import words


def test_a_name_is_said_in_words():
    assert words.readable("frame_macro_f1") == "frame macro F1"
    assert words.readable("share of reals called fake") == "share of reals called fake"


def test_only_a_metric_s_name_is_changed_in_a_cell():
    assert words.in_words("clip_log_loss") == "clip log loss"
    for other in ("real_frame_x", "frame_auc of Base", "slim_xception", "frame", "0.5"):
        assert words.in_words(other) == other


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-0.5 [-1, -.2] (-3)", "−0.5 [−1, −.2] (−3)"),
        ("2.1e-06, WL - Base, +-1", "2.1e−06, WL - Base, +−1"),
        *[
            (other, other)
            for other in ("DF-1.0", "2024-01-02", "5-7", "3e-4f", "a/-1", "--2", "| ---: |", "herd-aug-f1")
        ],
    ],
)
def test_a_hyphen_that_is_a_sign_becomes_one(text, written):
    assert words.signs(text) == written == words.signs(written)


def test_in_a_page_only_its_texts_get_the_sign():
    kept = (
        '<td data-v="-1">',
        "<code>-1</code>",
        "<script>a(-1)</script>",
        '<path d="M-1 -2"/>',
        "<style>x: -1px</style>",
    )
    code = '<div class=" highlight hl-python"><pre><span>x</span> = -1\n</pre></div>'
    body = "-1".join([*kept, code, "<pre>", "</pre>"])
    assert words.signs_in_html(body) == "−1".join([*kept, code, "<pre>", "</pre>"])
