"""Say in one line each what of this machine is not as it should be, before anything is installed.

`make` runs it with whatever Python there is: python3 ddet/tools/preflight.py. It imports nothing of the package until
it knows that this Python can, and exits 1 where the commands cannot work.
"""

import importlib.util
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEEDED = (3, 11)
WRITTEN = (".dvc/tmp", ".dvc/cache", "data/.locks", "data/faces", "data/machine", "data/results", "data/runs")
WRITTEN += ("data/synthetic", "reports", "reports/figures", "reports/tables")


def refusal(version=sys.version_info, root=ROOT):
    """Say why nothing can work here: "" where it can."""
    if tuple(version[:2]) < NEEDED:
        found, needed = (".".join(str(n) for n in v[:2]) for v in (version, NEEDED))
        return (
            "Python " + found + ": too old, nothing will work; name one from " + needed + " on: make PYTHON=python3.11"
        )
    if not os.path.exists(os.path.join(root, ".git")):  # a folder, or a file in a worktree
        return root + ": no git repository, as in a ZIP; git clone the repository, DVC needs it"
    return ""


def warning(isa):
    """Say what is lost where the instruction set cannot be pinned: "" where it can; `isa` is that module of ddet."""
    why = isa.missing()
    return why + ": everything works, with other last bits than those recorded (README, The same bits)" if why else ""


def unwritable(root=ROOT):
    """Say which folders that the pipeline writes may not be written: "" where all may. Nothing is tried."""
    places = [_there(os.path.join(root, name)) for name in WRITTEN]
    refused = sorted({place for place in places if not os.access(place, os.W_OK | os.X_OK)})
    if not refused:
        return ""
    names = ", ".join(os.path.relpath(place, root) for place in refused)
    return names + ": cannot be written, make repro fails there; chmod -R u+w, or mount it to be written"


def _there(place):
    """Return the folder itself, or the nearest above it that there is: the one in which it will be made."""
    while not os.path.exists(place):
        place = os.path.dirname(place)
    return place


def _load(name):
    """Load a module of ddet without the package, whose libraries are not there yet."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, "ddet", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _main():
    why = refusal()
    for line in [why] if why else [warning(_load("isa")), unwritable()]:
        if line:
            print(line, file=sys.stderr)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(_main())
