"""Reals shown plain and augmented: a net that only looks at brightness makes every answer a sum by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from ddet import params, published
from ddet.audit import ledger
from ddet.data import crops
from ddet.data.augment import draw, pipeline
from ddet.errors import InputError
from ddet.herd import false_alarms
from ddet.seeds import derive
from ddet.stats import bootstrap, verdicts
from ddet.training import common

CFG = params.Report(bootstrap=200, confidence=0.9, seed=5)
SIZE = 16


class LeftIsBright(nn.Module):
    """Call a crop the more fake the brighter its left half is against its right: logit = difference of the means."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x[..., : SIZE // 2].mean(dim=(1, 2, 3)), x[..., SIZE // 2 :].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(left), left - right], dim=1)


def steps(p: float = 1.0, **steps: float) -> params.AugmentList:
    return params.AugmentList(p=p, steps=steps)


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """Write crops that are bright on the left, the right, both sides, the left; the net above stands for a run."""
    monkeypatch.setattr(false_alarms.finished, "config_of_run", lambda run: {"model": {"size": SIZE}})
    monkeypatch.setattr(false_alarms.finished, "load_model", lambda run: LeftIsBright().eval())
    shades = [(200, 50), (50, 200), (90, 90), (180, 170)]
    for i, (left, right) in enumerate(shades):
        image = np.full((2 * SIZE, 2 * SIZE, 3), left, np.uint8)
        image[:, SIZE:] = right
        crops.save_crop(tmp_path / f"{i}.png", image)
    return tmp_path, pd.DataFrame({"crop": [f"{i}.png" for i in range(4)]}, index=[5, 5, 0, 1])


def test_a_flip_by_hand(faces):
    """Left minus right is > 0, < 0, 0, > 0: a probability of one half counts as fake. Flipped: < 0, > 0, 0, < 0."""
    found = false_alarms.called_fake("run", faces[1], faces[0], {"flip": steps(HorizontalFlip=1)})
    assert {name: called.tolist() for name, called in found.items()} == {"plain": [1, 0, 1, 1], "flip": [0, 1, 1, 0]}
    assert found["flip"].dtype == float


def test_the_threshold_is_one_of_probability(faces):
    """Left minus right of the last crop is 10 / 255, in ImageNet's deviations of .226 a logit of .17: .54 fake."""
    at = {t: false_alarms.called_fake("run", faces[1], faces[0], {}, t)["plain"].tolist() for t in (0.5, 0.53, 0.56)}
    assert at == {0.5: [1, 0, 1, 1], 0.53: [1, 0, 0, 1], 0.56: [1, 0, 0, 0]}


def test_a_list_shows_every_run_the_same_pictures_whatever_is_shown_beside(faces, monkeypatch):
    seen = []
    monkeypatch.setattr(common, "predict_images", lambda net, images: seen.append(np.stack(images)) or np.zeros(4))
    noisy, flips = steps(GaussNoise=1, Rotate=1), steps(HorizontalFlip=0.5, VerticalFlip=0.5)
    false_alarms.called_fake("run", faces[1], faces[0], {"flips": flips, "noisy": noisy})
    false_alarms.called_fake("other", faces[1], faces[0], {"noisy": noisy})
    np.testing.assert_array_equal(seen[2], seen[4])
    slow = [crops.resized(crops.load_crop(faces[0] / crop), SIZE) for crop in faces[1]["crop"]]
    np.testing.assert_array_equal(seen[0], slow)
    for i, image in enumerate(slow):
        np.testing.assert_array_equal(seen[2][i], draw(pipeline(noisy), image, derive("alarm", "noisy", i)))


def test_each_crop_has_a_draw_of_its_own(faces):
    rows = pd.DataFrame({"crop": ["0.png"] * 40})
    flipped = false_alarms.called_fake("run", rows, faces[0], {"half": steps(HorizontalFlip=0.5)})["half"]
    assert 8 < flipped.sum() < 32


@pytest.mark.parametrize("idle", [steps(), steps(0.0, HorizontalFlip=1), steps(HorizontalFlip=0)])
def test_a_list_that_changes_nothing_shows_the_crops_plain(faces, idle):
    found = false_alarms.called_fake("run", faces[1], faces[0], {"idle": idle})
    assert found["idle"].tolist() == found["plain"].tolist()


def test_a_crop_that_is_not_there_is_one_line(faces):
    with pytest.raises(InputError, match=r"gone\.png: cannot be read .*; extract the faces again"):
        false_alarms.called_fake("run", pd.DataFrame({"crop": ["gone.png"]}), faces[0], {})


# how many more


def answers(**shares: float) -> tuple[list[dict[str, np.ndarray]], pd.DataFrame]:
    """Invent what three seeds say of 60 crops of 20 people: the first of each person's three crops, and so on."""
    rows = pd.DataFrame({"clip_id": [f"c{i // 3}" for i in range(60)], "group": [f"g{i // 3:02d}" for i in range(60)]})
    place = np.arange(60) % 20 / 20
    called = [{name: (place < share).astype(float) for name, share in shares.items()} for _ in range(3)]
    called[1] = {name: np.roll(values, 1) for name, values in called[1].items()}
    return called, rows


def test_the_table_of_alarms_by_hand():
    called, rows = answers(plain=0.1, strong=0.6, weak=0.1)
    called[2]["strong"] = np.where(np.arange(60) < 3, 1 - called[2]["strong"], called[2]["strong"])
    table = false_alarms.alarms(called, rows, CFG).set_index("shown")
    assert list(table.index) == ["plain", "strong", "weak"]
    assert list(table.columns) == ["called fake", *verdicts.READING]
    # In the third seed three crops of the first person, all called fake under `strong`, are called real instead.
    assert table["called fake"].tolist() == pytest.approx([0.1, 0.6 - 3 / 180, 0.1])
    assert table.loc["strong", "effect"] == pytest.approx(0.5 - 3 / 180)
    assert table.loc[["strong", "weak"], "reading"].tolist() == ["more", "undecided"]
    assert table.loc["plain", verdicts.READING].isna().all()


def test_more_is_the_paired_difference_to_plain():
    called, rows = answers(plain=0.3, strong=0.5)
    found = false_alarms.more(called, "strong", rows, CFG)
    stacked = {name: np.stack([seed[name] for seed in called]) for name in ("plain", "strong")}
    assert found == bootstrap.paired_values(stacked["strong"], stacked["plain"], rows, CFG)
    assert found.value == pytest.approx(0.2) and len(found.per_seed) == 3


@pytest.mark.parametrize(
    ("plain", "strong", "said"),
    [(0.1, 0.6, "holds"), (0.6, 0.1, "fails"), (0.3, 0.3, "undecided")],
)
def test_the_claim_that_augmented_reals_look_fake(tmp_path, plain, strong, said):
    called, rows = answers(plain=0.0, still=plain, strong=strong)  # against the list with the same geometry
    table = false_alarms.judge(called, "strong", "still", rows, ["k1", "k2", "k3"], CFG, "invented")
    assert table.columns.tolist() == verdicts.RESULT and len(table) == 1
    line = table.iloc[0]
    assert (line["claim_id"], line["verdict"], line["runs"]) == ("herd-noise-fake", said, "k1 k2 k3")
    assert (line["n"], line["data"]) == (60, "invented") and line["effect"] == pytest.approx(strong - plain)
    table.to_csv(tmp_path / "claims_herd.csv", index=False)
    assert ledger.read_results(tmp_path, published.facts("claims"))["verdict"].tolist() == [said]
