"""Keep the study's verdicts where code changed and no bit did: python -m ddet.tools.renew BEFORE AFTER

A run's key holds its code, so an edit that makes training faster gives every run another key, and the study, which
takes hours, would no longer count as one of the same fits. BEFORE and AFTER are checkouts with a finished default run,
of the code of the study and of today's. A run of today that has the stage, the settings, the weights and the
predictions of one of before, byte for byte, is the same fit: data/measured/study_claims.csv gets its new key. So are
maps of a detector that is the same, whose settings hold its key. What changed keeps its old key, and is left out by the
pages as before.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ddet.errors import InputError
from ddet.hashing import canonical
from ddet.report import studied
from ddet.runs.store import MANIFEST, RECORD

Runs = list[tuple[str, list[Any]]]  # of each run its key, and what it is and gave: stage, settings, files' hashes


def fits(folder: Path) -> Runs:
    """Return the finished runs of a checkout.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    found = []
    for record in sorted((folder / studied.RUNS).glob(f"*/*/{RECORD}")):
        try:
            config = json.loads(record.read_text())["config"]
            gave = json.loads((record.parent / MANIFEST).read_text())
        except (OSError, ValueError, KeyError) as e:
            raise InputError(record.parent, f"cannot be read ({type(e).__name__})", "run its stage again") from None
        # Where it starts is a key, which changed, or weights, which decided what it gave.
        is_ = [record.parts[-3], {k: v for k, v in config.items() if k != "start"}]
        found.append((record.parent.name, [*is_, {k: v for k, v in gave.items() if k != RECORD}]))
    if not found:
        raise InputError(folder, "holds no finished run", "run dvc repro there")
    return found


def same(old: Runs, new: Runs) -> dict[str, str]:
    """Map each key of `old` to that of the same run in `new`; settings that hold a key of `old` hold today's there."""
    today, now, known = {canonical(what): key for key, what in new}, {}, -1
    while len(now) > known:  # maps follow their detectors, regions follow their maps
        known = len(now)
        for key, what in old:
            if (renewed := canonical(_renewed(what, now))) in today:
                now[key] = today[renewed]
    return now


def _renewed(value: Any, now: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _renewed(v, now) for k, v in value.items()}
    if isinstance(value, list):
        return [_renewed(v, now) for v in value]
    return now.get(value, value) if isinstance(value, str) else value


def renew(before: Path, after: Path, kept: Path = studied.KEPT) -> tuple[int, int]:
    """Write today's keys into the kept ledger; return how many runs of `before` are the same `after`, and of how many.

    Raises:
        InputError: as `fits`, or nothing is kept.
    """
    if not kept.is_file():
        raise InputError(kept, "no study is kept", "run it: python -m ddet.tools.study --lay-out FOLDER")
    old = fits(before)
    now = same(old, fits(after))
    table = pd.read_csv(kept, dtype=str, keep_default_na=False)
    table["runs"] = [" ".join(now.get(key, key) for key in keys.split()) for keys in table["runs"]]
    table.to_csv(kept, index=False)
    return len(now), len({key for key, _ in old})


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    asked = parser.parse_args(argv)
    try:
        same, among = renew(asked.before, asked.after)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    print(f"{same} of {among} runs are the same")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
