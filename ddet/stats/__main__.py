"""Intervals and differences for your own predictions: python -m ddet.stats table ours.csv theirs.csv

See docs/own_predictions.md. Exit code 0: done. 2: a file cannot be used.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.stats import metrics, own

SHOWN = ("clip_auc", "clip_balanced_accuracy", "clip_log_loss")


def models(given: list[str]) -> dict[str, list[pd.DataFrame]]:
    """Read the models of the command line: FILE, or NAME=FILE,FILE with a file per seed.

    Raises:
        InputError: a name twice, or a file that `own.read` refuses.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for text in given:
        name, equals, files = text.partition("=")
        name, files = (name, files) if equals else (Path(text).stem, text)
        if name in found:
            raise InputError(name, "two models have this name", "write another one before =, as b=file.csv")
        found[name] = [own.read(Path(file)) for file in files.split(",")]
    return found


def text(frame: pd.DataFrame) -> str:
    """Write a table as Markdown, numbers with 4 decimals."""
    shown = [
        [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in frame.to_numpy(object)
    ]
    rows = [list(frame.columns), ["---"] * len(frame.columns), *shown]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, print the tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ddet.stats", description="Intervals for your own predictions.")
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("table", help="metrics with their intervals, and differences to the first model")
    table.add_argument("models", nargs="+", help="FILE, or NAME=FILE,FILE with a file per seed")
    table.add_argument("--metric", action="append", help=f"such as frame_auc; default {', '.join(SHOWN)}")
    table.add_argument("--against", help="the model that others are compared with; default the first")
    table.add_argument("--csv", type=Path, help="a folder for models.csv and differences.csv, unrounded")
    table.add_argument("--resamples", type=int, default=2000)
    table.add_argument("--confidence", type=float, default=0.95)
    given = parser.parse_args(arguments)
    try:
        cfg = params.Report(bootstrap=given.resamples, confidence=given.confidence, seed=1)
        names = given.metric or list(SHOWN)
        for name in names:
            if metrics.level_and_name(name)[1] in metrics.AT_VALID:
                raise InputError(name, "no predictions of valid are read here", "ask for the metric at .5")
        found = models(given.models)
        against = given.against or next(iter(found))
        if against not in found:
            raise InputError(against, "no such model", f"name one of {', '.join(found)}")
        tables = {"models": own.levels(found, names, cfg), "differences": own.differences(found, against, names, cfg)}
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except ValueError as error:  # what pydantic says of the two numbers
        parser.error(str(error).splitlines()[2].strip())
    print("\n\n".join(text(frame) for frame in tables.values() if len(frame)))
    print(f"\n{own.covers(found)}")
    if given.csv:
        given.csv.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            frame.to_csv(given.csv / f"{name}.csv", index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
