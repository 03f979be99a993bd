"""Kill the smoke pipeline at random moments, run it again, and compare with an undisturbed run.

python benchmarks/kill_repro.py [--clones 3] [--kills 10] [--seed 0]

The kills are divided among clones; after its last one a clone runs to its end. What is killed is random, too: all
processes, the notebook's kernel alone, or dvc alone (whose notebook then runs on as an orphan; the next `dvc repro`
must refuse to run at the same time, so the orphan is ended first).
Compared are tables, results, reports and dvc.lock, byte for byte.
"""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from clone import Clone

COMPARED = ("reports/**/*", "data/results/*", "dvc.lock")


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _victims(mode: str, tree: list[psutil.Process]) -> list[psutil.Process]:
    if mode == "dvc alone":
        return tree[:1]
    kernels = [p for p in tree if "ipykernel_launcher" in " ".join(p.cmdline())] if mode == "kernel" else []
    return kernels or tree


def _interrupt(clone: Clone, after: float, mode: str) -> str:
    """Start the pipeline, kill after so many seconds; return the stage that was hit."""
    process = clone.start("dvc", "repro")
    time.sleep(after)
    tree = _tree(process.pid)
    stage = next((p.cmdline()[-1] for p in tree if "ddet.nbrun" in p.cmdline()), "between stages")
    _kill(_victims(mode, tree))
    process.wait()
    _kill([p for p in tree if p.is_running()])  # orphans of `dvc alone` end here, so that the trial goes on at once
    psutil.wait_procs(tree, timeout=20)
    return stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("clones", 3), ("kills", 10), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    draw, folder = random.Random(args.seed), Path(tempfile.mkdtemp(prefix="ddet-kill-"))
    reference = Clone(folder / "reference")
    began = time.monotonic()
    reference.run("dvc", "repro")
    whole, expected = time.monotonic() - began, reference.files(*COMPARED)
    print(f"straight run: {whole:.0f} s, {len(expected)} files compared\n")
    print("| clone | killed | after | in stage | files that differ at the end |\n|---|---|---|---|---|")
    for number in range(args.clones):
        clone = Clone(folder / f"clone{number}")
        share = args.kills // args.clones + (number < args.kills % args.clones)
        for _ in range(share):
            mode, after = draw.choice(["everything", "kernel", "dvc alone"]), draw.uniform(1, whole / share)
            print(f"| {number} | {mode} | {after:.0f} s | {_interrupt(clone, after, mode)} | |", flush=True)
        clone.run("dvc", "repro")
        found = clone.files(*COMPARED)
        different = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        print(f"| {number} | runs to its end | | | {', '.join(different) or 'none'} |", flush=True)
        shutil.rmtree(clone.root)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
