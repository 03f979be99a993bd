"""Write profiles/study.yaml from params.yaml: python -m ddet.tools.study

The study is the default run with SEEDS seeds of every arm, those of 0 seeds too, with all detectors of PRLE where the
default has some of them, and with both classes in Herd's sweep of the class weight. It takes hours where the default
takes minutes; its verdicts say what a few seeds could not.
"""

import re
import sys

from ruamel.yaml import YAML

from ddet import paths

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


def _main() -> int:
    STUDY.write_text(study(paths.PARAMS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
