"""Score your own footage with a finished run: python -m ddet.score clip.mp4

Takes a clip, a folder of clips, a dataset's tree, or a list of paths from standard input (`-`), and gives one row a
clip: how many faces were found, the mean of their scores, and the reason where there is none. Nothing is trained, and
your footage is only read. Exit status: 0 where a clip was scored, 2 where none was or something is not there.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import cluster, params, paths
from ddet.data.faces import extract_faces
from ddet.errors import InputError
from ddet.report import foreign
from ddet.scoring import detectors, footage, page
from ddet.scoring.detectors import Detector, run_of
from ddet.scoring.footage import find

__all__ = ["COLUMNS", "WARNING", "as_trained", "crops_of", "find", "run_of", "score", "summed"]

COLUMNS = ["clip", "label", "frames", "faces", "clip_prob", "lowest", "highest", "reason"]
FRAMES = ["clip", "group", "label", "frame", "score"]  # of a file that `python -m ddet.stats table` reads
WARNING = "The model behind these scores was trained on rendered faces: on real footage they mean nothing."
LABELS = {0: "real", 1: "fake"}


def score(clips: pd.DataFrame, root: Path, run: Path, cfg: params.Params) -> pd.DataFrame:
    """Cut out faces, score them with `run`, and return one row per clip (columns COLUMNS), the unusable included.

    `clip_prob` is the mean probability of *fake* over a clip's crops, in [0, 1]; nan where there is no crop.
    """
    with tempfile.TemporaryDirectory() as out:
        detector = detectors.of_run(run, cfg.runtime.device)
        scored, rejects = crops_of(clips, root, Path(out), detector, as_trained(run, cfg))
    return summed(clips, scored, rejects)


def as_trained(run: Path, cfg: params.Params) -> params.Params:
    """Return `cfg` with faces cut for every clip as for the dataset that a run was trained on."""
    of_paper = {"herd": cfg.herd.dataset, "asrid": cfg.asrid.dataset, "prle": "ffpp"}
    dataset = of_paper.get(run.parent.name.partition("_")[0], "folder")
    return cfg.model_copy(update={"faces": cfg.faces.of(dataset)})


def crops_of(
    clips: pd.DataFrame, root: Path, out: Path, detector: Detector, cfg: params.Params
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the faces out into `out` and score them: the rows of faces.parquet with their `prob`, and the rejects."""
    crops, rejects = extract_faces(clips, root, out, cfg.faces, cfg.runtime)
    return crops.assign(prob=detector.score(crops, out) if len(crops) else np.zeros(0)), rejects


def summed(clips: pd.DataFrame, scored: pd.DataFrame, rejects: pd.DataFrame) -> pd.DataFrame:
    """Return one row a clip, in the order of `clips`: columns COLUMNS."""
    found = scored.groupby("clip_id")["prob"].agg(faces="size", clip_prob="mean", lowest="min", highest="max")
    why = rejects[rejects["frame_idx"] == -1].drop_duplicates("clip_id").set_index("clip_id")["reason"]
    table = clips.set_index("clip_id")[["path", "label", "frames"]].join(found).join(why)
    table["label"] = table["label"].map(LABELS).fillna("unknown")
    table = table.fillna({"faces": 0, "reason": ""}).astype({"faces": int})
    return table.reset_index().assign(clip=lambda t: t["path"].where(t["path"] != "", t["clip_id"]))[COLUMNS]


def by_frame(clips: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Return one row a crop of the labelled clips, as `python -m ddet.stats table` reads it (columns FRAMES)."""
    named = scored.merge(clips.loc[clips["label"].isin(LABELS), ["clip_id", "group"]], on="clip_id")
    named = named.rename(columns={"clip_id": "clip", "frame_idx": "frame", "prob": "score"})
    return named.assign(label=named["label"].map(LABELS))[FRAMES]


def _decided(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    told = pd.Series(np.where(table["clip_prob"] >= threshold, "fake", "real"), index=table.index)
    return table.assign(decision=told.where(table["clip_prob"].notna(), ""), threshold=threshold)


def _written(table: pd.DataFrame, kind: str) -> str:
    if kind == "csv":
        return table.map(foreign.in_csv).to_csv(index=False)
    if kind == "jsonl":
        return table.to_json(orient="records", lines=True, force_ascii=False)
    return table.round(3).to_string(index=False) + "\n"


def _save(table: pd.DataFrame, path: Path, flag: str) -> None:
    try:
        path.write_text(_written(table, "jsonl" if path.suffix in (".jsonl", ".ndjson") else "csv"), encoding="utf-8")
    except OSError as e:
        raise InputError(path, f"cannot be written ({e.strerror or e})", f"name another file with {flag}") from None


def _threshold(said: str, detector: Detector) -> float:
    if said == "valid":
        if detector.of_valid is None:
            raise InputError("--threshold valid", "a function of yours has chosen none", "give a number")
        return detector.of_valid()
    try:
        number = float(said)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise InputError(f"--threshold {said}", "is no number in [0, 1]", "give one, or the word valid")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ddet.score", description="Score footage with a finished run.")
    parser.add_argument("footage", help="a clip, a folder of clips, the tree of a dataset, or - for paths from stdin")
    parser.add_argument("--layout", default="folder", choices=["folder", "ffpp", "celebdf", "dfdc", "df1"])
    parser.add_argument("--arm", default="NA", help="a run of any paper, by the name that tables print")
    parser.add_argument("--seed", default=0, type=int, help="which of its seeds")
    parser.add_argument(
        "--model", help="instead of a run, a function of yours: FILE.py:NAME, see docs/own_predictions.md"
    )
    parser.add_argument("--size", default=224, type=int, help="px of the crops that --model sees")
    parser.add_argument("--params", default=paths.PARAMS, help="params file, for how faces are found")
    parser.add_argument(
        "--threshold", help="decide real or fake at a number, or at the threshold that the run chose: valid"
    )
    parser.add_argument("--format", default="table", choices=["table", "csv", "jsonl"], help="of what is printed")
    parser.add_argument("--out", type=Path, help="also write the table to this file: csv, or JSON lines (.jsonl)")
    parser.add_argument(
        "--frames", type=Path, help="also write the scores of labelled frames, for python -m ddet.stats"
    )
    parser.add_argument("--html", type=Path, help="also write a page with a picture per clip")
    return parser


def _found(args: argparse.Namespace, cfg: params.Params) -> tuple[pd.DataFrame, Path]:
    if args.footage == "-":
        return footage.listed([Path(line.strip()) for line in sys.stdin if line.strip()], cfg)
    return find(Path(args.footage), args.layout, cfg)


def _scored(args: argparse.Namespace) -> int:
    cfg = params.load(args.params)
    run = None if args.model else run_of(args.arm, args.seed)
    detector = detectors.of_run(run, cfg.runtime.device) if run else detectors.of_function(args.model, args.size)
    cfg = as_trained(run, cfg) if run else cfg
    threshold = _threshold(args.threshold, detector) if args.threshold else None
    with tempfile.TemporaryDirectory() as out, cluster.opened(cfg.runtime, Path(out)):
        clips, root = _found(args, cfg)
        scored, rejects = crops_of(clips, root, Path(out), detector, cfg)
        table = summed(clips, scored, rejects)
        table = table if threshold is None else _decided(table, threshold)
        print(_written(table, args.format), end="")
        if cfg.benchmark.render and run:
            print(WARNING, file=sys.stderr if args.format != "table" else sys.stdout)
        if args.out:
            _save(table, args.out, "--out")
        if args.frames:
            _save(by_frame(clips, scored), args.frames, "--frames")
        if args.html:
            name = args.model or f"{args.arm}, seed {args.seed}"
            page.write(args.html, table, scored, clips, root, Path(out), detector, f"Scores of {name}")
    return 0 if table["faces"].any() else 2


def _main(argv: Sequence[str] | None = None) -> int:
    try:
        return _scored(_parser().parse_args(argv))
    except InputError as e:
        print(e, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(_main())
