"""One short fit of each paper on crops made of integers, the maps of one, and the intervals of a table."""

import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ddet import models, params
from ddet.asrid import arms as asrid_arms
from ddet.asrid import train as asrid_train
from ddet.attention import grad_cam
from ddet.data import crops, landmarks
from ddet.herd import arms as herd_arms
from ddet.herd import train as herd_train
from ddet.prle import arms as prle_arms
from ddet.prle import fusion, map_store, map_writer
from ddet.prle import train as prle_train
from ddet.runs import planned
from ddet.stats import bootstrap
from ddet.tools.bits import digest, primitives
from ddet.training import common, learner

PROFILE = "profiles/smoke.yaml"
SIZE, CLIPS, FRAMES = 64, 32, 4
SPLITS = ("train", "train", "valid", "test")
SHORT = {"epochs": 1, "bs": 8, "channels_last": True, "precision": "fp32"}


def settings() -> dict:
    """Return the configurations of the fits."""
    return {name: config for name, (_, config) in _fits().items()}


def compute() -> dict[str, str]:
    """Return name -> hash."""
    found, threads = {}, torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        root, runtime = Path(folder), _runtime()
        rows = write_rows(root)
        images = rows.assign(clip_id=rows["clip_id"].str.replace("dfdc", "ffpp"))
        given = prle_train.chosen_of(_fits()["prle"][1], images)
        count = len(given)
        drawn = np.abs(primitives.numbers(count, SIZE, SIZE)) / 8 * (primitives.numbers(count, SIZE, SIZE) > 0)
        map_writer.write(root / "maps" / "toy", lambda a, b: [drawn[a:b]], count, SIZE, map_store.identity(given))
        for name, (fit, config) in _fits().items():
            out = root / name
            out.mkdir()
            more = {"maps": root / "maps"} if name == "prle" else {}
            fit(config, rows if name == "asrid" else images, root, None, runtime, out, **more)
            found[f"{name} weights"] = digest((out / learner.WEIGHTS).read_bytes())
            preds = pd.read_parquet(out / common.PREDICTIONS)
            found[f"{name} predictions"] = digest(preds["prob_fake"].to_numpy())
            found[f"{name} table"] = digest(table(preds[preds["split"] == "test"]).encode())
        found |= _maps(root / "herd", _fits()["herd"][1])
    torch.set_num_threads(threads)
    return found


def write_rows(root: Path) -> pd.DataFrame:
    """Write crops whose fakes are darker, and return their table: CLIPS clips of FRAMES, half of them fake."""
    rows, base = [], primitives.picture()[:SIZE, :SIZE]
    for clip in range(CLIPS):
        for frame in range(FRAMES):
            image = np.roll(base, 5 * clip + frame, axis=1) // (1 + clip % 2)
            row = {"clip_id": f"dfdc/p/-/{clip:02d}", "frame_idx": frame, "track": 0, "label": clip % 2}
            row |= {
                "crop": f"{clip}_{frame}.png",
                "size": SIZE,
                "group": f"g{clip // 2}",
                "split": SPLITS[clip // 2 % 4],
            }
            crops.save_crop(root / row["crop"], image)
            rows.append(row | {"sha": crops.digest(image)} | dict.fromkeys(landmarks.POINTS, SIZE / 2))
    return pd.DataFrame(rows)


def table(preds: pd.DataFrame) -> str:
    """Write what a results table says of predictions, to the digits that reports print."""
    found = bootstrap.over_seeds([preds], params.Report(bootstrap=200, confidence=0.95, seed=1))
    return pd.DataFrame([dataclasses.asdict(e) for e in found.values()], index=list(found)).to_csv(float_format="%.4f")


def _runtime() -> params.Runtime:
    known = params.load(PROFILE).runtime
    return known.model_copy(update={"threads": 1, "device": "cpu", "workers": 0, "fits": 2})  # 2: no progress bars


def _fits() -> dict[str, tuple[Callable, dict[str, Any]]]:
    """Return what trains each paper, and the configuration of one row of the smoke profile, cut short."""
    whole = params.load(PROFILE)
    herd, clips, hidden = whole.herd, whole.asrid, whole.prle
    given = planned.Inputs({}, defaultdict(lambda: "toy"), defaultdict(lambda: "toy"))
    first = {"herd": herd.arms["Base"], "asrid": clips.arms["Dyn (0.2) + Mix"], "prle": hidden.arms["PRLE"]}
    row = prle_arms.Fit("EfficientNet", first["prle"], prle_arms.WHOLE, 1)
    made = {
        "herd": (herd_train.train, herd_arms.plan(herd, {"x": first["herd"]}, given)),
        "asrid": (asrid_train.train, asrid_arms.plan(clips, {"x": first["asrid"]}, given)),
        "prle": (prle_train.train, prle_arms.plan(hidden, {"x": row}, given, {"x": ["toy"]})),
    }
    return {name: (fit, _short(rows[0].phases[0])) for name, (fit, rows) in made.items()}


def _short(config: dict[str, Any]) -> dict[str, Any]:
    own = {"per_class": 16} if "per_class" in config else {"set": {}}
    return config | own | {"train": config["train"] | SHORT, "model": config["model"] | {"size": SIZE}}


def _maps(run: Path, config: dict[str, Any]) -> dict[str, str]:
    net = params.Model(**config["model"])
    model = learner.load_weights(models.create(net), run / learner.WEIGHTS).to(memory_format=torch.channels_last).eval()
    images = torch.from_numpy(primitives.numbers(6, 3, SIZE, SIZE) / 4)
    made = grad_cam.attention_maps(model, [models.cam_layer(model, SIZE)], images, torch.tensor([0, 1] * 3))
    fused = fusion.fuse(made.view(2, 3, SIZE, SIZE), **params.load(PROFILE).prle.fusion.model_dump())
    return {"grad-cam": digest(made.numpy()), "fused maps": digest(fused.numpy())}
