"""Celeb-DF v2: celebrities, YouTube faces, and swaps between celebrities, with one list of test clips.

Layout: Celeb-real/idA_CCCC.mp4, YouTube-real/NNNNN.mp4, Celeb-synthesis/idA_idB_CCCC.mp4 (idA's clip CCCC with idB's
face), each also with a level `videos/` as some tools leave it. The folder is the label; the list's number (1 = real)
only checks it. There is no official train or validation list: what is not listed is train.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ddet import params
from ddet.data.layouts import base
from ddet.data.layouts.base import FAKE, REAL, Clip
from ddet.errors import InputError

LIST = "List_of_testing_videos.txt"
NAMES = {
    "Celeb-real": re.compile(r"(id\d+)_(\d+)"),
    "YouTube-real": re.compile(r"(\d+)"),
    "Celeb-synthesis": re.compile(r"(id\d+)_(id\d+)_(\d+)"),
}
SHAPES = {"Celeb-real": "idA_CCCC.mp4", "YouTube-real": "NNNNN.mp4", "Celeb-synthesis": "idA_idB_CCCC.mp4"}
CANONICAL = {name.lower(): name for name in NAMES}  # tools spell Youtube-real too


def scan(cfg: params.Data) -> list[Clip]:
    """List the clips of the three folders, and the test clips that the list names and that are not there.

    Raises:
        InputError: the list gives a number that disagrees with the folder, or no list line can be read.
    """
    folder = base.home(cfg, "celebdf")
    listed, refused = _read_list(folder / LIST)
    clips = []
    for part_folder in base.subfolders(folder):
        part = CANONICAL.get(part_folder.name.lower())
        for file in base.mp4s(part_folder, part_folder / "videos") if part else ():
            clips.append(_clip(part, file.stem, listed, base.place(file, cfg)))
    there = {(c.part, c.stem) for c in clips}
    return clips + [_clip(*key, listed, "").absent() for key in sorted(listed - there)] + refused


def _clip(part: str, stem: str, listed: set[tuple[str, str]], path: str) -> Clip:
    test = (part, stem) in listed
    label = FAKE if part == "Celeb-synthesis" else REAL
    clip = Clip(
        "celebdf", part, stem, label, method=part if label else "real", path=path,
        official_split="test" if test else "train" if listed else "", listed_in=LIST if test else "",
    )  # fmt: skip
    name = NAMES[part].fullmatch(stem)
    return _identify(clip, name.groups()) if name else clip.unusable(f"its name is not {SHAPES[part]}")


def _identify(clip: Clip, name: tuple[str, ...]) -> Clip:
    """Fill in who is seen. The group is the person whose clip it is; both persons decide a fake's split.

    YouTube-real carries no person: each file is its own group.
    """
    if clip.part == "YouTube-real":
        own = f"celebdf:YouTube-real/{clip.stem}"
        return replace(clip, source_ids=(own,), group=own, original=clip.clip_id)
    target, *source, number = name
    original = f"celebdf/Celeb-real/-/{target}_{number}"
    ids = tuple(dict.fromkeys(f"celebdf:{i}" for i in (target, *source)))
    return replace(clip, target_id=target, source_id="".join(source), source_ids=ids, group=ids[0], original=original)


def _read_list(path: Path) -> tuple[set[tuple[str, str]], list[Clip]]:
    """Read the test list into (folder, stem) keys and rows for names that may not be used."""
    if not path.is_file():
        return set(), []
    listed, refused = set(), []
    for n, number, name in _lines(path):
        part, _, file = name.partition("/")
        part = CANONICAL.get(part.lower())
        if not part or not base.is_plain_name(file):
            refused.append(base.refused("celebdf", "list", name, LIST))
            continue
        _check_polarity(path, n, number, part, file)
        listed.add((part, Path(file).stem))
    return listed, refused


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    for n, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        number, _, name = line.strip().partition(" ")
        if not number:
            continue
        if number not in ("0", "1"):
            raise InputError(path, f"line {n} does not begin with 0 or 1 and a space", "fetch the official list")
        yield n, number, name.strip()


def _check_polarity(path: Path, n: int, number: str, part: str, file: str) -> None:
    if (number == "1") != (part != "Celeb-synthesis"):
        cause = f"line {n} gives {number} to {part}/{file}: the list looks inverted (1 is real, 0 is fake)"
        raise InputError(path, cause, "fetch the official list")
