"""Write profiles/study.yaml from params.yaml: python -m ddet.tools.study [--lay-out FOLDER | --keep FOLDER]

The study is the default run with SEEDS seeds of every arm, those of 0 seeds too, with all detectors of PRLE where the
default has some of them, and with both classes in Herd's sweep of the class weight. It takes hours where the default
takes minutes; its verdicts say what a few seeds could not. `--lay-out` copies the checkout with that profile into a
folder, where `dvc repro` runs it and goes on after a kill; `--keep` writes the ledger of that run to
data/measured/study_claims.csv, from which the pages of claims show it.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from ddet import machine, paths
from ddet.errors import InputError
from ddet.report import studied
from ddet.tools import demo

SEEDS = 10
WIDER = ("random", "landmark", "average_low", "average_high")  # arms of the paper's tables, there of all detectors
STUDY = paths.ROOT / "profiles" / "study.yaml"


def study(text: str) -> str:
    """Return a params file with SEEDS seeds wherever it says how many, all detectors, and the name `study`."""
    text = re.sub(r"^profile: \w+ *", "profile: study                  ", text, count=1, flags=re.M)
    for arm in WIDER:
        text = re.sub(rf"(\n    {arm}: \{{[^#]*?),\s+detectors: \[[^\]]*\]", r"\1", text)
    detectors = ", ".join(YAML(typ="safe").load(text)["prle"]["detectors"])
    text = re.sub(r"(\n  subsets: [^#]*#[^\n]*\n +detectors: )\[[^\]]*\]", rf"\1[{detectors}]", text)
    text = text.replace("sweep: {classes: [fake],", "sweep: {classes: [real, fake],")
    return re.sub(r"\bseeds: \d+", f"seeds: {SEEDS}", text)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lay-out", type=Path, metavar="FOLDER")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    asked = parser.parse_args(argv)
    try:
        if asked.keep:
            asks = ["git", "rev-parse", "--short", "HEAD"]
            commit = subprocess.run(asks, cwd=paths.ROOT, capture_output=True, text=True).stdout.strip()
            studied.keep(asked.keep, commit, machine.words())
            return 0
        STUDY.write_text(study(paths.PARAMS.read_text()))
        if asked.lay_out:
            demo.lay_out(asked.lay_out.resolve(), profile="study")
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
