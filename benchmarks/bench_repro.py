"""Where the time of the pipeline goes: seconds a stage, start-up, fits, images a second, and memory of all processes.

Run: python benchmarks/bench_repro.py [--profile smoke] [--jobs N] [--folder DIR] [--write]

HEAD is cloned to DIR (a temporary folder if not named, removed afterwards) and run there from nothing, one stage at a
time as by `make repro`, or N side by side as by `make demo` (2): then their seconds sum to more than the whole.
`start-up` is what passes before a notebook's imports are done. `images/s` counts training images over all fits of a
stage, by the time that each fit took in its process. Memory is the sum of the proportional set sizes (pages that
processes share count once), sampled every few seconds; a stage's is the most that all processes together took while it
ran. `--write` keeps the seconds in data/measured/stages.csv, from which is said how much is ahead; a stage that a fresh
clone skips, since git has its files, keeps the line that it had. Of the default
profile, what `git status` says at the end is printed, too: it should be nothing.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
import psutil

from ddet import machine, paths
from ddet.report import dvc_yaml

MEASURED = paths.ROOT / "data/measured/stages.csv"
EVERY = 5.0  # s between two samples of the memory: one takes a tenth of a second of a core


class Memory(threading.Thread):
    """Sample the memory of a process and all that it started, until `stop`; `peaks` holds GB by what was `running`."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.root, self.running, self.peaks, self._done = psutil.Process(pid), set(), {}, threading.Event()

    def run(self) -> None:
        while not self._done.wait(EVERY):
            total = 0
            with contextlib.suppress(psutil.Error):
                for process in [self.root, *self.root.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error, OSError):
                        total += process.memory_full_info().pss
            for stage in tuple(self.running):
                self.peaks[stage] = max(self.peaks.get(stage, 0), total / 1e9)

    def stop(self) -> None:
        self._done.set()


def timed_repro(folder: Path, jobs: int) -> tuple[dict[str, float], dict[str, float], float]:
    """Run in `folder` the pipeline and what follows it in `make repro`.

    Returns:
        Each stage's seconds, each stage's peak memory in GB, and the seconds of it all.
    """
    env, start = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}, time.monotonic()
    command = [sys.executable, "-m", "ddet.tools.side_by_side", "--jobs", str(jobs)]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    memory, began, took = Memory(process.pid), {}, {}
    memory.start()
    for line in process.stdout:
        if found := re.match(r"(\w+) \| Running stage", line):
            began[found[1]] = time.monotonic()
            memory.running.add(found[1])
        elif (found := re.match(r"(\w+): (?:done|failed) after", line)) and found[1] in began:
            took[found[1]] = time.monotonic() - began[found[1]]
            memory.running.discard(found[1])
            print(line, end="", file=sys.stderr, flush=True)
    code = process.wait()
    memory.stop()
    for words in ("dvc repro -q", "ddet.report.page --readme"):
        code = code or subprocess.run([sys.executable, "-m", *words.split()], cwd=folder, env=env).returncode
    if code:
        sys.exit(f"it ended with {code} in {folder}")
    return took, memory.peaks, time.monotonic() - start


def clone(folder: Path, profile: str) -> None:
    """Clone the checkout's HEAD, with the params of a profile ("default": as they are)."""
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", paths.ROOT, folder], check=True)
    if profile != "default":
        shutil.copyfile(folder / f"profiles/{profile}.yaml", folder / "params.yaml")


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
        work = dvc_yaml.commands(folder)[stage]
        note = folder / f"data/machine/notebooks/{work}.json"
        start = json.loads(note.read_text()).get("start_s", 0.0) if note.is_file() else 0.0
        runs = sorted((folder / "data/machine" / STORES.get(stage, stage)).glob("*.json"))
        spent = {r.stem: json.loads(r.read_text())["wall_s"] for r in runs}
        seen = {key: images_of(folder / "data/runs" / stage / key) for key in spent if stage in SECTIONS}
        busy = sum(spent[key] for key, count in seen.items() if count)
        line = {"stage": work, "seconds": whole, "start-up": start, "share": start / whole}
        line |= {"fits": len(spent), "fit seconds": sum(spent.values())}
        lines.append(
            line | {"images/s": sum(seen.values()) / busy if busy else float("nan"), "GB": peaks.get(stage, 0)}
        )
    return pd.DataFrame(lines)


STORES = {"start_weights": "start"}  # stage -> its folder of runs, where they differ
SECTIONS = {  # stages that train detectors
    *("herd_augmentation", "herd_masked_eyes", "herd_weighted_loss", "herd_results"),
    *("asrid_static", "asrid_dynamic", "prle_zoo", "prle_exploitation", "prle_compared"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="smoke", help="a file of profiles/, or default for params.yaml")
    parser.add_argument("--jobs", type=int, default=1, help="stages at a time (1)")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary) / "ddet").resolve()
        clone(folder, asked.profile)
        seconds, peaks, whole = timed_repro(folder, asked.jobs)
        table = report(folder, seconds, peaks)
        left = subprocess.run(["git", "status", "--short"], cwd=folder, capture_output=True, text=True).stdout
    print(table.round({"seconds": 0, "start-up": 1, "share": 2, "fit seconds": 0, "images/s": 0, "GB": 2}).to_string())
    starting, most = table["start-up"].sum() / table["seconds"].sum(), table["GB"].max()
    print(f"\nwhole: {whole / 60:.1f} min, start-up {starting:.0%} of the stages' seconds, peak {most:.2f} GB")
    if asked.profile == "default":
        print(f"git status: {left or 'clean'}")
    if asked.write:
        mine = table[["stage", "seconds"]].round(0).assign(profile=asked.profile, machine=machine.words())
        kept = pd.read_csv(MEASURED) if MEASURED.is_file() else None
        if kept is not None:  # a stage whose files git has is skipped in a fresh clone, and keeps its line
            again = (kept["profile"] == asked.profile) & kept["stage"].isin(mine["stage"])
            gone = ~kept["stage"].isin(dvc_yaml.commands(folder).values())
            kept = kept[~again & ~gone]
        pd.concat([kept, mine[["profile", "stage", "seconds", "machine"]]]).to_csv(MEASURED, index=False)


if __name__ == "__main__":
    main()
