"""What dvc.yaml says of its stages, read as text: it is asked before anything is loaded, and by every table."""

import csv
import re
from pathlib import Path

STAGE = re.compile(r"^  (\w+):\n((?:    .*\n?)+)", re.MULTILINE)
OUT = re.compile(r"^      - ([^\s:]+)", re.MULTILINE)
COMMAND = re.compile(r"^    cmd: python -m (.+)$", re.MULTILINE)


def commands(root: Path) -> dict[str, str]:
    """Return for each stage, in their order, what names its work: the notebook, or the module that it runs."""
    return {name: words[1].split()[-1] for name, text in _stages(root) if (words := COMMAND.search(text))}


def written(root: Path) -> dict[str, str]:
    """Return every file and folder that a stage writes, in their order, each with what names the work of its stage."""
    work = commands(root)
    parts = [(work[name], text.partition("\n    outs:")[2]) for name, text in _stages(root) if name in work]
    return {path: name for name, text in parts for path in OUT.findall(text)}


def measured(root: Path, profile: str) -> dict[str, dict[str, str]]:
    """Return for each stage its line of data/measured/stages.csv (`benchmarks/bench_repro.py --write`), if any."""
    table = root / "data/measured/stages.csv"
    lines = list(csv.DictReader(table.open(encoding="utf-8"))) if table.is_file() else []
    took = {line["stage"]: line for line in lines if line["profile"] == profile}
    return {name: took[work] for name, work in commands(root).items() if work in took}


def _stages(root: Path) -> list[tuple[str, str]]:
    file = root / "dvc.yaml"
    return STAGE.findall(file.read_text(encoding="utf-8")) if file.is_file() else []
