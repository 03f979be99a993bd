"""Arms and seeds as runs: what shapes a key, what a fit is given, and what it leaves behind."""

import numpy as np
import pandas as pd
import pytest
import torch

from ddet import ablation, learn, models, params
from ddet.data import crops, loaders
from ddet.data.rows import SHAPES_A_RUN
from ddet.errors import InputError
from ddet.runs import Store

NET = params.Model(name="timm", backbone="test_convnext", size=32, use_swin=False)
RUNTIME = params.Runtime(threads=1, device="cpu", jobs=1, backend="sequential", workers=0)
TRAIN = params.Train(
    epochs=1, bs=4, lr=1e-3, wd=0.0, opt="adam", schedule="flat", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip
NONE, FLIPS = {"augment": "none"}, {"augment": "flips"}


def section(seeds: int = 1, **arms: dict) -> params.Herd:
    arms = {name: params.Arm(**arm) for name, arm in (arms or {"NA": NONE}).items()}
    return params.Herd(dataset="celebdf", split="identity", per_class=3, seeds=seeds, model=NET, train=TRAIN, arms=arms)


def planned(cfg: params.Herd, data: str = "d", start: str = "s", only=None) -> list[ablation.Row]:
    return ablation.plan(cfg, data, start, only)


def store(root) -> Store:
    return Store("t", ["ddet.seeds"], {"threads": 1}, root)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Write crops of noise, the fakes darker; their rows come with valid and test mixed, as sorting leaves them."""
    root, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    splits = ["test", "train", "valid", "train", "test", "train", "valid", "train", "train", "train", "test", "train"]
    rows = []
    for clip, split in enumerate(splits):
        for label, method in enumerate(("real", "Celeb-synthesis")):
            row = {"clip_id": f"celebdf/{method}/-/{clip:02d}", "frame_idx": clip, "track": 0, "label": label}
            row |= {"split": split, "group": f"g{clip}", "crop": f"crops/{clip:02d}_{label}.png", "prob": 0.9}
            image = rng.integers(0, 256 - 100 * label, (40, 40, 3), np.uint8)
            crops.save_crop(root / row["crop"], image)
            rows.append(row | {"sha": crops.digest(image)})
    return root, pd.DataFrame(rows).sort_values(["clip_id", "frame_idx"], ignore_index=True)


# what shapes a key


def test_a_plan_lists_arms_in_their_order_and_seeds_within():
    rows = planned(section(2, RF=FLIPS, NA=NONE))
    assert [(r.arm, r.seed) for r in rows] == [("RF", 0), ("RF", 1), ("NA", 0), ("NA", 1)]
    assert [r.config["seed"] for r in rows] == [0, 1, 0, 1]
    assert [r.config["augment"] for r in rows] == ["flips", "flips", "none", "none"]


def test_what_an_arm_overrides_reaches_its_configuration_and_no_other():
    plain, own = planned(section(NA=NONE, long=NONE | {"epochs": 7, "lr": 0.5}))
    assert own.config["train"] == TRAIN.model_dump() | {"epochs": 7, "lr": 0.5}
    assert plain.config == own.config | {"train": TRAIN.model_dump()}
    assert plain.config["model"] == NET.model_dump() and plain.config["per_class"] == 3


def test_a_name_shapes_no_key_and_what_an_arm_says_does(tmp_path):
    keys = store(tmp_path).key
    same, alike, other = planned(section(NA=NONE, **{"no augmentation": NONE}, RF=FLIPS))
    assert same.arm != alike.arm and keys(same.config) == keys(alike.config) != keys(other.config)
    explicit = planned(section(NA=NONE | {"epochs": TRAIN.epochs}))[0]
    assert keys(explicit.config) == keys(same.config), "saying what the section says anyway"


def test_data_start_and_seed_shape_a_key(tmp_path):
    every = [*planned(section(2)), *planned(section(), data="e"), *planned(section(), start="")]
    assert len({store(tmp_path).key(r.config) for r in every}) == 4


def test_only_chooses_arms_in_its_own_order():
    cfg = section(NA=NONE, RF=FLIPS, Base={"augment": "genconvit"})
    assert planned(cfg, only=["Base", "NA"]) == [planned(cfg)[2], planned(cfg)[0]]
    with pytest.raises(KeyError, match="nobody"):
        planned(cfg, only=["nobody"])


@pytest.mark.parametrize("column", SHAPES_A_RUN)
def test_the_data_hash_sees_what_a_fit_can_see(faces, column):
    changed = faces[1].copy()
    changed.loc[3, column] = 7 if column in ("frame_idx", "track", "label") else "another"
    assert ablation.data_hash(changed) != ablation.data_hash(faces[1])


def test_the_data_hash_is_blind_to_the_rest(faces):
    assert ablation.data_hash(faces[1].assign(prob=0.1, crop="elsewhere.png")) == ablation.data_hash(faces[1])


# start weights


@pytest.fixture
def starts(tmp_path):
    (tmp_path / "starts.csv").write_text("backbone,key\ntest_convnext,012345678901\ntest_resnet,\n")
    return tmp_path / "starts.csv"


def test_start_weights_come_from_the_run_that_made_them(starts, monkeypatch, tmp_path):
    monkeypatch.setattr(ablation.paths, "RUNS", tmp_path)
    file, key = ablation.start_of("test_convnext", starts)
    assert key == "012345678901"  # not the number 12345678901
    assert file == tmp_path / "start" / key / learn.WEIGHTS
    assert ablation.start_of("test_resnet", starts) == (None, ""), "start.source is none"


def test_a_backbone_without_start_weights_names_the_key_to_set(starts):
    with pytest.raises(
        InputError, match=r"model\.backbone = 'vgg11': has no start weights; add it to start\.backbones"
    ):
        ablation.start_of("vgg11", starts)


def test_start_weights_that_were_never_made_name_the_notebook(tmp_path):
    with pytest.raises(InputError, match=r"starts\.csv: no start weights yet; run the notebook 13_start_weights"):
        ablation.start_of("test_convnext", tmp_path / "starts.csv")


# what a fit is given


class Given(Exception):
    """Carries the rows that the loaders were to be made of."""


def given(faces, monkeypatch, row: ablation.Row) -> pd.DataFrame:
    def stop(rows, *args):
        raise Given(rows, args)

    monkeypatch.setattr(loaders, "make_dls", stop)
    with pytest.raises(Given) as e:
        ablation.train(row.config, faces[1], faces[0], None, RUNTIME, faces[0] / "unused")
    return e.value.args


def test_arms_with_the_same_seed_index_train_on_the_same_balanced_set(faces, monkeypatch):
    cfg = section(2, NA=NONE, RF=FLIPS | {"epochs": 9})
    rows = {(r.arm, r.seed): given(faces, monkeypatch, r) for r in planned(cfg)}
    sets = {who: g[0].loc[g[0]["split"] == "train"] for who, g in rows.items()}
    assert sets["NA", 0].equals(sets["RF", 0]) and sets["NA", 1].equals(sets["RF", 1])
    assert not sets["NA", 0].equals(sets["NA", 1])
    assert sets["NA", 0]["label"].value_counts().to_dict() == {0: 3, 1: 3}
    assert [args[1:4] for _, args in rows.values()] == [("none", 32, 4)] * 2 + [("flips", 32, 4)] * 2
    seeds = [args[4] for _, args in rows.values()]
    assert len(set(seeds)) == 4, "draws and order follow from the whole configuration"


def test_valid_and_test_stay_as_they_are(faces, monkeypatch):
    rows, _ = given(faces, monkeypatch, planned(section())[0])
    assert rows[rows["split"] != "train"].equals(faces[1][faces[1]["split"] != "train"])


# what it leaves behind


@pytest.fixture(scope="module")
def done(faces, tmp_path_factory):
    """Fit three arms, two of them alike, and a start that no learning rate can leave."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(3)
    learn.save_weights(models.make_backbone("test_convnext", num_classes=5), root / "start.safetensors")
    still = NONE | {"lr": 1e-12, "epochs": 2}
    rows = planned(section(NA=NONE, alike=NONE, still=still))
    return ablation.run(store(root), rows, faces[1], faces[0], root / "start.safetensors", RUNTIME), root


def test_two_equal_arms_share_a_run(done):
    table, root = done
    assert table.columns.tolist() == ["arm", "seed", "key", "folder"]
    assert table["arm"].tolist() == ["NA", "alike", "still"] and table["seed"].tolist() == [0] * 3
    assert table["key"][0] == table["key"][1] != table["key"][2]
    assert sorted(p.name for p in (root / "runs" / "t").iterdir()) == sorted(set(table["key"]))


def test_finished_runs_are_not_trained_again(done, faces, monkeypatch):
    table, root = done
    monkeypatch.setattr(ablation, "train", None)
    cfg = section(renamed=NONE)
    again = ablation.run(store(root), planned(cfg), faces[1], faces[0], None, RUNTIME)
    assert again["key"].tolist() == table["key"].tolist()[:1] and again["arm"].tolist() == ["renamed"]


def test_predictions_cover_valid_and_test_in_the_order_of_the_rows(done, faces):
    table, held = done[0], faces[1][faces[1]["split"] != "train"]
    preds = pd.read_parquet(table["folder"][0] / ablation.PREDICTIONS)
    who = ["clip_id", "frame_idx", "track", "group", "label", "split"]
    pd.testing.assert_frame_equal(preds[who], held[who].reset_index(drop=True))
    net = ablation.load_model(table["folder"][0])
    for crop, prob in zip(held["crop"], preds["prob_fake"], strict=True):
        image = torch.from_numpy(crops.resized(crops.load_crop(faces[0] / crop), 32))[None]
        x, _ = loaders.normalise((image, None))
        assert net(x).softmax(1)[0, 1].item() == pytest.approx(prob, abs=1e-5)


def test_predictions_of_an_arm_are_one_table_a_seed_of_one_split(done):
    (test,), (valid,) = (ablation.predictions(done[0], "NA", *split) for split in ((), ("valid",)))
    assert len(test) == 6 and set(test["split"]) == {"test"} and test.index.tolist() == list(range(6))
    assert len(valid) == 4 and set(valid["split"]) == {"valid"}


def test_histories_stand_one_below_the_other(done):
    table = ablation.histories(done[0])
    assert table.columns[:2].tolist() == ["arm", "seed"] and "valid_loss" in table
    assert table["arm"].tolist() == ["NA", "alike", "still", "still"]


def test_a_fit_begins_with_the_start_weights(done):
    still, start = ablation.load_model(done[0]["folder"][2]), models.make_backbone("test_convnext", num_classes=5)
    learn.load_weights(start, done[1] / "start.safetensors")
    torch.testing.assert_close(still.stem[0].weight, start.stem[0].weight)


def test_a_run_knows_its_configuration(done):
    config = ablation.config_of_run(done[0]["folder"][2])
    assert config["train"]["epochs"] == 2 and config["model"]["backbone"] == "test_convnext"
    assert not ablation.load_model(done[0]["folder"][2]).training


def test_the_same_configuration_gives_the_same_bits_whatever_was_drawn_before(done, faces, tmp_path):
    torch.rand(17)
    np.random.random(5)
    config = ablation.config_of_run(done[0]["folder"][0])
    ablation.train(config, faces[1], faces[0], done[1] / "start.safetensors", RUNTIME, tmp_path)
    for name in (learn.WEIGHTS, ablation.PREDICTIONS):
        assert (tmp_path / name).read_bytes() == (done[0]["folder"][0] / name).read_bytes()
