"""Write profiles/study.yaml from params.yaml: python -m ddet.tools.study [--lay-out FOLDER [--adopt] | --keep FOLDER]

The study is the default run with SEEDS seeds of what the claims of Herd and ASRID compare, with one of each arm that
the default does not train, with all detectors of PRLE where the default has some of them, and with both classes in
Herd's sweep of the class weight. PRLE keeps its seeds: what most of its claims lack here is their premise, which no
number of seeds mends. It takes hours where the default takes one; its verdicts say what three seeds could not.
`--lay-out` copies the checkout with that profile into a folder, where `dvc repro` runs it and goes on after a kill;
with `--adopt` the finished work of this checkout is copied there first, so that only what it lacks is trained.
`--keep` writes the ledger of that run to data/measured/study_claims.csv, from which the pages of claims show it.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from ddet import machine, paths
from ddet.errors import InputError
from ddet.report import studied
from ddet.tools import demo

SEEDS = 10
MORE = ("herd", "asrid")  # sections whose own number of seeds becomes SEEDS
COMPARED = ("rot_rf", "caddm", "batch_2")  # arms that a claim compares, of one seed in the default
WORK = ("synthetic", "faces", "start", "runs", "machine")  # folders of data that a run finds again by its keys
WIDER = ("random", "landmark", "average_low", "average_high")  # arms of the paper's tables, there of all detectors
STUDY = paths.ROOT / "profiles" / "study.yaml"


def study(text: str) -> str:
    """Return the study's params file: `text` with more seeds, all detectors of PRLE, and the name `study`."""
    text = re.sub(r"^profile: \w+ *", "profile: study                  ", text, count=1, flags=re.M)
    for arm in WIDER:
        text = re.sub(rf"(\n    {arm}: \{{[^#]*?),\s+detectors: \[[^\]]*\]", r"\1", text)
    detectors = ", ".join(YAML(typ="safe").load(text)["prle"]["detectors"])
    text = re.sub(r"(\n  subsets: [^#]*#[^\n]*\n +detectors: )\[[^\]]*\]", rf"\1[{detectors}]", text)
    text = text.replace("sweep: {classes: [fake],", "sweep: {classes: [real, fake],")
    for section in MORE:
        text = re.sub(rf"(^{section}:.*?\n  seeds: )\d+ ?", rf"\g<1>{SEEDS}", text, count=1, flags=re.M | re.S)
    for arm in COMPARED:
        text = re.sub(rf"(\n    {arm}: \{{[^#]*?\bseeds: )\d+", rf"\g<1>{SEEDS}", text)
    return re.sub(r"\bseeds: 0\b", "seeds: 1", text)


def adopt(folder: Path, source: Path = paths.ROOT / "data") -> None:
    """Copy clips, crops, start weights and finished runs from `source` to `folder`, where they have the same keys."""
    for name in WORK:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / "data" / name, dirs_exist_ok=True)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lay-out", type=Path, metavar="FOLDER")
    parser.add_argument("--adopt", action="store_true", help="with the finished work of this checkout")
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
            if asked.adopt:
                adopt(asked.lay_out.resolve())
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
