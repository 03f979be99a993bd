"""DFDC: train parts with metadata.json, validation and test with labels.csv and/or metadata.json.

Parts are found at any depth below the dataset's folder, since every tool unpacks them elsewhere; the clips lie beside
the label file or in `videos/` below it. A name that leaves its folder is refused and listed (`base.refused`).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ddet import params
from ddet.data.layouts import base
from ddet.data.layouts.base import FAKE, REAL, Clip
from ddet.data.layouts.dfdc_labels import Entry, read_labels
from ddet.errors import InputError

FILES = ("metadata.json", "labels.csv")


def scan(cfg: params.Data) -> list[Clip]:
    """List the clips of every part, or of `data.dfdc_parts`: files that are there, and clips that only labels name.

    Raises:
        InputError: the dataset's folder or a part that is asked for is not there.
    """
    folder = base.home(cfg, "dfdc")
    parts = _parts(folder)
    there = {_name(part) for part in parts}
    if absent := [name for name in cfg.dfdc_parts if name not in there]:
        raise InputError(folder / absent[0], "no such part", "fetch it, or take it out of data.dfdc_parts")
    wanted = set(cfg.dfdc_parts) or there
    return [clip for part in parts if _name(part) in wanted for clip in _part(part, cfg)]


def _name(folder: Path) -> str:
    return folder.parent.name if folder.name == "videos" else folder.name


def _parts(folder: Path) -> list[Path]:
    """Find the folders with label files, and those with clips only, so that no clip is overlooked."""
    files = base.files_below(folder)
    labelled = {f.parent for f in files if f.name in FILES}
    holding = {f.parent for f in files if f.suffix.lower() == ".mp4"}
    below = {part / "videos" for part in labelled}
    return sorted(labelled | (holding - (below - labelled)))


def _part(folder: Path, cfg: params.Data) -> Iterator[Clip]:
    part = _name(folder)
    entries, refused = read_labels(folder, part)
    extra = folder / "videos"
    own = not any((extra / name).is_file() for name in FILES)  # else it is a part itself
    files = base.mp4s(folder, extra) if own else base.mp4s(folder)
    for file in files:
        yield _clip(part, file.stem, entries.get(file.stem), base.place(file, cfg))
    for stem in entries.keys() - {f.stem for f in files}:
        yield _clip(part, stem, entries[stem], "").absent()
    yield from refused


def _clip(part: str, stem: str, entry: Entry | None, path: str) -> Clip:
    clip = Clip("dfdc", part, stem, base.UNLABELLED, method="", path=path, group=f"dfdc:{stem}")
    if entry is None:
        return clip.unusable("no label: no metadata.json or labels.csv names it")
    clip = replace(
        clip, label=entry.label, method={REAL: "real", FAKE: "DFDC"}.get(entry.label, ""),
        official_split=entry.split or _split_of(part), listed_in=entry.file,
    )  # fmt: skip
    return _trace(clip, entry).unusable(entry.fault) if entry.fault else _trace(clip, entry).remark(entry.note)


def _trace(clip: Clip, entry: Entry) -> Clip:
    """Fill in the original, which decides a split: clips of one original share people and scene.

    The id leaves out the part, so that the Kaggle sample and the part that it was drawn from agree. Where the label
    file gives no originals (validation, test), the whole part decides the split, and each clip is its own group.
    """
    stem = clip.stem if clip.label == REAL and entry.traced else entry.original
    if not stem:
        own = clip.clip_id if clip.label == REAL else ""
        return replace(clip, source_ids=(f"dfdc:{clip.part}",), original=own)
    root = f"dfdc:{stem}"
    return replace(clip, target_id=stem, source_ids=(root,), group=root, original=f"dfdc/{clip.part}/-/{stem}")


def _split_of(part: str) -> str:
    train = part.startswith(("dfdc_train_part", "train"))
    return "train" if train else {"validation": "valid", "val": "valid", "test": "test"}.get(part, "")
