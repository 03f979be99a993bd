"""Clips of noise whose fakes are darker, a section of ASRID small enough to train in a test, invented runs of it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from toys import keyed

from ddet import params
from ddet.asrid import arms, scores, train
from ddet.data import crops
from ddet.hashing import fingerprint
from ddet.runs import planned
from ddet.training import common, learner

MODEL = params.AsridModel(
    backbone="lite0_stride16", size=32, width=16, mode="paper", heads=4, layers=1, layer_heads=4, hidden=8,
    dropout=0.0, positions=8, maps=2,
)  # fmt: skip
TRAIN = params.Train(
    epochs=2, bs=4, lr=1e-3, wd=0.0, opt="adamw", schedule="cosine_restarts", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="clip_log_loss",
)  # fmt: skip
LISTS = {
    "none": params.AugmentList(p=1.0, steps={}),
    "flips": params.AugmentList(p=0.5, steps={"HorizontalFlip": 0.5}),
}
FRAMES = 3


def arm(strategy: str = "static_mix", **changes) -> params.AsridArm:
    return params.AsridArm(part="static", strategy=strategy, **changes)


def section(seeds: int = 1, arms: Mapping[str, params.AsridArm] | None = None, **changes) -> params.Asrid:
    """Make a section of the arm `StaNew + Mix`, or of those given by their printed names."""
    base = {"dataset": "dfdc", "split": "identity", "sets": {"small": {"train": 8, "valid": 4, "test": 4}, "large": {}}}
    base |= {"set": "large", "seeds": seeds, "frames": FRAMES, "sampling": "videos", "short": "drop"}
    base |= {"scaling": "imagenet", "augment_per": "frame", "augment": "none", "model": MODEL, "train": TRAIN}
    base |= {
        "augment_lists": LISTS,
        "arms": keyed(arms or {"StaNew + Mix": arm()}),
    }
    return params.Asrid(**(base | changes))


def write_clips(root: Path, n: int = 32) -> pd.DataFrame:
    """Write clips of three crops each; a quarter each in valid and test; one clip in train has two crops only."""
    rng, rows = np.random.default_rng(0), []
    for i in range(n):
        split = ("train", "train", "valid", "test")[i // 2 % 4]
        for frame in range(2 if i == 0 else FRAMES):
            image = rng.integers(0, 250 - 80 * (i % 2), (32, 32, 3)).astype(np.uint8)
            row = {"clip_id": f"dfdc/p/-/{i:02d}", "frame_idx": frame, "track": 0, "label": i % 2, "split": split}
            row |= {"crop": f"{i}_{frame}.png", "sha": crops.digest(image), "group": f"g{i // 2}"}
            crops.save_crop(root / row["crop"], image)
            rows.append(row)
    return pd.DataFrame(rows)


def given(rows: pd.DataFrame) -> planned.Inputs:
    names = ("dfdc, identity", "dfdc, clip")
    return planned.Inputs(dict.fromkeys(names, rows), dict.fromkeys(names, fingerprint(rows)), {MODEL.backbone: "s"})


def config(rows: pd.DataFrame, seed: int = 0, **changes) -> dict:
    """Return the configuration of one arm that `changes` make."""
    return arms.plan(section(seed + 1), {"x": arm(**changes)}, given(rows))[seed].phases[0]


INVENTED = {  # arms of `write_runs`
    "StaNew": arm("static_new", set="small", rows={"table2": "StaNew", "table3": "small"}),
    "StaNew, large": arm("static_new", rows={"table3": "large"}),
    "StaNew, by clip": arm("static_new", set="small", split="clip", rows={"table3": "small"}),
    "Dyn": arm("dynamic", w=0.8, set="small", rows={"table2": "Dyn"}),
}


def write_runs(root: Path, cfg: params.Asrid, rows: pd.DataFrame) -> pd.DataFrame:
    """Write three runs of each arm without training: static scores lean on the label, dynamic ones say .5 of all."""
    lines, firsts = [], rows.drop_duplicates("clip_id").assign(frame_idx=-1)
    for lean, (name, spec) in enumerate(cfg.arms.items(), 1):
        for seed in range(3):
            rng, folder = np.random.default_rng([lean, seed]), root / f"{lean}{seed}"
            folder.mkdir()
            own = scores.clips_of_set(cfg, spec, given(rows))
            table = firsts[(firsts["split"] != "train") | firsts["clip_id"].isin(own)].reset_index(drop=True)
            side = 0.04 * lean * (2 * table["label"] - 1)
            static = (0.5 + side + rng.normal(0, 0.1, len(table))).clip(0.05, 0.95)
            dynamic = 0.5 if spec.w < 1 else np.nan
            fused = spec.w * static + (1 - spec.w) * 0.5 if spec.w < 1 else static
            table = table.assign(prob_fake=fused, static=static, dynamic=dynamic)
            table.to_parquet(folder / common.PREDICTIONS)
            smooth = np.linspace(0.7, 0.4, 8)
            steps = pd.DataFrame({"step": range(1, 9), "epoch": [1] * 4 + [2] * 4, "smooth": smooth})
            steps.assign(loss=smooth + 0.1 * lean * (-1) ** np.arange(8)).to_csv(folder / train.STEPS, index=False)
            history = pd.DataFrame({"epoch": [1, 2], "clip_log_loss": [0.6, 0.5], "clip_auc": [0.6, 0.7]})
            history.to_csv(folder / learner.HISTORY, index=False)
            lines.append({"arm": name, "seed": seed, "key": f"k{lean}{seed}", "chain": "", "folder": folder})
    return pd.DataFrame(lines)
