"""DeeperForensics-1.0: actors' faces put on FaceForensics++ originals, in 11 variants of distortion.

Layout: manipulated_videos/<variant>/TTT_XNNN.mp4 (FF++ target, actor) and lists/splits/{train,val,test}.txt. The real
class is not in the download: it is the FF++ originals at c23. So each target gets a row of its own here,
`df1/real/-/TTT`, whose path is the FF++ file: rows of dataset df1 are a complete evaluation set. `source_videos` are
not the real class and are not read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ddet import params
from ddet.data.groups import most_common
from ddet.data.layouts import base, ffpp
from ddet.data.layouts.base import FAKE, REAL, Clip

NAME = re.compile(r"(\d{3})_([A-Za-z]\d+)")
FILES = {"train.txt": "train", "val.txt": "valid", "test.txt": "test"}
SCARCE_FIRST = ("test", "valid", "train")


def scan(cfg: params.Data) -> list[Clip]:
    """List the chosen variants' clips, the real clip of each target, and clips that are listed but missing."""
    folder = base.home(cfg, "df1")
    listed, refused = _read_lists(folder / "lists" / "splits")
    originals = base.home(cfg, "ffpp", required=False)  # without it the real class is listed as missing
    family = ffpp.families(originals)
    fakes = [c for v in cfg.df1_variants for c in _variant(folder / "manipulated_videos" / v, cfg, listed, family)]
    files = {f.stem: f for f in ffpp.original_files(originals, "c23")}
    return [*fakes, *_reals(fakes, files, cfg, family), *refused]


def _variant(folder: Path, cfg: params.Data, listed: dict[str, list[str]], family: dict[str, str]) -> Iterator[Clip]:
    files = base.mp4s(folder)
    for file in files:
        yield _fake(folder.name, file.stem, base.place(file, cfg), listed, family)
    for stem in listed.keys() - {f.stem for f in files}:
        yield _fake(folder.name, stem, "", listed, family).absent()


def _fake(variant: str, stem: str, path: str, listed: dict[str, list[str]], family: dict[str, str]) -> Clip:
    name, lists = NAME.fullmatch(stem), listed.get(stem, [])
    if not name:
        return Clip("df1", variant, stem, FAKE, method=variant, path=path).unusable("its name is not TTT_XNNN.mp4")
    target, actor = name.groups()
    clip = Clip(
        "df1", variant, stem, FAKE, "-", variant, path, target, actor, (f"ffpp:{target}", f"df1:{actor}"),
        f"df1/real/-/{target}", family.get(target, f"ffpp:{target}"), FILES[lists[0]] if len(lists) == 1 else "",
        " and ".join(lists),
    )  # fmt: skip
    if len(lists) > 1:
        return clip.remark(f"listed in {clip.listed_in}")
    return clip.remark("not listed in lists/splits") if listed and not lists else clip


def _reals(fakes: list[Clip], files: dict[str, Path], cfg: params.Data, family: dict[str, str]) -> Iterator[Clip]:
    """Yield the original of every target; where its fakes are in several splits, it gets the most frequent one."""
    splits: dict[str, Counter[str]] = {}
    for fake in (f for f in fakes if f.target_id):
        splits.setdefault(fake.target_id, Counter())[fake.official_split] += bool(fake.official_split)
    for target, counts in splits.items():
        split = most_common(counts, SCARCE_FIRST) if counts.total() else ""
        clip = Clip(
            "df1", "real", target, REAL, path=base.place(files[target], cfg) if target in files else "",
            target_id=target, source_ids=(f"ffpp:{target}",), original=f"df1/real/-/{target}",
            group=family.get(target, f"ffpp:{target}"), official_split=split, listed_in="lists/splits" if split else "",
            found=target in files,
        )  # fmt: skip
        yield clip if clip.found else clip.unusable("its original is not among the FaceForensics++ c23 clips")


def _read_lists(folder: Path) -> tuple[dict[str, list[str]], list[Clip]]:
    """Read the split lists: stem -> the files that name it, and rows for lines that are no clip's name."""
    listed: dict[str, list[str]] = {}
    refused = []
    for file, line in _lines(folder):
        stem = line.removesuffix(".mp4")
        if not NAME.fullmatch(stem):
            refused.append(base.refused("df1", "lists", line, file))
        elif file not in listed.setdefault(stem, []):
            listed[stem].append(file)
    return listed, refused


def _lines(folder: Path) -> Iterable[tuple[str, str]]:
    for file in FILES:
        path = folder / file
        text = path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""
        yield from ((file, line.strip()) for line in text.splitlines() if line.strip())
