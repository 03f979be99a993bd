"""Where detectors look: shares by hand, both ways to train side by side, and test crops whose region is hidden."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import toys
from prle_toys import METHODS, REPORT, SIZE, section, write_faces

from ddet import models, params
from ddet.attention import grad_cam, measure
from ddet.data import crop_loader, crops
from ddet.prle import arms as prle_arms
from ddet.prle import attention as prle_attention
from ddet.prle import exploit, fusion
from ddet.runs import finished, starts
from ddet.runs.store import RECORD
from ddet.stats import bootstrap
from ddet.training import learner

DETECTORS = {
    "Xception": params.prle.Detector(name="timm", backbone="slim_resnet", layers=["layer2.1"]),
    "EfficientNet": params.prle.Detector(name="timm", backbone="test_efficientnet", layers=["blocks.1"]),
}
NAMES = ("Xception", "Xception + PRLE", "EfficientNet", "EfficientNet + PRLE", "DF: Xception", "DF: EfficientNet")
NAN = np.nan


@pytest.fixture(scope="module")
def cfg():
    return section(detectors=DETECTORS)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def rows(cfg, faces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "start_of", lambda backbone: (None, ""))
        loaded = prle_arms.inputs(cfg, prle_arms.fits(cfg), faces).rows["FF++"]
    own = loaded[loaded["clip_id"].str.startswith("ffpp/") & (loaded["split"] == "test")]
    return own.iloc[[7, 0, 3, 11, 5, 9, 1]].reset_index(drop=True)


@pytest.fixture(scope="module")
def done(cfg, tmp_path_factory):
    """Write runs of weights at random: two seeds of each fit, which are networks of their own."""
    root, lines = tmp_path_factory.mktemp("runs"), []
    for name, fit in prle_arms.fits(cfg).items():
        for seed in (1, 0):
            folder = root / f"run{len(lines)}"
            folder.mkdir()
            torch.manual_seed(len(lines))
            net = prle_arms.model_of(cfg, fit.detector)
            learner.save_weights(models.create(net), folder / learner.WEIGHTS)
            (folder / RECORD).write_text(json.dumps({"config": {"model": net.model_dump()}}))
            lines.append({"arm": name, "seed": seed, "key": folder.name, "folder": folder})
    return pd.DataFrame(lines)


def folder_of(done: pd.DataFrame, name: str, seed: int = 0):
    return done[(done["arm"] == name) & (done["seed"] == seed)]["folder"].item()


def pictures(rows: pd.DataFrame, faces) -> torch.Tensor:
    images = [crops.resized(crops.load_crop(faces / crop), SIZE) for crop in rows["crop"]]
    return crop_loader.normalise((torch.from_numpy(np.stack(images)), None))[0]


# maps and measures


@pytest.mark.parametrize("of_class", ["fake", "label"])
def test_maps_are_those_of_the_class_that_is_asked_for(rows, faces, done, of_class):
    folder = folder_of(done, "EfficientNet")
    found = prle_attention.maps(folder, ["blocks.1"], rows, faces, of_class)
    assert found.shape == (len(rows), SIZE, SIZE) and found.min() >= 0 and found.max() <= 1
    net, labels = finished.load_model(folder), torch.from_numpy(rows["label"].to_numpy(np.int64))
    assert set(labels.tolist()) == {0, 1}
    expected = {
        name: grad_cam.attention_maps(net, [net.blocks[1]], pictures(rows, faces), asked, odds=True).numpy()
        for name, asked in (("fake", torch.ones_like(labels)), ("label", labels))
    }
    np.testing.assert_allclose(found, expected[of_class], atol=1e-4)
    assert np.abs(expected["fake"] - expected["label"]).max() > 0.1


def test_measures_by_hand():
    """The face is the left half. The upper row of the first and of the third is forged; the third has no attention."""
    maps = np.array([[[1, 0.5], [0.5, 0]], [[0.4, 0.6], [0.1, 0]], [[0.0, 0], [0, 0]]])
    face = np.array([[[1, 0], [1, 0]]] * 3, bool)
    forged = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 1], [0, 0]]], bool)
    assert {n: v.tolist() for n, v in prle_attention.measured(maps, {"face": face}).items()} == {"face": [1, 0, 0]}
    found = prle_attention.measured(maps, {"face": face, "forged": forged})
    assert tuple(found) == prle_attention.MEASURES
    for name, values in {"inside": [0.75, NAN, NAN], "pointing": [1, NAN, NAN], "iou": [2 / 3, NAN, NAN]}.items():
        np.testing.assert_allclose(found[name], values)
    none = prle_attention.measured(maps, {"face": face & False})
    assert np.isnan(none["face"]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_overlap_is_that_of_the_positive_pixels(dtype):
    maps = np.array([[[0, 0.2], [0.4, 1.0]], [[0, 0], [0, 1.0]], [[0, 0], [0, 0]], [[1, 1], [1, 0.3]]], dtype)
    maps[1, 0, 0] = np.finfo(dtype).smallest_subnormal  # positive all the same
    forged = np.array([[[0, 1], [0, 1]]] * 4, bool)
    found = prle_attention.primary_shares(maps, forged)
    positive = maps > 0
    expected = (positive & forged).sum(axis=(1, 2)) / (positive | forged).sum(axis=(1, 2))
    np.testing.assert_allclose(found["iou"], [*expected[:2], np.nan, expected[3]])
    others = measure.attention_shares(maps, forged)
    for name in ("inside", "pointing", "area"):
        np.testing.assert_array_equal(found[name], others[name])


def test_looks_are_taken_of_every_seed_of_both_ways_to_train(cfg, rows, faces, done):
    found = prle_attention.looks(cfg, done, rows, faces, None, TWO)
    assert list(found) == list(NAMES[:4])
    alone = prle_attention.looks(cfg, done, rows, faces, None, toys.RUNTIME)
    assert all(np.array_equal(found[name]["face"], alone[name]["face"]) for name in found)
    face = measure.regions(rows, SIZE, None)["face"]
    for name in ("Xception + PRLE", "EfficientNet"):
        layers = DETECTORS[name.split(" + ")[0]].layers
        seeds = [prle_attention.maps(f, layers, rows, faces) for f in done.loc[done["arm"] == name, "folder"]]
        shares = [((maps >= 0.5) & face).sum(axis=(1, 2)) / face.sum(axis=(1, 2)) for maps in seeds]
        np.testing.assert_allclose(found[name]["face"], shares)
        assert found[name]["face"].shape == (2, 7) and np.std(shares) > 0


LOOKS = {
    "Xception": {"face": np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]), "iou": np.array([[NAN, 0.2, 0.4]] * 2)},
    "Xception + PRLE": {"face": np.array([[0.3, 0.4, 0.5], [0.5, 0.5, 0.2]]), "iou": np.array([[NAN, 0.1, 0.1]] * 2)},
    "EfficientNet": {"face": np.full((2, 3), 0.5), "iou": np.full((2, 3), 0.5)},
    "EfficientNet + PRLE": {"face": np.full((2, 3), 0.4), "iou": np.full((2, 3), 0.5)},
}  # fmt: skip
THREE = pd.DataFrame({"clip_id": list("abc"), "group": list("xxy")})


def test_both_ways_to_train_stand_side_by_side(cfg):
    table = prle_attention.look_table(cfg, LOOKS, THREE, REPORT)
    assert table["detector"].tolist() == ["Xception"] * 2 + ["EfficientNet"] * 2
    assert table["measure"].tolist() == ["face", "iou"] * 2
    assert table["backbone"].tolist() == pytest.approx([0.2, 0.3, 0.5, 0.5])
    assert table["PRLE"].tolist() == pytest.approx([0.4, 0.1, 0.4, 0.5])
    assert table["difference"].tolist() == pytest.approx([0.2, -0.2, -0.1, 0])
    assert table["crops"].tolist() == [3, 2, 3, 3] and table["groups"].tolist() == [2] * 4
    assert (table["low"] <= table["difference"] + 1e-12).all() and (table["difference"] <= table["high"] + 1e-12).all()
    first = bootstrap.paired_values(LOOKS["Xception + PRLE"]["face"], LOOKS["Xception"]["face"], THREE, REPORT)
    assert (table["low"][0], table["high"][0]) == (first.low, first.high) and first.low < first.high


def test_a_detector_that_attends_to_nothing_has_a_line_without_numbers(cfg):
    blind = LOOKS | {"Xception": LOOKS["Xception"] | {"iou": np.full_like(LOOKS["Xception"]["iou"], np.nan)}}
    table, plain = (prle_attention.look_table(cfg, looks, THREE, REPORT) for looks in (blind, LOOKS))
    assert table.loc[1, ["crops", "groups"]].tolist() == [0, 0] and table.loc[1, "backbone":"high"].isna().all()
    assert table.drop(index=1).astype(str).equals(plain.drop(index=1).astype(str)) and list(table) == list(plain)


def test_looking_broader_counts_each_seed_of_each_detector(cfg):
    """By hand: Xception's seeds gain .2 and .2, EfficientNet's lose .1 each."""
    found = prle_attention.broader(cfg, LOOKS, THREE, REPORT)
    assert found.value == pytest.approx(0.05) and found.per_seed == pytest.approx((0.2, 0.2, -0.1, -0.1))
    assert found.frames == 3
    other = prle_attention.broader(cfg, LOOKS, THREE, REPORT, "iou")
    assert other.per_seed == pytest.approx((-0.2, -0.2, 0, 0)) and other.unpaired == 1


# test crops whose region is hidden

TWO = toys.RUNTIME.model_copy(update={"fits": 2})  # methods at a time


@pytest.fixture(scope="module")
def masked(cfg, done, rows, faces):
    return prle_attention.masked(cfg, done, rows, faces, "fake", toys.RUNTIME)


def scores(net: torch.nn.Module, images: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(images).softmax(1)[:, 1].numpy()


def test_every_method_and_alpha_has_its_predictions(masked, rows):
    alphas = ["0", "1", *(f"0.{k}" for k in range(9, 0, -1))]
    assert list(masked) == [f"{prle_arms.SHORT[method]}, alpha {alpha}" for method in METHODS for alpha in alphas]
    assert [float(alpha) for alpha in alphas[1:]] == list(prle_attention.ALPHAS)
    same = ["clip_id", "frame_idx", "track", "label", "group"]
    for (table,) in masked.values():
        pd.testing.assert_frame_equal(table[same], rows[same])


@pytest.mark.parametrize("short", ["DF", "FS"])
def test_with_nothing_hidden_they_are_the_plain_predictions(masked, rows, faces, done, short):
    net = finished.load_model(folder_of(done, f"{short}: Xception"))
    plain = scores(net, pictures(rows, faces))
    np.testing.assert_allclose(masked[f"{short}, alpha 0"][0]["prob_fake"], plain, atol=1e-6)
    other = scores(finished.load_model(folder_of(done, f"{short}: Xception", 1)), pictures(rows, faces))
    assert np.abs(other - plain).max() > 1e-3, "the first seed is asked"


@pytest.mark.parametrize("of_class", ["fake", "label"])
def test_what_is_hidden_is_what_the_zoo_of_the_method_attends_to(masked, cfg, rows, faces, done, of_class):
    labels = torch.from_numpy(rows["label"].to_numpy(np.int64))
    if of_class == "fake":
        labels = torch.ones_like(labels)
    else:
        masked = prle_attention.masked(cfg, done, rows, faces, "label", TWO)
    members = [finished.load_model(folder_of(done, f"DF: {d}")) for d in cfg.zoo]
    layers = [[members[0].layer2[1]], [members[1].blocks[1]]]
    both = zip(members, layers, strict=True)
    stack = [grad_cam.attention_maps(net, chosen, pictures(rows, faces), labels, odds=True) for net, chosen in both]
    whole = fusion.fuse(torch.stack(stack, dim=1), "union", tau1=0.3, lam=0.15, tau2=0.0).half()
    levels = torch.from_numpy(exploit.levels(whole.numpy()))
    assert 0.05 < (levels <= 1).float().mean() < 0.95
    net = finished.load_model(folder_of(done, "DF: Xception"))
    black = crop_loader.normalise((torch.zeros(1, 1, 1, 3, dtype=torch.uint8), None))[0]
    for alpha in (1.0, 0.3):
        hidden = torch.where((levels <= alpha)[:, None], black, pictures(rows, faces))
        found = masked[f"DF, alpha {alpha:g}"][0]["prob_fake"]
        np.testing.assert_allclose(found, scores(net, hidden), atol=1e-4)
    everything = masked["DF, alpha 1"][0]["prob_fake"] - masked["DF, alpha 0"][0]["prob_fake"]
    assert everything.abs().max() > 1e-3
