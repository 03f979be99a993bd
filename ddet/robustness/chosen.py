"""Choose, on valid alone, the arm that stands for each paper where crops are degraded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import params, paths
from ddet.asrid import arms as asrid_arms
from ddet.asrid import scores as asrid_scores
from ddet.herd import arms as herd_arms
from ddet.prle import arms as prle_arms
from ddet.runs import finished
from ddet.stats import metrics

STAGES = {"Herd": herd_arms.STAGES[:3], "ASRID": asrid_arms.STAGES, "PRLE": prle_arms.STAGES}
METRIC = {"Herd": "frame_auc", "ASRID": "clip_auc", "PRLE": "frame_auc"}  # what each paper's detectors score


@dataclass(frozen=True)
class Subject:
    """The arm that stands for a paper: its runs, one a seed, the metric it is judged by, and the dataset at home."""

    paper: str
    arm: str
    metric: str
    dataset: str
    runs: tuple[Path, ...]


def proposals(cfg: params.Params) -> dict[str, list[str]]:
    """Name the arms in which each paper does what it proposes: paper -> printed names.

    Of Herd the rows of Table 2 beside Base, without those that take Swin away (as released, these are Base with other
    initial weights); of ASRID the rows of Table 2 whose head is its own; of PRLE every detector trained by PRLE.
    """
    herd = [arm for arm in herd_arms.rows_of(cfg.herd, "table2") if arm != "Base"]
    own = {name for name, arm in cfg.asrid.arms.items() if arm.strategy != "static_old"}
    return {
        "Herd": [arm for arm in herd if cfg.herd.arms[arm].part != "results"],
        "ASRID": [name for name, arm in cfg.asrid.arms.items() if "table2" in arm.rows and name in own],
        "PRLE": [prle_arms.named(detector, prle_arms.METHOD) for detector in cfg.prle.detectors],
    }


def ranking(cfg: params.Params, results: Path = paths.RESULTS) -> pd.DataFrame:
    """Rank the proposals of each paper by their AUC on valid, the mean over seeds; `chosen` marks the highest.

    Columns: paper, arm, seeds, metric, valid AUC, chosen. Of equal arms the one that the params file names first wins.

    Raises:
        InputError: an arm was not trained.
    """
    tables = []
    for paper, arms in proposals(cfg).items():
        done = finished.read_runs(STAGES[paper], arms, results)
        found = {arm: [_auc(table, METRIC[paper]) for table in _valid(paper, done, arm)] for arm in arms}
        lines = [(paper, arm, len(each), METRIC[paper], float(np.mean(each))) for arm, each in found.items()]
        table = pd.DataFrame(lines, columns=["paper", "arm", "seeds", "metric", "valid AUC"])
        tables.append(table.assign(chosen=table.index == table["valid AUC"].idxmax()))
    ranked = pd.concat(tables).sort_values("valid AUC", ascending=False, kind="stable")
    return ranked.sort_values("paper", key=lambda p: p.map(list(METRIC).index), kind="stable", ignore_index=True)


def subjects(cfg: params.Params, ranked: pd.DataFrame, seeds: int, results: Path = paths.RESULTS) -> list[Subject]:
    """Return the chosen arm of each paper with the runs of its first `seeds` seeds."""
    found = []
    for line in ranked[ranked["chosen"]].itertuples():
        done = finished.read_runs(STAGES[line.paper], [line.arm], results).sort_values("seed")
        home = {"Herd": cfg.herd.dataset, "ASRID": cfg.asrid.dataset, "PRLE": "ffpp"}[line.paper]
        found.append(Subject(line.paper, line.arm, line.metric, home, tuple(done["folder"][:seeds])))
    return found


def _valid(paper: str, done: pd.DataFrame, arm: str) -> Sequence[pd.DataFrame]:
    return asrid_scores.predictions(done, arm, "valid") if paper == "ASRID" else finished.valid(done, arm)


def _auc(table: pd.DataFrame, metric: str) -> float:
    level, name = metrics.level_and_name(metric)
    return metrics.scores(*metrics.arrays(table, level)[:2])[name]
