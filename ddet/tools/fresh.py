"""Say which reports are not of this tree: python -m ddet.tools.fresh

dvc.lock records what every stage read and wrote. Three things can part: a file in git that a stage wrote and something
else has changed since; a stage whose code, notebook or params are others by now; and a report whose stage is up to
date, but whose check cells are not those of its notebook. The second is what `make repro` mends, and no fault in
itself; the other two are. Exit 1 where there is any of the three.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

from ddet import paths
from ddet.report.dvc_lock import Entry, Stage, md5_of, read_stages, stale

LOCK = "dvc.lock"
CHECKED = "nbval-check-output"


def rewritten(root: Path, stages: Sequence[Stage]) -> list[str]:
    """List files below reports/ and data/results/ that are not there, or not as the stage that wrote them left them."""
    outs = [out for stage in stages for out in stage.outs if _in_git(out)]
    return sorted(out.path for out in outs if md5_of(root / out.path) != out.md5)


def parted(root: Path, stages: Sequence[Stage]) -> list[str]:
    """List check cells, as `notebook: first line`, whose report says another text, where the stage is up to date."""
    old, found = stale(root, stages), []
    for stage in stages:
        if stage.notebook and stage.name not in old:
            name = Path(stage.notebook).stem
            reported = dict(_checks(root / "reports" / f"{name}.ipynb"))
            own = _checks(root / stage.notebook)
            found += [f"{name}: {source.splitlines()[0]}" for source, text in own if reported.get(source) != text]
    return found


def _in_git(out: Entry) -> bool:
    """Tell files that git keeps from folders and from what DVC keeps."""
    return out.path.startswith(("reports/", "data/results/")) and not out.md5.endswith(".dir")


def _checks(path: Path) -> Iterator[tuple[str, str]]:
    """Yield source and text of each check cell: what it printed, and what its last line gave."""
    for cell in nbformat.read(path, 4).cells:
        if CHECKED in (cell.metadata.get("tags") or []):
            texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
            yield cell.source, "".join(texts)


def _main() -> int:
    root, stages = paths.ROOT, read_stages(paths.ROOT / LOCK)
    said = [f"{n}: of an earlier tree; changed since: {', '.join(what)}" for n, what in stale(root, stages).items()]
    said += [f"{path}: not as its stage wrote it; git checkout it, or dvc repro" for path in rewritten(root, stages)]
    said += [f"{cell}: the report says another text; dvc repro -f its stage" for cell in parted(root, stages)]
    print("\n".join(said) or "every report is of this tree")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(_main())
