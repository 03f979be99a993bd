"""Metrics against hand-computed values, properties, and bad input."""

import numpy as np
import pandas as pd
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from ddet.errors import InputError
from ddet.stats import metrics

ONE_CLASS_NAN = {"balanced_accuracy", "macro_f1", "auc", "ap", "eer", "error_gap", "tpr_at_1", "tpr_at_5"}


def preds(clips: dict[str, tuple[int, list[float]]], group: str | None = None) -> pd.DataFrame:
    """Lay out clip_id -> (label, probabilities) as a preds.parquet; each clip is its own group unless one is given."""
    rows = [
        {"clip_id": clip, "frame_idx": i, "track": 0, "group": group or clip, "label": label, "prob_fake": p}
        for clip, (label, probs) in clips.items()
        for i, p in enumerate(probs)
    ]
    return pd.DataFrame(rows)


def test_scores_by_hand():
    # Sorted by score: .9 fake, .8 real, .7 fake, .2 real, .1 real. Predicted fake at .5: the first three.
    found = metrics.scores(np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.2, 0.1]))
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert found["balanced_accuracy"] == pytest.approx((2 / 2 + 2 / 3) / 2)
    assert found["f1_fake"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 0))
    assert found["f1_real"] == pytest.approx(2 * 2 / (2 * 2 + 0 + 1))
    assert found["macro_f1"] == pytest.approx((4 / 5 + 4 / 5) / 2)
    assert found["auc"] == pytest.approx(5 / 6)  # of 2 x 3 pairs only (.7 fake, .8 real) is the wrong way round
    assert found["ap"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert found["error_gap"] == pytest.approx(1 / 3 - 0 / 2)
    assert found["eer"] == pytest.approx(1 / 3)  # at a third of false alarms, misses fall from 1/2 to 0
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.2, 0.7, 0.8, 0.9]).mean())


def test_eer_between_points():
    # Ties make one slanted piece from (0, 0) to (1, 1): misses meet false alarms at a half.
    assert metrics.eer(np.array([0, 1]), np.array([0.5, 0.5])) == pytest.approx(0.5)
    assert metrics.eer(np.array([0, 1]), np.array([0.1, 0.9])) == pytest.approx(0)
    assert metrics.eer(np.array([0, 1]), np.array([0.9, 0.1])) == pytest.approx(1)


def test_fakes_found_at_few_false_alarms_by_hand():
    """Ten reals at 0, .1, .. .9; fakes at .95, .85 and .05: the curve goes (0, 1/3), (.1, 1/3), (.1, 2/3), ..."""
    y, p = np.array([0] * 10 + [1] * 3), np.array([*range(10), 9.5, 8.5, 0.5]) / 10
    assert [metrics.tpr_at(y, p, rate) for rate in (0, 0.05, 0.1)] == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert metrics.tpr_at(y, p, 0.9) == pytest.approx(1), "of a vertical step, its top"
    sloped = np.array([*range(9), 9.5, 9.5, 8.5, 0.5]) / 10  # a fake tied with the highest real
    assert metrics.tpr_at(y, sloped, 0.01) == pytest.approx(0.1 * 1 / 3)
    assert metrics.scores(y, sloped)["tpr_at_5"] == pytest.approx(0.5 * 1 / 3)


def test_the_brier_score_is_that_of_scikit_learn():
    y, p = np.array([0, 1, 1, 0]), np.array([0.3, 0.8, 0.4, 0.0])
    found = metrics.scores(y, p)["brier"]
    assert found == pytest.approx((0.09 + 0.04 + 0.36 + 0) / 4) and found == pytest.approx(brier_score_loss(y, p))


def test_another_threshold_adds_the_metrics_that_depend_on_one():
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.4])
    found, at = metrics.scores(y, p, chosen=0.65), metrics.scores(y, p, 0.65)
    assert set(found) - set(at) == set(metrics.AT_VALID)
    assert {name: found[f"{name}{metrics.OF_VALID}"] for name in metrics.DECIDED} == {n: at[n] for n in metrics.DECIDED}
    assert {name: found[name] for name in metrics.NAMES} == metrics.scores(y, p)
    assert metrics.level_and_name("clip_macro_f1_at_valid_threshold") == ("clip", "macro_f1_at_valid_threshold")


def test_the_threshold_itself_counts_as_fake():
    assert metrics.scores(np.array([1, 0]), np.array([0.5, 0.49]))["accuracy"] == 1
    assert metrics.scores(np.array([1, 0]), np.array([0.5, 0.49]), threshold=0.4)["accuracy"] == 0.5


def test_log_loss_is_clipped_as_the_dfdc_scorer_does():
    assert metrics.scores(np.array([1]), np.array([0.0]))["log_loss"] == pytest.approx(-np.log(1e-15))
    assert metrics.scores(np.array([0]), np.array([0.0]))["log_loss"] < 1e-14


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_gives_nan_not_an_error(label):
    found = metrics.scores(np.full(3, label), np.array([0.2, 0.6, 0.7]))
    absent = {"f1_real" if label else "f1_fake"}
    assert {name for name, value in found.items() if np.isnan(value)} == ONE_CLASS_NAN | absent
    assert found["accuracy"] == pytest.approx(2 / 3 if label else 1 / 3)


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=30))
def test_swapping_the_classes_mirrors_the_metrics(rows):
    y, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows]) / 10
    ours, mirrored = metrics.scores(y, p, 0.45), metrics.scores(1 - y, 1 - p, 0.55 - 1e-9)
    shares = [name for name in metrics.NAMES if name not in ("log_loss", "error_gap")]
    assert all(0 <= ours[name] <= 1 for name in shares if not np.isnan(ours[name]))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auc", "eer", "log_loss", "brier"):
        assert ours[name] == pytest.approx(mirrored[name], abs=1e-9, nan_ok=True), name
    assert ours["f1_real"] == pytest.approx(mirrored["f1_fake"], nan_ok=True)
    assert ours["error_gap"] == pytest.approx(-mirrored["error_gap"], nan_ok=True)


@pytest.mark.parametrize(
    ("threshold", "gap"), [(0.0, 1.0), (0.3, 3 / 4 - 0), (0.5, 2 / 4 - 1 / 2), (0.6, 1 / 4 - 1 / 2), (1.0, -1.0)]
)
def test_the_error_gap_by_hand(threshold, gap):
    """Reals at .2, .3, .5 and .9, fakes at .4 and .8: false alarms minus misses, as the threshold rises."""
    y, p = np.array([0, 1, 0, 0, 1, 0]), np.array([0.2, 0.8, 0.3, 0.9, 0.4, 0.5])
    assert metrics.scores(y, p, threshold)["error_gap"] == pytest.approx(gap)
    assert metrics.scores(1 - y, 1 - p, 1.001 - threshold)["error_gap"] == pytest.approx(-gap)


def test_the_error_gap_of_clips_is_taken_from_their_means():
    """Frames: 2 of 3 reals are called fake, 1 of 3 fakes real. Clips: reals at .5 and .6, a fake at .6."""
    rows = preds({"a": (0, [0.3, 0.7]), "b": (0, [0.6]), "c": (1, [0.9, 0.7, 0.2])})
    found = metrics.frame_and_clip(rows)
    assert found["frame_error_gap"] == pytest.approx(2 / 3 - 1 / 3)
    assert found["clip_error_gap"] == pytest.approx(2 / 2 - 0 / 1)


def test_clips_average_frames_and_equal_stems_stay_apart():
    rows = preds({"ffpp/Deepfakes/c23/000_003": (1, [0.9, 0.5]), "ffpp/FaceSwap/c23/000_003": (1, [0.1])}, group="g")
    clips = metrics.clip_probs(rows)
    assert clips["clip_id"].tolist() == ["ffpp/Deepfakes/c23/000_003", "ffpp/FaceSwap/c23/000_003"]
    assert clips["clip_prob"].tolist() == pytest.approx([0.7, 0.1])
    assert clips["frames"].tolist() == [2, 1]
    assert clips["group"].tolist() == ["g", "g"]


def test_frame_and_clip_levels_differ_where_they_should():
    found = metrics.frame_and_clip(preds({"a": (1, [0.9, 0.9, 0.3]), "b": (0, [0.4])}))
    assert len(found) == 2 * len(metrics.NAMES)
    assert found["frame_accuracy"] == pytest.approx(3 / 4)
    assert found["clip_accuracy"] == 1
    assert found["frame_auc"] == pytest.approx(2 / 3)
    assert found["clip_auc"] == 1


def test_confusion_has_truth_in_rows():
    rows = preds({"r": (0, [0.1, 0.9, 0.9]), "f": (1, [0.2, 0.8])})
    assert metrics.confusion(rows).tolist() == [[1, 2], [1, 1]]


def test_a_frame_may_hold_several_tracks():
    rows = preds({"a": (1, [0.9, 0.5])})
    rows["frame_idx"], rows["track"] = 0, [0, 1]
    assert metrics.clip_probs(rows)["clip_prob"].tolist() == [0.7]


@pytest.mark.parametrize(
    ("y", "p", "cause"),
    [
        ([0, 1], [0.1, float("nan")], "1 of 2 probabilities"),
        ([0, 1], [0.1, 1.2], "the first 1.2"),
        ([0, 1], [-0.1, 1.0], "the first -0.1"),
        ([0, 2], [0.1, 0.2], "other than 0"),
        ([0, 1], [0.1], r"\(2,\) labels"),
        ([], [], "labels for"),
    ],
)
def test_bad_scores_are_one_line(y, p, cause):
    with pytest.raises(InputError, match=cause):
        metrics.scores(np.array(y), np.array(p))


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda d: d.drop(columns="group"), "no column group"),
        (lambda d: pd.concat([d, d.iloc[:1]]), "there twice"),
        (lambda d: d.assign(label=[0, 1, 0]), "several values of label"),
        (lambda d: d.assign(group=["g", "h", "g"]), "several values of group"),
        (lambda d: d.assign(split=["valid", "test", "test"]), "mix splits"),
        (lambda d: d.assign(prob_fake=[0.1, np.nan, 0.2]), "1 of 3 probabilities"),
    ],
)
def test_bad_predictions_are_one_line(spoil, cause):
    good = preds({"a": (1, [0.9, 0.5]), "b": (0, [0.2])}, group="g")
    metrics.frame_and_clip(good)
    with pytest.raises(InputError, match=cause):
        metrics.frame_and_clip(spoil(good))
