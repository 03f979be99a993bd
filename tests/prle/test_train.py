"""What a fit of PRLE is given: its crops, their maps, what is hidden of them, and what chooses its epoch."""

import functools

import numpy as np
import pandas as pd
import pytest
import torch
from prle_toys import SIZE, arm, inputs, section
from toys import RUNTIME, TRAIN

from ddet.data import crop_loader, landmarks
from ddet.errors import InputError
from ddet.params.prle import ExploitChange, MapsChange
from ddet.prle import arms as prle_arms
from ddet.prle import controls, exploit, map_store, map_writer
from ddet.prle import train as prle_train
from ddet.seeds import derive
from ddet.training import common, learner
from ddet.training.common import PREDICTIONS, VALID

NOTHING = (1, 4)  # crops whose map is zero everywhere


@pytest.fixture(scope="module")
def found(rows):
    """Draw maps of the training crops, of which a quarter is positive, and of some nothing."""
    n = (rows["split"] == "train").sum()
    maps = np.random.default_rng(0).random((n, SIZE, SIZE)).astype(np.float16)
    maps[maps < 0.75] = 0
    maps[list(NOTHING)] = 0
    return maps


@pytest.fixture(scope="module")
def stored(rows, found, tmp_path_factory):
    """Write the maps of fits of two sizes as runs named "per_class seed", and some of other crops as "other"."""
    root, train = tmp_path_factory.mktemp("maps"), rows.index[rows["split"] == "train"]
    parts = {}
    for per_class in (4, 6):
        for seed, part in enumerate(prle_train.newly_chosen({"per_class": per_class, "seed": 1}, rows)):
            parts[f"{per_class} {seed}"] = train.get_indexer(part.index), map_store.identity(part)
    for name, (at, data) in (parts | {"other": (parts["6 0"][0], "0123456789ab")}).items():
        map_writer.write(root / name, lambda start, stop, at=at: [found[at[start:stop]]], len(at), SIZE, data)
    return root


def config(
    hide: str = "primary", maps: str = "", seed: int = 0, per_class: int = 6, which: dict | None = None, **changes
) -> dict:  # fmt: skip
    """Return the configuration of a fit of EfficientNet's stand-in, with the arm that is given."""
    changes |= {"maps": MapsChange(**(which or {}))}
    cfg = section({"x": arm(hide, **changes)}, seeds=seed + 1, per_class=per_class)
    listed = {"x": prle_arms.fits(cfg)["EfficientNet + x"]}
    runs = [maps or f"{per_class} {at}" for at in range(seed + 1)]
    return prle_arms.plan(cfg, listed, inputs(cfg), {"x": runs})[seed].phases[0]


def hidden(**changes) -> dict:
    return {"exploit": ExploitChange(**changes)}


@pytest.fixture
def fit(rows, faces, stored, tmp_path):
    """Train a configuration and return its folder."""

    def call(name: str, cfg: dict):
        (tmp_path / name).mkdir()
        prle_train.train(cfg, rows, faces, None, RUNTIME, tmp_path / name, stored)
        return tmp_path / name

    return call


# real fits


def test_p_0_is_the_plain_fit_to_the_bit(fit, monkeypatch):
    monkeypatch.setattr(common, "core", lambda config: "any")  # the seed of all of them
    plain = fit("nothing", config("nothing"))
    files = sorted(path.name for path in plain.iterdir() if path.is_file())
    assert files == [learner.HISTORY, PREDICTIONS, VALID, learner.WEIGHTS]
    for hide in ("primary", "rectangles", "parts"):
        other = fit(hide, config(hide, **hidden(p=0.0, gamma=0.5)))
        assert [(plain / name).read_bytes() for name in files] == [(other / name).read_bytes() for name in files], hide
    changed = fit("changed", config("primary", **hidden(p=1.0, alpha=[1.0, 1.0])))
    assert (plain / learner.WEIGHTS).read_bytes() != (changed / learner.WEIGHTS).read_bytes()


def test_every_test_crop_of_every_data_set_is_scored(fit, rows):
    folder = fit("x", config(select_on="test"))
    preds, judge = pd.read_parquet(folder / PREDICTIONS), pd.read_parquet(folder / VALID)
    assert set(judge["split"]) == {"test"}, "crops of test that choose the epoch do not pass for valid"
    test = rows[rows["split"] == "test"].reset_index(drop=True)
    same = ["clip_id", "frame_idx", "track", "group", "label", "split"]
    pd.testing.assert_frame_equal(preds[same], test[same])
    sources = preds["clip_id"].str.split("/").str[0].value_counts().to_dict()
    assert sources == {"ffpp": 12, "df1": 8, "celebdf": 4, "dfdc": 4} and preds["prob_fake"].between(0, 1).all()


# what a fit is given


class Given:
    """Stand in for `learner.fit`: keep what it is given, and leave the weights alone."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(learner, "fit", self)
        monkeypatch.setattr(common, "settle", lambda *_: None)

    def __call__(self, model, dls, cfg, out, seed, loss_func, cbs, progress):
        self.dls, self.cfg, self.seed, self.loss, self.cbs, self.progress = dls, cfg, seed, loss_func, cbs, progress
        self.model = model
        return self


@pytest.fixture
def to_fit(rows, faces, stored, monkeypatch, tmp_path):
    """Return what the fit of a configuration is given."""

    def call(cfg: dict, runtime=RUNTIME) -> Given:
        seen = Given(monkeypatch)
        prle_train.train(cfg, rows, faces, None, runtime, tmp_path, stored)
        return seen

    return call


def places(seen: Given, rows: pd.DataFrame, faces) -> list[int]:
    """Return the place of each chosen crop among the training crops, in the order of the loader."""
    train = [faces / crop for crop in rows.loc[rows["split"] == "train", "crop"]]
    return [train.index(path) for path in seen.dls.train.dataset.plain.paths]


@pytest.mark.parametrize("seed", [0, 1])
def test_each_crop_has_its_own_map(to_fit, rows, faces, found, seed):
    """Four of each class are chosen among 18 training crops, so that places and order differ; of two seeds, so that
    maps lie in two runs.
    """
    seen = to_fit(config(per_class=4, seed=seed))
    at = places(seen, rows, faces)
    assert len(at) == 8 and at != list(range(8)) and isinstance(seen.dls.train.dataset.regions, exploit.Primary)
    for index, place in enumerate(at):
        np.testing.assert_array_equal(seen.dls.train.dataset.regions(index, 0), exploit.levels(found[[place]])[0])


def test_fits_of_one_seed_meet_the_same_crops_whatever_is_hidden(to_fit):
    plain, method = to_fit(config("nothing", per_class=4)), to_fit(config(per_class=4))
    again, other = to_fit(config("parts", per_class=4)), to_fit(config(seed=1, per_class=4))
    assert plain.dls.train.dataset.paths == method.dls.train.dataset.plain.paths == again.dls.train.dataset.plain.paths
    assert method.dls.train.dataset.plain.paths != other.dls.train.dataset.plain.paths
    assert plain.seed == derive("fit", 0, 0) == method.seed
    assert not plain.cbs and method.loss is plain.loss is exploit.risk


@pytest.mark.parametrize(
    ("says", "becomes"),
    [
        ({}, (0.5, 0.0, 1.0, "zero")),
        ({"p": 0.25, "gamma": 0.5}, (0.25, 0.0, 0.5, "zero")),
        ({"alpha": [0.5, 1.0], "fill": "noise"}, (0.5, 0.5, 1.0, "noise")),
    ],
)
def test_what_is_hidden_how_often_and_how_much_is_the_configuration_s(to_fit, says, becomes):
    (callback,) = to_fit(config(**hidden(**says))).cbs
    assert (callback.p, callback.alpha_min, callback.gamma, callback.fill) == becomes


def test_only_one_fit_at_a_time_shows_its_progress(to_fit):
    assert to_fit(config()).progress
    assert not to_fit(config(), RUNTIME.model_copy(update={"fits": 2})).progress
    assert to_fit(config(epochs=3, bs=2)).cfg == TRAIN.model_copy(update={"epochs": 3, "bs": 2})


@pytest.mark.parametrize(("select_on", "people"), [("valid", {"006", "007"}), ("test", {"008", "009", "010", "011"})])
def test_crops_of_ffpp_alone_choose_the_epoch(to_fit, rows, faces, select_on, people):
    crops = [path.name for path in to_fit(config("nothing", select_on=select_on)).dls.valid.dataset.paths]
    assert {name.split("_")[0] for name in crops} == {"ffpp"}
    assert {name[-7:-4] for name in crops} == people and len(crops) == 3 * len(people)
    judges = prle_train.judge_of(rows, select_on)
    assert set(judges["split"]) == {select_on} and judges["crop"].tolist() == crops


def test_maps_of_other_crops_are_refused_with_both_fingerprints(to_fit, rows, faces, stored):
    with pytest.raises(InputError) as error:
        to_fit(config(maps="other"))
    chosen = prle_train.chosen_of(config(), rows)
    said, asked = str(error.value), f"asked for are those of data_hash {map_store.identity(chosen)}"
    assert f"of data_hash 0123456789ab, {asked}" in said and "\n" not in said
    fewer = rows.drop(index=chosen.index[3])
    other = prle_train.chosen_of(config(), fewer)
    with pytest.raises(InputError, match=f"hash {map_store.identity(chosen)}, .*hash {map_store.identity(other)}"):
        prle_train.primary_of(other, config(), fewer, stored)


@pytest.mark.parametrize("seed", [0, 1])
def test_maps_are_bound_to_training_crops_alone(rows, stored, found, seed):
    """Other test crops, such as a further data set, leave maps as they are; the order of what is asked is kept."""
    some = rows[(rows["split"] != "test") | rows["clip_id"].str.startswith("ffpp/")]
    chosen = prle_train.chosen_of(config(seed=seed), some).iloc[[7, 2, 11]]
    at = rows.index[rows["split"] == "train"].get_indexer(chosen.index)
    np.testing.assert_array_equal(prle_train.primary_of(chosen, config(seed=seed), some, stored), found[at])


def test_each_seed_adds_the_crops_that_no_smaller_one_has(rows):
    """And none of these depends on how many seeds follow."""
    parts = prle_train.newly_chosen(config(seed=2, per_class=3), rows)
    assert [len(part) for part in parts[:1]] == [6] and all(len(part) for part in parts)
    for seed in range(3):
        fewer = prle_train.newly_chosen(config(seed=seed, per_class=3), rows)
        assert [part.index.tolist() for part in fewer] == [part.index.tolist() for part in parts[: seed + 1]]
        chosen = prle_train.chosen_of(config(seed=seed, per_class=3), rows)
        assert set(chosen.index) <= set(pd.concat(fewer).index) and set(fewer[-1].index) <= set(chosen.index)
    together = pd.concat(parts)
    assert together.index.is_unique and set(together["split"]) == {"train"} and parts[0].index.is_monotonic_increasing


def test_a_seed_whose_crops_all_have_maps_needs_no_run(rows, stored, found, recwarn):
    """Where all crops are trained on, one run holds every map; that they are few is said by the fit alone."""
    one = rows[(rows["split"] != "train") | ~rows["clip_id"].str.contains("FaceSwap")]
    cfg = config(seed=1) | {"start": {"maps": ["all"]}}
    first, second = prle_train.newly_chosen(cfg | {"per_class": 9}, one)
    assert len(first) == 12 and second.empty and not recwarn
    at = rows.index[rows["split"] == "train"].get_indexer(first.index)
    map_writer.write(stored / "all", lambda a, b: [found[at[a:b]]], 12, SIZE, map_store.identity(first))
    np.testing.assert_array_equal(prle_train.primary_of(first, cfg, one, stored), found[at])


def test_maps_that_do_not_exist_are_one_line(to_fit):
    with pytest.raises(InputError, match="holds no maps; run the notebook that localises"):
        to_fit(config(maps="absent"))


# regions


@pytest.mark.parametrize("kind", ["primary", "rectangles", "parts"])
def test_something_is_hidden_only_where_there_is_a_primary_region(kind, rows, found):
    train = rows[rows["split"] == "train"]
    made = prle_train.regions_of(kind, found, train)
    for index, seed in enumerate(range(len(train))):
        levels = made(index, seed)
        assert levels.shape == (SIZE, SIZE) and (levels <= 1).any() == (index not in NOTHING)


def test_dealt_maps_are_those_of_other_crops_each_once(to_fit, rows, faces, found):
    seen = [to_fit(config(per_class=4, which={"dealt": True}, seed=seed)) for seed in (0, 1)]
    for fit in seen:
        at = places(fit, rows, faces)
        levels = [fit.dls.train.dataset.regions(index, 0) for index in range(8)]
        owners = [[p for p in at if np.array_equal(one, exploit.levels(found[[p]])[0])] for one in levels]
        kept = [o[0] for o in owners if len(o) == 1]  # maps of nothing are alike
        assert len(kept) >= 6 and len(set(kept)) == len(kept)
        assert all(own not in owner for own, owner in zip(at, owners, strict=True) if len(owner) == 1)


@pytest.mark.parametrize("kind", ["primary", "rectangles", "parts"])
def test_with_an_area_all_hide_the_same_share(kind, rows, found):
    train = rows[rows["split"] == "train"]
    made = prle_train.regions_of(kind, found, train, 0.1)
    shares = [np.mean([(made(index, seed) <= 1).mean() for seed in range(30)]) for index in (0, 2, 1)]
    assert shares == pytest.approx([0.1, 0.1, 0], abs=0.02 if kind == "rectangles" else 0.001)


def test_rectangles_are_as_large_as_the_region(rows, found):
    made = prle_train.regions_of("rectangles", found, rows[rows["split"] == "train"])
    assert isinstance(made, controls.Rectangles) and made.size == SIZE
    np.testing.assert_allclose(made.shares, (found > 0).mean(axis=(1, 2)))
    covered = [np.mean([made(index, seed) <= 1 for seed in range(40)]) for index in (0, 2)]
    assert covered == pytest.approx(made.shares[[0, 2]], abs=0.03)


def test_parts_lie_on_the_landmarks_of_their_own_crops(rows, found):
    train = rows[rows["split"] == "train"].copy()
    train.loc[train.index[3], [*landmarks.POINTS, "size"]] = [2.0, 2, 6, 2, 4, 4, 2.5, 6, 5.5, 6, 20]
    made = prle_train.regions_of("parts", found, train)
    assert isinstance(made, controls.Parts)
    np.testing.assert_allclose(made.landmarks[3, 1], [12 * SIZE / 40, 4 * SIZE / 40])
    np.testing.assert_allclose(made.landmarks[0, 1], [27 * SIZE / 40, 15 * SIZE / 40])
    lines = [np.flatnonzero((made(index, 1) <= 1).any(axis=1)) for index in (0, 3)]
    assert lines[1].max() < lines[0].max()


@pytest.mark.parametrize("hide", ["rectangles", "parts"])
def test_controls_mask_as_often_as_the_method(to_fit, hide):
    """The draws of an image follow from the seed of its fit alone, and so does the share that is masked."""
    seen = to_fit(config(hide, **hidden(p=1.0, alpha=[1.0, 1.0])))
    images, levels, draws, _ = next(iter(seen.dls.train))
    after = exploit.hide(images, levels, seen.cbs[0].alphas(draws))
    masked = (after != images).flatten(1).any(dim=1)
    assert torch.equal(masked, (levels <= 1).flatten(1).any(dim=1)) and masked.any()


def test_the_images_are_those_of_the_plain_fit(to_fit, rows, faces):
    plain, method = (to_fit(config(hide)).dls.train.dataset for hide in ("nothing", "primary"))
    size = functools.partial(crop_loader.CropDataset, rows[rows["split"] == "train"], faces, None, SIZE, 0)
    assert len(size()) == 18 and len(plain) == len(method) == 12
    for index in range(12):
        np.testing.assert_array_equal(plain.image(index), method.image(index))
