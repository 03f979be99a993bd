"""Plant known faults, one at a time, in a copy of the tree, and run the test that must find each.

    python benchmarks/mutants.py --list              what there is
    python benchmarks/mutants.py --only ddet/stats   some of it, by a part of the file's name
    python benchmarks/mutants.py --only test_keys    or of the test's

benchmarks/mutants.tsv holds a fault a line: file, the text that is there once, the text in its place, the test. A fault
that survives asks for a test; one whose text is gone is stale, and asks for another line. The checkout stays as it is.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTED = Path(__file__).with_suffix(".tsv")
LIMIT = 900  # s for one test file; a fault that hangs it is found, too
FATES = ("found", "survived", "stale", "test fails")


@dataclass(frozen=True)
class Mutant:
    """A planted fault: `old`, which stands once in `file`, becomes `new`; the file `test` must fail."""

    file: str
    old: str
    new: str
    test: str

    def planted(self, text: str) -> str | None:
        """Return the file's text with the fault; None where the text for it is not there exactly once."""
        return text.replace(self.old, self.new) if text.count(self.old) == 1 else None

    @property
    def package(self) -> str:
        """Name the package of ddet that the file is in; "plumbing" for what lies in none."""
        inner = Path(self.file).parts[1:-1]
        return inner[0] if inner else "plumbing"


def read(path: Path = LISTED) -> list[Mutant]:
    """Read the list, in its order."""
    with path.open(encoding="utf-8", newline="") as f:
        return [Mutant(**row) for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)]


def copied(folder: Path) -> Path:
    """Copy what git tracks, and what is new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def passes(tree: Path, test: str) -> bool:
    """Run one test file against the code of `tree`, until something fails."""
    env = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}  # a stale .pyc would hide the fault
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", test]
    try:
        return subprocess.run(words, cwd=tree, env=env, capture_output=True, timeout=LIMIT).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def tried(tree: Path, mutant: Mutant) -> str:
    """Say what became of a fault: found, survived, or stale."""
    file = tree / mutant.file
    text = file.read_text(encoding="utf-8")
    planted = mutant.planted(text)
    if planted is None:
        return "stale"
    file.write_text(planted, encoding="utf-8")
    try:
        return "survived" if passes(tree, mutant.test) else "found"
    finally:
        file.write_text(text, encoding="utf-8")


def report(mutants: Sequence[Mutant], tree: Path) -> list[str]:
    """Try each fault, print a line for it, and return what became of them (FATES), in order.

    A test that fails without any fault finds nothing: its faults are "test fails".
    """
    fates = []
    sound = {test: passes(tree, test) for test in dict.fromkeys(m.test for m in mutants)}
    for mutant in mutants:
        fates.append(tried(tree, mutant) if sound[mutant.test] else "test fails")
        print(f"{fates[-1]:10}  {mutant.file}: {mutant.old.strip()[:70]}  ({mutant.test})", flush=True)
    return fates


def summary(mutants: Sequence[Mutant], fates: Sequence[str]) -> str:
    """Count the faults of each package, and of all, by what became of them."""
    told = [(mutant.package, fate) for mutant, fate in zip(mutants, fates, strict=True)]
    lines = ["".join(["package     planted", *(f"{fate:>12}" for fate in FATES)])]
    for name in [*sorted({package for package, _ in told}), "all"]:
        own = [fate for package, fate in told if name in (package, "all")]
        lines.append("".join([f"{name:12}{len(own):7}", *(f"{own.count(fate):12}" for fate in FATES)]))
    return "\n".join(lines)


def _main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/mutants.py", description="Plant faults that tests must find.")
    parser.add_argument("--only", default="", help="a part of the file's or the test's name")
    parser.add_argument("--list", action="store_true", help="print the faults instead of planting them")
    args = parser.parse_args(argv)
    chosen = [m for m in read() if args.only in m.file or args.only in m.test]
    if args.list:
        print("\n".join(f"{m.file}: {m.old.strip()}  ->  {m.new.strip()}  ({m.test})" for m in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        fates = report(chosen, copied(Path(folder)))
    print(summary(chosen, fates) if chosen else "no fault of that name")
    return 0 if set(fates) == {"found"} else 1


if __name__ == "__main__":
    sys.exit(_main())
