"""Which crops are scored at which level, and that the table holds what `ddet.stats` says of them."""

import numpy as np
import pandas as pd
import pytest
from predictions import CFG, made_up
from rendering import runtime

from ddet import params, paths
from ddet.data import crops
from ddet.robustness import curves, degrade
from ddet.robustness.chosen import Subject
from ddet.scoring.detectors import Detector
from ddet.stats import bootstrap
from ddet.training import common

LEVELS = params.Robustness(seeds=2, clips=4, jpeg=[50, 10], blur=[1.0], resize=[0.5, 0.25], noise=[8.0], crf=[30])


@pytest.fixture
def kept(tmp_path):
    """Write crops of six real and four fake clips, two frames each, and a run that scored the first frame of each."""
    rng, lines = np.random.default_rng(2), []
    for n in range(10):
        label = int(n >= 6)
        clip = f"celebdf/{'real' if not label else ('A', 'B')[n % 2]}/-/{n}"
        for frame in (0, 1):
            crop = np.full((24, 24, 3), 40 + 15 * n, np.uint8) + rng.integers(0, 20, (24, 24, 3), np.uint8)
            name = f"crops/{n}_{frame}.png"
            crops.save_crop(tmp_path / name, crop)
            lines.append((clip, frame, 0, name, 24, crops.digest(crop), label))
    rows = pd.DataFrame(lines, columns=["clip_id", "frame_idx", "track", "crop", "size", "sha", "label"])
    rows.to_parquet(tmp_path / "faces.parquet")
    return tmp_path, rows


def run(folder, rows: pd.DataFrame, name: str = "run", whole: bool = False):
    (folder / name).mkdir()
    first = rows[rows["frame_idx"] == 0].drop(columns=["crop", "size", "sha"])
    told = first.assign(group=first["clip_id"].str[-1], split="test", prob_fake=brightness(folder, rows)[::2])
    told = told.assign(frame_idx=-1) if whole else told
    other = told.assign(split="valid", clip_id=told["clip_id"] + "v")
    away = told.assign(clip_id=told["clip_id"].str.replace("celebdf", "dfdc"))
    pd.concat([told, other, away]).to_parquet(folder / name / common.PREDICTIONS)
    return folder / name


def brightness(folder, rows: pd.DataFrame) -> np.ndarray:
    return np.array([crops.load_crop(folder / crop).mean() / 255 for crop in rows["crop"]])


def subject(*runs, metric: str = "frame_auc") -> Subject:
    return Subject("Herd", "NA", metric, "celebdf", runs)


def test_at_home_are_the_test_crops_of_the_own_dataset(kept):
    folder, rows = kept
    told = curves.at_home(run(folder, rows), "celebdf")
    assert len(told) == 10 and set(told["split"]) == {"test"} and told["clip_id"].str.match("celebdf/.*[0-9]$").all()


@pytest.mark.parametrize(("clips", "each"), [(9, 4), (2, 2)])
@pytest.mark.parametrize(("whole", "frames"), [(False, 1), (True, 2)])
def test_as_many_clips_of_each_class_are_taken_spread_over_methods(kept, clips, each, whole, frames):
    folder, rows = kept
    found = curves.crops_of(subject(run(folder, rows, whole=whole)), folder, clips)
    clip = found.drop_duplicates("clip_id")
    assert clip["label"].value_counts().to_dict() == {0: each, 1: each} and len(found) == 2 * each * frames
    assert clip.loc[clip["label"] == 1, "clip_id"].str.split("/").str[1].value_counts().to_dict() == {
        "A": each // 2, "B": each // 2,
    }  # fmt: skip


def test_levels_are_listed_the_mildest_first_behind_the_crops_as_they_are():
    assert curves.levels_of(LEVELS) == [
        curves.UNTOUCHED, ("jpeg", 50.0), ("jpeg", 10.0), ("blur", 1.0), ("resize", 0.5), ("resize", 0.25),
        ("noise", 8.0), ("crf", 30.0),
    ]  # fmt: skip


@pytest.fixture
def by_brightness(monkeypatch):
    """Let a run score a crop by its brightness, a run named `dark` by its darkness."""

    def detector(run, device):
        return Detector(lambda rows, root: np.abs((run.name == "dark") - brightness(root, rows)), 24)

    monkeypatch.setattr(curves, "_detector", detector)


def test_every_run_scores_the_degraded_crops_of_every_level(kept, by_brightness, monkeypatch):
    folder, rows = kept
    seen = []

    def write(rows, kind, level, where, out):
        seen.append((kind, level))
        for crop in rows["crop"]:
            crops.save_crop(out / crop, np.full((24, 24, 3), 51, np.uint8))
        return rows[1:] if kind == "crf" else rows

    monkeypatch.setattr(degrade, "write", write)
    one = subject(run(folder, rows), run(folder, rows, "dark"))
    where = degrade.Footage(folder, folder)
    found = curves.scored([one], LEVELS, where, runtime(1, "sequential"))["Herd"]
    assert list(found) == curves.levels_of(LEVELS) and seen == curves.levels_of(LEVELS)[1:]
    light, dark = found["noise", 8.0]
    assert np.allclose(light["prob_fake"], 0.2) and np.allclose(dark["prob_fake"], 0.8) and len(light) == 8
    assert len(found["crf", 30.0][0]) == 7, "a frame that did not come back"
    own = curves.crops_of(one, folder, LEVELS.clips)
    assert np.allclose(found[curves.UNTOUCHED][0]["prob_fake"], brightness(folder, own))


@pytest.mark.parametrize("whole", [False, True])
def test_scores_agree_with_the_store_or_do_not(kept, by_brightness, whole):
    folder, rows = kept
    light, dark = run(folder, rows, whole=whole), run(folder, rows, "dark", whole=whole)
    where, few = degrade.Footage(folder, folder), LEVELS.model_copy(update={"clips": 3})
    for runs, same in (((light,), not whole), ((light, dark), False)):  # the clip's score is not its second frame's
        rows_of = curves.crops_of(subject(*runs), folder, few.clips)
        found = {"Herd": {curves.UNTOUCHED: curves._scored(subject(*runs), rows_of, curves.UNTOUCHED, where, RUNTIME)}}
        assert curves.agrees([subject(*runs)], found) is same


RUNTIME = runtime(1, "sequential")


def test_the_table_holds_what_the_statistics_say():
    clean = [made_up(seed, shift=0.3) for seed in (1, 2)]
    worse = [made_up(seed, shift=0.05) for seed in (1, 2)]
    found = {curves.UNTOUCHED: clean} | {(kind, 9.0): worse for kind in degrade.KINDS}
    told = curves.table([subject("a", "b", metric="clip_auc")], {"Herd": found}, CFG)
    assert list(told) == curves.COLUMNS and len(told) == 2 * len(degrade.KINDS)
    first, last = told.iloc[0], told.iloc[1]
    assert np.isnan(first["level"]) and first["change"] == 0 and last["level"] == 9
    auc, change = (bootstrap.over_seeds(worse, CFG)["clip_auc"], bootstrap.paired(worse, clean, "clip_auc", CFG))
    assert last["AUC"] == auc.value and last["change"] == change.value == pytest.approx(last["AUC"] - first["AUC"])
    assert last["low"] < last["AUC"] < last["high"] and last["change low"] < last["change"] < last["change high"]
    assert (last["clips"], last["people"], last["seeds"]) == (36, 12, 2)
    as_is = told.loc[told["level"].isna(), ["AUC", "low", "high"]]
    assert len(as_is) == len(degrade.KINDS) and len(as_is.drop_duplicates()) == 1, "one point, whatever the panel"


def test_a_run_is_loaded_once(monkeypatch):
    loaded = []
    monkeypatch.setattr(curves.detectors, "of_run", lambda *asked: loaded.append(asked))
    curves._detector.cache_clear()
    for _ in range(3):
        curves._detector(paths.RUNS / "a", "cpu")
    curves._detector.cache_clear()
    assert loaded == [(paths.RUNS / "a", "cpu")]
