"""Write profiles/study.yaml from params.yaml: python -m ddet.tools.study

The study is the default run with SEEDS seeds of every arm. It takes hours where the default takes minutes; its verdicts
say what a few seeds could not.
"""

import re
import sys

from ddet import paths

SEEDS = 10
STUDY = paths.ROOT / "profiles" / "study.yaml"


def study(text: str) -> str:
    """Return a params file with SEEDS seeds wherever it says how many, and the name `study`."""
    named = re.sub(r"^profile: \w+ *", "profile: study                  ", text, count=1, flags=re.M)
    return re.sub(r"\bseeds: \d+", f"seeds: {SEEDS}", named)


def _main() -> int:
    STUDY.write_text(study(paths.PARAMS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
