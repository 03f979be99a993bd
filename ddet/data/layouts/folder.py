"""Your own footage: real/ and fake/ with clips or stills, at any depth. A still is a clip of one frame.

The first folder below real/ or fake/ names a person or a recording: its files stay together in every identity split.
A file directly in real/ or fake/ is its own group.
"""

from collections import Counter
from pathlib import Path

from ddet import params
from ddet.data.layouts import base
from ddet.data.layouts.base import FAKE, REAL, Clip
from ddet.errors import InputError

LABELS = {"real": REAL, "fake": FAKE}
VIDEOS = frozenset(
    {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".wmv", ".3gp"}
    | {".ogv", ".gif"}
)
STILLS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def scan(cfg: params.Data) -> list[Clip]:
    """List every file below real/ and fake/; one that is neither clip nor still is an unusable row.

    Raises:
        InputError: neither real/ nor fake/ is there.
    """
    folder = base.home(cfg, "folder")
    parts = [f for f in base.subfolders(folder) if f.name.lower() in LABELS]
    if not parts:
        raise InputError(folder, "has neither real/ nor fake/", "put your clips or stills into folders of these names")
    return [clip for part in parts for clip in _part(part, cfg)]


def _part(folder: Path, cfg: params.Data) -> list[Clip]:
    files = base.files_below(folder)
    stems = Counter(f.with_suffix("") for f in files)
    return [_clip(folder, f, f if stems[f.with_suffix("")] > 1 else f.with_suffix(""), cfg) for f in files]


def _clip(folder: Path, file: Path, name: Path, cfg: params.Data) -> Clip:
    """Make one row; two files that differ only in their suffix keep it in their stem."""
    part = folder.name.lower()
    person, *rest = name.relative_to(folder).parts
    group = f"folder:{person}" if rest else f"folder:{part}/{person}"
    stem = name.relative_to(folder).as_posix()
    clip = Clip(
        "folder", part, stem, LABELS[part], method=part, path=base.place(file, cfg), source_ids=(group,), group=group,
        original=f"folder/real/-/{stem}" if part == "real" else "",
    )  # fmt: skip
    known = file.suffix.lower() in VIDEOS | STILLS
    return clip if known else clip.unusable(f"neither a clip nor a still: {file.suffix or 'no suffix'}")
