"""Maps for fits: by which detectors, of which crops and for which class, with halves that nobody has seen."""

from pathlib import Path

import pandas as pd
import pytest
from prle_toys import DETECTORS, arm, section
from toys import RUNTIME

from ddet import params
from ddet.errors import InputError
from ddet.params.prle import FusionChange, MapsChange
from ddet.prle import arms as prle_arms
from ddet.prle import halves, map_runs, primary
from ddet.prle import train as prle_train
from ddet.runs import planned

RULE = {"method": "union", "tau1": 0.3, "lam": 0.15, "tau2": 0.0}


@pytest.fixture
def made(monkeypatch):
    """Stand in for `map_runs`: note what is asked for, and return folders named after it."""
    asked = []

    def of_detectors(store, looks, load, crops, size, runtime):
        asked.extend(("look", look.folder.name, list(look.layers), look.rows, look.of_class) for look in looks)
        classes = ["" if look.of_class == "fake" else f" ({look.of_class})" for look in looks]
        return [Path(f"cam of {look.folder.name}{of_class}") for look, of_class in zip(looks, classes, strict=True)]

    def fused(store, members, rule, rows, runtime):
        asked.append(("fusion", [m.name for m in members], rule, rows))
        return Path(f"fusion {sum(kind == 'fusion' for kind, *_ in asked)}")

    def joined(store, parts, of_parts, rows):
        asked.append(("join", [p.name for p in parts], [list(part.index) for part in of_parts], rows))
        return Path("joined")

    monkeypatch.setattr(map_runs, "joined", joined)
    monkeypatch.setattr(map_runs, "of_detectors", of_detectors)
    monkeypatch.setattr(map_runs, "fused", fused)
    return asked


def trained(*names: str) -> pd.DataFrame:
    lines = [{"arm": n, "seed": s, "folder": Path(f"{n} {s}")} for s in (1, 0) for n in (*names, "Xception + PRLE")]
    return pd.DataFrame(lines)


def rows_of(crop_set: str, clips: int = 6, split: str = "train") -> pd.DataFrame:
    """Make a table of crops, two of a clip, half of them fake; a group has a real and a fake clip."""
    lines = [
        {"clip_id": f"ffpp/{'fake' if clip % 2 else 'real'}/-/{clip}", "frame_idx": frame, "track": 0,
         "label": clip % 2, "group": clip // 2, "split": split, "of": crop_set}
        for clip in range(clips) for frame in range(2)
    ]  # fmt: skip
    return pd.DataFrame([*lines, lines[0] | {"split": "test"}])


def crops_of(cfg: params.Prle) -> planned.Inputs:
    return planned.Inputs({name: rows_of(name) for name in ("FF++", *cfg.subsets.methods)}, {}, {})


def test_maps_are_those_of_the_first_seeds_of_plain_detectors_on_the_same_crops(made):
    cfg = section({"x": arm(zoo=["ResNet-50"], fusion=FusionChange(tau1=0.1), detectors=["Xception"])})
    runs = trained(*(f"{short}{d}" for short in ("", "DF: ", "FS: ") for d in DETECTORS))
    table = primary.localise(None, cfg, prle_arms.fits(cfg), runs, crops_of(cfg), RUNTIME)
    asked = [(name, layers, rows["of"].iloc[0]) for kind, name, layers, rows, *_ in made if kind == "look"]
    assert asked == [
        ("Xception 0", [], "FF++"), ("EfficientNet 0", [], "FF++"), ("ResNet-50 0", ["layer3.1"], "FF++"),
        ("DF: Xception 0", [], "Deepfakes"), ("DF: EfficientNet 0", [], "Deepfakes"),
        ("FS: Xception 0", [], "FaceSwap"), ("FS: EfficientNet 0", [], "FaceSwap"),
    ]  # fmt: skip
    assert list(table.columns) == ["fit", "seed", "crop_set", "maps", "members"] and set(table["seed"]) == {0}
    assert table["fit"].tolist() == [n for n, fit in prle_arms.fits(cfg).items() if fit.arm.hide != "nothing"]
    lines = table.set_index("fit").drop(columns="seed")
    both = "cam of Xception 0 cam of EfficientNet 0"
    assert lines.loc["EfficientNet + PRLE"].tolist() == ["FF++", "fusion 2", both]
    assert lines.loc["Xception + x"].tolist() == ["FF++", "fusion 4", "cam of ResNet-50 0"]
    assert lines.loc["FS: Xception + PRLE"].tolist() == ["FaceSwap", "fusion 6", both.replace("of ", "of FS: ")]
    fusions = [(names, rule, rows["of"].iloc[0]) for kind, names, rule, rows, *_ in made if kind == "fusion"]
    assert fusions[3] == (["cam of ResNet-50 0"], RULE | {"tau1": 0.1}, "FF++")
    assert fusions[5][1:] == (RULE, "FaceSwap")


def test_each_seed_has_maps_of_the_crops_that_no_smaller_one_is_trained_on(made):
    """An arm of one seed has those of its own crops alone, and detectors that only it fuses look at no others."""
    cfg = section({"x": arm(zoo=["ResNet-50"], detectors=["Xception"], seeds=1)}, seeds=3, per_class=2)
    wanted = ("Xception + PRLE", "Xception + x")
    listed = {name: fit for name, fit in prle_arms.fits(cfg).items() if name in wanted}
    given = planned.Inputs({"FF++": rows_of("FF++", 20)}, {}, {})
    table = primary.localise(None, cfg, listed, trained("Xception", "EfficientNet", "ResNet-50"), given, RUNTIME)
    assert table[["fit", "seed"]].to_numpy().tolist() == [*(["Xception + PRLE", s] for s in range(3)), [wanted[1], 0]]
    parts = prle_train.newly_chosen({"seed": 2, "per_class": 2}, given.rows["FF++"])
    seen = {}
    for _, name, _, rows, _ in [one for one in made if one[0] == "look"]:
        seen.setdefault(name, []).append(rows.index.tolist())
    every = [part.index.tolist() for part in parts]
    assert seen == {"Xception 0": every, "EfficientNet 0": every, "ResNet-50 0": every[:1]}
    crops = [crop for part in every for crop in part]
    assert len(set(crops)) == len(crops) > 4
    assert [rows.index.tolist() for kind, _, _, rows, *_ in made if kind == "fusion"] == [*every, every[0]]


def test_a_seed_without_new_crops_has_no_run_and_is_read_as_none(made, tmp_path):
    cfg = section(seeds=2, per_class=99)
    listed = {name: fit for name, fit in prle_arms.fits(cfg).items() if name == "Xception + PRLE"}
    table = primary.localise(None, cfg, listed, trained("Xception", "EfficientNet"), crops_of(cfg), RUNTIME)
    assert table["maps"].tolist() == ["fusion 1", ""] and table["members"].tolist()[1] == ""
    table.to_csv(tmp_path / "maps.csv", index=False)
    assert primary.runs_of(tmp_path / "maps.csv") == {"Xception + PRLE": ["fusion 1", ""]}
    with pytest.raises(InputError, match=r"there are no maps yet; run: dvc repro prle_localisation"):
        primary.runs_of(tmp_path / "none.csv")


def test_the_crops_of_the_first_run_of_maps_are_numbered_anew():
    cfg, rows = section(per_class=2), rows_of("FF++", 20)
    seen = primary.looked_at(cfg, rows)
    (first,) = prle_train.newly_chosen({"seed": 0, "per_class": 2}, rows)
    assert seen.index.tolist() == [0, 1, 2, 3]
    assert seen["clip_id"].tolist() == first["clip_id"].tolist() and first.index.tolist() != [0, 1, 2, 3]


def test_a_member_that_was_not_trained_on_the_same_crops_is_one_line(made):
    cfg = section()
    runs = trained("Xception", "EfficientNet", "DF: Xception", "FS: Xception", "FS: EfficientNet")
    said = "^zoo member EfficientNet: was not trained on Deepfakes; run the notebook of the zoo$"
    with pytest.raises(InputError, match=said):
        primary.localise(None, cfg, prle_arms.fits(cfg), runs, crops_of(cfg), RUNTIME)
    later = runs.assign(seed=1)
    with pytest.raises(InputError, match=r"^zoo member Xception: was not trained on FF\+\+"):
        primary.localise(None, cfg, prle_arms.fits(cfg), later, crops_of(cfg), RUNTIME)


def test_arms_of_another_class_have_maps_of_that_class_and_dealt_ones_those_of_the_method(made):
    only = {"detectors": ["Xception"], "zoo": ["Xception"]}
    changes = {"a": MapsChange(of_class="label"), "b": MapsChange(of_class="prediction"), "c": MapsChange(dealt=True)}
    cfg = section({name: arm(maps=change, **only) for name, change in changes.items()})
    runs = trained(*(f"{short}{d}" for short in ("", "DF: ", "FS: ") for d in DETECTORS))
    lines = primary.localise(None, cfg, prle_arms.fits(cfg), runs, crops_of(cfg), RUNTIME).set_index("fit")["members"]
    assert lines["Xception + a"] == "cam of Xception 0 (label)"
    assert lines["Xception + b"] == "cam of Xception 0 (prediction)"
    assert lines["Xception + c"] == "cam of Xception 0" and lines["Xception + PRLE"].startswith("cam of Xception 0 cam")


def test_with_two_folds_each_half_is_looked_at_by_detectors_of_the_other(made):
    rows = rows_of("FF++", 12)
    cfg = section({"x": arm(maps=MapsChange(folds=2), zoo=["ResNet-50"], detectors=["Xception"])}, per_class=5)
    listed = {"Xception + x": prle_arms.fits(cfg)["Xception + x"]}
    runs = trained("half 1: ResNet-50", "half 2: ResNet-50")
    table = primary.localise(None, cfg, listed, runs, planned.Inputs({"FF++": rows}, {}, {}), RUNTIME)
    seen = {name: list(some.index) for kind, name, _, some, *_ in made if kind == "look"}
    chosen, half = prle_train.newly_chosen({"seed": 0, "per_class": 5}, rows)[0], halves.half_of(rows)
    assert seen == {f"half {h}: ResNet-50 0": [i for i in chosen.index if half[i] == 3 - h] for h in halves.HALVES}
    fused = [(names, list(part.index)) for kind, names, _, part, *_ in made if kind == "fusion"]
    assert fused == [([f"cam of {source}"], index) for source, index in seen.items()]
    (join,) = [one for one in made if one[0] == "join"]
    assert join[2] == list(seen.values()) and join[3].index.tolist() == chosen.index.tolist()
    assert table.to_numpy().tolist() == [
        ["Xception + x", 0, "FF++", "joined", "cam of half 1: ResNet-50 0 cam of half 2: ResNet-50 0"]
    ]
    with pytest.raises(InputError, match=r"^zoo member ResNet-50: was not trained on FF\+\+, half 2; run the notebook"):
        primary.localise(
            None, cfg, listed, trained("half 1: ResNet-50"), planned.Inputs({"FF++": rows}, {}, {}), RUNTIME
        )
