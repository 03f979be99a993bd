"""Measure the plain detectors on tuning benchmarks: python -m ddet.tools.regime [--params FILE] [--seeds 101 102]

The benchmark's regime (how hard home is, how hard away) and every rate, size and number of epochs of the default
profile are set by what this prints. It renders the benchmark of the params file under seeds that no reported table
uses, trains the arms that use no paper's method, and scores them. Choices between settings look at valid; test says
whether the regime is the papers': at home .93 to .99, away .55 to .80 on average.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import cluster, machine, params, paths
from ddet.asrid import arms as asrid_arms
from ddet.asrid import train as asrid_train
from ddet.data import faces, index, splits
from ddet.data.crops import resized
from ddet.data.forged import Masks
from ddet.errors import InputError
from ddet.herd import arms as herd_arms
from ddet.herd import compared as herd_compared
from ddet.herd import train as herd_train
from ddet.prle import arms as prle_arms
from ddet.prle import compared as prle_compared
from ddet.prle.arms import WHOLE
from ddet.runs import finished, planned, store
from ddet.stats import metrics
from ddet.synth import write
from ddet.tools import alike
from ddet.training import common, learner

FOLDER = paths.DATA / "tuning"  # ignored by git
SEEDS = (101, 102)
HERD, ASRID = ("NA", "Base"), ("Baseline", "StaNew + Mix")  # arms that are baselines; Table 1's other networks join
CONTROL = "Motion, out of order"  # ASRID's positive control, by a head of ours


def benchmark(whole: params.Params, seed: int) -> Path:
    """Render the benchmark under a tuning seed, cut its faces and split it; return the folder of the faces."""
    folder = FOLDER / str(seed)
    data, out = whole.data.model_copy(update={"root": str(folder / "synthetic")}), folder / "faces"
    with cluster.opened(whole.runtime):
        write.render_benchmark(folder / "synthetic", whole.benchmark.model_copy(update={"seed": seed}), whole.runtime)
        clips = index.build_index(data, whole.runtime)
        out.mkdir(exist_ok=True)
        clips.to_parquet(out / "clips.parquet", index=False)
        crops, _ = faces.extract_faces(clips, folder / "synthetic", out, whole.faces, whole.runtime)
    splits.make_splits(clips, crops, whole.splits).to_parquet(out / "splits.parquet", index=False)
    return out


def measured(whole: params.Params, crops: Path, only: str | None) -> Iterator[pd.DataFrame]:
    """Train the baselines of each paper on the benchmark in `crops`; yield a table of its runs.

    Columns: paper, arm, seed, end loss, valid AUC, log loss on valid and what it was with the running averages of
    batch normalisation, test AUC at home (of clips, for ASRID), away by dataset, seconds; for PRLE `df1_alike` as well.
    """
    for paper, rows, given, fit in plans(whole, crops, only):
        kept = store.Store(f"regime_{paper}", CODES[paper], machine.of(whole.runtime), crops.parent)
        done = planned.run(kept, rows, given, whole.runtime, crops, fit)
        kept.release()
        table = pd.DataFrame([line_of(paper, run, crops) for run in done.itertuples()])
        yield table.assign(df1_alike=df1_alike(whole, given.rows[WHOLE], crops, done)) if paper == "prle" else table


CODES = {
    "herd": herd_arms.CODE,
    "dfdc": herd_arms.CODE,
    "asrid": asrid_arms.CODE,
    "prle": prle_arms.CODE,
    "compared": prle_compared.CODE,
    "herd_compared": herd_compared.CODE,
}


def plans(whole: params.Params, crops: Path, only: str | None) -> Iterator[tuple]:
    """Plan the baselines: paper, rows, what they were planned with, the function that trains one.

    `compared` and `herd_compared` are the detectors of other authors that PRLE and Herd compare with.
    """
    herd, asrid, prle = whole.herd, whole.asrid, whole.prle
    if only in (None, "herd"):
        networks = [name for name, arm in herd.arms.items() if arm.model and arm.model.name == "timm"]
        listed = {name: herd.arms[name] for name in (*HERD, *networks)}
        given = herd_arms.inputs(herd, listed, crops)
        yield "herd", herd_arms.plan(herd, listed, given), given, herd_train.train
    if only in (None, "dfdc"):  # can it be learnt at all
        there = herd.model_copy(update={"dataset": "dfdc", "split": "official"})
        listed = {"trained on DFDC": herd.arms["NA"]}
        given = herd_arms.inputs(there, listed, crops)
        yield "dfdc", herd_arms.plan(there, listed, given), given, herd_train.train
    if only in (None, "asrid"):
        listed = {name: asrid.arms[name] for name in (*ASRID, CONTROL)}
        given = asrid_arms.inputs(asrid, listed, crops)
        yield "asrid", asrid_arms.plan(asrid, listed, given), given, asrid_train.train
    if only in (None, "prle"):
        every = prle_arms.of_part(prle, "zoo")
        listed = {n: f for n, f in every.items() if f.crop_set == prle_arms.WHOLE and f.arm.name == prle_arms.PLAIN}
        given = prle_arms.inputs(prle, listed, crops)
        yield "prle", prle_arms.plan(prle, listed, given, {}), given, prle_arms.fit_with(crops.parent / "runs")
    masks = Masks(truth=crops.parent / "synthetic" / "truth")
    if only in (None, "compared"):
        listed, given = prle_compared.chosen(prle), prle_compared.inputs(prle, crops)
        yield "compared", prle_compared.plan(prle, listed, given, masks), given, prle_compared.fit_with(masks)
    if only in (None, "herd_compared"):
        listed = planned.of_part(herd, "compared")
        given = herd_arms.inputs(herd, listed, crops)
        yield "herd_compared", herd_compared.plan(herd, listed, given, masks), given, herd_compared.fit_with(masks)


def line_of(paper: str, run: tuple, crops: Path) -> dict:
    """Return what `measured` says of one run."""
    history = pd.read_csv(run.folder / "history.csv")
    chosen = history[history["selected"] == 1].iloc[-1]
    preds = pd.read_parquet(run.folder / "preds.parquet")
    line = {"paper": paper, "arm": run.arm, "seed": run.seed, "loss": history["train_loss"].iloc[-1]}
    judge = run.folder / common.VALID
    valid = pd.read_parquet(judge) if judge.is_file() else preds[preds["split"] == "valid"]
    of_valid = metrics.scores(valid["label"].to_numpy(), valid["prob_fake"].to_numpy())
    line["valid"], line["log_loss"] = of_valid["auc"], of_valid["log_loss"]
    line["running"] = chosen.get("clip_log_loss", chosen["valid_loss"])
    preds = preds[preds["split"] == "test"]
    of = preds["clip_id"].str.split("/").str[0]
    if paper not in ("prle", "compared"):
        return line | {"home": auc(preds), **_seconds(run, crops)}
    line["home"] = auc(preds[of == "ffpp"])
    for dataset in ("celebdf", "dfdc", "df1"):
        line[dataset] = auc(preds[of == dataset])
    return line | {"away": (line["celebdf"] + line["dfdc"] + line["df1"]) / 3, **_seconds(run, crops)}


def df1_alike(whole: params.Params, rows: pd.DataFrame, crops: Path, done: pd.DataFrame) -> list[float]:
    """Return the AUC of each run of `done` on DF-1.0 where the real test clips are distorted as the fakes are.

    How far it lies below `df1` is what the distortions alone are worth; nan where no distorted variant is indexed.
    """
    mixed = [variant for variant in whole.data.df1_variants if "_mix_" in variant]
    real = rows[(rows["dataset"] == "df1") & (rows["label"] == 0)]
    if not mixed or real.empty:
        return [float("nan")] * len(done)
    clips, root = pd.read_parquet(crops / "clips.parquet"), crops.parent / "synthetic"
    seen = alike.distorted(real, clips, root, crops.parent, mixed[0], whole.benchmark.crf)
    seen = np.stack([resized(image, whole.prle.size) for image in seen])
    found = []
    for folder in done["folder"]:
        preds = pd.read_parquet(folder / "preds.parquet")
        fakes = preds[preds["clip_id"].str.startswith("df1/") & (preds["label"] == 1)]
        scored = learner.predictions(real, common.predict_images(finished.load_model(folder), seen))
        found.append(auc(pd.concat([fakes, scored])))
    return found


def auc(preds: pd.DataFrame) -> float:
    """Return the AUC of predictions; nan where a class is missing."""
    return metrics.scores(preds["label"].to_numpy(), preds["prob_fake"].to_numpy())["auc"]


def _seconds(run: tuple, crops: Path) -> dict[str, float]:
    note = next((crops.parent / "machine").glob(f"*/{run.key}.json"), None)
    return {"s": pd.read_json(note, typ="series")["wall_s"] if note else float("nan")}


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, with the standard deviation of `home` over seeds and the worst end loss."""
    grouped = runs.drop(columns=["benchmark"], errors="ignore").groupby(["paper", "arm"], sort=False)
    table = grouped.mean(numeric_only=True).drop(columns="seed")
    table.insert(2, "sd", grouped["home"].std())
    table.insert(1, "worst", grouped["loss"].max())
    return table.round(3)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default=paths.PARAMS, help="a params file; params.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="benchmarks; none that a report uses")
    parser.add_argument("--only", choices=CODES, help="one paper; all")
    asked = parser.parse_args(argv)
    try:
        whole = params.load(asked.params)
        if whole.benchmark.seed in asked.seeds:
            raise InputError(f"seed {whole.benchmark.seed}", "is the reported benchmark's", "tune on another")
        tables = []
        for seed in asked.seeds:
            crops = benchmark(whole, seed)
            tables += [table.assign(benchmark=seed) for table in measured(whole, crops, asked.only)]
            print(summary(pd.concat(tables)).to_string(), flush=True)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
