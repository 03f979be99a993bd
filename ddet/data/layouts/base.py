"""Code that all adapters share: the `Clip` record, and safe reading of folders and metadata files.

An adapter never stops over a single clip. A clip that its dataset names and that is not there, that has no label, or
whose name would leave its folder becomes a row with `status` "unusable" and a reason. Only a damaged list that would
misplace every clip (split files, the Celeb-DF list) is an InputError.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from hashlib import blake2s
from pathlib import Path, PureWindowsPath

from ddet import params, paths
from ddet.errors import InputError

REAL, FAKE, UNLABELLED = 0, 1, -1  # -1 only ever on unusable rows
DEEPEST = 8  # levels of a JSON file; those of the datasets have three
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Clip:
    """One clip of the manifest, before its file is opened. `part` is the second element of the clip_id."""

    dataset: str
    part: str
    stem: str
    label: int
    compression: str = "-"
    method: str = "real"
    path: str = ""
    target_id: str = ""
    source_id: str = ""
    source_ids: tuple[str, ...] = ()
    original: str = ""
    group: str = ""
    official_split: str = ""
    listed_in: str = ""
    found: bool = True
    status: str = "ok"
    reason: str = ""

    @property
    def clip_id(self) -> str:
        """Return dataset/part/compression/stem: the stem alone is not unique."""
        return f"{self.dataset}/{self.part}/{self.compression}/{self.stem}"

    def unusable(self, reason: str) -> "Clip":
        """Return this clip marked unusable, for the first reason that was found."""
        return self if self.status == "unusable" else replace(self, status="unusable", reason=reason)

    def remark(self, reason: str) -> "Clip":
        """Return this clip, still usable, with a remark in its reason."""
        return self if self.reason else replace(self, reason=reason)

    def absent(self) -> "Clip":
        """Return this clip as missing: the dataset lists it, but its file is not there."""
        return replace(self, found=False, path="").unusable(f"listed in {self.listed_in} but not found")


def home(cfg: params.Data, dataset: str, required: bool = True) -> Path:
    """Return the folder of a dataset, which must be there where it is required.

    Raises:
        InputError: `data.folders` does not name it, or the folder is not there.
    """
    if dataset not in cfg.folders:
        raise InputError("data.folders", f"does not say where {dataset} lies", f"add {dataset}: <folder>")
    folder = paths.resolve(cfg.root) / cfg.folders[dataset]
    if required and not folder.is_dir():
        raise InputError(
            folder, f"no such folder for {dataset}", "place the dataset there or take it out of data.datasets"
        )
    return folder


def place(path: Path, cfg: params.Data) -> str:
    """Return a file's path relative to the data root; it stays absolute in a dataset folder outside the root."""
    root = paths.resolve(cfg.root)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def mp4s(*folders: Path) -> list[Path]:
    """List the mp4 files of folders, sorted; names starting with a dot are system litter and left out."""
    files = (f for folder in folders if folder.is_dir() for f in folder.iterdir())
    return sorted(f for f in files if f.suffix.lower() == ".mp4" and not f.name.startswith("."))


def subfolders(folder: Path) -> list[Path]:
    """List the folders inside a folder, sorted, hidden ones left out; none if it is not there."""
    inside = folder.iterdir() if folder.is_dir() else ()
    return sorted(f for f in inside if f.is_dir() and not f.name.startswith("."))


def files_below(folder: Path, above: frozenset = frozenset()) -> list[Path]:
    """List the files at any depth, sorted. Links to folders are followed, so that a part may lie on another disk.

    What begins with a dot is hidden by tools and left out, folders with all they hold. A folder that a link leads back
    to from inside itself is not entered again.
    """
    here = folder.stat()
    if (place := (here.st_dev, here.st_ino)) in above:
        return []
    inside = [f for f in folder.iterdir() if not f.name.startswith(".")]
    deeper = [file for f in inside if f.is_dir() for file in files_below(f, above | {place})]
    return sorted([f for f in inside if f.is_file()] + deeper)


def readable(clip: Clip) -> Clip:
    """Return a clip whose name is no UTF-8, which no table can hold, as an unusable row with its bytes escaped."""
    texts = {f.name: getattr(clip, f.name) for f in fields(Clip) if isinstance(getattr(clip, f.name), str)}
    if all(_is_text(text) for text in (*texts.values(), *clip.source_ids)):
        return clip
    told = {name: _escaped(text) for name, text in texts.items()} | {"path": ""}
    told["source_ids"] = tuple(map(_escaped, clip.source_ids))
    return replace(clip, **told).unusable("its name is no UTF-8: rename it")


def _is_text(text: str) -> bool:
    return _escaped(text) == text


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def is_plain_name(name: object) -> bool:
    """Return whether a name in a metadata file is a plain file name, which cannot leave its folder."""
    if not isinstance(name, str) or not name.isprintable() or name.startswith("."):
        return False
    return name != "" and not set(name) & set("/\\") and not PureWindowsPath(name).drive


def refused(dataset: str, part: str, name: object, file: str) -> Clip:
    """Return the row that stands for a name that may not be used as a path.

    The clip_id becomes a folder name later, so the name itself enters only the reason, escaped.
    """
    digest = blake2s(repr(name).encode(), digest_size=5).hexdigest()
    clip = Clip(dataset, part, f"refused-{digest}", UNLABELLED, method="", listed_in=file, found=False)
    return clip.unusable(f"refused: {file} names {ascii(name)[:80]}, which is not a plain file name")


def read_json(path: Path) -> object:
    """Read a JSON file; every object arrives as a list of (key, value) pairs, so that doubled keys are seen.

    Raises:
        InputError: not JSON, not text, a number of thousands of digits, or more than DEEPEST levels.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=Pairs)
    except (ValueError, RecursionError, OSError) as e:
        raise InputError(path, f"cannot be read as JSON ({type(e).__name__})", "fetch the file again") from None
    level = [tree]
    for _ in range(DEEPEST):
        level = [item for value in level if isinstance(value, list | tuple) for item in value]
    if level:
        raise InputError(path, "is nested too deeply", "fetch the file again")
    return tree


class Pairs(list):
    """A JSON object in order, doubled keys included."""


def distinct(clips: Iterable[Clip]) -> Iterator[Clip]:
    """Yield clips with unique ids: a second file with the id of another is kept as an unusable row.

    A row whose file was found wins over one without, then the smaller path wins.
    """
    seen: Counter[str] = Counter()
    for clip in sorted(clips, key=lambda c: (c.clip_id, not c.found, c.path)):
        seen[clip.clip_id] += 1
        n = seen[clip.clip_id]
        yield clip if n == 1 else replace(clip, stem=f"{clip.stem}~{n}").unusable(f"second file of {clip.clip_id}")
