"""Read DFDC's label files: metadata.json, labels.csv, or both, which must then agree."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ddet.data.layouts import base
from ddet.data.layouts.base import FAKE, REAL, UNLABELLED, Clip
from ddet.errors import InputError

LABELS = {"REAL": REAL, "FAKE": FAKE, "0": REAL, "1": FAKE}
SPLITS = {"train": "train", "validation": "valid", "val": "valid", "test": "test"}
NAMES = {REAL: "real", FAKE: "fake"}


@dataclass(frozen=True)
class Entry:
    """One clip in a label file. `traced`: the file gives originals, so a real clip is its own."""

    file: str
    label: int
    original: str = ""
    split: str = ""
    traced: bool = False
    fault: str = ""
    note: str = ""


def read_labels(folder: Path, part: str) -> tuple[dict[str, Entry], list[Clip]]:
    """Read a part's label files: entries by stem, and rows for names that may not be used.

    A label file that cannot be read is one unusable row, and its clips have no label: other parts go on.
    """
    merged: dict[str, Entry] = {}
    refused: list[Clip] = []
    for name, reader in (("metadata.json", _metadata), ("labels.csv", _csv)):
        if not (folder / name).is_file():
            continue
        try:
            found = list(reader(folder / name))
        except InputError as e:
            refused.append(replace(base.refused("dfdc", part, name, name), reason=f"{name}: {e.cause}"))
            continue
        refused += [base.refused("dfdc", part, key, name) for key, _ in found if not base.is_plain_name(key)]
        for stem, entry in _once(found).items():
            merged[stem] = _agree(merged[stem], entry) if stem in merged else entry
    return merged, refused


def _metadata(path: Path) -> Iterator[tuple[str, Entry]]:
    pairs = base.read_json(path)
    if not isinstance(pairs, base.Pairs):
        raise InputError(path, "is not an object keyed by file name", "unpack the part again")
    values = [(name, dict(value) if isinstance(value, base.Pairs) else {}) for name, value in pairs]
    traced = any({"label", "original"} & value.keys() for _, value in values)
    for name, value in values:
        yield name, replace(_entry(value), traced=traced)


def _entry(value: dict) -> Entry:
    """Read one value: train parts say label REAL or FAKE, the test release an integer is_fake."""
    raw = value.get("label", value.get("is_fake"))
    label = LABELS.get(str(raw).upper(), UNLABELLED)
    split = SPLITS.get(str(value.get("split")), "")
    entry = Entry("metadata.json", label, split=split)
    if label == UNLABELLED:
        return replace(entry, fault=f"metadata.json gives it the label {ascii(raw)[:40]}")
    original = value.get("original")
    if label == REAL or original is None:
        return entry  # real clips carry no original, or null
    if not base.is_plain_name(original):
        return replace(entry, fault=f"refused: its original {ascii(original)[:60]} is not a plain file name")
    return replace(entry, original=Path(original).stem)


def _csv(path: Path) -> Iterator[tuple[str, Entry]]:
    try:
        yield from _rows(path)
    except (csv.Error, OSError) as e:  # a field of more than 131,072 characters is one of them
        raise InputError(path, f"cannot be read as CSV ({e})", "fetch the file again") from None


def _rows(path: Path) -> Iterator[tuple[str, Entry]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as f:
        rows = csv.DictReader(f)
        if not {"filename", "label"} <= set(rows.fieldnames or ()):
            raise InputError(path, "has no columns filename and label", "fetch the file again")
        for row in rows:
            label = LABELS.get(str(row["label"]).strip().upper(), UNLABELLED)
            fault = "" if label != UNLABELLED else f"labels.csv gives it the label {ascii(row['label'])[:40]}"
            yield row["filename"], Entry("labels.csv", label, fault=fault)


def _once(found: list[tuple[str, Entry]]) -> dict[str, Entry]:
    """Keep one entry per clip: the same entry twice is a remark, two different entries are a fault."""
    entries: dict[str, Entry] = {}
    for name, entry in found:
        if not base.is_plain_name(name):
            continue
        stem, first = Path(name).stem, entries.get(Path(name).stem)
        if first is None:
            entries[stem] = entry
        elif replace(first, note="") == entry:
            entries[stem] = replace(first, note=f"listed more than once in {entry.file}")
        else:
            entries[stem] = replace(first, fault=f"{entry.file} lists it more than once, with different entries")
    return entries


def _agree(a: Entry, b: Entry) -> Entry:
    """Combine what two files say about a clip; they may not give it different labels."""
    if a.fault or b.fault or a.label == b.label:
        return replace(a, fault=a.fault or b.fault)
    return replace(a, fault=f"{a.file} says {NAMES[a.label]}, {b.file} says {NAMES[b.label]}")
