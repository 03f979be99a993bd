"""Names of metrics in words; other words stay."""

from ddet.report import words


def test_a_name_is_said_in_words():
    assert words.readable("frame_macro_f1") == "frame macro F1"
    assert words.readable("share of reals called fake") == "share of reals called fake"


def test_only_a_metric_s_name_is_changed_in_a_cell():
    assert words.in_words("clip_log_loss") == "clip log loss"
    for other in ("real_frame_x", "frame_auc of Base", "slim_xception", "frame", "0.5"):
        assert words.in_words(other) == other
