"""Rows as runs: what is checked first, which fits are made and in which order, which are shared."""

import numpy as np
import pandas as pd
import pytest
import torch
from herd_toys import four_arms, planned
from toys import NET, RUNTIME, arm, given, section, store, write_faces

from ddet import machine, params
from ddet.codeid import closure
from ddet.data import crop_table
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.herd import train as herd_train
from ddet.params.arms import by_name
from ddet.runs import finished
from ddet.runs import planned as runs_planned
from ddet.runs import starts as runs_starts
from ddet.training import common, learner

# what is checked before anything is trained


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def starts(tmp_path, monkeypatch):
    """Let every start weight but those of test_convnext be known; no network starts from any."""
    monkeypatch.setattr(runs_starts.start_of, "__defaults__", (tmp_path / "starts.csv",))
    (tmp_path / "vit.safetensors").write_text("w")
    lines = [
        "backbone,source,key,file",
        "test_resnet,none,,",
        f"test_vit,package,012345678901,{tmp_path / 'vit.safetensors'}",
    ]
    (tmp_path / "starts.csv").write_text("\n".join(lines))
    return tmp_path / "starts.csv"


def test_inputs_hold_the_rows_their_fingerprint_and_the_start_of_each_backbone(faces, starts):
    vit = arm(model=params.ModelChange(backbone="test_vit"))
    found = herd_arms.inputs(section(), {"NA": arm(), "ViT": vit}, faces)
    rows = crop_table.load(faces, "celebdf", "identity")
    assert list(found.rows) == list(found.hashes) == ["identity"]
    pd.testing.assert_frame_equal(found.rows["identity"], rows)
    assert found.starts == {"test_resnet": "", "test_vit": "012345678901"}


SEEN = {
    "clip_id": "celebdf/other/none/x", "frame_idx": 77, "track": 5, "sha": "0" * 12, "label": 1, "split": "test",
    "group": "another", "size": 63, "lm_x0": 1.5, "lm_y1": 2.5, "lm_x2": 3.5, "lm_y3": 4.5, "lm_x4": 5.5,
}  # fmt: skip


@pytest.mark.parametrize("column", SEEN)
def test_the_fingerprint_sees_what_a_fit_can_see(faces, starts, monkeypatch, column):
    rows = crop_table.load(faces, "celebdf", "identity")
    before = herd_arms.inputs(section(), {"NA": arm()}, faces).hashes
    at = rows.index[rows[column] != SEEN[column]][0]
    rows[column] = rows[column].where(rows.index != at, SEEN[column])
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
    monkeypatch.setattr(runs_starts, "start_of", lambda backbone: (None, ""))
    return made


def ran(root, *rows: runs_planned.Row) -> pd.DataFrame:
    return runs_planned.run(store(root), rows, given(), RUNTIME, root, herd_train.train)


def test_arms_with_the_same_first_phases_train_them_once(fits, tmp_path):
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


def test_a_later_phase_starts_from_the_one_before_and_says_so(fits, tmp_path):
    table = ran(tmp_path, *planned(MEP=arm(curriculum="mep")))
    first, second, third = table["chain"][0].split()
    assert [config["start"] for config, _ in fits] == [
        {"backbone": f"s of {NET.backbone}"}, {"phase": first}, {"phase": second}
    ]  # fmt: skip
    runs = store(tmp_path).runs
    assert [start for _, start in fits] == [None, runs / first / learner.WEIGHTS, runs / second / learner.WEIGHTS]
    assert len({first, second, third}) == 3, "the third phase is no rerun of the first"


def test_what_changes_the_first_phase_changes_the_whole_chain(fits, tmp_path):
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


def test_several_processes_make_a_run_where_the_runtime_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(runs_starts, "start_of", lambda backbone: (None, ""))
    several = RUNTIME.model_copy(update={"processes": 2})
    row, crops = planned(NA=arm())[0], tmp_path / "crops"
    asked = [runs_planned._ask(row, [], given(), how, crops, herd_train.train)[1] for how in (RUNTIME, several)]
    assert asked[0].func is herd_train.train
    assert asked[1].func is not herd_train.train and asked[1].args[0].func is herd_train.train
    assert asked[1].args[0].args[-1] is several and asked[1].args[1] == 2


@pytest.fixture
def stage(fits, tmp_path, monkeypatch):
    """Train a stage below `tmp_path`; other arguments are those of `train_stage`."""
    (tmp_path / "results").mkdir()
    for name, folder in {"DATA": "", "RUNS": "runs", "RESULTS": "results"}.items():
        monkeypatch.setattr(runs_planned.paths, name, tmp_path / folder)

    def call(*rows: runs_planned.Row, name: str = "t", prune: bool = True, **more) -> pd.DataFrame:
        code = ["ddet.seeds"]
        return runs_planned.train_stage(name, code, rows, given(), RUNTIME, herd_train.train, prune=prune, **more)

    return call


def test_a_stage_is_a_store_a_run_and_a_table(stage, fits, tmp_path):
    done = stage(*planned(2, NA=arm(), MEP=arm(curriculum="mep")))
    kept = store(tmp_path, runtime=machine.of(RUNTIME))
    assert len(fits) == 8
    rows = planned(2, NA=arm(), MEP=arm(curriculum="mep"))
    by_hand = runs_planned.run(kept, rows, given(), RUNTIME, tmp_path, herd_train.train)
    assert len(fits) == 8, "the keys are the same"
    pd.testing.assert_frame_equal(done, by_hand)
    pd.testing.assert_frame_equal(finished.read_runs(["t"], results=tmp_path / "results")[[*done]], done)


def test_a_stage_puts_away_runs_of_arms_that_are_gone_unless_some_arms_alone_were_asked_for(stage, tmp_path):
    both = stage(*planned(NA=arm(), RF=arm("flips")))
    stage(*planned(RF=arm("flips")), prune=False)
    assert all(folder.is_dir() for folder in both["folder"])
    alone = stage(*planned(RF=arm("flips")))
    assert [folder.is_dir() for folder in both["folder"]] == [False, True]
    assert finished.read_runs(["t"], results=tmp_path / "results")["key"].tolist() == alone["key"].tolist()


def test_a_stage_borrows_runs_of_another(stage, fits):
    lent = stage(*planned(NA=arm()))
    assert stage(*planned(NA=arm()), name="u", shared=["t"])["key"].tolist() == lent["key"].tolist() and len(fits) == 1


def test_a_plan_runs_without_the_training_code_of_any_paper():
    assert not [name for name in closure(["ddet.runs.planned"]) if name.split(".")[1] in ("herd", "asrid", "prle")]


def test_no_arm_no_run(fits, tmp_path):
    assert ran(tmp_path).empty and fits == []


def test_a_section_is_complete_when_each_arm_has_its_seeds(fits, tmp_path):
    arms = {"NA": arm(), "RF": arm("flips", seeds=1)}
    table = ran(tmp_path, *planned(2, **arms))
    assert runs_planned.complete(table, section(2), arms)
    assert not runs_planned.complete(table, section(3), arms)
    assert not runs_planned.complete(table, section(2), arms | {"Base": arm()})
    assert runs_planned.complete(table[table["arm"] == "RF"], section(2), {"RF": arms["RF"]})


# real fits


@pytest.fixture(scope="module")
def done(faces, tmp_path_factory):
    """Train a curriculum, its first phase with other seeds, and a fit without it, one after another."""
    root = tmp_path_factory.mktemp("runs")
    return one_by_one(faces, root, 1), root


def one_by_one(faces, root, fits: int) -> pd.DataFrame:
    rows = crop_table.load(faces, "celebdf", "identity")
    arms = {"NA": arm("flips"), "MEP": arm("flips", curriculum="two", seeds=1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_starts, "start_of", lambda backbone: (None, ""))
        runtime = RUNTIME.model_copy(update={"fits": fits})
        return runs_planned.run(store(root), planned(2, **arms), given(rows), runtime, faces, herd_train.train)


def files(root) -> dict[str, bytes]:
    runs = root / "runs"
    return {p.relative_to(runs).as_posix(): p.read_bytes() for p in runs.rglob("*") if p.is_file()}


def test_fits_side_by_side_give_the_bytes_of_fits_in_turn(done, faces, tmp_path):
    torch.rand(17)
    np.random.random(5)
    pd.testing.assert_frame_equal(one_by_one(faces, tmp_path, 2).drop(columns="folder"), done[0].drop(columns="folder"))
    assert len(files(tmp_path)) == 4 * 6 and files(tmp_path) == files(done[1])


def test_a_fit_made_again_has_the_same_bytes_whatever_was_drawn_before(done, faces, tmp_path):
    torch.rand(17)
    np.random.random(5)
    folder = done[0]["folder"][0]
    rows = crop_table.load(faces, "celebdf", "identity")
    herd_train.train(finished.config_of_run(folder), rows, faces, None, RUNTIME, tmp_path)
    for name in (learner.WEIGHTS, learner.HISTORY, common.PREDICTIONS, common.VALID):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_part_keeps_the_order_of_the_file_whatever_only_says():
    assert list(runs_planned.of_part(four_arms(), "augmentation")) == ["Base", "NA", "RF"]
    assert list(runs_planned.of_part(four_arms(), "augmentation", ["RF", "Base"])) == ["Base", "RF"]
    assert runs_planned.of_part(four_arms(), "augmentation", []) == {}


@pytest.mark.parametrize("name", ["WL", "rf"])
def test_an_arm_of_another_part_is_one_line(name):
    with pytest.raises(InputError, match=rf"^only = \['NA', '{name}'\]: '{name}' is no arm here; use .* Base, NA, RF$"):
        runs_planned.of_part(four_arms(), "augmentation", ["NA", name])


def test_a_name_that_is_nearly_right_and_the_key_of_an_arm_are_met_with_its_name():
    cfg = four_arms(arms=by_name({"rot_rf": params.Arm(name="Rot + RF", part="augmentation")}))
    for word in ("Rot+RF", "rot_rf"):
        with pytest.raises(InputError, match=r"is no arm here; did you mean 'Rot \+ RF'\? use some of Rot \+ RF$"):
            runs_planned.of_part(cfg, "augmentation", [word])


def test_an_arm_of_another_part_is_not_taken_for_a_slip():
    parts = {"Rot + RF": "augmentation", "Rot + RF 2": "results"}
    cfg = four_arms(arms={name: params.Arm(part=part) for name, part in parts.items()})
    with pytest.raises(InputError, match=r"'Rot \+ RF 2' is no arm here; use some of Rot \+ RF$"):
        runs_planned.of_part(cfg, "augmentation", ["Rot + RF 2"])
