"""Say why no clip was found in a dataset's folder: it lies deeper, flat, in another compression, or not at all."""

from pathlib import Path

from ddet import params, paths
from ddet.data.layouts import base, folder
from ddet.errors import InputError

TOPS = {  # folders that stand directly in a dataset's own folder
    "ffpp": ("original_sequences", "manipulated_sequences"),
    "celebdf": ("celeb-real", "youtube-real", "celeb-synthesis"),
    "df1": ("manipulated_videos",),
    "folder": ("real", "fake"),
    "dfdc": (),
}
DEEPEST = 3  # levels that are searched for a nested dataset


def error(home: Path, dataset: str, cfg: params.Data) -> InputError:
    """Return what is wrong with a dataset's folder in which no clip was found, and the remedy."""
    if nested := _nested(home, dataset, DEEPEST):
        place = nested.relative_to(paths.resolve(cfg.root)).as_posix() if _inside(nested, cfg) else nested.as_posix()
        return InputError(home, f"holds {dataset} deeper, in {nested.name}", f"set data.folders.{dataset}: {place}")
    if dataset == "ffpp" and (held := _compressions(home) - {cfg.compression}):
        cause = f"holds no clip of {cfg.compression}, but of {' and '.join(sorted(held))}"
        return InputError(home, cause, f"set data.compression: {min(held)}, or fetch {cfg.compression}")
    clips = [f for f in base.files_below(home) if f.suffix.lower() in folder.VIDEOS]
    if clips and TOPS[dataset]:
        cause = f"holds {len(clips)} clips, but not in {' and '.join(TOPS[dataset])}: {clips[0].relative_to(home)}"
        return InputError(home, cause, "restore the official folders, see docs/real_data.md")
    return InputError(home, f"holds no clip of {dataset}", "fetch it, or take it out of data.datasets")


def _nested(home: Path, dataset: str, depth: int) -> Path | None:
    """Find a folder below `home` that has the dataset's own folders."""
    for inside in base.subfolders(home) if depth else ():
        if {f.name.lower() for f in base.subfolders(inside)} & set(TOPS[dataset]):
            return inside
        if found := _nested(inside, dataset, depth - 1):
            return found
    return None


def _inside(folder: Path, cfg: params.Data) -> bool:
    return folder.is_relative_to(paths.resolve(cfg.root))


def _compressions(home: Path) -> set[str]:
    """List the compressions of FF++ that have clips; `c0` is raw."""
    known = {"raw": "raw", "c0": "raw", "c23": "c23", "c40": "c40"}
    return {known[f.parent.parent.name] for f in base.files_below(home) if f.parent.parent.name in known}
