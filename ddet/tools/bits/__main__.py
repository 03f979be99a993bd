"""Print, check or record what this machine computes: python -m ddet.tools.bits [--check | --write] [GROUP ...]"""

import argparse
import importlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ddet.errors import InputError
from ddet.tools.bits import record

GROUPS = ("primitives", "renderer", "footage", "networks", "fits")  # in the order in which data flow


def compute(names: list[str]) -> dict[str, Any]:
    """Compute the groups on one thread: name -> the code behind it, and its hashes."""
    import cv2  # here, so that --help takes no time
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    made = {}
    for name in names:
        print(f"computing {name} ...", file=sys.stderr, flush=True)
        group = importlib.import_module(f"ddet.tools.bits.{name}")
        made[name] = {"code": record.code_of(group.__name__, group.settings()), "hashes": group.compute()}
    return made


def show(line: dict[str, Any], groups: dict[str, Any], words: dict[str, str]) -> None:
    """Print the machine and a table: group and name, hash, and how it compares, where that was asked."""
    print(f"{line['cpu']}, {line['isa']}: {' '.join(line['flags'])}")
    print(" ".join(f"{name} {version}" for name, version in line["libraries"].items()))
    for group, made in groups.items():
        for name, hashed in made["hashes"].items():
            key = f"{group}: {name}"
            print(f"{key:48} {hashed} {words.get(key, '')}".rstrip())
    if words:
        print(", ".join(f"{count} {word}" for word, count in sorted(Counter(words.values()).items())))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ddet.tools.bits", description=sys.modules[__name__].__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"some of {', '.join(GROUPS)} (all)")
    parser.add_argument("--check", action="store_true", help="compare with the record; exit 1 where a hash differs")
    parser.add_argument("--write", action="store_true", help="add this machine to the record")
    parser.add_argument("--cpu", help="the name to record, for an emulated CPU")
    parser.add_argument("--record", type=Path, default=record.RECORD, help="another file")
    return parser


def _main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        if unknown := sorted(set(args.groups) - set(GROUPS)):
            raise InputError(unknown[0], "no such group", f"use some of {', '.join(GROUPS)}")
        known = record.load(args.record) if args.check else None
        line, made = record.machine(args.cpu), compute(args.groups or list(GROUPS))
        words = record.compare(line, made, known) if known else {}
        show(line, made, words)
        if args.write:
            record.save(line, made, args.record)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 1 if record.DIFFERS in words.values() else 0


if __name__ == "__main__":
    sys.exit(_main())
