"""What dvc.yaml says of its stages, read as text: it is asked before anything is loaded, and by every table."""

import csv
import re
from pathlib import Path

STAGE = re.compile(r"^  (\w+):\n((?:    .*\n?)+)", re.MULTILINE)
COMMAND = re.compile(r"^    cmd: python -m (.+)$", re.MULTILINE)


def commands(root: Path) -> dict[str, str]:
    """Return for each stage, in their order, what names its work: the notebook, or the module that it runs."""
    return {name: words[1].split()[-1] for name, text in _stages(root) if (words := COMMAND.search(text))}


def maker(root: Path, path: str) -> str:
    """Return the notebook, or the module, whose stage writes the file `path`; "" where none does."""
    line = re.compile(rf"^      - {re.escape(path)}(?::|$)", re.MULTILINE)
    found = [name for name, text in _stages(root) if line.search(text.partition("\n    outs:")[2])]
    return commands(root).get(found[0], "") if found else ""


def measured(root: Path, profile: str) -> dict[str, dict[str, str]]:
    """Return for each stage its line of data/measured/stages.csv (`benchmarks/bench_repro.py --write`), if any."""
    table = root / "data/measured/stages.csv"
    lines = list(csv.DictReader(table.open(encoding="utf-8"))) if table.is_file() else []
    took = {line["stage"]: line for line in lines if line["profile"] == profile}
    return {name: took[work] for name, work in commands(root).items() if work in took}


def _stages(root: Path) -> list[tuple[str, str]]:
    file = root / "dvc.yaml"
    return STAGE.findall(file.read_text(encoding="utf-8")) if file.is_file() else []
