"""PRLE's rows as runs: which fits there are, what shapes their keys and seeds, and which crops they meet."""

from pathlib import Path

import pandas as pd
import pytest
from prle_toys import DETECTORS, METHODS, SIZE, SPLITS, arm, compared, inputs, section
from toys import TRAIN

from ddet import models, params, paths
from ddet.errors import InputError
from ddet.hashing import fingerprint
from ddet.models import zoo
from ddet.params.prle import ExploitChange, FusionChange, MapsChange, Subsets
from ddet.prle import arms as prle_arms
from ddet.prle import train as prle_train
from ddet.runs import finished, starts
from ddet.training.common import core

MAPS = {"Xception + PRLE": ["m1"], "Xception + x": ["m2"]}
RULE = {"method": "union", "tau1": 0.3, "lam": 0.15, "tau2": 0.0}
HIDE = {"kind": "primary", "zoo": ["Xception", "EfficientNet"], "fusion": RULE}
NEITHER = {"form": "released", "swin": None, "width": 1}  # what shapes GenConViT alone
HIDE |= {
    "maps": {"of_class": "fake", "folds": 1, "dealt": False},
    "area": None,
    "p": 0.5,
    "alpha": [0.0, 1.0],
    "gamma": 1.0,
    "fill": "zero",
}


def config(name: str, x: params.PrleArm | None = None, maps: dict[str, list[str]] = MAPS, **changes) -> dict:
    """Return the configuration of the first seed of a fit of a section with the arms of `section` and `x`."""
    cfg = section({"x": x or arm()}, **changes)
    every = {fit: ["-"] for fit in prle_arms.fits(cfg)} | maps
    rows = prle_arms.plan(cfg, prle_arms.fits(cfg), inputs(cfg), every)
    return next(row for row in rows if row.arm == name).phases[0]


# which fits there are


def test_fits_are_named_and_listed_as_the_paper_does():
    cfg = section({"x": arm(detectors=["EfficientNet"], seeds=2)}, seeds=3)
    listed = prle_arms.fits(cfg)
    assert list(listed) == [
        *DETECTORS, *(f"{d} + PRLE" for d in DETECTORS), "EfficientNet + x",
        *("DF: Xception", "DF: Xception + PRLE", "DF: EfficientNet"),  # EfficientNet makes maps alone
        *("FS: Xception", "FS: Xception + PRLE", "FS: EfficientNet"),
    ]  # fmt: skip
    assert listed["EfficientNet + x"] == prle_arms.Fit("EfficientNet", cfg.arms["x"], "FF++", 2)
    assert listed["Xception"] == prle_arms.Fit("Xception", cfg.arms["backbone"], "FF++", 3)
    assert listed["FS: Xception + PRLE"] == prle_arms.Fit("Xception", cfg.arms["PRLE"], "FaceSwap", 1)
    assert listed["FS: EfficientNet"] == prle_arms.Fit("EfficientNet", cfg.arms["backbone"], "FaceSwap", 1)


def test_two_folds_train_the_zoo_of_that_arm_on_each_half():
    cfg = section({"x": arm(maps=MapsChange(folds=2), zoo=["ResNet-50"], detectors=["Xception"], seeds=2)}, seeds=3)
    listed = prle_arms.fits(cfg)
    assert list(listed)[-2:] == ["half 1: ResNet-50", "half 2: ResNet-50"]
    assert len(listed) == len(prle_arms.fits(section())) + 3
    assert listed["half 2: ResNet-50"] == prle_arms.Fit("ResNet-50", cfg.arms["backbone"], "FF++, half 2", 1)
    every = prle_arms.fits(section(maps=params.prle.Maps(of_class="fake", folds=2, dealt=False)))
    halves = [name for name in every if "half" in name]
    assert len(halves) == 2 * 2 * 3 and "DF, half 1: EfficientNet" in halves, "two members, two halves, three crop sets"


def test_both_parts_hold_every_fit_once():
    cfg = section(compared() | {"selected on test": arm("nothing", select_on="test", detectors=["EfficientNet"])})
    zoo, other = (prle_arms.of_part(cfg, part) for part in ("zoo", "exploitation"))
    assert zoo | other == prle_arms.fits(cfg) and not set(zoo) & set(other)
    assert [name for name in zoo if ":" not in name] == [*DETECTORS, "EfficientNet + selected on test"]
    assert {fit.arm.hide for fit in other.values()} == {"primary", "rectangles", "parts"}


def test_only_chooses_and_an_unknown_fit_is_one_line():
    cfg = section()
    assert list(prle_arms.of_part(cfg, "zoo", ["FS: Xception", "ResNet-50"])) == ["ResNet-50", "FS: Xception"]
    with pytest.raises(InputError, match=r"'Xception \+ PRLE' is no fit here; use some of Xception, Eff") as error:
        prle_arms.of_part(cfg, "zoo", ["Xception", "Xception + PRLE"])
    assert "\n" not in str(error.value)


def test_a_fit_that_is_nearly_right_and_the_key_of_an_arm_are_met_with_a_fit():
    cfg = section({"X. + E.": arm()})
    for word in ("Xception + X.+E.", cfg.arms["X. + E."].key):
        with pytest.raises(InputError, match=r"is no fit here; did you mean 'Xception \+ X\. \+ E\.'\? use some of"):
            prle_arms.of_part(cfg, "exploitation", [word])


def test_every_method_of_ffpp_has_a_short_name_of_its_own():
    published = params.load(paths.PARAMS).prle.subsets.methods
    assert set(published) <= set(prle_arms.SHORT) and len(set(prle_arms.SHORT.values())) == len(prle_arms.SHORT)


def test_hidden_and_augmented_crops_are_marked():
    marks = prle_arms.augmented(section({"x": arm("nothing", augment="flips", detectors=["Xception"])}))
    assert (marks["Xception"], marks["Xception + PRLE"], marks["Xception + x"]) == ("×", "✓", "✓")


# what shapes a key


def test_a_plain_fit_is_what_the_section_says():
    assert config("EfficientNet") == {
        "augment": {"p": 1.0, "steps": []},
        "data_hash": "data of FF++",
        "hide": {"kind": "nothing"},
        "model": {"name": "timm", "backbone": "lite0_stride8", "size": SIZE} | NEITHER,
        "per_class": 3,
        "seed": 0,
        "select_on": "valid",
        "start": {"backbone": "s of lite0_stride8"},
        "train": TRAIN.model_dump(),
    }  # fmt: skip


def test_the_method_differs_in_what_is_hidden_and_where_its_maps_lie():
    plain, method = config("Xception"), config("Xception + PRLE")
    assert method == plain | {"hide": HIDE, "start": plain["start"] | {"maps": ["m1"]}}


@pytest.mark.parametrize(
    ("says", "becomes"),
    [
        ({}, {}),
        ({"hide": "rectangles"}, {"hide": HIDE | {"kind": "rectangles"}}),
        ({"hide": "parts"}, {"hide": HIDE | {"kind": "parts"}}),
        ({"zoo": ["ResNet-50"]}, {"hide": HIDE | {"zoo": ["ResNet-50"]}}),
        ({"fusion": FusionChange(tau1=0.1)}, {"hide": HIDE | {"fusion": RULE | {"tau1": 0.1}}}),
        ({"fusion": FusionChange(lam=0.0)}, {"hide": HIDE | {"fusion": RULE | {"lam": 0.0}}}),
        ({"maps": MapsChange(of_class="label")}, {"hide": HIDE | {"maps": HIDE["maps"] | {"of_class": "label"}}}),
        ({"maps": MapsChange(dealt=True)}, {"hide": HIDE | {"maps": HIDE["maps"] | {"dealt": True}}}),
        ({"exploit": ExploitChange(area=0.15)}, {"hide": HIDE | {"area": 0.15}}),
        ({"exploit": ExploitChange(p=0.0)}, {"hide": HIDE | {"p": 0.0}}),
        ({"exploit": ExploitChange(alpha=[1.0, 1.0])}, {"hide": HIDE | {"alpha": [1.0, 1.0]}}),
        ({"exploit": ExploitChange(fill="noise")}, {"hide": HIDE | {"fill": "noise"}}),
        ({"exploit": ExploitChange(gamma=0.0)}, {"hide": HIDE | {"gamma": 0.0}}),
        ({"augment": "flips"}, {"augment": {"p": 0.5, "steps": [["HorizontalFlip", 0.5]]}}),
        ({"select_on": "test"}, {"select_on": "test"}),
        ({"epochs": 7, "lr": 0.5}, {"train": {"epochs": 7, "lr": 0.5}}),
        ({"bs": 2, "wd": 0.0}, {"train": {"bs": 2, "wd": 0.0}}),
    ],
    ids=lambda value: "-".join(value),
)  # fmt: skip
def test_an_arm_changes_its_configuration_where_it_says_so_alone(says, becomes):
    train = TRAIN.model_copy(update={"wd": 0.01})
    changed, plain = (config(f"Xception + {n}", arm(**says), train=train) for n in ("x", "PRLE"))
    merged = {"train": plain["train"] | becomes.get("train", {}), "start": plain["start"] | {"maps": ["m2"]}}
    assert changed == plain | becomes | merged and plain["train"] == train.model_dump()


def test_what_is_hidden_shapes_no_fit_in_which_nothing_is():
    for says in ({"zoo": ["ResNet-50"]}, {"fusion": FusionChange(tau1=0.1)}, {"exploit": ExploitChange(p=0.1)}):
        assert config("Xception + x", arm("nothing", **says)) == config("Xception")
    other = section().exploit.model_copy(update={"p": 0.9})
    assert config("Xception", exploit=other, zoo=["ResNet-50"]) == config("Xception")
    assert config("Xception + PRLE", exploit=other)["hide"]["p"] == 0.9


def test_the_seed_follows_from_all_but_data_weights_and_maps():
    """Maps that were made anew, by other weights of the same detectors, draw no other numbers."""
    one, other = (config("Xception + PRLE", maps={"Xception + PRLE": [key]}) for key in ("m1", "m9"))
    assert one != other and core(one) == core(other)
    assert {key for key in one if one[key] != other[key]} == {"start"} and "maps" not in core(one)
    several = [config("Xception"), one, config("Xception + x", arm("parts")), config("Xception + x", arm(epochs=9))]
    assert len({fingerprint(pd.DataFrame([str(core(c))])) for c in several}) == 4


def test_a_fit_of_one_method_differs_in_its_crops_alone():
    """So it is dealt and shuffled like the others; its maps are its own."""
    maps = {"Xception + PRLE": ["m"], "DF: Xception + PRLE": ["m of DF"]}
    fewer = section().subsets.model_copy(update={"per_class": 2})
    whole, one = (config(name, maps=maps, subsets=fewer) for name in maps)
    own = {"data_hash": "data of Deepfakes", "per_class": 2, "start": whole["start"] | {"maps": ["m of DF"]}}
    assert one == whole | own and whole["per_class"] == 3


def test_a_plan_lists_fits_in_their_order_and_seeds_within():
    cfg = section({"x": arm(seeds=1)}, seeds=2)
    listed = {
        name: fit for name, fit in prle_arms.fits(cfg).items() if name in ("Xception", "Xception + x", "DF: Xception")
    }
    rows = prle_arms.plan(cfg, listed, inputs(cfg), {"Xception + x": ["m", "n"]})
    assert [(r.arm, r.seed, r.crop_set) for r in rows] == [
        ("Xception", 0, "FF++"), ("Xception", 1, "FF++"), ("Xception + x", 0, "FF++"), ("DF: Xception", 0, "Deepfakes"),
    ]  # fmt: skip
    assert [r.phases[0]["seed"] for r in rows] == [0, 1, 0, 0] and all(len(r.phases) == 1 for r in rows)


def test_a_fit_reads_the_maps_of_its_seed_and_of_smaller_ones():
    cfg = section(seeds=3)
    listed = {name: fit for name, fit in prle_arms.fits(cfg).items() if name == "Xception + PRLE"}
    rows = prle_arms.plan(cfg, listed, inputs(cfg), {"Xception + PRLE": ["m0", "", "m2"]})
    assert [row.phases[0]["start"]["maps"] for row in rows] == [["m0"], ["m0"], ["m0", "m2"]]


def test_a_fit_that_hides_something_without_maps_is_one_line():
    cfg = section({"x": arm()})
    with pytest.raises(
        InputError, match=r"^fit Xception: has no maps; run the notebook that localises primary regions$"
    ):
        prle_arms.plan(cfg, {"Xception + x": prle_arms.fits(cfg)["Xception + x"]}, inputs(cfg), {})


def test_a_detector_is_its_own_network_and_layers_shape_none():
    cfg = section()
    assert prle_arms.model_of(cfg, "ResNet-50") == prle_arms.model_of(cfg, "Xception")
    f3 = cfg.model_copy(update={"detectors": {"F": params.prle.Detector(name="f3net", backbone="slim_xception")}})
    assert prle_arms.model_of(f3, "F").model_dump(include={"name", "backbone", "size"}) == {
        "name": "f3net", "backbone": "slim_xception", "size": SIZE
    }  # fmt: skip


@pytest.mark.parametrize("profile", [paths.PARAMS, paths.ROOT / "profiles" / "smoke.yaml"], ids=lambda path: path.stem)
def test_layers_of_a_profile_are_those_of_its_networks(profile):
    cfg = params.load(profile).prle
    for name, detector in cfg.detectors.items():
        found = zoo.cam_layers(models.create(prle_arms.model_of(cfg, name)), cfg.size, detector.layers)
        assert len(found) >= max(1, len(detector.layers)), name


def test_a_rule_is_the_section_s_with_what_the_arm_changes():
    change = FusionChange(method="average", tau1=0.0)
    assert prle_arms.rule_of(section(), arm(fusion=change)) == RULE | {"method": "average", "tau1": 0.0}
    assert prle_arms.rule_of(section(), arm()) == RULE


# crops


@pytest.fixture(scope="module")
def loaded(faces):
    """Return the inputs of a section of all fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "start_of", lambda backbone: (Path("w"), f"s of {backbone}"))
        return prle_arms.inputs(section(), prle_arms.fits(section()), faces)


def counted(rows: pd.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    """Count crops by split and method within a data set: (data set, split) -> method -> crops."""
    source = rows["clip_id"].str.split("/").str[0]
    groups = rows.groupby([source, rows["split"]], sort=False)
    return {key: part["method"].value_counts().to_dict() for key, part in groups}


def test_detectors_are_trained_on_ffpp_and_meet_the_test_crops_of_all(loaded):
    assert counted(loaded.rows["FF++"]) == {
        ("ffpp", "train"): {"real": 6, "Deepfakes": 6, "FaceSwap": 6},
        ("ffpp", "valid"): {"real": 2, "Deepfakes": 2, "FaceSwap": 2},
        ("ffpp", "test"): {"real": 4, "Deepfakes": 4, "FaceSwap": 4},
        ("dfdc", "test"): {"real": 2, "fake": 2},
        ("df1", "test"): {"real": 4, "end_to_end_mix_2_distortions": 4},
        ("celebdf", "test"): {"real": 2, "Celeb-synthesis": 2},
    }
    assert loaded.rows["FF++"].index.tolist() == list(range(52))
    assert loaded.starts == {"slim_resnet": "s of slim_resnet", "lite0_stride8": "s of lite0_stride8"}


@pytest.mark.parametrize("method", [prle_arms.WHOLE, METHODS[0]])
def test_a_half_lacks_the_training_crops_of_the_other_half_and_nothing_else(faces, monkeypatch, method):
    monkeypatch.setattr(starts, "start_of", lambda backbone: (None, ""))
    cfg = section(maps=params.prle.Maps(of_class="fake", folds=2, dealt=False))
    found = prle_arms.inputs(cfg, prle_arms.fits(cfg), faces).rows
    whole, first, second = (found[name] for name in (method, f"{method}, half 1", f"{method}, half 2"))
    rest = [set(rows.loc[rows["split"] != "train", "clip_id"]) for rows in (whole, first, second)]
    assert rest[0] == rest[1] == rest[2]
    own, other, every = (rows[rows["split"] == "train"] for rows in (first, second, whole))
    assert set(own["clip_id"]) | set(other["clip_id"]) == set(every["clip_id"])
    assert len(own) == len(other) == len(every) / 2
    assert not set(own["group"]) & set(other["group"])


@pytest.mark.parametrize("method", METHODS)
def test_a_subset_lacks_training_and_valid_fakes_of_other_methods_and_nothing_else(loaded, method):
    whole, own = loaded.rows["FF++"], loaded.rows[method]
    lost = whole[whole["clip_id"].str.startswith("ffpp/") & (whole["split"] != "test") & (whole["label"] == 1)]
    lost = lost[lost["method"] != method]
    assert len(lost) == 8 and set(whole["clip_id"]) - set(own["clip_id"]) == set(lost["clip_id"])
    assert set(own["clip_id"]) < set(whole["clip_id"])
    test = [rows[rows["split"] == "test"].reset_index(drop=True) for rows in (whole, own)]
    pd.testing.assert_frame_equal(*test)


def test_each_set_of_crops_has_a_fingerprint_of_its_own(loaded):
    assert set(loaded.hashes) == {"FF++", *METHODS} and len(set(loaded.hashes.values())) == 3


def test_of_df1_count_people_of_the_ffpp_test_split_and_mixed_distortions(faces):
    rows = prle_arms.tested_on("df1", faces)
    people = [f"{person:03d}" for person, split in enumerate(SPLITS) if split == "test"]
    mixed = ("end_to_end_mix_2_distortions", "real")
    assert sorted(rows["clip_id"]) == [f"df1/{method}/-/{person}" for method in mixed for person in people]
    assert set(rows["split"]) == {"test"}
    official = pd.read_parquet(faces / "splits.parquet").set_index("clip_id")["split"]
    assert official[rows["clip_id"]].nunique() == 3, "its own split is another"


@pytest.mark.parametrize("dataset", ["celebdf", "dfdc"])
def test_of_the_others_the_official_test_split_counts(faces, dataset):
    rows = prle_arms.tested_on(dataset, faces)
    assert set(rows["clip_id"].str[-3:]) == {"002", "003"} and rows["label"].sum() == 2 and len(rows) == 4


def test_examples_are_a_fake_of_each_method_of_other_people_while_they_last():
    rows = [("a", "x", 1), ("b", "x", 1), ("a", "y", 1), ("c", "y", 1), ("c", "z", 1), ("a", "z", 1), ("d", "real", 0)]
    chosen = prle_arms.examples(pd.DataFrame(rows, columns=["group", "method", "label"]))
    assert chosen.to_numpy().tolist() == [["a", "x", 1], ["c", "y", 1], ["c", "z", 1]]
    assert chosen.index.tolist() == [0, 3, 4]


def test_a_subset_without_crops_is_one_line(faces, monkeypatch):
    monkeypatch.setattr(starts, "start_of", lambda backbone: (None, ""))
    cfg = section(subsets=Subsets(methods=["Face2Face"], detectors=["Xception"], per_class=3, seeds=1))
    said = "^ffpp, Face2Face, protocol official, split train: holds no fake crop"
    with pytest.raises(InputError, match=said) as error:
        prle_arms.inputs(cfg, prle_arms.fits(cfg), faces)
    assert "\n" not in str(error.value)


def test_maps_lie_among_the_runs(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(prle_train, "train", lambda *given, maps: seen.append((given, maps)))
    prle_arms.fit_with(tmp_path)("config", "rows", "crops", "start", "runtime", "out")
    assert seen == [(("config", "rows", "crops", "start", "runtime", "out"), tmp_path / "prle_localisation")]


def test_runs_of_both_notebooks_are_read(tmp_path, monkeypatch):
    cfg, names = section(), list(prle_arms.fits(section()))
    for stage, own in zip(prle_arms.STAGES, (names[:5], names[5:]), strict=True):
        table = pd.DataFrame({"arm": [*own, "of old"], "seed": 0, "key": "k", "chain": "k"})
        table.to_csv(tmp_path / f"{stage}_runs.csv", index=False)
    read = finished.read_runs
    monkeypatch.setattr(finished, "read_runs", lambda stages, arms: read(stages, arms, tmp_path))
    assert prle_arms.load_runs(cfg)["arm"].tolist() == names
    with pytest.raises(InputError, match=r"^arm EfficientNet \+ Random: was not trained"):
        prle_arms.load_runs(section({"Random": arm("rectangles")}))
