"""What masks tell: by hand, of masks that are made to tell the label by place, by area, or not at all."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import toys
from prle_toys import REPORT, SIZE, arm, inputs, met, scored, section
from sklearn.model_selection import cross_val_predict
from torch import nn

from ddet import models
from ddet.params.prle import ExploitChange
from ddet.prle import arms as prle_arms
from ddet.prle import exploit, leak, map_store, map_writer
from ddet.prle import train as prle_train
from ddet.runs import finished
from ddet.runs.store import RECORD
from ddet.training import learner

ROWS = pd.DataFrame({"label": [0, 1] * 60, "group": [f"g{i // 4}" for i in range(120)]})


def test_masks_are_pooled_to_shares_of_cells():
    masks = np.zeros((1, 16, 16), bool)
    masks[0, 0, 0], masks[0, 14:, 14:] = True, True
    cells = leak.pooled(masks).reshape(8, 8)
    assert cells[0, 0] == 0.25 and cells[7, 7] == 1 and cells.sum() == 1.25


def test_a_classifier_reads_what_tells_the_label_in_groups_that_it_has_not_seen():
    rng, label = np.random.default_rng(0), ROWS["label"].to_numpy()
    noise = rng.normal(size=(120, 3))
    assert leak.roc_auc_score(label, leak.told_by(np.column_stack([noise, label]), ROWS)) == 1
    draws = [leak.roc_auc_score(label, leak.told_by(rng.normal(size=(120, 3)), ROWS)) for _ in range(10)]
    assert np.mean(draws) == pytest.approx(0.5, abs=0.06)
    by_group = rng.permutation(120)[ROWS["group"].str[1:].astype(int)]  # tells the group, and the label only with it
    alike = ROWS.assign(label=(by_group > 60).astype(int))
    ones = pd.get_dummies(ROWS["group"]).to_numpy(float)
    assert leak.roc_auc_score(alike["label"], leak.told_by(ones, alike)) < 0.75, "with groups held out"


def test_a_classifier_s_folds_are_those_of_the_library():
    features = np.random.default_rng(1).normal(size=(120, 3))
    model, folds = leak.make_pipeline(leak.StandardScaler(), leak.LogisticRegression()), leak.StratifiedGroupKFold(5)
    how = {"groups": ROWS["group"], "cv": folds, "method": "predict_proba"}
    plain = cross_val_predict(model, features, ROWS["label"], **how)[:, 1]
    np.testing.assert_allclose(leak.told_by(features, ROWS), plain, rtol=1e-9)


def test_a_classifier_that_is_left_with_one_class_says_nothing():
    """As in a rehearsal: without the group of both fakes only real ones are left, and the other way round."""
    rows = pd.DataFrame({"label": [0, 0, 1, 1], "group": ["a", "a", "b", "b"]})
    assert leak.told_by(np.array([[0.0], [0.1], [0.9], [1.0]]), rows).tolist() == [0.5] * 4
    mixed = pd.DataFrame({"label": [0, 1, 0, 0], "group": ["a", "a", "b", "c"]})  # "a" is judged by real crops alone
    told = leak.told_by(np.array([[0.0], [1.0], [0.0], [0.9]]), mixed)
    assert told[:2].tolist() == [0.5, 0.5] and told[2:].max() > 0.5


@pytest.mark.parametrize(
    ("low", "mask", "area", "said"),
    [
        (0.45, 0.6, 0.6, "nothing"),
        (np.nan, 0.9, 0.5, "nothing"),
        (0.7, 0.8, 0.76, "the label, by its area alone"),
        (0.7, 0.8, 0.6, "the label, by its place"),
    ],
)
def test_what_masks_tell_in_words(low, mask, area, said):
    assert leak.reading(low, mask, area) == said


def test_exchanged_masks_are_those_of_the_other_class_each_once():
    labels = np.array([0, 1, 1, 0, 1, 0])
    found = leak.exchanged(labels)
    assert (labels[found] != labels).all() and sorted(found) == list(range(6))
    odd = np.array([0, 1, 1, 1])
    assert leak.exchanged(odd).tolist()[1:] == [0, 0, 0] and odd[leak.exchanged(odd)[0]] == 1


def test_what_is_hidden_is_filled_as_in_training():
    images, masks = np.full((2, 4, 4, 3), 77, np.uint8), np.zeros((2, 4, 4), bool)
    masks[0, 1, 2] = True
    black = leak.covered(images, masks, "zero")
    assert (black[0, 1, 2] == 0).all() and (black != images).sum() == 3 and black.dtype == np.uint8
    noise = leak.covered(np.zeros((1, 32, 32, 3), np.uint8), np.ones((1, 32, 32), bool), "noise")
    assert 100 < noise.mean() < 155 and noise.std() > 50


# a fit


CHOSEN = {"seed": 0, "per_class": 6}


def regions(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Make maps of the training crops of a fit that tell the label by their place, by their area, or not at all."""
    fake = (prle_train.chosen_of(CHOSEN, rows)["label"] == 1).to_numpy()
    found = {name: np.zeros((len(fake), SIZE, SIZE), np.float16) for name in ("place", "area", "none")}
    rng = np.random.default_rng(3)
    for i, is_fake in enumerate(fake):
        found["place"][i, :8] = found["area"][i, :8] = found["none"][i, :8] = rng.random((8, SIZE)) + 0.01
        if is_fake:
            found["place"][i] = found["place"][i, ::-1]
            found["area"][i, :4] = 0
    return found


@pytest.fixture(scope="module")
def maps(rows, tmp_path_factory):
    root, chosen = tmp_path_factory.mktemp("maps"), prle_train.chosen_of(CHOSEN, rows)
    for name, found in regions(rows).items():
        map_writer.write(root / name, lambda a, b, f=found: [f[a:b]], len(found), SIZE, map_store.identity(chosen))
    return root


def config(maps: str, per_class: int = CHOSEN["per_class"], **changes) -> dict:
    cfg = section({"x": arm(**changes)}, per_class=per_class)
    listed = {"x": prle_arms.fits(cfg)["EfficientNet + x"]}
    return prle_arms.plan(cfg, listed, inputs(cfg), {"x": [maps]})[0].phases[0]


class Reader(nn.Module):
    """Call an image fake by how much blacker its lower half is: it reads the masks of `place`."""

    def forward(self, x):
        black = (x < x.flatten(1).amin(dim=1)[:, None, None, None] + 0.05).float().mean(dim=1)
        half = SIZE // 2
        score = black[:, half:].mean(dim=(1, 2)) - black[:, :half].mean(dim=(1, 2))
        return torch.stack([-score, score], dim=1)


def test_a_network_that_reads_masks_is_found_out(rows, faces, maps):
    found = leak.measured(Reader(), config("place"), rows, faces, maps, REPORT)
    assert found["own"] == found["grey"] == 1 and found["other"] == 0 and 0.1 < found["whole"] < 0.9
    assert found["mask"] > 0.95 and found["area"] == pytest.approx(0.5, abs=0.3)
    assert found["hidden"] == pytest.approx(0.25) and found["nothing hidden"] == 0 and found["short"] == 0


def test_area_and_nothing_are_told_apart(rows, faces, maps):
    by = {n: leak.measured(Reader(), config(n), rows, faces, maps, REPORT) for n in ("area", "none")}
    assert by["area"]["area"] > 0.99 and by["area"]["mask"] > 0.99
    assert abs(by["none"]["mask"] - 0.5) < 0.4 and by["none"]["tells"] == "nothing"


def test_crops_that_lack_the_area_are_counted(rows, faces, maps):
    limited = config("area", exploit=ExploitChange(area=0.2))
    found = leak.measured(Reader(), limited, rows, faces, maps, REPORT)
    assert found["short"] == 0.5 and found["hidden"] == pytest.approx((0.2 + 0.125) / 2, abs=0.01)


def test_masks_are_those_of_the_fit_and_half_hidden(rows, faces, maps, monkeypatch):
    seen = []
    monkeypatch.setattr(leak, "pooled", lambda masks: seen.append(masks) or leak.np.zeros((len(masks), 1)))
    monkeypatch.setattr(leak, "CROPS", 4)
    leak.measured(Reader(), config("none"), rows, faces, maps, REPORT)
    (masks,) = seen
    levels = exploit.levels(regions(rows)["none"])
    assert len(masks) == 8 and all(any(np.array_equal(m, one <= 0.5) for one in levels) for m in masks)


def test_a_row_for_each_arm_and_one_for_the_plain_detector(rows, faces, maps, tmp_path):
    cfg = section({"x": arm(detectors=["Xception"]), "y": arm("rectangles", seeds=2)}, per_class=6)
    lines, listed = [], prle_arms.of_part(cfg, "exploitation")
    for name, fit in prle_arms.fits(cfg).items():
        folder = tmp_path / str(len(lines))
        folder.mkdir()
        net = prle_arms.model_of(cfg, fit.detector)
        learner.save_weights(models.create(net), folder / learner.WEIGHTS)
        plan = prle_arms.plan(cfg, {name: fit}, inputs(cfg), {name: ["place"]})
        (folder / RECORD).write_text(json.dumps({"config": plan[0].phases[0]}))
        lines.append({"arm": name, "seed": 0, "key": folder.name, "folder": folder})
    two = toys.RUNTIME.model_copy(update={"fits": 2})  # arms at a time
    found = leak.table(listed, pd.DataFrame(lines), rows, faces, maps, REPORT, two)
    assert found[["arm", "fit"]].to_numpy().tolist() == [
        ["PRLE", "Xception + PRLE"], ["x", "Xception + x"], ["y", "Xception + y"],
        ["none, under masks of PRLE", "Xception"],
    ]  # fmt: skip
    same = ["hidden", "mask", "low", "high", "area", "tells"]
    assert found.loc[0, same].tolist() == found.loc[3, same].tolist(), "the same masks"
    assert found.loc[0, ["whole", "other"]].tolist() != found.loc[3, ["whole", "other"]].tolist(), "another network"
    assert finished.config_of_run(tmp_path / "0")["hide"] == {"kind": "nothing"}


# the claim


def judged(plain: float, method: float, dealt: float, high: float, seeds: int = 3) -> pd.Series:
    cfg = section({"dealt": arm(detectors=["Xception"])})
    right = {"Xception": plain, "Xception + PRLE": method, "Xception + dealt": dealt}
    fits = {name: [met(share, seed) for seed in range(seeds)] for name, share in right.items()}
    found = pd.DataFrame({"arm": ["PRLE", "dealt"], "mask": [high - 0.05, 0.5], "high": [high, 0.6]})
    return leak.judge(cfg, scored(fits), found, "toys").iloc[0]


@pytest.mark.parametrize(
    ("auc", "high", "verdict"),
    [
        ((0.6, 0.9, 0.9), 0.9, "holds"),  # dealt masks keep the gain
        ((0.6, 0.9, 0.6), 0.9, "fails"),  # the gain is lost without information
        ((0.6, 0.9, 0.6), 0.55, "holds"),  # there was none to lose
        ((0.9, 0.9, 0.6), 0.9, "not testable here"),  # no gain
        ((0.9, 0.6, 0.6), 0.55, "not testable here"),
    ],
)
def test_the_verdict_needs_a_gain_and_then_masks_that_tell_or_a_gain_that_stays(auc, high, verdict):
    line = judged(*auc, high)
    assert line["verdict"] == verdict and line["claim_id"] == "prle-leak"
    assert line["effect"] == pytest.approx(auc[2] - auc[1], abs=1e-6)
    assert line["data"] == f"toys; gain {round(auc[1] - auc[0], 3) + 0.0:+.3f}, AUC of the mask alone {high - 0.05:.3f}"
    assert line["runs"] == " ".join(f"Xception + {arm} {seed}" for arm in ("dealt", "PRLE") for seed in range(3))


def test_without_the_arm_there_is_no_line():
    cfg = section()
    fits = {name: [met(0.8)] for name in ("Xception", "Xception + PRLE")}
    found = pd.DataFrame({"arm": ["PRLE"], "mask": [0.5], "high": [0.5]})
    assert leak.judge(cfg, scored(fits), found, "toys") is None
