"""What the Herd notebooks share: parts, sweep, best arm, protocols, ensemble; by hand on invented runs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from predictions import made_up

from ddet import params, paths, published
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.herd import tables as herd_tables
from ddet.params import arms
from ddet.runs import planned
from ddet.stats import bootstrap, metrics
from ddet.training import common, learner

CFG = params.Report(bootstrap=120, confidence=0.9, seed=3)
FILES = [paths.PARAMS, *sorted((paths.ROOT / "profiles").glob("*.yaml"))]
SMOKE = params.load(paths.ROOT / "profiles/smoke.yaml").herd


def section(**update) -> params.Herd:
    arms = {
        "Base": {
            "part": "augmentation",
            "rows": {"table1": "GenConViT", "table2": "Base model"},
        },
        "WL": {"part": "weighted_loss", "weight": 2.0, "rows": {"table2": "WL"}},
        "NA": {"part": "augmentation", "augment": "none", "rows": {"table2": "NA"}},
        "RF": {"part": "augmentation", "augment": "flips"},
    }
    sweep = {"classes": ["real", "fake"], "weights": [2.0], "imbalance": [1.0, 4.0], "seeds": 1}
    made = {"arms": {name: params.Arm(**arm) for name, arm in arms.items()}, "sweep": params.Sweep(**sweep)}
    return SMOKE.model_copy(update=made | update)


@pytest.fixture
def runs(tmp_path):
    """Write made-up runs; returns a function (arm, seed, one table of predictions, histories of its stages) -> line."""

    def write(arm: str, seed: int, preds: pd.DataFrame | None = None, histories=()) -> dict:
        names = [f"{arm}-{seed}-{stage}" for stage in range(len(histories) or 1)]
        for name in names:
            (tmp_path / name).mkdir()
        for name, history in zip(names, histories, strict=False):
            history.to_csv(tmp_path / name / learner.HISTORY, index=False)
        folder = tmp_path / names[-1]
        if preds is not None:
            preds.assign(split="test").to_parquet(folder / common.PREDICTIONS)
        return {"arm": arm, "seed": seed, "key": names[-1], "chain": " ".join(names), "folder": folder}

    return write


# arms


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_parts_deal_out_every_arm_once(file):
    cfg = params.load(file).herd
    parts = ("augmentation", "masked_eyes", "weighted_loss", "results")
    dealt = [arm for part in parts for arm in planned.of_part(cfg, part)]
    assert sorted(dealt) == sorted(cfg.arms) and all(planned.of_part(cfg, part) for part in parts)


def test_a_part_keeps_the_order_of_the_file_whatever_only_says():
    assert list(planned.of_part(section(), "augmentation")) == ["Base", "NA", "RF"]
    assert list(planned.of_part(section(), "augmentation", ["RF", "Base"])) == ["Base", "RF"]
    assert planned.of_part(section(), "augmentation", []) == {}


@pytest.mark.parametrize("name", ["WL", "rf"])
def test_an_arm_of_another_part_is_one_line(name):
    with pytest.raises(InputError, match=rf"^only = \['NA', '{name}'\]: '{name}' is no arm here; use .* Base, NA, RF$"):
        planned.of_part(section(), "augmentation", ["NA", name])


def test_a_name_that_is_nearly_right_and_the_key_of_an_arm_are_met_with_its_name():
    cfg = section(arms=arms.by_name({"rot_rf": params.Arm(name="Rot + RF", part="augmentation")}))
    for word in ("Rot+RF", "rot_rf"):
        with pytest.raises(InputError, match=r"is no arm here; did you mean 'Rot \+ RF'\? use some of Rot \+ RF$"):
            planned.of_part(cfg, "augmentation", [word])


def test_an_arm_of_another_part_is_not_taken_for_a_slip():
    parts = {"Rot + RF": "augmentation", "Rot + RF 2": "results"}
    cfg = section(arms={name: params.Arm(part=part) for name, part in parts.items()})
    with pytest.raises(InputError, match=r"'Rot \+ RF 2' is no arm here; use some of Rot \+ RF$"):
        planned.of_part(cfg, "augmentation", ["Rot + RF 2"])


def test_rows_name_the_paper_s_rows_in_the_order_of_the_arms():
    assert herd_arms.rows_of(section(), "table2") == {"Base": "Base model", "WL": "WL", "NA": "NA"}
    assert list(herd_arms.rows_of(section(), "table2")) == ["Base", "WL", "NA"]
    assert herd_arms.rows_of(section(), "table1") == {"Base": "GenConViT"}


def test_the_columns_begin_with_those_of_the_paper():
    assert [c.title for c in herd_tables.COLUMNS][:3] == list(published.wide("herd_table2").columns)
    assert all(metrics.level_and_name(name) for name in [*(c.metric for c in herd_tables.COLUMNS), *herd_tables.SWEPT])


def test_leaky_arms_differ_from_their_own_in_the_protocol_alone():
    cfg = section(leaky=params.Leaky(splits=["image", "clip"], seeds=5))
    again = herd_arms.leaky(cfg, ["Base", "WL", "Base"])
    assert list(again) == ["Base, image split", "WL, image split", "Base, clip split", "WL, clip split"]
    assert [arm.split for arm in again.values()] == ["image", "image", "clip", "clip"]
    assert all(arm.part == "results" and not arm.rows and arm.seeds == 5 for arm in again.values())
    free = {"part", "rows", "seeds", "split"}
    for name in ("Base", "WL"):
        assert again[f"{name}, clip split"].model_dump(exclude=free) == cfg.arms[name].model_dump(exclude=free)
    assert herd_arms.leaky(section(leaky=params.Leaky(splits=[], seeds=1)), ["Base"]) == {}


# the sweep


def test_the_sweep_by_hand():
    found = herd_arms.sweep(section())
    assert {name: (arm.weighted_class, arm.weight, arm.imbalance) for name, arm in found.items()} == {
        "sweep: fake x 1, 1:1": ("fake", 1.0, 1.0),
        "sweep: real x 2, 1:1": ("real", 2.0, 1.0),
        "sweep: fake x 2, 1:1": ("fake", 2.0, 1.0),
        "sweep: fake x 1, 4:1": ("fake", 1.0, 4.0),
        "sweep: real x 2, 4:1": ("real", 2.0, 4.0),
        "sweep: fake x 2, 4:1": ("fake", 2.0, 4.0),
    }
    assert {(arm.seeds, arm.augment, arm.part) for arm in found.values()} == {(1, None, "weighted_loss")}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_sweep_has_a_name_for_every_setting(file):
    sweep = params.load(file).herd.sweep
    weights = len(sweep.imbalance) * (1 + len(sweep.classes) * len(sweep.weights))
    assert len(herd_arms.sweep(params.load(file).herd)) == weights


def test_a_point_of_the_sweep_that_is_an_arm_is_the_same_run():
    cfg = section()
    given = planned.Inputs({}, {"identity": "d"}, {cfg.model.backbone: "s"})
    arms = {"WL": cfg.arms["WL"].model_copy(update={"seeds": 1}), **herd_arms.sweep(cfg)}
    stages = {row.arm: row.stages for row in herd_arms.plan(cfg, arms, given)}
    assert [name for name in stages if stages[name] == stages["WL"]] == ["WL", "sweep: fake x 2, 1:1"]


def test_the_table_of_the_sweep_has_one_axis_for_both_classes(runs):
    """Weighting real by 2 is weighting fake by 1/2; the numbers are those of each arm's predictions."""
    arms = herd_arms.sweep(section())
    preds = {name: made_up(seed, shift=0.05 * seed) for seed, name in enumerate(arms)}
    done = pd.DataFrame(runs(name, 0, table) for name, table in reversed(preds.items()))
    table = herd_tables.sweep_table(section(), done, CFG)
    assert table["weight"].tolist() == [1, 0.5, 2] * 2
    assert table["training set"].tolist() == ["balanced"] * 3 + ["4 fakes to a real"] * 3
    assert list(table.columns)[2:] == [f"{name}{end}" for name in herd_tables.SWEPT for end in ("", "_low", "_high")]
    for line, found in zip(table.to_dict("records"), preds.values(), strict=True):
        plain, interval = metrics.frame_and_clip(found), bootstrap.over_seeds([found], CFG)
        assert [line[name] for name in herd_tables.SWEPT] == pytest.approx([plain[name] for name in herd_tables.SWEPT])
        assert line["frame_auc_low"] == interval["frame_auc"].low < interval["frame_auc"].high == line["frame_auc_high"]


# the best arm


def history(*epochs: tuple[float, int]) -> pd.DataFrame:
    """Lay out a history from (frame AUC on valid, is this the epoch that was kept)."""
    auc, selected = zip(*epochs, strict=True)
    return pd.DataFrame({"epoch": range(1, len(auc) + 1), "frame_auc": auc, "selected": selected})


def test_the_best_arm_on_valid_by_hand(runs):
    """Kept at the end: A (.7 + .6) / 2 = .65, B (.9 + .5) / 2 = .7, C .68 and .69.

    A had .95 in its first stage, and C .99 in an epoch that was not kept; B's better seed alone would not do.
    """
    done = pd.DataFrame(
        [
            runs("A", 0, None, [history((0.95, 1)), history((0.7, 1))]),
            runs("A", 1, None, [history((0.95, 1)), history((0.6, 1))]),
            runs("B", 0, None, [history((0.1, 0), (0.9, 1))]),
            runs("B", 1, None, [history((0.5, 1), (0.4, 0))]),
            runs("C", 0, None, [history((0.68, 1), (0.99, 0))]),
            runs("C", 1, None, [history((0.69, 1))]),
        ]
    )
    assert herd_arms.best_on_valid(done) == "B"
    assert herd_arms.best_on_valid(done[done["arm"] != "B"]) == "C"
    assert herd_arms.best_on_valid(done[done["seed"] == 1]) == "C"


def test_the_first_of_equals_is_the_best(runs):
    done = pd.DataFrame([runs(arm, 0, None, [history((0.8, 1))]) for arm in ("NA", "Base")])
    assert herd_arms.best_on_valid(done) == "NA"


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
    table = herd_tables.protocols(preds, ["Base, image split", "Base"], CFG)
    assert table["arm"].tolist() == ["Base, image split", "Base"] and table["seeds"].tolist() == [1, 2]
    assert table["groups"].tolist() == [9, 12] and table["clips"].tolist() == [27, 36]
    assert table["crops"].tolist() == [len(made_up(3, groups=9)), len(made_up(1))]
    fixed = {name: dataclasses.replace(e, value=0.71828, low=0.6, high=0.9)
             for name, e in bootstrap.over_seeds(preds["Base"], CFG).items()}  # fmt: skip
    monkeypatch.setattr(herd_tables.bootstrap, "over_seeds", lambda *_: fixed)
    shown = herd_tables.protocols(preds, ["Base"], CFG).iloc[0]
    for metric in ("frame_accuracy", "frame_macro_f1", "frame_auc", "clip_auc"):
        assert shown[metric] == "0.718 [0.600, 0.900]"
