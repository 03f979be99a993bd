"""Herd's tables by hand on invented runs: the sweep, protocols side by side, an ensemble."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from herd_toys import four_arms, write_run
from predictions import made_up

from ddet import params, published
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.herd import tables as herd_tables
from ddet.stats import bootstrap, metrics, pooling

CFG = params.Report(bootstrap=120, confidence=0.9, seed=3)


def test_the_columns_begin_with_those_of_the_paper():
    assert [c.title for c in herd_tables.COLUMNS][:3] == list(published.wide("herd_table2").columns)
    assert all(metrics.level_and_name(name) for name in [*(c.metric for c in herd_tables.COLUMNS), *herd_tables.SWEPT])


def test_the_table_of_the_sweep_has_one_axis_for_both_classes(tmp_path):
    """Weighting real by 2 is weighting fake by 1/2; the numbers are those of each arm's predictions."""
    arms = herd_arms.sweep(four_arms())
    preds = {name: [made_up(2 * i, shift=0.05 * i), made_up(2 * i + 1)] for i, name in enumerate(arms)}
    done = pd.DataFrame(write_run(tmp_path, name, s, t) for name, seeds in preds.items() for s, t in enumerate(seeds))
    table = herd_tables.sweep_table(four_arms(), done, {}, {}, CFG)
    assert table["weight"].tolist() == [1, 0.5, 2] * 2
    assert table["training set"].tolist() == ["balanced"] * 3 + ["4 fakes to a real"] * 3
    assert list(table.columns)[2] == "seeds" and table["seeds"].eq(2).all()
    assert list(table.columns)[3:] == [f"{name}{end}" for name in herd_tables.SWEPT for end in ("", "_low", "_high")]
    every = pooling.pooled({name: bootstrap.over_seeds(seeds, CFG, valid=seeds) for name, seeds in preds.items()})
    for line, (name, found) in zip(table.to_dict("records"), preds.items(), strict=True):
        plain, interval = pd.DataFrame(map(metrics.frame_and_clip, found)).mean(), every[name]
        plain[herd_tables.F1_AT] = interval[herd_tables.F1_AT].value
        assert [line[name] for name in herd_tables.SWEPT] == pytest.approx([plain[name] for name in herd_tables.SWEPT])
        assert line["frame_auc_low"] == interval["frame_auc"].low < interval["frame_auc"].high == line["frame_auc_high"]


def test_an_arm_of_one_seed_in_the_sweep_takes_the_noise_of_others(tmp_path):
    arms = herd_arms.sweep(four_arms())
    done = pd.DataFrame(write_run(tmp_path, name, 0, made_up(i)) for i, name in enumerate(arms))
    assert herd_tables.sweep_table(four_arms(), done, {}, {}, CFG)["frame_auc_low"].isna().all()
    several = {f"a{i}": [made_up(20 + 3 * i + s) for s in range(3)] for i in range(3)}
    table = herd_tables.sweep_table(four_arms(), done, several, several, CFG)
    assert (table["frame_auc_low"] < table["frame_auc"]).all() and table["seeds"].eq(1).all() and len(table) == 6


def test_the_curves_of_a_sweep_cross_or_do_not():
    weights = {"weight": [2.0, 0.5, 1.0]}
    one = pd.DataFrame({"training set": "balanced", **weights, "frame_f1_real": [0.4, 0.8, 0.7], "frame_f1_fake": 0.6})
    two = pd.DataFrame({"training set": "10 fakes to a real", **weights, "frame_f1_real": 0.1, "frame_f1_fake": 0.6})
    said = herd_tables.crossings(pd.concat([one, two]))
    assert said.startswith("balanced: they cross between 1 and 2; ")
    assert said.endswith("10 fakes to a real: they never cross, fakes have the higher F1.")


# several arms together


def test_an_ensemble_averages_crop_by_crop_and_seed_by_seed():
    a, b = [made_up(1), made_up(2)], [made_up(3), made_up(4)]
    found = herd_tables.mean_predictions(a, b)
    assert len(found) == 2
    for mean, one, two in zip(found, a, b, strict=True):
        np.testing.assert_allclose(mean["prob_fake"], (one["prob_fake"] + two["prob_fake"]) / 2)
        pd.testing.assert_frame_equal(mean.drop(columns="prob_fake"), one.drop(columns="prob_fake"))
    three = herd_tables.mean_predictions(a, b, a)[0]["prob_fake"]
    np.testing.assert_allclose(three, (2 * a[0]["prob_fake"] + b[0]["prob_fake"]) / 3)


def test_an_ensemble_has_as_many_seeds_as_its_smallest_member():
    assert len(herd_tables.mean_predictions([made_up(1), made_up(2)], [made_up(3)])) == 1


def test_an_ensemble_of_an_arm_with_itself_is_that_arm():
    (mean,) = herd_tables.mean_predictions([made_up(1)], [made_up(1)])
    pd.testing.assert_frame_equal(mean, made_up(1))


@pytest.mark.parametrize("change", [lambda p: p.iloc[1:].reset_index(drop=True), lambda p: p.assign(track=1)])
def test_an_ensemble_over_different_crops_is_one_line(change):
    with pytest.raises(InputError, match=r"^ensemble: its members scored different crops; score them on one split$"):
        herd_tables.mean_predictions([made_up(1)], [change(made_up(2))])


def test_protocols_stand_side_by_side_with_their_counts(monkeypatch):
    preds = {"Base": [made_up(1), made_up(2)], "Base, image split": [made_up(3, groups=9)], "unasked": []}
    valid = {name: [p.assign(prob_fake=p["prob_fake"] / 2) for p in seeds] for name, seeds in preds.items()}
    table = herd_tables.protocols(preds, valid, ["Base, image split", "Base"], CFG)
    assert (table["frame_accuracy"] != table["frame_accuracy_at_valid_threshold"]).all()
    assert table["arm"].tolist() == ["Base, image split", "Base"] and table["seeds"].tolist() == [1, 2]
    assert table["groups"].tolist() == [9, 12] and table["clips"].tolist() == [27, 36]
    assert table["crops"].tolist() == [len(made_up(3, groups=9)), len(made_up(1))]
    fixed = {name: dataclasses.replace(e, value=0.71828, low=0.6, high=0.9)
             for name, e in bootstrap.over_seeds(preds["Base"], CFG, valid=valid["Base"]).items()}  # fmt: skip
    monkeypatch.setattr(herd_tables.bootstrap, "over_seeds", lambda *_, valid: fixed)
    shown = herd_tables.protocols(preds, valid, ["Base"], CFG).iloc[0]
    for metric in ("frame_accuracy", "frame_macro_f1", "frame_auc", "clip_auc"):
        assert shown[metric] == "0.718 [0.600, 0.900]"


# noise that arms share


def answers(*hits: int) -> list[pd.DataFrame]:
    """Invent the predictions of several seeds, each right about so many of ten reals; fakes are all found."""
    clips = [f"d/m/-/{i:02d}" for i in range(20)]
    table = pd.DataFrame({"clip_id": clips, "frame_idx": 0, "track": 0, "group": clips, "split": "test"})
    table["label"] = [0] * 10 + [1] * 10
    return [table.assign(prob_fake=[0.1] * n + [0.9] * (20 - n)) for n in hits]


def test_shared_noise_by_hand():
    """Accuracies .5, .6, .7 and .6, .7, .8 and .5, .7, .6: variances .01, covariances .01, .005 and .005."""
    preds = {"a": answers(0, 2, 4), "b": answers(2, 4, 6), "c": answers(0, 4, 2), "short": answers(1)}
    found = herd_tables.shared_noise(preds, ["frame_accuracy", "frame_auc"])
    line = found.iloc[0]
    assert found["metric"].tolist() == ["frame_accuracy", "frame_auc"] and (line["arms"], line["seeds"]) == (3, 3)
    assert line["sd"] == pytest.approx(0.1) and line["covariance"] == pytest.approx(0.02 / 3)
    assert line["correlation"] == pytest.approx(2 / 3) and line["if independent"] == pytest.approx(0.02**0.5)
    assert line["sd of a difference"] == pytest.approx((2 * (0.01 - 0.02 / 3)) ** 0.5)


def test_one_seed_or_one_arm_shares_nothing_that_is_known():
    one_seed = herd_tables.shared_noise({"a": answers(3), "b": answers(4)}, ["frame_accuracy"]).iloc[0]
    assert one_seed[["sd", "covariance", "correlation", "sd of a difference"]].isna().all() and one_seed["seeds"] == 1
    one_arm = herd_tables.shared_noise({"a": answers(3, 5)}, ["frame_accuracy"]).iloc[0]
    assert one_arm["sd"] > 0 and np.isnan(one_arm["covariance"])
    assert len(herd_tables.shared_noise({}, ["frame_accuracy"])) == 1
