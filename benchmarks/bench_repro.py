"""Where the time of `dvc repro` goes: seconds a stage, start-up, fits, images a second, and memory of all processes.

Run: python benchmarks/bench_repro.py [--profile smoke] [--folder DIR] [--write]

A copy of the checkout is made in DIR (a temporary folder if not named, removed afterwards) and run there from nothing.
`start-up` is what passes before a notebook's imports are done. `images/s` counts training images over all fits of a
stage, by the time that each fit took in its process. Memory is the sum of the proportional set sizes (pages that
processes share count once), sampled every second. `--write` keeps the seconds in data/measured/stages.csv, from which
every stage says how much is ahead of it.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
import psutil

from ddet import machine, paths
from ddet.tools import demo

MEASURED = paths.ROOT / "data/measured/stages.csv"


class Memory(threading.Thread):
    """Sample the memory of a process and all that it started, until `stop`; `peaks` holds GB by what `stage` was."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.root, self.stage, self.peaks, self._done = psutil.Process(pid), "", {}, threading.Event()

    def run(self) -> None:
        while not self._done.wait(1.0):
            total = 0
            with contextlib.suppress(psutil.Error):
                for process in [self.root, *self.root.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error, OSError):
                        total += process.memory_full_info().pss
            self.peaks[self.stage] = max(self.peaks.get(self.stage, 0), total / 1e9)

    def stop(self) -> None:
        self._done.set()


def timed_repro(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Run `dvc repro` in `folder`; return the seconds and the peak memory in GB of each stage, in their order."""
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dvc", "repro"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    memory, began = Memory(process.pid), {}
    memory.start()
    for line in process.stdout:
        if found := re.match(r"Running stage '(\w+)'", line):
            memory.stage = found[1]
            began[found[1]] = time.monotonic()
            print(f"{found[1]} ...", file=sys.stderr, flush=True)
    ended, code = time.monotonic(), process.wait()
    memory.stop()
    if code:
        sys.exit(f"dvc repro ended with {code} in {folder}")
    moments = [*began.values(), ended]
    return {name: b - a for name, a, b in zip(began, moments, moments[1:], strict=False)}, memory.peaks


def images_of(run: Path) -> int:
    """Count the training images that a finished fit has seen, epochs included; 0 where it is no fit of a detector."""
    config = json.loads((run / "run.json").read_text())["config"]
    epochs = config.get("train", {}).get("epochs", 0)
    if "per_class" in config:
        return 2 * config["per_class"] * epochs
    if "clips" in config:
        scored = pd.read_parquet(run / "preds.parquet", columns=["split"])
        return int((scored["split"] == "train").sum()) * config["clips"]["frames"] * epochs
    return 0


def report(folder: Path, seconds: dict[str, float], peaks: dict[str, float]) -> pd.DataFrame:
    """Tabulate one line a stage."""
    lines = []
    for stage, whole in seconds.items():
        command = re.search(rf"^  {stage}:\n(?:    .*\n)*?    cmd: python -m ([\w. ]+)$", PIPELINE, flags=re.M)[1]
        note = folder / f"data/machine/notebooks/{command.split()[-1]}.json"
        start = json.loads(note.read_text()).get("start_s", 0.0) if note.is_file() else 0.0
        runs = sorted((folder / "data/machine" / STORES.get(stage, stage)).glob("*.json"))
        spent = {r.stem: json.loads(r.read_text())["wall_s"] for r in runs}
        seen = {key: images_of(folder / "data/runs" / stage / key) for key in spent if stage in SECTIONS}
        busy = sum(spent[key] for key, count in seen.items() if count)
        line = {"stage": command.split()[-1], "seconds": whole, "start-up": start, "share": start / whole}
        line |= {"fits": len(spent), "fit seconds": sum(spent.values())}
        lines.append(
            line | {"images/s": sum(seen.values()) / busy if busy else float("nan"), "GB": peaks.get(stage, 0)}
        )
    return pd.DataFrame(lines)


PIPELINE = (paths.ROOT / "dvc.yaml").read_text()
STORES = {"start_weights": "start"}  # stage -> its folder of runs, where they differ
SECTIONS = {  # stages that train detectors
    *("herd_augmentation", "herd_masked_eyes", "herd_weighted_loss", "herd_results"),
    *("asrid_static", "asrid_dynamic", "prle_zoo", "prle_exploitation", "prle_compared"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="smoke", help="a file of profiles/, or default for params.yaml")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary) / "ddet").resolve()
        demo.lay_out(folder, profile=asked.profile)
        table = report(folder, *timed_repro(folder))
    total = table["seconds"].sum()
    print(table.round({"seconds": 0, "start-up": 1, "share": 2, "fit seconds": 0, "images/s": 0, "GB": 2}).to_string())
    starting, most = table["start-up"].sum() / total, table["GB"].max()
    print(f"\nwhole: {total / 60:.1f} min, start-up {starting:.0%}, peak {most:.2f} GB")
    if asked.write:
        mine = table[["stage", "seconds"]].round(0).assign(profile=asked.profile, machine=machine.words())
        kept = pd.read_csv(MEASURED).query("profile != @asked.profile") if MEASURED.is_file() else None
        pd.concat([kept, mine[["profile", "stage", "seconds", "machine"]]]).to_csv(MEASURED, index=False)


if __name__ == "__main__":
    main()
