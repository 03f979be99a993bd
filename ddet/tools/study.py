"""Write profiles/study.yaml from params.yaml: python -m ddet.tools.study [--lay-out FOLDER [--adopt] | --keep FOLDER]

The study is the default run with SEEDS seeds of what the claims of Herd and ASRID compare, with one of each of their
arms that the default does not train, and with both classes in Herd's sweep of the class weight. PRLE is as in the
default: what most of its claims lack here is their premise, which no number of seeds mends. The study takes hours where
the default takes one; its verdicts say what three seeds could not.
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

from ddet import machine, paths
from ddet.errors import InputError
from ddet.report import studied
from ddet.tools import demo

SEEDS = 10
MORE = ("herd", "asrid")  # sections whose own number of seeds becomes SEEDS
COMPARED = ("rot_rf", "caddm", "batch_2")  # arms that a claim compares, of one seed in the default
WORK = ("synthetic", "faces", "start", "runs", "machine")  # folders of data that a run finds again by its keys
COMMIT = ".dvc/commit"  # of the code that was laid out
STUDY = paths.ROOT / "profiles" / "study.yaml"


def study(text: str) -> str:
    """Return the study's params file: `text` with more seeds and arms of MORE, and the name `study`."""
    text = re.sub(r"^profile: \w+ *", "profile: study                  ", text, count=1, flags=re.M)
    text = text.replace("sweep: {classes: [fake],", "sweep: {classes: [real, fake],")
    for arm in COMPARED:
        text = re.sub(rf"(\n    {arm}: \{{[^#]*?\bseeds: )\d+", rf"\g<1>{SEEDS}", text)
    for section in MORE:
        begin, part, rest = re.split(rf"(^{section}:.*?(?=^\w))", text, maxsplit=1, flags=re.M | re.S)
        part = re.sub(r"(\n  seeds: )\d+ ?", rf"\g<1>{SEEDS}", part, count=1)
        text = begin + re.sub(r"\bseeds: 0\b", "seeds: 1", part) + rest
    return text


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
            laid = asked.keep / COMMIT
            studied.keep(asked.keep, laid.read_text() if laid.is_file() else "unknown", machine.words())
            return 0
        STUDY.write_text(study(paths.PARAMS.read_text()))
        if asked.lay_out:
            demo.lay_out(asked.lay_out.resolve(), profile="study")
            asks = ["git", "describe", "--always", "--dirty"]
            commit = subprocess.run(asks, cwd=paths.ROOT, capture_output=True, text=True).stdout.strip()
            (asked.lay_out / COMMIT).write_text(commit)
            if asked.adopt:
                adopt(asked.lay_out.resolve())
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
