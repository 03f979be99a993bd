"""The bootstrap over groups against a slow plain one, and which interval it leads to."""

import math

import numpy as np
import pandas as pd
import pytest
from predictions import CFG, concatenated, made_up
from scipy import stats

from ddet.errors import InputError
from ddet.stats import bootstrap, interval, metrics, thresholds, weighted


def test_groups_are_drawn_whole():
    # Every frame of a group has one score: with one real and one fake group per score, frames add no information.
    preds = made_up()
    once = preds.drop_duplicates("clip_id").copy()
    often = pd.concat([once.assign(frame_idx=i) for i in range(9)])
    few, many = (bootstrap.over_seeds([p], CFG, given=True)["frame_auc"] for p in (once, often))
    assert (few.value, few.low, few.high) == pytest.approx((many.value, many.low, many.high))
    assert (few.frames, many.frames, few.groups, many.groups) == (36, 324, 12, 12)


def test_over_seeds_is_the_mean_over_seeds_of_the_same_resamples():
    seeds = [made_up(s) for s in range(3)]
    found = bootstrap.over_seeds(seeds, CFG)
    assert set(found) == set(metrics.frame_and_clip(seeds[0]))
    plain = [metrics.frame_and_clip(p)["clip_auc"] for p in seeds]
    weights, _ = bootstrap.group_weights(seeds[0], CFG)
    slow = np.array([[concatenated(p, draw, "clip")["auc"] for draw in weights] for p in seeds])
    cell = found["clip_auc"]
    assert cell.value == pytest.approx(np.mean(plain))
    assert cell.spread == cell.seed_sd == pytest.approx(np.std(plain, ddof=1)) and cell.seed_df == 2
    assert cell.per_seed == pytest.approx(plain)
    shared = np.mean([np.cov(slow[i], slow[j], bias=True)[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))]) * 12 / 11
    assert cell.people == pytest.approx(math.sqrt(shared))
    assert cell.own == pytest.approx(math.sqrt(slow.var(axis=1).mean() * 12 / 11 - shared))
    assert cell.low < cell.value < cell.high


def test_a_single_seed_has_no_interval_and_a_given_detector_one_over_people():
    alone, given = (bootstrap.over_seeds([made_up()], CFG, given=g)["clip_auc"] for g in (False, True))
    assert np.isnan([alone.low, alone.high]).all() and alone.people == given.people > 0
    half = stats.t.ppf(0.95, 11) * given.people
    assert (given.low, given.high) == pytest.approx((given.value - half, given.value + half))


def test_a_rule_that_says_the_same_of_every_crop_needs_no_seeds():
    rule = made_up().assign(prob_fake=0.8)
    found = bootstrap.over_seeds([rule], CFG)
    assert found["frame_accuracy"].low < found["frame_accuracy"].high
    arm = [made_up(1), made_up(2)]
    gain = bootstrap.paired(arm, [rule], "frame_accuracy", CFG)
    assert repr(gain) == repr(bootstrap.paired(arm, [rule] * 2, "frame_accuracy", CFG))
    assert len(gain.per_seed) == 2 and gain.unmatched == 0 and gain.low < gain.high


def test_an_interval_ends_where_the_metric_does():
    perfect = [made_up(s, shift=9) for s in (1, 2)]
    found = bootstrap.over_seeds([perfect[0], perfect[1].assign(prob_fake=0.4)], CFG)
    assert found["clip_auc"].value > 0.7 and (found["clip_auc"].low, found["clip_auc"].high) == (0, 1)
    assert found["clip_log_loss"].low == 0 and found["clip_log_loss"].high > 1


def test_each_seed_is_decided_at_the_threshold_of_its_own_valid():
    seeds, valid = [made_up(s) for s in range(2)], [made_up(s, shift=0.1).assign(split="valid") for s in (8, 9)]
    at = [thresholds.of_valid(v)["clip"] for v in valid]
    assert at[0] != at[1]
    found = bootstrap.over_seeds(seeds, CFG, valid=valid)
    assert set(found) == {f"{level}_{n}" for level in metrics.LEVELS for n in (*metrics.NAMES, *metrics.AT_VALID)}
    cell = found["clip_balanced_accuracy_at_valid_threshold"]
    plain = [
        metrics.scores(*metrics.arrays(p, "clip")[:2], t)["balanced_accuracy"] for p, t in zip(seeds, at, strict=True)
    ]
    assert cell.per_seed == pytest.approx(plain)
    weights, _ = bootstrap.group_weights(seeds[0], CFG)
    slow = [
        [concatenated(p, draw, "clip", t)["balanced_accuracy_at_valid_threshold"] for draw in weights]
        for p, t in zip(seeds, at, strict=True)
    ]
    people, own = interval.components(np.array(slow), 12)
    assert (cell.people, cell.own) == pytest.approx((people, own))
    without = bootstrap.over_seeds(seeds, CFG)
    assert repr(without) == repr({name: found[name] for name in without}), "the others do not change"


def test_a_difference_has_the_threshold_of_each_side():
    a, b = [made_up(1), made_up(2), made_up(3)], [made_up(4), made_up(5)]
    valid = [[made_up(s, shift=0.1).assign(split="valid") for s in seeds] for seeds in ((6, 7, 8), (9, 10))]
    name = "frame_accuracy_at_valid_threshold"
    gain = bootstrap.paired(a, b, name, CFG, valid=valid)
    one, two = (bootstrap.over_seeds(p, CFG, valid=v)[name].per_seed for p, v in zip((a, b), valid, strict=True))
    assert gain.per_seed == pytest.approx(np.subtract(one[:2], two)) and gain.unmatched == 1


def test_a_threshold_of_valid_needs_valid_of_each_seed():
    with pytest.raises(InputError, match="no predictions of valid were given"):
        bootstrap.paired([made_up()], [made_up(1)], "clip_accuracy_at_valid_threshold", CFG)
    with pytest.raises(InputError, match="1 of valid for 2 seeds"):
        bootstrap.over_seeds([made_up(1), made_up(2)], CFG, valid=[made_up(3)])


def test_same_seed_same_interval_other_seed_other_interval():
    seeds = [made_up(1), made_up(2)]
    one, again = (bootstrap.over_seeds(seeds, CFG) for _ in range(2))
    other = bootstrap.over_seeds(seeds, CFG.model_copy(update={"seed": 4}))
    assert repr(one) == repr(again)  # repr, because nan is not equal to itself
    assert one["frame_auc"].low != other["frame_auc"].low


def test_row_order_does_not_matter():
    shuffled = made_up().sample(frac=1, random_state=1)
    assert repr(bootstrap.over_seeds([shuffled], CFG)) == repr(bootstrap.over_seeds([made_up()], CFG))


def test_resamples_without_a_class_are_dropped_and_counted():
    preds = made_up(groups=3).assign(label=lambda d: (d["group"] != "g00").astype(int))  # one real group of three
    cell = bootstrap.over_seeds([preds], CFG)["frame_auc"]
    weights, dropped = bootstrap.group_weights(preds, CFG)
    assert (weights[:, 0] > 0).all() and (weights[:, 0] < 3).all()
    assert cell.dropped == dropped > 20  # (2/3)^3 + (1/3)^3 of 120, about 40
    assert cell.resamples == CFG.bootstrap - dropped
    assert cell.few_groups and not bootstrap.over_seeds([made_up(groups=10)], CFG)["frame_auc"].few_groups


def test_one_class_data_keep_the_metrics_that_need_one_class():
    found = bootstrap.over_seeds([made_up().assign(label=1)], CFG, given=True)
    assert np.isnan([found["frame_auc"].value, found["frame_auc"].low, found["clip_f1_real"].high]).all()
    assert found["frame_accuracy"].low < found["frame_accuracy"].high
    assert found["frame_accuracy"].dropped == 0


def test_paired_difference_resamples_the_same_groups():
    a, b = made_up(1, shift=0.4), made_up(2, shift=0.05)
    found = bootstrap.paired([a], [b], "frame_auc", CFG, given=True)
    weights, _ = bootstrap.group_weights(a, CFG)
    slow = np.array([concatenated(a, d, "frame")["auc"] - concatenated(b, d, "frame")["auc"] for d in weights])
    assert found.value == pytest.approx(metrics.frame_and_clip(a)["frame_auc"] - metrics.frame_and_clip(b)["frame_auc"])
    assert found.people == pytest.approx(slow.std() * math.sqrt(12 / 11))
    assert found.low > 0


def test_an_arm_against_itself_differs_by_nothing():
    found = bootstrap.paired([made_up(1), made_up(2)], [made_up(1), made_up(2)], "clip_log_loss", CFG)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_paired_merges_on_the_crop_and_counts_the_rest():
    a, b = made_up(1), made_up(2)
    found = bootstrap.paired([a.iloc[5:]], [b.iloc[:-3]], "frame_accuracy", CFG, given=True)
    same = bootstrap.paired([a.iloc[5:-3]], [b.iloc[5:-3]], "frame_accuracy", CFG, given=True)
    assert (found.unpaired, same.unpaired) == (8, 0)
    assert (found.value, found.low, found.frames) == (same.value, same.low, len(a) - 8)


def test_paired_over_seeds_is_the_difference_of_means():
    a, b = [made_up(1), made_up(2)], [made_up(3, shift=0.1), made_up(4, shift=0.1)]
    found = bootstrap.paired(a, b, "clip_auc", CFG)
    means = [bootstrap.over_seeds(arm, CFG)["clip_auc"].value for arm in (a, b)]
    assert found.value == pytest.approx(means[0] - means[1])
    assert len(found.per_seed) == 2


def test_unequal_seeds_are_compared_over_those_that_both_have():
    a, b = [made_up(s) for s in (1, 2, 3)], [made_up(s, shift=0.1) for s in (4, 5)]
    found, same = (bootstrap.paired(arm, b, "clip_auc", CFG) for arm in (a, a[:2]))
    assert (found.unmatched, same.unmatched, len(found.per_seed)) == (1, 0, 2)
    assert (found.value, found.low, found.high) == (same.value, same.low, same.high)
    back = bootstrap.paired(b, a, "clip_auc", CFG)
    assert (back.value, back.unmatched) == (-found.value, 1)


def measured(seed: int, seeds: int = 1, n: int = 60) -> tuple[np.ndarray, pd.DataFrame]:
    """Invent values, seeds x n, that groups of unequal size share in part; rows in no order of their own."""
    rng, layout = np.random.default_rng(seed), np.random.default_rng(98)
    clips = layout.integers(20, size=n)
    rows = pd.DataFrame({"clip_id": [f"c{c:02d}" for c in clips], "group": [f"g{c % 8}" for c in clips]})
    return rng.normal(0.4, 0.2, (seeds, n)) + 0.3 * np.sin(clips), rows.set_index(np.arange(n) // 2)


def resampled_means(values: np.ndarray, rows: pd.DataFrame) -> list[float]:
    """Average the slow way: lay the values of each drawn group end to end."""
    weights, _ = bootstrap.group_weights(rows.assign(label=0), CFG)
    group = rows["group"].to_numpy()
    return [
        np.mean(
            np.concatenate([np.tile(values[group == g], int(k)) for g, k in zip(sorted(set(group)), w, strict=True)])
        )
        for w in weights
    ]


def test_mean_of_values_equals_the_slow_plain_version():
    values, rows = measured(1, seeds=3)
    found = bootstrap.mean_values(values, rows, CFG)
    slow = np.array([resampled_means(v, rows) for v in values])
    assert found.value == pytest.approx(values.mean()) and found.per_seed == pytest.approx(values.mean(axis=1))
    assert found.spread == pytest.approx(np.std(values.mean(axis=1), ddof=1))
    both = found.people**2 + found.own**2 / 3  # the variance of the mean over seeds
    assert both == pytest.approx(slow.mean(axis=0).var() * 8 / 7)
    counts = (found.frames, found.clips, found.groups, found.resamples, found.dropped, found.unpaired, found.few_groups)
    assert counts == (60, rows["clip_id"].nunique(), 8, 120, 0, 0, True)
    alone = bootstrap.mean_values(values[0], rows, CFG, given=True)
    assert alone.per_seed == pytest.approx([values[0].mean()]) and alone.low < alone.high


def test_paired_values_are_the_mean_of_differences():
    (a, rows), (b, _) = measured(1, seeds=2), measured(2, seeds=2)
    a += 0.1
    found = bootstrap.paired_values(a, b, rows, CFG)
    same = bootstrap.mean_values(a - b, rows, CFG)
    assert repr(found) == repr(same)
    assert found.value == pytest.approx((a - b).mean()) and found.per_seed == pytest.approx((a - b).mean(axis=1))
    back = bootstrap.paired_values(b, a, rows, CFG)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_paired_values_with_unequal_seeds_compare_those_that_both_have():
    (a, rows), (b, _) = measured(1, seeds=3), measured(2, seeds=2)
    found, same = (bootstrap.paired_values(arm, b, rows, CFG) for arm in (a, a[:2]))
    assert (found.value, found.low, found.unmatched, same.unmatched) == (same.value, same.low, 1, 0)


def test_a_value_that_is_nan_takes_its_crop_out_on_both_sides():
    (a, rows), (b, _) = measured(1, seeds=2), measured(2, seeds=2)
    known = np.ones(60, bool)
    known[[4, 9, 30]] = False
    known[rows["group"] == "g3"] = False
    clean = bootstrap.paired_values(a[:, known], b[:, known], rows[known], CFG)
    a[0, 4] = a[1, 9] = b[1, 9] = b[0, 30] = np.nan  # in one seed, in both arms, in the other arm
    a[:, rows["group"] == "g3"] = np.nan
    found = bootstrap.paired_values(a, b, rows, CFG)
    assert found.unpaired == 60 - known.sum() and found.frames == known.sum() and found.groups == 7
    assert (found.value, found.low, found.high) == (clean.value, clean.low, clean.high)


def test_values_of_an_arm_against_itself_differ_by_nothing():
    values, rows = measured(1, seeds=2)
    found = bootstrap.paired_values(values, values, rows, CFG)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda a: a[:, 1:], r"\(59,\) for 60 crops"),
        (lambda a: a[0, 0], r"\(1,\) for 60 crops"),
    ],
)
def test_bad_values_are_one_line(change, cause):
    values, rows = measured(1)
    with pytest.raises(InputError, match=cause):
        bootstrap.mean_values(change(values), rows, CFG)
    with pytest.raises(InputError, match=cause):
        bootstrap.paired_values(values, change(values), rows, CFG)


def test_values_that_no_crop_has_give_an_estimate_without_numbers():
    values, rows = measured(2, seeds=2)
    blind = np.nan * values
    for found in (bootstrap.mean_values(blind, rows, CFG), bootstrap.paired_values(values, blind, rows, CFG)):
        assert np.isnan([found.value, found.low, found.high, found.spread, *found.per_seed]).all()
        assert (found.frames, found.groups, found.unpaired, len(found.per_seed)) == (0, 0, 60, 2) and found.few_groups


def test_the_interval_covers_the_truth():
    # 40 groups of correlated frames with true accuracy .7: 90 % intervals should hold it in about 90 % of worlds.
    rng, hits = np.random.default_rng(5), 0
    for _ in range(100):
        right = np.repeat(rng.random(40) < 0.7, 5)
        y = np.tile([0, 1], 100)
        p = np.where(right, y, 1 - y) * 0.8 + 0.1
        group = np.repeat(np.arange(40), 5)
        cfg = CFG.model_copy(update={"seed": int(rng.integers(1000))})
        weights, _ = bootstrap.group_weights(pd.DataFrame({"group": group, "label": y}), cfg)
        low, high = np.quantile(weighted.weighted_scores(y, p, group, weights)["accuracy"], [0.05, 0.95])
        hits += low <= 0.7 <= high
    assert 80 <= hits <= 99


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda p: bootstrap.over_seeds([], CFG), "no seed given"),
        (lambda p: bootstrap.over_seeds([p, p.iloc[1:]], CFG), "different crops"),
        (lambda p: bootstrap.paired([p], [p], "auc", CFG), "no such metric"),
        (lambda p: bootstrap.paired([p.iloc[:9]], [p.iloc[9:]], "frame_auc", CFG), "share no crop"),
        (lambda p: bootstrap.paired([p], [p.assign(label=1 - p.label)], "frame_auc", CFG), "another label or group"),
    ],
)
def test_bad_input_is_one_line(call, cause):
    with pytest.raises(InputError, match=cause):
        call(made_up())
