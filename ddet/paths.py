"""The paths of the repository, relative to this file, so that nothing depends on the working directory."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARAMS = ROOT / "params.yaml"
DATA = ROOT / "data"
RAW = DATA / "raw"  # real datasets, never edited
SYNTHETIC = DATA / "synthetic"  # rendered by 10_benchmark, in the same layouts
FACES = DATA / "faces"
START = DATA / "start"  # start weights, small enough for git
RUNS = DATA / "runs"
RESULTS = DATA / "results"
PUBLISHED = DATA / "published"
REPORTS = ROOT / "reports"
TABLES = REPORTS / "tables"
FIGURES = REPORTS / "figures"


def resolve(path: str | Path) -> Path:
    """Return `path` as it is when absolute or below a home folder (`~`), else below the repository root."""
    return ROOT / Path(path).expanduser()


def relative(path: str | Path) -> str:
    """Return `path` relative to the repository root where it lies inside, so that reports hold no absolute paths."""
    path = Path(path).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
