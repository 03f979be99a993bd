"""Crops of noise with their tables, and a section of arms small enough to train in a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddet import params
from ddet.data import crops, landmarks
from ddet.hashing import fingerprint
from ddet.runs import planned
from ddet.runs.store import Store

NET = params.Model(name="timm", backbone="test_resnet", size=32, form="released", swin=None, width=1)
RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)
TRAIN = params.Train(
    epochs=1, bs=4, lr=1e-3, wd=0.0, opt="adam", schedule="flat", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip
LISTS = {"none": {}, "flips": {"HorizontalFlip": 0.5, "VerticalFlip": 0.5}, "turn": {"RandomRotate90": 0.2}}
CHANCE = {"none": 1.0, "flips": 1.0, "turn": 0.7}
CURRICULA = {  # name -> phases, epochs of each
    "plain": (["full"], None), "masked": (["masked"], None), "two": (["masked", "full"], [1, 2]),
    "mep": (["masked", "full", "masked"], [1, 2, 1]),
}  # fmt: skip
SWEEP = params.Sweep(classes=["fake"], weights=[2.0], imbalance=[1.0], seeds=1)
SPLITS = ["test", "train", "valid", "train", "test", "train", "valid", "train", "train", "train", "test", "train"]


def keyed(arms: Mapping[str, Any]) -> dict[str, Any]:
    """Put arms under keys, as a params file has them, and their names on them."""
    return {f"arm{i}": arm.model_copy(update={"name": name}) for i, (name, arm) in enumerate(arms.items())}


def arm(augment: str | None = None, **changes) -> params.Arm:
    return params.Arm(part="augmentation", augment=augment, **changes)


def section(seeds: int = 1, **changes) -> params.Herd:
    """Make a section whose curriculum is one phase with nothing hidden."""
    base = {"dataset": "celebdf", "split": "identity", "per_class": 3, "imbalance": 1.0, "seeds": seeds}
    base |= {"model": NET, "scored": 9}
    base |= {"train": TRAIN, "phases": {"full": "none", "masked": "eyes"}, "curriculum": "plain", "weight": 1.0}
    base |= {"curricula": {n: params.Curriculum(phases=p, epochs=e) for n, (p, e) in CURRICULA.items()}}
    lists = {name: params.AugmentList(p=CHANCE[name], steps=steps) for name, steps in LISTS.items()}
    base |= {"augment": "none", "augment_lists": lists}
    base |= {"weighted_class": "fake", "arms": {"NA": arm()}, "sweep": SWEEP, "leaky": params.Leaky(splits=[], seeds=1)}
    return params.Herd(**(base | changes))


def given(rows: pd.DataFrame | None = None, start: str = "s") -> planned.Inputs:
    """Make inputs of `rows` under every protocol; without rows they have only a fingerprint."""
    protocols = ("identity", "image")
    hashes = {name: fingerprint(rows) if rows is not None else f"data of {name}" for name in protocols}
    backbones = (NET.backbone, "test_convnext")
    return planned.Inputs(dict.fromkeys(protocols, rows), hashes, {name: f"{start} of {name}" for name in backbones})


def store(root: Path, **changes) -> Store:
    return Store(**{"stage": "t", "code": ["ddet.seeds"], "runtime": {"threads": 1}, "root": root, **changes})


def write_faces(root: Path) -> Path:
    """Write 24 crops of noise, fakes darker, with landmarks, and faces.parquet, clips.parquet and splits.parquet.

    A clip is one frame; each split of the protocol `identity` holds as many real as fake ones. Under `image` all
    fakes are in train.
    """
    rng, rows, splits = np.random.default_rng(0), [], []
    for clip, split in enumerate(SPLITS):
        for label, method in enumerate(("real", "Celeb-synthesis")):
            row = {"clip_id": f"celebdf/{method}/-/{clip:02d}", "frame_idx": clip, "track": 0, "label": label}
            row |= {"crop": f"crops/{clip:02d}_{label}.png", "size": 40, "prob": 0.9}
            image = rng.integers(1, 256 - 100 * label, (40, 40, 3), np.uint8)
            crops.save_crop(root / row["crop"], image)
            eyes = [(12.0, 14.0), (27.0, 15.0 + label), (20.0, 20.0), (15.0, 30.0), (25.0, 30.0)]
            rows.append(row | {"sha": crops.digest(image)} | dict(zip(landmarks.POINTS, np.ravel(eyes), strict=True)))
            at = {"clip_id": row["clip_id"], "frame_idx": -1}
            splits.append(at | {"protocol": "identity", "split": split})
            splits.append(at | {"protocol": "image", "split": "train" if label else split})
    faces = pd.DataFrame(rows)
    clips = faces[["clip_id"]].assign(dataset="celebdf", method=faces["clip_id"].str.split("/").str[1])
    clips = clips.assign(group=faces["frame_idx"].map("g{}".format), original=faces["clip_id"], width=64, height=48)
    for name, table in {"clips": clips, "faces": faces, "splits": pd.DataFrame(splits)}.items():
        table.to_parquet(root / f"{name}.parquet", index=False)
    return root
