"""Three tiny stages with what a kill can hit: a fit of the store, maps, a table.

python tiny_stages.py fit|maps|table, in the folder of the pipeline. A file `kill-<stage>` there says: end this process
and the one that started it like a power cut, in the middle of what the stage does, once. Where there is a pipe `pause`,
the fit tells the pipe `told` that it is at work, and waits until nobody writes to the first any more.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

PIPELINE = """
stages:
  fit:
    cmd: python -W ignore {own} fit
    outs: [data/runs/fit: {{persist: true}}]
  maps:
    cmd: python -W ignore {own} maps
    deps: [data/runs/fit]
    outs: [data/runs/maps: {{persist: true}}]
  table:
    cmd: python -W ignore {own} table
    deps: [data/runs/fit, data/runs/maps]
    outs: [reports/table.csv: {{cache: false}}]
""".format(own=Path(__file__).resolve())


def strike(stage: str) -> None:
    told = Path(f"kill-{stage}")
    if told.exists():
        told.unlink()
        os.killpg(0, signal.SIGKILL)


def pause() -> None:
    if Path("pause").exists():
        Path("told").write_text("at work")
        Path("pause").read_text()


def store(stage: str):
    from ddet.runs.store import Store

    return Store(stage, ["ddet.seeds"], {"threads": 1}, Path("data"))


def fit() -> None:
    """Train two fits of two epochs; the blow falls in the second epoch of the first, after its checkpoint."""
    from fastai.callback.core import Callback
    from toy_fits import run

    class Struck(Callback):
        def before_batch(self):
            if self.epoch == 1 and self.iter == 2:
                strike("fit")

    def ask(lr: float):
        return {"lr": lr}, lambda out: run(out, {"cfg": {"epochs": 2, "lr": lr}}, (Struck(),))

    pause()
    store("fit").get_many([ask(3e-3), ask(1e-3)])


def maps() -> None:
    """Write maps in three shards; the blow falls in the second."""
    from ddet.prle import map_writer

    def batches(start, stop):
        if start:
            strike("maps")
        yield np.random.default_rng(start).random((stop - start, 8, 8))

    store("maps").get({}, lambda out: map_writer.write(out, batches, 24, 8, "abc", shard=8))


def table() -> None:
    """Write a line of each run; the blow falls after the first."""
    found = sorted(path for path in Path("data/runs").glob("*/*/*") if path.suffix in {".csv", ".npy"})
    with open("reports/table.csv", "w") as out:
        for path in found:
            print(path.name, sum(path.read_bytes()), sep=",", file=out, flush=True)
            strike("table")


if __name__ == "__main__":
    Path("reports").mkdir(exist_ok=True)
    {"fit": fit, "maps": maps, "table": table}[sys.argv[1]]()
