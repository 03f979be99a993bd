"""Score your own footage with a finished run: python -m ddet.score clip.mp4

Takes a clip, a folder of clips, or a dataset's tree, and gives one row per clip: how many faces were found, the mean
of their scores, and the reason where there is none. Nothing is trained, and your footage is only read.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import params, paths
from ddet.data import crop_loader, index
from ddet.data.faces import extract_faces
from ddet.data.layouts import base, folder
from ddet.data.layouts.base import UNLABELLED, Clip
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.report import foreign
from ddet.runs import finished
from ddet.seeds import derive
from ddet.training import learner

WORK = paths.DATA / "scored"
COLUMNS = ["clip", "label", "frames", "faces", "clip_prob", "lowest", "highest", "reason"]
WARNING = "The model behind these scores was trained on rendered faces: on real footage they mean nothing."


def find(footage: Path, layout: str, cfg: params.Params) -> tuple[pd.DataFrame, Path]:
    """List the clips of `footage` as manifest rows, and the folder their paths are relative to.

    Args:
        footage: a clip, a still, a folder of them (labelled by real/ and fake/ where it has those), or a dataset.
        layout: which adapter reads it; "folder" for anything that is no dataset.

    Raises:
        InputError: no such file or folder, or no clip in it.
    """
    footage = footage.resolve()
    if not footage.exists():
        raise InputError(footage, "no such file or folder", "name a clip or a folder of clips")
    labelled = any(f.name.lower() in folder.LABELS for f in base.subfolders(footage))
    if layout != "folder" or labelled:
        update = {"root": str(footage.parent), "datasets": [layout], "folders": {layout: footage.name}}
        return index.build_index(cfg.data.model_copy(update=update), cfg.runtime), footage.parent
    root = footage if footage.is_dir() else footage.parent
    known = folder.VIDEOS | folder.STILLS
    files = [f for f in sorted(root.rglob("*")) if f.suffix.lower() in known] if footage.is_dir() else [footage]
    if not files:
        raise InputError(footage, "holds no clip and no still", f"known are {', '.join(sorted(known))}")
    names = [f.relative_to(root).as_posix() for f in files]
    clips = [Clip("folder", "unlabelled", name, UNLABELLED, path=name) for name in names]
    return index.inspect(clips, root, cfg.runtime), root


def run_of(arm: str, seed: int, results: Path = paths.RESULTS) -> Path:
    """Return the folder of a finished run of an image detector.

    Raises:
        InputError: nothing was trained yet, or not this arm and seed.
    """
    stages = [stage for stage in herd_arms.STAGES if (results / f"{stage}_runs.csv").is_file()]
    if not stages:
        raise InputError(results, "holds no table of runs", "train some: make repro")
    runs = finished.read_runs(stages, results=results)
    chosen = runs[(runs["arm"] == arm) & (runs["seed"] == seed)]
    if chosen.empty:
        there = ", ".join(f"{r.arm} {r.seed}" for r in runs.itertuples())
        raise InputError(f"{arm}, seed {seed}", "no such run", f"there are: {there}")
    found = chosen["folder"].iloc[0]
    if not (found / learner.WEIGHTS).is_file():
        raise InputError(found, "its weights are not here", "make them: make repro")
    return found


def score(clips: pd.DataFrame, root: Path, run: Path, cfg: params.Params) -> pd.DataFrame:
    """Cut out faces, score them with `run`, and return one row per clip (columns COLUMNS), the unusable included.

    `clip_prob` is the mean probability of *fake* over a clip's crops, in [0, 1]; nan where there is no crop.
    """
    out = WORK / f"{derive(str(root), cfg.faces.model_dump()):08x}"
    crops, rejects = extract_faces(clips, root, out, cfg.faces, cfg.runtime)
    crops["prob"] = _prob_fake(crops, out, run, cfg) if len(crops) else np.zeros(0)
    found = crops.groupby("clip_id")["prob"].agg(faces="size", clip_prob="mean", lowest="min", highest="max")
    why = rejects[rejects["frame_idx"] == -1].set_index("clip_id")["reason"]
    table = clips.set_index("clip_id")[["path", "label", "frames"]].join(found).join(why)
    table["label"] = table["label"].map({0: "real", 1: "fake"}).fillna("unknown")
    table = table.fillna({"faces": 0, "reason": ""}).astype({"faces": int})
    return table.reset_index().assign(clip=lambda t: t["path"].where(t["path"] != "", t["clip_id"]))[COLUMNS]


def _prob_fake(crops: pd.DataFrame, root: Path, run: Path, cfg: params.Params) -> np.ndarray:
    model, size = finished.load_model(run), finished.config_of_run(run)["model"]["size"]
    how = crop_loader.Loading(root, size, 32, crop_loader.device(cfg.runtime.device))
    return learner.predict(model, crop_loader.eval_loader(crops.assign(label=0), how))  # the label is not used


def _save(table: pd.DataFrame, path: Path) -> None:
    try:
        table.map(foreign.in_csv).to_csv(path, index=False)
    except OSError as e:
        raise InputError(path, f"cannot be written ({e.strerror or e})", "name another file with --out") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ddet.score", description="Score footage with a finished run.")
    parser.add_argument("footage", type=Path, help="a clip, a folder of clips, or the tree of a dataset")
    parser.add_argument("--layout", default="folder", choices=["folder", "ffpp", "celebdf", "dfdc"])
    parser.add_argument("--arm", default="NA", help="arm of an image detector")
    parser.add_argument("--seed", default=0, type=int, help="which of its seeds")
    parser.add_argument("--params", default=paths.PARAMS, help="params file, for how faces are found")
    parser.add_argument("--out", type=Path, help="also write the table to this csv")
    return parser


def _main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        cfg = params.load(args.params)
        run = run_of(args.arm, args.seed)
        clips, root = find(args.footage, args.layout, cfg)
        table = score(clips, root, run, cfg)
        print(table.round(3).to_string(index=False))
        if cfg.benchmark.render:
            print(WARNING)
        if args.out:
            _save(table, args.out)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main())
