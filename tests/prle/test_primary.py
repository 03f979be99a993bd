"""Maps for fits: by which detectors, of which crops and for which class, with halves that nobody has seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prle_toys import DETECTORS, arm, section
from toys import RUNTIME

from ddet import params
from ddet.errors import InputError
from ddet.params.prle import FusionChange, MapsChange
from ddet.prle import arms as prle_arms
from ddet.prle import halves, map_runs, primary
from ddet.runs import planned

RULE = {"method": "union", "tau1": 0.3, "lam": 0.15, "tau2": 0.0}


@pytest.fixture
def made(monkeypatch):
    """Stand in for `map_runs`: note what is asked for, and return folders named after it."""
    asked, classes = [], []

    def of_detectors(store, folders, layers, load, rows, crops, size, of_class, runtime):
        asked.append(("detectors", [f.name for f in folders], [list(names) for names in layers], rows))
        classes.append(of_class)
        return [Path(f"cam of {f.name}" + ("" if of_class == "fake" else f" ({of_class})")) for f in folders]

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


def crops_of(cfg: params.Prle) -> planned.Inputs:
    return planned.Inputs({name: f"crops of {name}" for name in ("FF++", *cfg.subsets.methods)}, {}, {})


def test_maps_are_those_of_the_first_seeds_of_plain_detectors_on_the_same_crops(made):
    cfg = section({"x": arm(zoo=["ResNet-50"], fusion=FusionChange(tau1=0.1), detectors=["Xception"])})
    runs = trained(*(f"{short}{d}" for short in ("", "DF: ", "FS: ") for d in DETECTORS))
    table = primary.localise(None, cfg, prle_arms.fits(cfg), runs, crops_of(cfg), RUNTIME)
    asked = [(names, layers, rows) for kind, names, layers, rows in made if kind == "detectors"]
    assert asked == [
        (["Xception 0", "EfficientNet 0", "ResNet-50 0"], [[], [], ["layer3.1"]], "crops of FF++"),
        (["DF: Xception 0", "DF: EfficientNet 0"], [[], []], "crops of Deepfakes"),
        (["FS: Xception 0", "FS: EfficientNet 0"], [[], []], "crops of FaceSwap"),
    ]
    assert list(table.columns) == ["fit", "crop_set", "maps", "members"]
    assert table["fit"].tolist() == [n for n, fit in prle_arms.fits(cfg).items() if fit.arm.hide != "nothing"]
    lines = table.set_index("fit")
    both = "cam of Xception 0 cam of EfficientNet 0"
    assert lines.loc["EfficientNet + PRLE"].tolist() == ["FF++", "fusion 2", both]
    assert lines.loc["Xception + x"].tolist() == ["FF++", "fusion 4", "cam of ResNet-50 0"]
    assert lines.loc["FS: Xception + PRLE"].tolist() == ["FaceSwap", "fusion 6", both.replace("of ", "of FS: ")]
    fusions = [(names, rule, rows) for kind, names, rule, rows in made if kind == "fusion"]
    assert fusions[3] == (["cam of ResNet-50 0"], RULE | {"tau1": 0.1}, "crops of FF++")
    assert fusions[5][1:] == (RULE, "crops of FaceSwap")


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
    rows = pd.DataFrame({"split": ["train"] * 6 + ["test"], "group": list("aabbccz")})
    cfg = section({"x": arm(maps=MapsChange(folds=2), zoo=["ResNet-50"], detectors=["Xception"])})
    listed = {"Xception + x": prle_arms.fits(cfg)["Xception + x"]}
    runs = trained("half 1: ResNet-50", "half 2: ResNet-50")
    table = primary.localise(None, cfg, listed, runs, planned.Inputs({"FF++": rows}, {}, {}), RUNTIME)
    seen = {names[0]: list(part.index) for kind, names, _, part in made if kind == "detectors"}
    half = halves.half_of(rows)
    assert seen == {f"half {h}: ResNet-50 0": list(np.flatnonzero(half == 3 - h)) for h in halves.HALVES}
    fused = [(names, list(part.index)) for kind, names, _, part in made if kind == "fusion"]
    assert fused == [([f"cam of {source}"], index) for source, index in seen.items()]
    (join,) = [one for one in made if one[0] == "join"]
    assert join[2] == list(seen.values()) and join[3] is rows
    assert table.to_numpy().tolist() == [
        ["Xception + x", "FF++", "joined", "cam of half 1: ResNet-50 0 cam of half 2: ResNet-50 0"]
    ]
    with pytest.raises(InputError, match=r"^zoo member ResNet-50: was not trained on FF\+\+, half 2; run the notebook"):
        primary.localise(
            None, cfg, listed, trained("half 1: ResNet-50"), planned.Inputs({"FF++": rows}, {}, {}), RUNTIME
        )
