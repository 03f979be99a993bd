"""The last commit that changed what the pipeline reads: which code and parameters the pages are of.

Not HEAD: a commit that holds the reports themselves, or words about them, would change every page that names it, and so
a fresh clone that runs the pipeline again. What stages write is left out for the same reason.
"""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML

UNKNOWN = "not known: this folder is no git checkout"
SHALLOW = "not known: this checkout holds but a part of the history"
LISTS = ("outs", "metrics", "plots")  # what a stage of dvc.yaml writes
DIGITS = 10  # of a hash; git's own choice depends on how much a clone holds


def told(root: Path) -> str:
    """Say which commit changed last what the pipeline below `root` reads, with its day; or why that is not known.

    Where files have changed since, in no commit, that is said as well.
    """
    if not (root / "dvc.yaml").is_file():
        return UNKNOWN
    names = read_by(root / "dvc.yaml")
    found = _git(root, "log", "-1", "--format=%H %cd", "--date=short", "--", *names)
    if not found:
        return UNKNOWN  # a demo lies inside another checkout, which has no commit of its files
    digits, day = found.split()
    cut = root / _git(root, "rev-parse", "--git-path", "shallow")  # lists the commits whose parents are not there,
    if cut.is_file() and digits in cut.read_text(encoding="utf-8"):  # and which so seem to have changed everything
        return SHALLOW
    since = ", with changes since that no commit holds" if _git(root, "status", "--porcelain", "--", *names) else ""
    return f"{digits[:DIGITS]} of {day}, the last that changed what the pipeline reads{since}"


def read_by(pipeline: Path) -> list[str]:
    """List what the stages of a dvc.yaml read and none of them writes, with the pipeline and its parameters."""
    stages = YAML(typ="safe").load(pipeline.read_text(encoding="utf-8"))["stages"].values()
    written = {_name(out) for stage in stages for kind in LISTS for out in stage.get(kind, ())}
    read = {dep for stage in stages for dep in stage.get("deps", ()) if not dep.startswith("$")}  # a place of params
    into = {str(folder) for out in written for folder in Path(out).parents}  # the page reads whole folders of tables
    own = {path for path in read - into if not {path, *map(str, Path(path).parents)} & written}
    return ["dvc.yaml", "params.yaml", *sorted(own)]


def _name(out: str | dict) -> str:
    return out if isinstance(out, str) else next(iter(out))


def _git(root: Path, *words: str) -> str:
    """Return what git says, "" where it fails or is not there; the index is not touched."""
    try:
        done = subprocess.run(["git", "--no-optional-locks", *words], cwd=root, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
