"""Cut the faces out of every clip of the manifest; list every crop, and a reason wherever there is none.

A family (an original and the fakes made from it) is one task: its fakes take the original's boxes, frame by frame.
A finished clip leaves a small record below `.parts/`, named by a hash of all its inputs, so that a killed extraction
resumes; tables are written from these records alone, sorted, so the number of jobs does not change them.
"""

import hashlib
import json
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from ddet import hashing, params
from ddet.data import agreement, container, crops, detect, records, sampling, stills, tracks, upright, video
from ddet.data.crops import crop_masks, load_crop
from ddet.data.landmarks import POINTS
from ddet.data.records import PARTS
from ddet.errors import InputError

__all__ = ["COLUMNS", "crop_masks", "extract_faces", "load_crop"]

CODE = (
    container,
    stills,
    upright,
    video,
    sampling,
    detect,
    agreement,
    tracks,
    crops,
)  # that make a crop, beside this module
SQUARE, BOX = ["x0", "y0", "x1", "y1"], ["box_x0", "box_y0", "box_x1", "box_y1"]
TYPES = {"frame_idx": "int32", "track": "int16", "size": "int32", "label": "int8"} | dict.fromkeys(
    [*SQUARE, *BOX, *POINTS, "prob"], "float32"
)
COLUMNS = ["clip_id", "frame_idx", "track", *SQUARE, *BOX, *POINTS, "prob", "boxes_from"]
COLUMNS += ["crop", "size", "sha", "label"]  # `size`: side of the stored crop, px, which the landmarks refer to
REJECT = ["clip_id", "frame_idx", "reason"]
Searched = dict[tuple[str, tuple[int, ...]], dict[int, np.ndarray]]  # (clip_id, sampled frames) -> faces by frame


def extract_faces(
    clips: pd.DataFrame, root: Path, out: Path, cfg: params.Faces, runtime: params.Runtime, progress: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the faces out of every usable clip; return and write faces.parquet and rejects.csv.

    `clips` is the manifest (clips.parquet), whose paths lie below `root`; crops and tables go below `out`.
    A fake takes the boxes of its original by frame index, rescaled where their sizes differ; where the original is
    not in `clips`, is unusable, does not agree with the fake (`agreement`) or shows no face in that frame, faces are
    detected in the fake.
    Every clip and every sampled frame without a crop is listed in the rejects (frame_idx -1 = the whole clip).

    Raises:
        InputError: `out` cannot be written; what was finished stays, and a second run goes on from there.
    """
    root, out = Path(root), Path(out)
    rows = clips.to_dict("records")
    usable = [row for row in rows if row["status"] == "ok"]
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
        parts = _run(_families(usable), root, out, cfg, runtime, tqdm(total=len(usable), disable=not progress))
        made = [json.loads((out / PARTS / name).read_text()) for name in parts]
        faces, rejects = _tables(made, rows)
        crops.write(out / "faces.parquet", faces.to_parquet(index=False))
        crops.write(out / "rejects.csv", rejects.to_csv(index=False).encode())
        records.sweep(out, {out / c for c in faces["crop"]} | {out / PARTS / name for name in parts})
    except OSError as e:
        remedy = "make room or name another folder; finished clips are kept, run it again to go on"
        raise InputError(out, f"cannot be written ({e.strerror or e})", remedy) from None
    return faces, rejects


def _families(rows: list[dict]) -> list[list[dict]]:
    """Group clips by original, the original first; a clip whose original is not here is a family of its own."""
    known = {row["clip_id"] for row in rows}
    families: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda r: (r["clip_id"] != r["original"], r["clip_id"])):
        head = row["original"] if row["original"] in known else row["clip_id"]
        families.setdefault(head, []).append(row)
    return [families[head] for head in sorted(families)]


def _run(families, root: Path, out: Path, cfg: params.Faces, runtime: params.Runtime, bar: tqdm) -> list[str]:
    """Extract the families in parallel; return the names of the records."""
    jobs = 1 if runtime.backend == "sequential" else runtime.jobs
    names = []
    with joblib.parallel_config(backend=runtime.backend), bar:
        tasks = (joblib.delayed(_family)(family, root, out, cfg) for family in families)
        for done in joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks):
            names += done
            bar.update(len(done))
    return sorted(names)


def _family(family: list[dict], root: Path, out: Path, cfg: params.Faces) -> list[str]:
    """Extract the clips of a family that have no record yet; return the names of all its records."""
    by_id = {row["clip_id"]: row for row in family}
    cfg = cfg.of(family[0]["clip_id"].partition("/")[0])
    searched: Searched = {}
    with detect.single_thread():
        return [_clip(row, by_id.get(row["original"]), root, out, cfg, searched) for row in family]


def _clip(row: dict, original: dict | None, root: Path, out: Path, cfg: params.Faces, searched: Searched) -> str:
    """Extract a clip unless its record and crops are there; return the record's name."""
    original = None if original is row else original
    hashes = [records.fingerprint(root / r["path"]) for r in (row, original) if r]
    kept = ("clip_id", "original", "label", "fps", "width", "height", "frames", "reason")
    shaped = [
        cfg.model_dump(),
        {k: row[k] for k in kept},
        original and {k: original[k] for k in kept},
        hashes,
        records.code((*CODE, sys.modules[__name__])),
    ]
    name = hashlib.blake2s(hashing.canonical(shaped).encode(), digest_size=16).hexdigest() + ".json"
    if not records.is_whole(out / PARTS / name, out):
        try:
            record = _extract(row, original, root, out, cfg, searched)
        except InputError as e:
            record = {"faces": [], "rejects": [[row["clip_id"], -1, e.cause]], "bytes": []}
        crops.write(out / PARTS / name, json.dumps(record, ensure_ascii=False).encode())
    return name


def _extract(row: dict, original: dict | None, root: Path, out: Path, cfg: params.Faces, searched: Searched) -> dict:
    """Detect the faces of one clip, link them to tracks, cut the chosen ones out and write them."""
    indices = sampling.sample(root / row["path"], int(row["frames"]), row["fps"], cfg)
    find = detect.finder(cfg.model_dump_json())
    given = _from_original(row, original, indices, root, cfg, searched) if original else {}
    apart = agreement.disagreement(row, original, indices, given, root / row["path"], find) if original else ""
    seen, given = [], {} if apart else given
    for index, frame, faces, own in detect.follow(root / row["path"], indices, find, given):
        seen.append((index, faces, own, [_cut(frame, face, cfg) for face in faces]))
    if original is None:
        searched[row["clip_id"], tuple(indices)] = {index: faces for index, faces, _, _ in seen}
    numbers = tracks.link([faces[:, :4] for _, faces, _, _ in seen])
    table, sizes = [], []
    for (index, faces, own, cuts), number in zip(seen, numbers, strict=True):
        for k in np.argsort(number):
            if cfg.track == "all" or number[k] == 0:
                entry = _entry(row, index, int(number[k]), faces[k], own, *cuts[k])
                sizes.append(crops.save_crop(out / entry["crop"], cuts[k][1]))
                table.append(entry)
    told = [[row["clip_id"], -1, f"faces found anew: {apart}"]] if apart and table else []
    return {"faces": table, "rejects": told + _gaps(row, indices, seen, table), "bytes": sizes}


def _from_original(
    row: dict, original: dict, indices: list[int], root: Path, cfg: params.Faces, searched: Searched
) -> dict[int, np.ndarray]:
    """Return the original's faces at a fake's frames, in px of the fake; {} where it cannot be read.

    The original's own sampling is used where it holds these frames, so that a family is searched once.
    """
    new, old = (row["width"], row["height"]), (original["width"], original["height"])
    if not agreement.same_shape(row, original):
        return {}
    try:
        sampled = sampling.sample(root / original["path"], int(original["frames"]), original["fps"], cfg)
        found = _search(original, sampled if set(indices) <= set(sampled) else indices, root, cfg, searched)
    except InputError:
        return {}
    return {i: detect.rescale(faces, old, new) for i, faces in found.items() if i in set(indices)}


def _search(row: dict, indices: list[int], root: Path, cfg: params.Faces, searched: Searched) -> dict[int, np.ndarray]:
    """Detect an original's faces at `indices`, or reuse those that this family has detected already."""
    key = row["clip_id"], tuple(indices)
    if key not in searched:
        find = detect.finder(cfg.model_dump_json())
        searched[key] = {i: faces for i, _, faces, _ in detect.follow(root / row["path"], indices, find)}
    return searched[key]


def _cut(frame: np.ndarray, face: np.ndarray, cfg: params.Faces) -> tuple[tuple[int, int, int], np.ndarray]:
    place = crops.square(face[:4], cfg.margin, frame.shape[1], frame.shape[0])
    return place, crops.cut(frame, place, cfg.size)


def _entry(row: dict, index: int, track: int, face: np.ndarray, own: bool, place, crop: np.ndarray) -> dict:
    """Build the row of faces.parquet for one crop; landmarks are converted from frame px to crop px."""
    x0, y0, side = place
    points = (face[5:].reshape(5, 2) - [x0, y0]) * (len(crop) / side)
    values = [x0, y0, x0 + side, y0 + side, *face[:4].tolist(), *points.ravel().tolist(), float(face[4])]
    numbers = dict(zip([*SQUARE, *BOX, *POINTS, "prob"], values, strict=True))
    where = f"crops/{row['clip_id']}/{index:06d}_{track}.png"
    who = {"clip_id": row["clip_id"], "frame_idx": index, "track": track}
    return who | numbers | {
        "boxes_from": "own" if own else "original",
        "crop": where,
        "size": len(crop),
        "sha": crops.digest(crop),
        "label": int(row["label"]),
    }  # fmt: skip


def _gaps(row: dict, indices: list[int], seen: list, table: list[dict]) -> list[list]:
    """List the reason for a clip, or each sampled frame, without a crop, and for a clip that is used in part."""
    clip_id, faces = row["clip_id"], {index: len(found) for index, found, _, _ in seen}
    used = "used in part" if row["reason"].startswith("cut short") else "used"
    note = [[clip_id, -1, f"{used}: {row['reason']}"]] if row["reason"] and table else []
    if not faces:
        return [[clip_id, -1, f"none of {len(indices)} frames can be decoded"]]
    if not table:
        return [[clip_id, -1, f"no face in any of {len(indices)} frames"]]
    kept = {entry["frame_idx"] for entry in table}
    why = {None: "frame cannot be decoded", 0: "no face in frame"}
    gaps = [i for i in indices if i not in kept]
    return note + [[clip_id, i, why.get(faces.get(i), "only another face in frame")] for i in gaps]


def _tables(made: list[dict], rows: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Combine the records, and the clips that the manifest marks unusable, into sorted tables."""
    faces = pd.DataFrame([face for record in made for face in record["faces"]], columns=COLUMNS).astype(TYPES)
    faces = faces.sort_values(["clip_id", "frame_idx", "track"], ignore_index=True)
    unusable = [[row["clip_id"], -1, row["reason"] or "unusable"] for row in rows if row["status"] != "ok"]
    rejects = pd.DataFrame([r for record in made for r in record["rejects"]] + unusable, columns=REJECT)
    return faces, rejects.sort_values(REJECT, ignore_index=True).astype({"frame_idx": "int32"})
