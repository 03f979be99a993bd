"""Score degraded test crops of people at home, and say how AUC falls from level to level."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import joblib
import pandas as pd
import torch

from ddet import params
from ddet.data import clip_loader, crop_loader
from ddet.robustness import degrade
from ddet.robustness.chosen import Subject
from ddet.robustness.degrade import Footage
from ddet.scoring import detectors
from ddet.seeds import derive
from ddet.stats import bootstrap, metrics, pooling
from ddet.training import common

UNTOUCHED = ("untouched", 0.0)
Level = tuple[str, float]
Scored = dict[Level, list[pd.DataFrame]]  # level -> predictions of each seed
COLUMNS = ["paper", "arm", "degradation", "level", "metric", "AUC", "low", "high", "change", "change low"]
COLUMNS += ["change high", "crops", "clips", "people", "seeds"]


def at_home(run: Path, dataset: str) -> pd.DataFrame:
    """Return what a run gave the test crops (or clips) of the dataset that it was trained on, as its store has it."""
    told = pd.read_parquet(run / common.PREDICTIONS)
    return told[(told["split"] == "test") & told["clip_id"].str.startswith(f"{dataset}/")].reset_index(drop=True)


def crops_of(subject: Subject, faces: Path, clips: int) -> pd.DataFrame:
    """Return the test crops at home that the runs of a subject scored: rows of faces.parquet with group and split.

    At most `clips` clips of each class, as many of each as the rarer one has, spread evenly over the forgery methods.
    """
    told = at_home(subject.runs[0], subject.dataset)
    keys = clip_loader.SEQUENCE if (told["frame_idx"] == clip_loader.WHOLE).all() else metrics.ROW
    rows = pd.read_parquet(faces / "faces.parquet").merge(told[[*keys, "group", "split"]], on=keys)
    rows = rows.sort_values(metrics.ROW, ignore_index=True)
    firsts = rows.drop_duplicates("clip_id")
    per_class = min(clips, *firsts["label"].value_counts())
    chosen = crop_loader.balance(firsts, per_class, derive("robustness", subject.dataset))
    return rows[rows["clip_id"].isin(chosen["clip_id"])].reset_index(drop=True)


def levels_of(cfg: params.Robustness) -> list[Level]:
    """List every degradation at every level, the mildest first, behind the crops as they are."""
    return [UNTOUCHED, *((kind, float(level)) for kind in degrade.KINDS for level in getattr(cfg, kind))]


def scored(
    chosen: Sequence[Subject], cfg: params.Robustness, where: Footage, runtime: params.Runtime
) -> dict[str, Scored]:
    """Score the crops of each subject at every level by each of its runs: paper -> level -> predictions of each seed.

    As many levels are scored at a time as `runtime.fits` says.
    """
    rows = {subject.paper: crops_of(subject, where.faces, cfg.clips) for subject in chosen}
    asks = [(subject, level) for level in levels_of(cfg) for subject in chosen]
    work = [joblib.delayed(_scored)(s, rows[s.paper], level, where, runtime) for s, level in asks]
    jobs = 1 if runtime.backend == "sequential" else runtime.fits
    with joblib.parallel_config(backend=runtime.backend):
        done = joblib.Parallel(n_jobs=jobs)(work)
    found: dict[str, Scored] = {subject.paper: {} for subject in chosen}
    for (subject, level), preds in zip(asks, done, strict=True):
        found[subject.paper][level] = preds
    return found


def _scored(
    subject: Subject, rows: pd.DataFrame, level: Level, where: Footage, runtime: params.Runtime
) -> list[pd.DataFrame]:
    torch.set_num_threads(runtime.threads)
    with tempfile.TemporaryDirectory() as folder:
        out, kept = (where.faces, rows) if level == UNTOUCHED else (Path(folder), rows)
        if level != UNTOUCHED:
            kept = degrade.write(rows, *level, where, out)
        told = kept[[*metrics.ROW, "group", "label", "split"]]
        return [told.assign(prob_fake=_detector(run, runtime.device).score(kept, out)) for run in subject.runs]


@lru_cache(maxsize=16)  # each process loads a run once
def _detector(run: Path, device: str) -> detectors.Detector:
    return detectors.of_run(run, device)


def table(chosen: Sequence[Subject], found: Mapping[str, Scored], cfg: params.Report) -> pd.DataFrame:
    """Tabulate AUC at every level, and its change from the crops as they are, both with intervals (columns COLUMNS).

    People are resampled, and a change is paired: the same people, the same seeds. The noise of seeds is pooled over all
    levels of an arm where they are alike (`stats.pooling`).
    """
    lines = []
    for subject in chosen:
        every, metric = found[subject.paper], subject.metric
        aucs = pooling.alike([bootstrap.over_seeds(preds, cfg)[metric] for preds in every.values()])
        moved = pooling.alike([bootstrap.paired(preds, every[UNTOUCHED], metric, cfg) for preds in every.values()])
        of_level = dict(zip(every, zip(aucs, moved, strict=True), strict=True))
        for kind in degrade.KINDS:
            levels = [level for level in every if level[0] in (kind, UNTOUCHED[0])]
            for level in levels:
                auc, change = of_level[level]
                where = None if level == UNTOUCHED else level[1]
                told = [auc.value, auc.low, auc.high, change.value, change.low, change.high]
                counts = [auc.frames, auc.clips, auc.groups, len(auc.per_seed)]
                lines.append([subject.paper, subject.arm, kind, where, metric, *told, *counts])
    return pd.DataFrame(lines, columns=COLUMNS)


def agrees(chosen: Sequence[Subject], found: Mapping[str, Scored], within: float = 1e-4) -> bool:
    """Return whether the crops as they are get the scores that each run has in its store, to `within`."""
    gaps = []
    for subject in chosen:
        for run, preds in zip(subject.runs, found[subject.paper][UNTOUCHED], strict=True):
            own = at_home(run, subject.dataset)
            keys = clip_loader.SEQUENCE if (own["frame_idx"] == clip_loader.WHOLE).all() else metrics.ROW
            both = preds.merge(own[[*keys, "prob_fake"]], on=keys, suffixes=("", "_own"))
            gaps.append((both["prob_fake"] - both["prob_fake_own"]).abs().max() if len(both) == len(preds) else 1.0)
    return bool(max(gaps) <= within)
