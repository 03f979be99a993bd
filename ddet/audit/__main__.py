"""Audit any table of accuracy and F1: python -m ddet.audit table.csv --real 1415 --fake 13543

Exit code 0: nothing found. 1: something found. 2: the table cannot be read.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from ddet.audit import confusion, constant, counts, roc, table
from ddet.audit.constant import Split
from ddet.audit.findings import VERDICTS, Finding, problems
from ddet.errors import InputError


def check(frame: pd.DataFrame, real: int, fake: int) -> list[Finding]:
    """Run every check that needs only a table and its class counts."""
    rows = list(dict.fromkeys(frame["row"]))
    return [
        *confusion.accuracy_with_f1(frame, real, fake),
        *roc.auc_with_point(frame, real, fake),
        *constant.accuracy_against_prior(frame, dict.fromkeys(rows, Split(real, fake)), "Acc", "the given counts"),
        *counts.accuracies_as_counts(frame, dict.fromkeys(rows, real + fake), "Acc"),
    ]


def report(findings: list[Finding], unused: list[str]) -> str:
    """Describe the findings, one line each, and what was examined."""
    found = problems(findings)
    lines = [f"{finding.verdict}: {finding.sentence}" for finding in found]
    used = dict.fromkeys(finding.verdict for finding in found)
    lines += [f"  {verdict} = {VERDICTS[verdict]}" for verdict in used]
    if unused:
        lines.append(f"columns not used: {', '.join(unused)}")
    return "\n".join([*lines, f"{len(findings)} things examined, {len(found)} found"])


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, audit, print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ddet.audit", description="Audit a table of accuracy and F1.")
    parser.add_argument("table", type=Path, help="csv: row names first, then columns acc, f1 and perhaps auc")
    parser.add_argument("--real", type=_positive, required=True, help="number of real images or clips tested on")
    parser.add_argument("--fake", type=_positive, required=True, help="number of fake images or clips tested on")
    given = parser.parse_args(arguments)
    try:
        frame, unused = table.read(given.table)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    findings = check(frame, given.real, given.fake)
    print(report(findings, unused))
    return 1 if problems(findings) else 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
