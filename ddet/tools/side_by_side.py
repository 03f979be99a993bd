"""Run DVC's stages side by side: python -m ddet.tools.side_by_side [--jobs N]

`dvc repro` runs one stage after the other. At smoke size most of a stage is the start of a kernel, intervals and
drawing, which one core does while the others wait. Here every stage runs as `dvc repro --single-item` as soon as the
stages that it depends on have ended, at most N at a time (2). DVC's own locks keep the stages' files apart, and the
results are those of `dvc repro`, which then finds everything up to date. Where the fits of one stage keep all cores
busy, as in the default profile, there is nothing to win, and memory to lose.
"""

import argparse
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO

from dvc.repo import Repo

from ddet import params, paths
from ddet.errors import InputError
from ddet.report import dvc_yaml

NEEDS = dict[str, set[str]]  # stage -> the stages whose outputs it reads
_saying = threading.Lock()


def needs(folder: Path) -> NEEDS:
    """Read from DVC which stages of the pipeline in `folder` each stage depends on."""
    with Repo(str(folder)) as repo:
        graph = repo.index.graph
        return {stage.name: {other.name for other in graph.successors(stage)} for stage in graph}


def longest(graph: NEEDS, seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for each stage the seconds of the longest chain that begins with it; an unknown stage counts one."""
    readers: NEEDS = {name: {other for other, needed in graph.items() if name in needed} for name in graph}
    found: dict[str, float] = {}
    for name in reversed(list(TopologicalSorter(graph).static_order())):
        found[name] = seconds.get(name, 1.0) + max((found[other] for other in readers[name]), default=0.0)
    return found


def run(folder: Path, jobs: int, seconds: Mapping[str, float]) -> int:
    """Run what is out of date in `folder`, at most `jobs` stages at a time; return the first exit status but 0.

    When a stage fails no other begins, and those that run are waited for. What has ended is kept, as by `dvc repro`.

    Args:
        seconds: what a stage took where it was measured: the longest chain goes first, and what is left is told.
    """
    graph = needs(folder)
    order, first = TopologicalSorter(graph), longest(graph, seconds)
    order.prepare()
    ready, running, left, status = list(order.get_ready()), {}, set(graph), 0
    with ThreadPoolExecutor(jobs) as pool:
        while (ready and not status) or running:
            ready.sort(key=lambda name: -first[name])
            while ready and len(running) < jobs and not status:
                name = ready.pop(0)
                running[pool.submit(_stage, name, folder)] = name
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(ended)
                code, took = ended.result()
                status = status or code
                left.discard(name)
                order.done(name)
                said = f"{len(left)} of {len(graph)} stages left" + _expected(left, seconds, jobs)
                _say(f"{name}: {'failed' if code else 'done'} after {took:.0f} s; {said}")
            ready += order.get_ready()
    return status


def _expected(left: set[str], seconds: Mapping[str, float], jobs: int) -> str:
    minutes = sum(seconds.get(name, 0.0) for name in left) / jobs / 60
    return f", some {minutes:.0f} min" if minutes >= 0.5 else ""


def _stage(name: str, folder: Path) -> tuple[int, float]:
    """Run one stage and say under its name what it says; return its exit status and the seconds that it took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in lines(process.stdout):
            _say(f"{name} | {line}")
    return process.returncode, time.monotonic() - began


def lines(stream: IO[bytes], every: float = 10.0) -> Iterator[str]:
    """Yield the lines of `stream` but empty ones, and of a progress bar a state each `every` seconds, and its last."""
    rest, told = b"", time.monotonic()
    while chunk := stream.read1():
        *whole, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        for line in whole:
            text, moving = line.decode(errors="replace").strip(), line.endswith(b"\r")
            if not text or (moving and time.monotonic() - told < every):
                continue
            told = time.monotonic() if moving else told
            yield text
    if text := rest.decode(errors="replace").strip():
        yield text


def _say(line: str) -> None:
    with _saying:
        print(line, flush=True)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, choices=range(1, 65), metavar="N", help="stages at a time (2)")
    asked = parser.parse_args(argv)
    try:
        lines = dvc_yaml.measured(paths.ROOT, params.load().profile)
        return run(paths.ROOT, asked.jobs, {stage: float(line["seconds"]) for stage, line in lines.items()})
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; call it again: what was finished is kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
