"""Arms and seeds as runs: what shapes a key, which stages are shared, and what is read back."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from toys import NET, RUNTIME, TRAIN, arm, given, section, store, write_faces

from ddet import models, params
from ddet.data import crop_table
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.herd import train as herd_train
from ddet.runs import finished
from ddet.runs import planned as runs_planned
from ddet.runs.store import RECORD
from ddet.training import common, learner


def planned(seeds: int = 1, start: str = "s", given_=None, **arms: params.Arm) -> list[runs_planned.Row]:
    cfg = section(seeds)
    return herd_arms.plan(cfg, arms or cfg.arms, given_ or given(start=start))


def only(**changes) -> dict:
    """Return the configuration of the one stage of the one arm that `changes` make."""
    (row,) = planned(arm=arm(**changes))
    (stage,) = row.stages
    return stage


# what shapes a key


def test_a_plan_lists_arms_in_their_order_and_seeds_within():
    rows = planned(2, RF=arm("flips"), NA=arm(seeds=1))
    assert [(r.arm, r.seed, r.data) for r in rows] == [("RF", s, "identity") for s in (0, 1)] + [("NA", 0, "identity")]
    assert [r.stages[0]["seed"] for r in rows] == [0, 1, 0]


def test_a_plain_arm_is_one_stage_of_what_the_section_says():
    assert only() == {
        "augment": {"p": 1.0, "steps": []},
        "data": "data of identity",
        "imbalance": 1.0,
        "loss": {"weight": 1.0, "weighted_class": "fake"},
        "mask": "none",
        "model": NET.model_dump(),
        "per_class": 3,
        "seed": 0,
        "start": {"backbone": f"s of {NET.backbone}"},
        "stage": 0,
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
        ({"split": "image"}, {"data": "data of image"}),
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
    assert keys(same.stages[0]) == keys(alike.stages[0]) != keys(other.stages[0])
    assert only(epochs=TRAIN.epochs, weight=1.0, imbalance=1.0, curriculum="plain") == only(), "as the section says"


def test_a_weight_of_one_is_the_plain_loss_on_either_side():
    assert only(weight=1.0, weighted_class="real") == only(weight=1.0) == only()
    assert only(weighted_class="real") == only(), "without a weight there is nothing to put on a side"


def test_data_start_and_seed_shape_a_key(tmp_path):
    other = given(pd.DataFrame({"sha": ["a"]}))
    every = [*planned(2), *planned(given_=other), *planned(start="t")]
    assert len({store(tmp_path).key(r.stages[0]) for r in every}) == 4


def test_the_order_of_steps_shapes_a_key():
    flips = {"HorizontalFlip": 0.5, "VerticalFlip": 0.5}
    both = [{"a": params.AugmentList(p=1.0, steps=dict(order))} for order in (flips.items(), [*flips.items()][::-1])]
    one, other = (herd_arms.plan(section(augment="a", augment_lists=b), {"x": arm("a")}, given())[0] for b in both)
    assert json.dumps(one.stages, sort_keys=True) != json.dumps(other.stages, sort_keys=True)


def test_the_stages_of_a_curriculum_differ_in_mask_epochs_and_place_alone():
    first, second, third = planned(MEP=arm(curriculum="mep"))[0].stages
    assert [s["mask"] for s in (first, second, third)] == ["eyes", "none", "eyes"]
    assert [s["train"]["epochs"] for s in (first, second, third)] == [1, 2, 1]
    assert third == first | {"stage": 2}
    assert second == first | {"mask": "none", "train": TRAIN.model_dump() | {"epochs": 2}, "stage": 1}


def test_a_curriculum_without_epochs_trains_each_phase_as_long_as_the_section_says():
    both = params.Curriculum(phases=["masked", "full"])
    cfg = section(curricula={"both": both}, curriculum="both", train=TRAIN.model_copy(update={"epochs": 6}))
    (row,) = herd_arms.plan(cfg, {"x": arm()}, given())
    assert [(s["mask"], s["train"]["epochs"]) for s in row.stages] == [("eyes", 6), ("none", 6)]


def test_an_arm_and_the_sweep_inherit_the_list_of_their_section():
    cfg = section(augment="flips")
    rows = herd_arms.plan(cfg, {"x": arm(), "y": arm("none"), **herd_arms.sweep(cfg)}, given())
    assert [len(row.stages[0]["augment"]["steps"]) for row in rows] == [2, 0, 2, 2]


def test_one_number_of_epochs_holds_for_each_stage():
    (row,) = planned(MEP=arm(curriculum="two", epochs=4))
    assert [s["train"]["epochs"] for s in row.stages] == [4, 4]


# the network of an arm


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
    assert changed(name="timm", form="intended", width=8, backbone="test_vit") == plain | {"backbone": "test_vit"}


# what is checked before anything is trained


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def starts(tmp_path, monkeypatch):
    """Let every start weight but those of test_convnext be known; no network starts from any."""
    monkeypatch.setattr(runs_planned, "STARTS", tmp_path / "starts.csv")
    monkeypatch.setattr(runs_planned.start_of, "__defaults__", (tmp_path / "starts.csv",))
    (tmp_path / "starts.csv").write_text("backbone,key\ntest_resnet,\ntest_vit,012345678901\n")
    return tmp_path / "starts.csv"


def test_inputs_hold_the_rows_their_fingerprint_and_the_start_of_each_backbone(faces, starts):
    vit = arm(model=params.ModelChange(backbone="test_vit"))
    found = herd_arms.inputs(section(), {"NA": arm(), "ViT": vit}, faces)
    rows = crop_table.load(faces, "celebdf", "identity")
    assert list(found.rows) == list(found.hashes) == ["identity"]
    pd.testing.assert_frame_equal(found.rows["identity"], rows)
    assert found.starts == {"test_resnet": "", "test_vit": "012345678901"}


@pytest.mark.parametrize("column", crop_table.SHAPES_A_RUN)
def test_the_fingerprint_sees_what_a_fit_can_see(faces, starts, monkeypatch, column):
    rows = crop_table.load(faces, "celebdf", "identity")
    before = herd_arms.inputs(section(), {"NA": arm()}, faces).hashes
    rows.loc[3, column] = 7 if column in ("frame_idx", "track", "label") else "another"
    monkeypatch.setattr(crop_table, "load", lambda *_: rows)
    assert herd_arms.inputs(section(), {"NA": arm()}, faces).hashes != before


def test_the_fingerprint_is_blind_to_the_rest(faces, starts, monkeypatch):
    rows = crop_table.load(faces, "celebdf", "identity").assign(prob=0.1, crop="elsewhere.png")
    before = herd_arms.inputs(section(), {"NA": arm()}, faces).hashes
    monkeypatch.setattr(crop_table, "load", lambda *_: rows)
    assert herd_arms.inputs(section(), {"NA": arm()}, faces).hashes == before


def test_one_arm_under_a_protocol_that_lacks_a_class_stops_all_in_one_line(faces, starts):
    with pytest.raises(InputError) as e:
        herd_arms.inputs(section(), {"NA": arm(), "leaky": arm(split="image")}, faces)
    said = "celebdf, protocol image, split valid: holds no fake crop; choose another protocol or add clips"
    assert str(e.value) == said


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize(("label", "name"), [(0, "real"), (1, "fake")])
def test_a_missing_class_names_the_split_and_the_class(split, label, name):
    rows = pd.DataFrame([(s, k) for s in ("train", "valid", "test") for k in (0, 1)], columns=["split", "label"])
    runs_planned.check_classes(rows, "here")
    with pytest.raises(InputError, match=f"^here, split {split}: holds no {name} crop; [^\n]*$"):
        runs_planned.check_classes(rows[~((rows["split"] == split) & (rows["label"] == label))], "here")


def test_one_backbone_without_start_weights_stops_all_in_one_line(faces, starts):
    bare = arm(model=params.ModelChange(backbone="vgg11"))
    said = r"^model\.backbone = 'vgg11': has no start weights; add it to start\.backbones$"
    with pytest.raises(InputError, match=said):
        herd_arms.inputs(section(), {"NA": arm(), "bare": bare}, faces)


def test_start_weights_come_from_the_run_that_made_them(starts, monkeypatch, tmp_path):
    monkeypatch.setattr(runs_planned.paths, "RUNS", tmp_path)
    file, key = runs_planned.start_of("test_vit", starts)
    assert key == "012345678901"  # not the number 12345678901
    assert file == tmp_path / "start" / key / learner.WEIGHTS
    assert runs_planned.start_of("test_resnet", starts) == (None, ""), "start.source is none"


def test_start_weights_that_were_never_made_name_the_notebook(tmp_path):
    with pytest.raises(InputError, match=r"starts\.csv: no start weights yet; run the notebook 13_start_weights"):
        runs_planned.start_of("test_convnext", tmp_path / "starts.csv")


# which fits are made, and in which order


@pytest.fixture
def fits(monkeypatch):
    """Write down what is fitted instead of fitting it; a fit leaves its weights and its history."""
    made = []

    def fit(config, rows, crops, start, runtime, out):
        made.append((config, start))
        (out / learner.WEIGHTS).write_text("w")
        count = config["train"]["epochs"]
        pd.DataFrame({"epoch": range(1, count + 1), "frame_auc": 0.5}).to_csv(out / learner.HISTORY, index=False)

    monkeypatch.setattr(herd_train, "train", fit)
    monkeypatch.setattr(runs_planned, "start_of", lambda backbone: (None, ""))
    return made


def ran(root, *rows: runs_planned.Row) -> pd.DataFrame:
    return runs_planned.run(store(root), rows, given(), RUNTIME, root, herd_train.train)


def test_arms_with_the_same_first_stages_train_them_once(fits, tmp_path):
    plain = arm(curriculum="masked", epochs=1)
    two = arm(curriculum="two")
    table = ran(tmp_path, *planned(MEP=arm(curriculum="mep"), two=two, one=plain, other=arm("flips", curriculum="mep")))
    chains = [chain.split() for chain in table["chain"]]
    assert [len(c) for c in chains] == [3, 2, 1, 3]
    assert chains[0][:2] == chains[1] and chains[0][:1] == chains[2]
    assert not set(chains[3]) & set(chains[0])
    assert len(fits) == len({key for c in chains for key in c}) == 6
    assert table["key"].tolist() == [c[-1] for c in chains]
    assert table["folder"].tolist() == [store(tmp_path).path(c[-1]) for c in chains]


def test_a_later_stage_starts_from_the_one_before_and_says_so(fits, tmp_path):
    table = ran(tmp_path, *planned(MEP=arm(curriculum="mep")))
    first, second, third = table["chain"][0].split()
    assert [config["start"] for config, _ in fits] == [
        {"backbone": f"s of {NET.backbone}"}, {"stage": first}, {"stage": second}
    ]  # fmt: skip
    runs = store(tmp_path).runs
    assert [start for _, start in fits] == [None, runs / first / learner.WEIGHTS, runs / second / learner.WEIGHTS]
    assert len({first, second, third}) == 3, "the third stage is no rerun of the first"


def test_what_changes_the_first_stage_changes_the_whole_chain(fits, tmp_path):
    table = ran(tmp_path, *planned(a=arm(curriculum="mep"), b=arm(curriculum="mep", epochs=2)))
    a, b = (chain.split() for chain in table["chain"])
    assert not set(a) & set(b)


def test_equal_arms_share_a_run_and_weight_one_is_the_plain_loss(fits, tmp_path):
    table = ran(tmp_path, *planned(2, NA=arm(), alike=arm(), one=arm(weight=1.0, weighted_class="real")))
    assert table.columns.tolist() == ["arm", "seed", "key", "chain", "folder"]
    assert table["arm"].tolist() == ["NA", "NA", "alike", "alike", "one", "one"]
    assert table["seed"].tolist() == [0, 1] * 3
    assert table["key"].tolist() == table["key"].tolist()[:2] * 3 and len(fits) == 2


def test_finished_runs_are_not_made_again_whatever_their_arm_is_called(fits, tmp_path):
    table = ran(tmp_path, *planned(MEP=arm(curriculum="mep")))
    again = ran(tmp_path, *planned(renamed=arm(curriculum="mep")))
    assert again["chain"].tolist() == table["chain"].tolist() and again["arm"].tolist() == ["renamed"]
    assert len(fits) == 3


def test_a_wave_is_trained_as_many_at_a_time_as_the_runtime_says(fits, tmp_path, monkeypatch):
    asked, kept = [], store(tmp_path)
    get_many = kept.get_many
    monkeypatch.setattr(kept, "get_many", lambda asks, jobs: (asked.append((len(asks), jobs)), get_many(asks))[1])
    rows = planned(2, NA=arm(), MEP=arm(curriculum="mep"))
    runs_planned.run(kept, rows, given(), RUNTIME.model_copy(update={"fits": 3}), tmp_path, herd_train.train)
    assert asked == [(4, 3), (2, 3), (2, 3)]


def test_no_arm_no_run(fits, tmp_path):
    assert ran(tmp_path).empty and fits == []


def test_a_section_is_complete_when_each_arm_has_its_seeds(fits, tmp_path):
    arms = {"NA": arm(), "RF": arm("flips", seeds=1)}
    table = ran(tmp_path, *planned(2, **arms))
    assert runs_planned.complete(table, section(2), arms)
    assert not runs_planned.complete(table, section(3), arms)
    assert not runs_planned.complete(table, section(2), arms | {"Base": arm()})
    assert runs_planned.complete(table[table["arm"] == "RF"], section(2), {"RF": arms["RF"]})


# what is read back


def test_tables_of_runs_come_back_with_their_folders(fits, tmp_path, monkeypatch):
    monkeypatch.setattr(runs_planned.paths, "RUNS", tmp_path / "runs")
    table = ran(tmp_path, *planned(2, NA=arm(curriculum="mep"), RF=arm("flips")))
    written = finished.write_runs(table[table["arm"] == "NA"], tmp_path / "t_runs.csv")
    assert written.columns.tolist() == ["arm", "seed", "key", "chain"]
    finished.write_runs(table[table["arm"] == "RF"], tmp_path / "u_runs.csv")
    found = finished.read_runs(("t", "u"), results=tmp_path)
    assert found["folder"].tolist() == [tmp_path / "runs" / s / k for s, k in zip("ttuu", table["key"], strict=True)]
    pd.testing.assert_frame_equal(found.drop(columns="folder"), table.drop(columns="folder"))
    assert finished.read_runs(["t", "u"], ["RF"], tmp_path)["arm"].tolist() == ["RF", "RF"]


def test_keys_stay_text_and_the_arm_called_na_an_arm(tmp_path):
    (tmp_path / "t_runs.csv").write_text("arm,seed,key,chain\nNA,0,012345678901,012345678901\nRF,0,1e5,1e5\n")
    found = finished.read_runs(["t"], results=tmp_path)
    assert found["arm"].tolist() == ["NA", "RF"] and found["key"].tolist() == ["012345678901", "1e5"]
    assert found["chain"].tolist() == found["key"].tolist()
    assert finished.keys(found, "RF", "none", "NA") == ["1e5", "012345678901"]


def test_runs_that_are_not_there_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"t_runs\.csv: no runs yet; run the notebook that trains them$"):
        finished.read_runs(["t"], results=tmp_path)
    (tmp_path / "t_runs.csv").write_text("arm,seed,key,chain\nNA,0,a,a\n")
    with pytest.raises(InputError, match=r"^arm Base: was not trained; add it to the arms in params\.yaml, [^\n]*$"):
        finished.read_runs(["t"], ["NA", "Base"], tmp_path)


def test_histories_count_epochs_on_over_the_stages(fits, tmp_path):
    table = ran(tmp_path, *planned(2, NA=arm(), MEP=arm(curriculum="mep")))
    found = finished.histories(table)
    assert found.columns.tolist() == ["arm", "seed", "stage", "epoch", "frame_auc"]
    assert found.index.tolist() == list(range(10))
    assert found["arm"].tolist() == ["NA"] * 2 + ["MEP"] * 8
    for seed in (0, 1):
        one = found[(found["arm"] == "MEP") & (found["seed"] == seed)]
        assert one["stage"].tolist() == [1, 2, 2, 3] and one["epoch"].tolist() == [1, 2, 3, 4]
    assert found["epoch"].tolist()[:2] == [1, 1]


# real fits


@pytest.fixture(scope="module")
def done(faces, tmp_path_factory):
    """Train a curriculum, its first stage with other seeds, and a fit without it, one after another."""
    root = tmp_path_factory.mktemp("runs")
    return one_by_one(faces, root, 1), root


def one_by_one(faces, root, fits: int) -> pd.DataFrame:
    rows = crop_table.load(faces, "celebdf", "identity")
    arms = {"NA": arm("flips"), "MEP": arm("flips", curriculum="two", seeds=1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_planned, "start_of", lambda backbone: (None, ""))
        runtime = RUNTIME.model_copy(update={"fits": fits})
        return runs_planned.run(store(root), planned(2, **arms), given(rows), runtime, faces)


def files(root) -> dict[str, bytes]:
    runs = root / "runs"
    return {p.relative_to(runs).as_posix(): p.read_bytes() for p in runs.rglob("*") if p.is_file()}


def test_fits_side_by_side_give_the_bytes_of_fits_in_turn(done, faces, tmp_path):
    torch.rand(17)
    np.random.random(5)
    pd.testing.assert_frame_equal(one_by_one(faces, tmp_path, 2).drop(columns="folder"), done[0].drop(columns="folder"))
    assert len(files(tmp_path)) == 4 * 5 and files(tmp_path) == files(done[1])


def test_a_fit_made_again_has_the_same_bytes_whatever_was_drawn_before(done, faces, tmp_path):
    torch.rand(17)
    np.random.random(5)
    folder = done[0]["folder"][0]
    rows = crop_table.load(faces, "celebdf", "identity")
    herd_train.train(finished.config_of_run(folder), rows, faces, None, RUNTIME, tmp_path)
    for name in (learner.WEIGHTS, learner.HISTORY, common.PREDICTIONS):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_predictions_of_an_arm_are_one_table_a_seed_of_the_test_crops(done):
    first, second = finished.predictions(done[0], "NA")
    assert len(first) == 6 and set(first["split"]) == {"test"} and first.index.tolist() == list(range(6))
    assert first["clip_id"].tolist() == second["clip_id"].tolist()
    assert not first["prob_fake"].equals(second["prob_fake"])


def test_a_run_knows_its_configuration_and_gives_its_network_back(done):
    row = done[0][done[0]["arm"] == "MEP"].iloc[0]
    config = finished.config_of_run(row["folder"])
    assert config == json.loads((row["folder"] / RECORD).read_text())["config"]
    assert config["mask"] == "none" and config["start"] == {"stage": row["chain"].split()[0]}
    net = finished.load_model(row["folder"])
    assert not net.training and type(net) is type(models.create(NET))
    state, saved = net.state_dict(), learner.safetensors.torch.load_file(row["folder"] / learner.WEIGHTS)
    assert all(torch.equal(state[name], value) for name, value in saved.items()) and set(state) == set(saved)
