"""Small invented dataset trees in the official layouts: empty files, since the adapters open none."""

import json
from pathlib import Path

from ddet import params
from ddet.data import index, layouts
from ddet.data.layouts.base import Clip
from ddet.data.video import VideoInfo

FOLDERS = {
    "ffpp": "FaceForensics++",
    "celebdf": "Celeb-DF-v2",
    "dfdc": "DFDC",
    "df1": "DeeperForensics-1.0",
    "folder": "own",
}
RUNTIME = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=1, backend="sequential", workers=0, fits=1)
PAIRS = {"train": [["000", "003"], ["007", "001"]], "val": [["010", "011"]], "test": [["020", "021"]]}  # of FF++
VARIANTS = ["end_to_end", "end_to_end_mix_2_distortions"]


def data(root: Path, *datasets: str, **changes) -> params.Data:
    base = {"root": str(root), "datasets": list(datasets), "folders": FOLDERS, "compression": "c23", "dfdc_parts": []}
    return params.Data(**(base | {"df1_variants": VARIANTS} | changes))


def touch(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def by_id(cfg: params.Data) -> dict[str, Clip]:
    """List the clips of the chosen datasets by their ids, which must be unique."""
    clips = layouts.scan(cfg)
    assert len({c.clip_id for c in clips}) == len(clips)
    return {c.clip_id: c for c in clips}


def look(path: Path) -> VideoInfo:
    return VideoInfo(fps=25.0, width=64, height=48, frames=10, rotation=0, has_audio=False)


def manifest(cfg: params.Data, probe=look):
    return index.build_index(cfg, RUNTIME, probe, progress=False)


def ffpp(root: Path, splits: dict[str, list], methods=("Deepfakes",), c="c23", youtube="youtube") -> Path:
    """Write reals and fakes of all split pairs; `splits` maps train/val/test to pairs of ids."""
    folder = root / FOLDERS["ffpp"]
    for name, pairs in splits.items():
        touch(folder, f"{name}.json", text=json.dumps(pairs))
        for a, b in pairs:
            touch(folder / "original_sequences" / youtube / c / "videos", f"{a}.mp4", f"{b}.mp4")
            for method in methods:
                touch(folder / "manipulated_sequences" / method / c / "videos", f"{a}_{b}.mp4", f"{b}_{a}.mp4")
    return folder


def celebdf(root: Path, reals: list[str], youtube: list[str], fakes: list[str], test: list[str]) -> Path:
    """Write the three folders; `test` names list entries by stem, with the official numbers (1 = real)."""
    folder = root / FOLDERS["celebdf"]
    parts = {"Celeb-real": reals, "YouTube-real": youtube, "Celeb-synthesis": fakes}
    for part, stems in parts.items():
        touch(folder / part, *(f"{stem}.mp4" for stem in stems))
    part_of = {stem: part for part, stems in parts.items() for stem in stems}
    lines = [f"{int(part_of[stem] != 'Celeb-synthesis')} {part_of[stem]}/{stem}.mp4" for stem in test]
    touch(folder, "List_of_testing_videos.txt", text="\n".join(lines))  # the official list ends without a newline
    return folder


def dfdc_part(folder: Path, entries: dict[str, dict], absent: tuple[str, ...] = ()) -> Path:
    touch(folder, *(name for name in entries if name not in absent))
    touch(folder, "metadata.json", text=json.dumps(entries))
    return folder


def real(**more) -> dict:
    return {"label": "REAL", "split": "train"} | more


def fake(original: str | None) -> dict:
    return {"label": "FAKE", "split": "train", "original": original}


def df1(root: Path, lists: dict[str, list[str]], variants=VARIANTS) -> Path:
    folder = root / FOLDERS["df1"]
    for name, stems in lists.items():
        touch(folder / "lists" / "splits", f"{name}.txt", text="".join(f"{stem}.mp4\n" for stem in stems))
        for variant in variants:
            touch(folder / "manipulated_videos" / variant, *(f"{stem}.mp4" for stem in stems))
    return folder
