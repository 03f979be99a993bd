"""Reject files that are too large for git and belong in DVC: python -m ddet.tools.large FILE..."""

import sys
from pathlib import Path

LIMIT = 1_500_000  # bytes; the largest rendered report is below it


def _main(argv: list[str]) -> int:
    large = [f for f in argv if Path(f).is_file() and Path(f).stat().st_size > LIMIT]
    for file in large:
        size = Path(file).stat().st_size / 1e6
        print(f"{file}: {size:.1f} MB is over {LIMIT / 1e6} MB; version it with DVC, or make it smaller")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
