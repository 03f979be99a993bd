"""Herd's arms as configurations: what shapes a key, what a curriculum shares, the sweep, the best arm."""

import json

import pandas as pd
import pytest
from herd_toys import four_arms, planned, write_run
from toys import NET, TRAIN, arm, given, section, store

from ddet import params, paths
from ddet.herd import arms as herd_arms
from ddet.runs import planned as runs_planned

FILES = [paths.PARAMS, *sorted((paths.ROOT / "profiles").glob("*.yaml"))]


def only(**changes) -> dict:
    """Return the configuration of the one phase of the one arm that `changes` make."""
    (row,) = planned(arm=arm(**changes))
    (phase,) = row.phases
    return phase


def test_a_plan_lists_arms_in_their_order_and_seeds_within():
    rows = planned(2, RF=arm("flips"), NA=arm(seeds=1))
    assert [(r.arm, r.seed, r.crop_set) for r in rows] == [("RF", s, "identity") for s in (0, 1)] + [
        ("NA", 0, "identity")
    ]
    assert [r.phases[0]["seed"] for r in rows] == [0, 1, 0]


def test_a_plain_arm_is_one_phase_of_what_the_section_says():
    assert only() == {
        "augment": {"p": 1.0, "steps": []},
        "data_hash": "data of identity",
        "imbalance": 1.0,
        "loss": {"weight": 1.0, "weighted_class": "fake"},
        "mask": "none",
        "model": NET.model_dump(),
        "per_class": 3,
        "seed": 0,
        "start": {"backbone": f"s of {NET.backbone}"},
        "phase": 0,
        "train": TRAIN.model_dump(),
    }


@pytest.mark.parametrize(
    ("says", "becomes"),
    [
        ({"augment": "flips"}, {"augment": {"p": 1.0, "steps": [["HorizontalFlip", 0.5], ["VerticalFlip", 0.5]]}}),
        ({"epochs": 7, "lr": 0.5}, {"train": TRAIN.model_dump() | {"epochs": 7, "lr": 0.5}}),
        ({"bs": 2, "wd": 0.1}, {"train": TRAIN.model_dump() | {"bs": 2, "wd": 0.1}}),
        ({"weight": 1.85}, {"loss": {"weight": 1.85, "weighted_class": "fake"}}),
        ({"weight": 2.0, "weighted_class": "real"}, {"loss": {"weight": 2.0, "weighted_class": "real"}}),
        ({"imbalance": 10.0}, {"imbalance": 10.0}),
        ({"split": "image"}, {"data_hash": "data of image"}),
        ({"curriculum": "masked"}, {"mask": "eyes"}),
        (
            {"model": params.ModelChange(backbone="test_convnext")},
            {"model": NET.model_dump() | {"backbone": "test_convnext"}, "start": {"backbone": "s of test_convnext"}},
        ),
    ],
    ids=lambda value: "-".join(value),
)
def test_what_an_arm_says_changes_its_configuration_there_alone(says, becomes):
    assert only(**says) == only() | becomes


def test_a_name_shapes_no_key_and_what_an_arm_says_does(tmp_path):
    keys = store(tmp_path).key
    same, alike, other = planned(NA=arm(), again=arm(rows={"table2": "NA"}), RF=arm("flips"))
    assert keys(same.phases[0]) == keys(alike.phases[0]) != keys(other.phases[0])
    assert only(epochs=TRAIN.epochs, weight=1.0, imbalance=1.0, curriculum="plain") == only(), "as the section says"


def test_a_weight_of_one_is_the_plain_loss_on_either_side():
    assert only(weight=1.0, weighted_class="real") == only(weight=1.0) == only()
    assert only(weighted_class="real") == only(), "without a weight there is nothing to put on a side"


def test_data_start_and_seed_shape_a_key(tmp_path):
    other = given(pd.DataFrame({"sha": ["a"]}))
    every = [*planned(2), *planned(inputs=other), *planned(start="t")]
    assert len({store(tmp_path).key(r.phases[0]) for r in every}) == 4


def test_the_order_of_steps_shapes_a_key():
    flips = {"HorizontalFlip": 0.5, "VerticalFlip": 0.5}
    both = [{"a": params.AugmentList(p=1.0, steps=dict(order))} for order in (flips.items(), [*flips.items()][::-1])]
    one, other = (herd_arms.plan(section(augment="a", augment_lists=b), {"x": arm("a")}, given())[0] for b in both)
    assert json.dumps(one.phases, sort_keys=True) != json.dumps(other.phases, sort_keys=True)


def test_the_phases_of_a_curriculum_differ_in_mask_epochs_and_place_alone():
    first, second, third = planned(MEP=arm(curriculum="mep"))[0].phases
    assert [s["mask"] for s in (first, second, third)] == ["eyes", "none", "eyes"]
    assert [s["train"]["epochs"] for s in (first, second, third)] == [1, 2, 1]
    assert third == first | {"phase": 2}
    assert second == first | {"mask": "none", "train": TRAIN.model_dump() | {"epochs": 2}, "phase": 1}


def test_a_curriculum_without_epochs_trains_each_phase_as_long_as_the_section_says():
    both = params.Curriculum(phases=["masked", "full"])
    cfg = section(curricula={"both": both}, curriculum="both", train=TRAIN.model_copy(update={"epochs": 6}))
    (row,) = herd_arms.plan(cfg, {"x": arm()}, given())
    assert [(s["mask"], s["train"]["epochs"]) for s in row.phases] == [("eyes", 6), ("none", 6)]


def test_an_arm_and_the_sweep_inherit_the_list_of_their_section():
    cfg = section(augment="flips")
    rows = herd_arms.plan(cfg, {"x": arm(), "y": arm("none"), **herd_arms.sweep(cfg)}, given())
    assert [len(row.phases[0]["augment"]["steps"]) for row in rows] == [2, 0, 2, 2]


def test_one_number_of_epochs_holds_for_each_phase():
    (row,) = planned(MEP=arm(curriculum="two", epochs=4))
    assert [s["train"]["epochs"] for s in row.phases] == [4, 4]


def test_an_arm_changes_the_network_where_it_says_so():
    net = params.Model(name="genconvit_ed", backbone="test_nfnet", size=96, form="released", swin="slim_swin", width=16)
    cfg = section(model=net)

    def changed(**change) -> dict:
        made = herd_arms.model_of(cfg, arm(model=params.ModelChange(**change))).model_dump()
        return {key: value for key, value in made.items() if value != net.model_dump()[key]}

    assert herd_arms.model_of(cfg, arm()) == net
    assert changed(swin="none") == {"swin": None}
    assert changed(form="intended") == {"form": "intended"}
    assert changed(name="genconvit_vae", width=4) == {"name": "genconvit_vae", "width": 4}
    plain = {"name": "timm", "swin": None, "width": 1}
    assert changed(name="timm") == plain, "what is GenConViT's shapes no other network"
    assert changed(name="recce", width=8, form="intended") == {"name": "recce", "swin": None, "width": 8}
    assert changed(name="recce") == {"name": "recce", "swin": None, "width": 1}, "nor has it the width of the section's"
    assert changed(name="timm", form="intended", width=8, backbone="test_vit") == plain | {"backbone": "test_vit"}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_parts_deal_out_every_arm_once(file):
    cfg = params.load(file).herd
    parts = ("augmentation", "masked_eyes", "weighted_loss", "results", "compared")
    dealt = [arm for part in parts for arm in runs_planned.of_part(cfg, part)]
    assert sorted(dealt) == sorted(cfg.arms) and all(runs_planned.of_part(cfg, part) for part in parts)


def test_rows_name_the_paper_s_rows_in_the_order_of_the_arms():
    assert herd_arms.rows_of(four_arms(), "table2") == {"Base": "Base model", "WL": "WL", "NA": "NA"}
    assert list(herd_arms.rows_of(four_arms(), "table2")) == ["Base", "WL", "NA"]
    assert herd_arms.rows_of(four_arms(), "table1") == {"Base": "GenConViT"}


def test_leaky_arms_differ_from_their_own_in_the_protocol_alone():
    cfg = four_arms(leaky=params.Leaky(splits=["image", "clip"], seeds=5))
    again = herd_arms.leaky(cfg, ["Base", "WL", "Base"])
    assert list(again) == ["Base, image split", "WL, image split", "Base, clip split", "WL, clip split"]
    assert [arm.split for arm in again.values()] == ["image", "image", "clip", "clip"]
    assert all(arm.part == "results" and not arm.rows and arm.seeds == 5 for arm in again.values())
    free = {"part", "rows", "seeds", "split"}
    for name in ("Base", "WL"):
        assert again[f"{name}, clip split"].model_dump(exclude=free) == cfg.arms[name].model_dump(exclude=free)
    assert herd_arms.leaky(four_arms(leaky=params.Leaky(splits=[], seeds=1)), ["Base"]) == {}


def test_the_sweep_by_hand():
    found = herd_arms.sweep(four_arms())
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
    cfg = four_arms()
    given = runs_planned.Inputs({}, {"identity": "d"}, {cfg.model.backbone: "s"})
    arms = {"WL": cfg.arms["WL"].model_copy(update={"seeds": 1}), **herd_arms.sweep(cfg)}
    phases = {row.arm: row.phases for row in herd_arms.plan(cfg, arms, given)}
    assert [name for name in phases if phases[name] == phases["WL"]] == ["WL", "sweep: fake x 2, 1:1"]


def history(*epochs: tuple[float, int]) -> pd.DataFrame:
    """Lay out a history from (frame AUC on valid, is this the epoch that was kept)."""
    auc, selected = zip(*epochs, strict=True)
    return pd.DataFrame({"epoch": range(1, len(auc) + 1), "frame_auc": auc, "selected": selected})


def test_the_best_arm_on_valid_by_hand(tmp_path):
    """Kept at the end: A (.7 + .6) / 2 = .65, B (.9 + .5) / 2 = .7, C .68 and .69.

    A had .95 in its first phase, and C .99 in an epoch that was not kept; B's better seed alone would not do.
    """
    done = pd.DataFrame(
        [
            write_run(tmp_path, "A", 0, None, [history((0.95, 1)), history((0.7, 1))]),
            write_run(tmp_path, "A", 1, None, [history((0.95, 1)), history((0.6, 1))]),
            write_run(tmp_path, "B", 0, None, [history((0.1, 0), (0.9, 1))]),
            write_run(tmp_path, "B", 1, None, [history((0.5, 1), (0.4, 0))]),
            write_run(tmp_path, "C", 0, None, [history((0.68, 1), (0.99, 0))]),
            write_run(tmp_path, "C", 1, None, [history((0.69, 1))]),
        ]
    )
    assert herd_arms.best_on_valid(done) == "B"
    assert herd_arms.best_on_valid(done[done["arm"] != "B"]) == "C"
    assert herd_arms.best_on_valid(done[done["seed"] == 1]) == "C"


def test_the_first_of_equals_is_the_best(tmp_path):
    done = pd.DataFrame([write_run(tmp_path, arm, 0, None, [history((0.8, 1))]) for arm in ("NA", "Base")])
    assert herd_arms.best_on_valid(done) == "NA"
