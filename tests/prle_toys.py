"""Invented scores, crops of noise and a section of PRLE, small enough for a test."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from toys import TRAIN, keyed

from ddet import params
from ddet.data import crops, landmarks
from ddet.prle import arms as prle_arms
from ddet.prle.scores import Scored
from ddet.runs import planned
from ddet.stats import metrics
from ddet.stats.bootstrap import Estimate

METHODS = ("Deepfakes", "FaceSwap")
SOURCES = {"ffpp": METHODS, "celebdf": ("Celeb-synthesis",), "dfdc": ("fake",), "df1": ("end_to_end",)}
REPORT = params.Report(bootstrap=100, confidence=0.95, seed=1)
TESTS = {"DFDC": "dfdc", "DF-1.0": "df1", "Celeb-DF": "celebdf"}
DETECTORS = {
    "Xception": params.prle.Detector(name="timm", backbone="slim_resnet"),
    "EfficientNet": params.prle.Detector(name="timm", backbone="lite0_stride8"),
    "ResNet-50": params.prle.Detector(name="timm", backbone="slim_resnet", layers=["layer3.1"]),
}
OTHERS = params.Others(seeds=1, detectors={"Needy": params.Compared(name="needy", backbone="slim_resnet")})
LISTS = {
    "none": params.AugmentList(p=1.0, steps={}),
    "flips": params.AugmentList(p=0.5, steps={"HorizontalFlip": 0.5}),
}
LOW, HIGH = "Average (low τ1)", "Average (high τ1)"
FIVE, FIXED = "X. + E. + V. + F. + R.", "w/o exploitation"
SIZE = 32
SPLITS = ("train",) * 6 + ("valid",) * 2 + ("test",) * 4  # of the people of FF++
VARIANTS = ("real", "end_to_end", "end_to_end_mix_2_distortions")


def met(
    right: float, seed: int = 0, groups: int = 20, frames: int = 1, sources: Sequence[str] = tuple(SOURCES), **parts
) -> pd.DataFrame:
    """Invent scores on the test crops: of each class of each data set, a share `right` is right (others in `parts`).

    So accuracy and AUC are that share. A group of a dataset has one real clip, and a fake one of each of its methods.
    With the same seed, the crops that are right at a larger share include those at a smaller one.
    """
    rows = []
    for at, source in enumerate(sources):
        for kind, method in enumerate(("real", *SOURCES[source])):
            share = parts.get(method, parts.get(source, right))
            luck = np.random.default_rng([seed, at, kind]).permutation(groups * frames) / (groups * frames)
            for crop, drawn in enumerate(luck):
                group, frame = divmod(crop, frames)
                called = kind > 0 if drawn < share - 1e-9 else kind == 0
                row = [f"{source}/{method}/-/{group:02d}", frame, 0, f"{source}:{group:02d}", int(kind > 0)]
                rows.append([*row, 0.8 if called else 0.2])
    return pd.DataFrame(rows, columns=[*metrics.ROW, "group", "label", "prob_fake"])


class Invented(Scored):
    """Scores of invented fits, which gave valid what they gave test."""

    def valid(self, fit: str) -> list[pd.DataFrame]:
        return [table.assign(split="valid") for table in self.tables(fit)]


def scored(fits: Mapping[str, Sequence[pd.DataFrame]], report: params.Report = REPORT) -> Scored:
    """Return the scores of invented fits; the keys of "x" are "x 0", "x 1", ..."""
    done = [{"arm": name, "seed": s, "key": f"{name} {s}"} for name, tables in fits.items() for s in range(len(tables))]
    return Invented(pd.DataFrame(done), report, {name: list(tables) for name, tables in fits.items()})


class Plain:
    """Stand in for `Scored`: every metric of a fit on a part is its share, known for certain."""

    cfg = REPORT

    def __init__(self, shares: dict[str, dict[str, float]], metrics: tuple[str, ...] = ()):
        self.shares, self.metrics = shares, metrics
        self.done = pd.DataFrame({"arm": list(shares), "key": [f"{fit} 0" for fit in shares]})

    def has(self, *fits: str) -> bool:
        return set(fits) <= set(self.shares)

    def gain(self, pairs, parts, metric) -> Estimate:
        n = len(parts)
        return self.contrast([[(s / n, f, p) for s, f in ((1, a), (-1, b)) for p in parts] for a, b in pairs], metric)

    def contrast(self, units, metric, difference=True) -> Estimate:
        return self._certain(np.mean([self._sum(unit) for unit in units]), metric)

    def ahead(self, units, metric) -> Estimate:
        return self._certain(np.mean([np.sign(self._sum(cell)) / 2 for unit in units for cell in unit]), metric)

    def _sum(self, terms) -> float:
        return sum(w * self.shares[f].get(p, self.shares[f]["right"]) for w, f, p in terms)

    def _certain(self, mean: float, metric: str) -> Estimate:
        mean = mean if not self.metrics or metric in self.metrics else math.nan
        return Estimate(mean, mean - 0.01, mean + 0.01, 0.0, (mean, mean), 9, 9, 20, 100, 0, False)


def arm(hide: str = "primary", **changes) -> params.PrleArm:
    return params.PrleArm(hide=hide, **changes)


def section(arms: Mapping[str, params.PrleArm] | None = None, **changes) -> params.Prle:
    """Make a section with the arms `backbone` and `PRLE`, and those given by their printed names."""
    named = {"backbone": arm("nothing"), "PRLE": arm()} | dict(arms or {})
    base = {"split": "official", "tests": TESTS, "per_class": 3, "scored": 3, "seeds": 1}
    base |= {"size": SIZE, "detectors": DETECTORS}
    base |= {
        "augment": "none",
        "augment_lists": LISTS,
        "train": TRAIN,
        "zoo": ["Xception", "EfficientNet"],
    }
    base |= {"maps": params.prle.Maps(of_class="fake", folds=1, dealt=False)}
    base |= {"fusion": params.prle.Fusion(method="union", tau1=0.3, lam=0.15, tau2=0.0)}
    base |= {"exploit": params.prle.Exploit(area=None, p=0.5, alpha=[0.0, 1.0], gamma=1.0, fill="zero")}
    base |= {"arms": keyed(named)}
    base |= {"subsets": params.prle.Subsets(methods=list(METHODS), detectors=["Xception"], per_class=3, seeds=1)}
    base |= {"compared": OTHERS}
    return params.Prle(**(base | changes))


def compared() -> dict[str, params.PrleArm]:
    """Return the arms that claims and tables compare."""
    alone = {name: arm(zoo=[zoo], detectors=["EfficientNet"]) for name, zoo in {"X.": "Xception"}.items()}
    average = {LOW: {"tau1": 0.1}, HIGH: {}}
    averages = {n: arm(fusion=params.prle.FusionChange(method="average", **c)) for n, c in average.items()}
    fixed = arm(exploit=params.prle.ExploitChange(alpha=[1.0, 1.0]), detectors=["EfficientNet", "ResNet-50"])
    five = arm(zoo=list(DETECTORS), detectors=["EfficientNet"])
    return {"Random": arm("rectangles"), "Landmark": arm("parts"), **averages, **alone, FIVE: five, FIXED: fixed}


def inputs(cfg: params.Prle) -> planned.Inputs:
    """Make inputs without any crop, for functions that need only their fingerprints."""
    names = (prle_arms.WHOLE, *cfg.subsets.methods)
    starts = {d.backbone: f"s of {d.backbone}" for d in cfg.detectors.values()}
    return planned.Inputs({}, {name: f"data of {name}" for name in names}, starts)


def write_faces(root: Path) -> Path:
    """Write a crop of noise per clip, fakes darker, and faces.parquet, clips.parquet and splits.parquet.

    FF++ has a person for each of SPLITS. DF-1.0 forges the same people, and its own split is another; of Celeb-DF and
    DFDC the first half is in train, the other in test.
    """
    rng, faces, clips, splits = np.random.default_rng(0), [], [], []

    def add(dataset: str, method: str, person: int, split: str, official: str = "") -> None:
        name, fake = f"{dataset}/{method}/-/{person:03d}", int(method != "real")
        row = {"clip_id": name, "frame_idx": 0, "track": 0, "label": fake, "crop": f"{name.replace('/', '_')}.png"}
        row["size"] = 40
        image = rng.integers(1, 256 - 100 * fake, (row["size"], row["size"], 3), np.uint8)
        crops.save_crop(root / row["crop"], image)
        eyes = np.ravel([(12.0, 14.0), (27.0, 15.0), (20.0, 20.0), (15.0, 30.0), (25.0, 30.0)])
        boxes = {f"{box}{axis}{end}": v for axis in "xy" for box, ends in (("", (0, 40)), ("box_", (8, 32)))
                 for end, v in enumerate(ends)}  # fmt: skip
        faces.append(row | {"sha": crops.digest(image)} | dict(zip(landmarks.POINTS, eyes, strict=True)) | boxes)
        clips.append({"clip_id": name, "dataset": dataset, "method": method, "stem": f"{person:03d}"})
        clips[-1] |= {"original": f"{dataset}/real/-/{person:03d}", "width": 64, "height": 48}
        clips[-1] |= {"target_id": f"{person:03d}", "group": f"{dataset}:{person:03d}", "official_split": official}
        splits.append({"clip_id": name, "frame_idx": -1, "protocol": "official", "split": split})

    for person, split in enumerate(SPLITS):
        for method in ("real", *METHODS):
            add("ffpp", method, person, split, split)
        for variant in VARIANTS:
            add("df1", variant, person, ("train", "test", "valid")[person % 3])
    for dataset in ("celebdf", "dfdc"):
        for person in range(4):
            for method in ("real", *SOURCES[dataset]):
                add(dataset, method, person, "test" if person > 1 else "train")
    for name, table in {"clips": clips, "faces": faces, "splits": splits}.items():
        pd.DataFrame(table).to_parquet(root / f"{name}.parquet", index=False)
    return root
