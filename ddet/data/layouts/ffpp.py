"""FaceForensics++: 1000 originals, five forgery methods, split files made of pairs of ids.

Layout: original_sequences/youtube/<C>/videos/NNN.mp4 and manipulated_sequences/<M>/<C>/videos/TTT_SSS.mp4, where the
first id is the target (the footage kept) and the second the source (the face or expression put in). Mask videos lie
under <M>/masks and are never clips. Images that other tools extract are not needed.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ddet import params
from ddet.data.groups import components
from ddet.data.layouts import base
from ddet.data.layouts.base import FAKE, REAL, Clip
from ddet.errors import InputError

METHODS = ("Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures")
FILES = {"train.json": "train", "val.json": "valid", "test.json": "test"}
PLACES = (".", "splits", "dataset/splits", "dataset")  # the files live in the code repository: people put them anywhere
FOLDERS = {"raw": ("raw", "c0"), "c23": ("c23",), "c40": ("c40",)}  # the generation scripts write c0 for raw
ID, FAKE_NAME = re.compile(r"\d{3}"), re.compile(r"(\d{3})_(\d{3})")
Pair = tuple[str, str]


def scan(cfg: params.Data) -> list[Clip]:
    """List the clips of one compression: files that are there, and clips that only the split files name.

    A method whose folder is absent altogether was not downloaded: the table of expected counts shows it.
    """
    folder = base.home(cfg, "ffpp")
    pairs, family = read_pairs(folder), families(folder)
    clips = [*_reals(folder, cfg, pairs, family)]
    for method_folder in base.subfolders(folder / "manipulated_sequences"):
        clips += _fakes(method_folder, cfg, pairs, family)
    return clips


def original_files(folder: Path, compression: str) -> list[Path]:
    """List the originals; old downloads lack the level `youtube`."""
    top = folder / "original_sequences"
    return base.mp4s(*(top / level / c / "videos" for level in ("youtube", ".") for c in FOLDERS[compression]))


def read_pairs(folder: Path) -> dict[Pair, tuple[str, str]]:
    """Read the split files that are there: (a, b) -> (split, file name), in the order of the file.

    Raises:
        InputError: not a list of pairs of three-digit strings, or an id in two splits.
    """
    pairs: dict[Pair, tuple[str, str]] = {}
    seen: dict[str, str] = {}
    for name, split in FILES.items():
        path = _find(folder, name)
        for pair in _pairs(path) if path else []:
            for i in pair:
                if seen.setdefault(i, name) != name:
                    raise InputError(path, f"id {i} stands in {seen[i]} too", "fetch the official split files")
            pairs[pair] = (split, name)
    return pairs


def families(folder: Path) -> dict[str, str]:
    """Map each id to the name of its group: ids joined by a split pair or a common YouTube upload.

    Without split files the pairs are read from the fakes' names. The official split keeps pairs together, but seven
    uploads are on both sides of it: conversion_dict.json has the upload of each id, followed by a running number.
    """
    pairs = list(read_pairs(folder)) or [m.groups() for f in _all_fakes(folder) if (m := FAKE_NAME.fullmatch(f.stem))]
    edges = pairs + list(_same_upload(folder))
    return {i: f"ffpp:{first}" for i, first in components(edges).items()}


def _reals(folder: Path, cfg: params.Data, pairs: dict, family: dict[str, str]) -> Iterator[Clip]:
    listed = {i: where for pair, where in pairs.items() for i in pair}
    files = original_files(folder, cfg.compression)
    for file in files:
        clip = _real(file.stem, cfg, listed, family, base.place(file, cfg))
        yield clip if ID.fullmatch(file.stem) else clip.unusable("its name is not NNN.mp4")
    tops = [folder / "original_sequences" / level for level in ("youtube", ".")]
    for i in listed.keys() - {f.stem for f in files}:
        yield _elsewhere(_real(i, cfg, listed, family, "").absent(), tops, cfg)


def _real(i: str, cfg: params.Data, listed: dict, family: dict[str, str], path: str) -> Clip:
    split, file = listed.get(i, ("", ""))
    clip = Clip(
        "ffpp", "real", i, REAL, cfg.compression, path=path, target_id=i, source_ids=(f"ffpp:{i}",),
        original=f"ffpp/real/{cfg.compression}/{i}", group=family.get(i, f"ffpp:{i}"), official_split=split,
        listed_in=file,
    )  # fmt: skip
    return _unlisted(clip, listed)


def _fakes(folder: Path, cfg: params.Data, pairs: dict, family: dict[str, str]) -> Iterator[Clip]:
    method = {m.lower(): m for m in METHODS}.get(folder.name.lower())
    listed = {f"{a}_{b}": where for pair, where in pairs.items() for a, b in (pair, pair[::-1])}
    files = base.mp4s(*(folder / c / "videos" for c in FOLDERS[cfg.compression]))
    for file in files:
        path = base.place(file, cfg)
        if method:
            yield _fake(file.stem, method, cfg, listed, family, path)
        else:
            other = Clip("ffpp", folder.name, file.stem, FAKE, cfg.compression, folder.name, path)
            yield other.unusable(f"{folder.name} is not one of the five methods of FaceForensics++")
    for stem in listed.keys() - {f.stem for f in files} if method else ():
        yield _elsewhere(_fake(stem, method, cfg, listed, family, "").absent(), [folder], cfg)


def _fake(stem: str, method: str, cfg: params.Data, listed: dict, family: dict[str, str], path: str) -> Clip:
    name = FAKE_NAME.fullmatch(stem)
    if not name:
        return Clip("ffpp", method, stem, FAKE, cfg.compression, method, path).unusable("its name is not TTT_SSS.mp4")
    target, source = name.groups()
    split, file = listed.get(stem, ("", ""))
    clip = Clip(
        "ffpp", method, stem, FAKE, cfg.compression, method, path, target, source, (f"ffpp:{target}", f"ffpp:{source}"),
        f"ffpp/real/{cfg.compression}/{target}", family.get(target, f"ffpp:{target}"), split, file,
    )  # fmt: skip
    return _unlisted(clip, listed)


def _elsewhere(clip: Clip, tops: list[Path], cfg: params.Data) -> Clip:
    """Say of a missing clip in which other compression it is there."""
    other = [
        name
        for name, folders in FOLDERS.items()
        if name != cfg.compression
        and any((t / c / "videos" / f"{clip.stem}.mp4").is_file() for t in tops for c in folders)
    ]
    return replace(clip, reason=f"{clip.reason} at {cfg.compression}, but at {' and '.join(other)}") if other else clip


def _unlisted(clip: Clip, listed: dict) -> Clip:
    return clip.remark("not listed in the split files") if listed and not clip.listed_in else clip


def _find(folder: Path, name: str) -> Path | None:
    return next((folder / p / name for p in PLACES if (folder / p / name).is_file()), None)


def _pairs(path: Path) -> Iterator[Pair]:
    entries = base.read_json(path)
    for entry in entries if isinstance(entries, list) else [entries]:
        ids = entry if isinstance(entry, list) and len(entry) == 2 else [None]
        if not all(isinstance(i, str) and ID.fullmatch(i) for i in ids):
            raise InputError(
                path, f"{ascii(entry)[:60]} is not a pair of three-digit strings", "fetch the official file"
            )
        yield tuple(ids)


def _same_upload(folder: Path) -> Iterator[Pair]:
    """Yield pairs of ids whose clips were cut from one upload: "000": "<11 characters> <number>"."""
    path = _find(folder, "conversion_dict.json")
    first: dict[str, str] = {}
    entries = base.read_json(path) if path else base.Pairs()
    for i, upload in entries if isinstance(entries, base.Pairs) else [("", None)]:
        if not isinstance(upload, str) or not upload.split():
            raise InputError(path, f"id {ascii(i)[:20]} has no upload", "fetch the official conversion_dict.json")
        yield i, first.setdefault(upload.split()[0], i)


def _all_fakes(folder: Path) -> list[Path]:
    methods = base.subfolders(folder / "manipulated_sequences")
    return base.mp4s(*(c / "videos" for m in methods for c in base.subfolders(m) if c.name != "masks"))
