"""Kill the smoke pipeline once in every stage, run it again each time, and compare with an undisturbed run.

python benchmarks/kill_repro.py [--kills 20] [--seed 0] [--only prle]

Each stage is hit once, fits and maps included, at a moment drawn from its time in the undisturbed run; with fewer kills
some stages are drawn, with more the rest is drawn again. What is killed is drawn, too: all processes, the notebook's
kernel, a process that fits, or dvc alone (whose notebook runs on as an orphan, and is ended before the next run).
Compared are tables, results, reports and dvc.lock, byte for byte; exit 1 where one differs. `tests/test_kills.py` is
the short version, on a pipeline of three tiny stages.
"""

import argparse
import contextlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from clone import Clone

COMPARED = ("reports/**/*", "data/results/*", "dvc.lock")
RUNNING = re.compile(r"Running stage '(\w+)'")
KILLED = {
    "everything": "",
    "kernel": "ipykernel_launcher",
    "worker": "popen_loky",
    "dvc alone": "dvc",
}  # in its command


@dataclass
class Blow:
    """A kill: `after` seconds in a stage; `hit` names the stage that it met, for one may have ended earlier."""

    stage: str
    mode: str
    after: float
    hit: str = field(default="missed", init=False)

    def fall(self, pid: int, running: Sequence[str]) -> None:
        """End what `mode` names, among `pid` and all that it started; then what has not ended by that."""
        tree = _tree(pid)
        self.hit = running[-1] if tree else "missed"
        chosen = [p for p in tree if KILLED[self.mode] in _command(p)] or tree
        _kill(chosen if self.mode == "everything" else chosen[:1])
        psutil.wait_procs(tree[:1], timeout=300)
        _kill(tree)  # an orphan ends here, so that the trial goes on at once
        psutil.wait_procs(tree, timeout=20)


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def repro(clone: Clone, blow: Blow | None = None) -> dict[str, float]:
    """Run the pipeline, and let the blow fall where there is one; return the seconds of each stage that ran."""
    env = clone.env | {"PYTHONUNBUFFERED": "1"}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    process = subprocess.Popen(["dvc", "repro"], cwd=clone.root, env=env, **how)
    running, moments, last = [], [], []
    for line in process.stdout:
        last = [*last[-20:], line]
        if found := RUNNING.match(line):
            running.append(found[1])
            moments.append(time.monotonic())
            if blow and blow.stage == found[1]:
                threading.Timer(blow.after, blow.fall, (process.pid, running)).start()
    if process.wait() and not blow:
        sys.exit("".join(last))
    return {name: b - a for name, a, b in zip(running, moments, [*moments[1:], time.monotonic()], strict=True)}


def dealt(seconds: dict[str, float], kills: int, draw: random.Random) -> list[Blow]:
    """Deal blows over the stages, in their order; each is hit once before any is hit twice."""
    stages = list(seconds)
    rounds = [draw.sample(stages, min(kills - done, len(stages))) for done in range(0, kills, len(stages))]
    hit = sorted((stage for once in rounds for stage in once), key=stages.index)
    return [Blow(stage, draw.choice(list(KILLED)), draw.uniform(0, seconds[stage])) for stage in hit]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("kills", 20), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", default="", help="a part of the stages' names")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ddet-kill-"))
    reference, clone = Clone(folder / "reference"), Clone(folder / "clone")
    seconds = repro(reference)
    expected = reference.files(*COMPARED)
    print(f"straight run: {sum(seconds.values()):.0f} s, {len(expected)} files compared\n")
    print("| stage | killed | after | met |\n|---|---|---|---|")
    chosen = {name: s for name, s in seconds.items() if args.only in name}
    for blow in dealt(chosen, args.kills, random.Random(args.seed)):
        repro(clone, blow)
        print(f"| {blow.stage} | {blow.mode} | {blow.after:.0f} s | {blow.hit} |", flush=True)
    repro(clone)
    found = clone.files(*COMPARED)
    different = sorted(n for n in expected | found if expected.get(n) != found.get(n))
    print(f"\nfiles that differ at the end: {', '.join(different) or 'none'}")
    shutil.rmtree(folder)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
