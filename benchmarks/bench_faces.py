"""Compare face extraction with a plain loop of MTCNN.detect on full frames: frames per second, and faces found.

    python benchmarks/bench_faces.py FOLDER [--height 1080] [--every 10] [--frames 10] [--jobs 2]

FOLDER holds clips (mp4, at any depth); those of the height asked for are used. Both sides see the same frames in one
run on the same cores: the loop with torch's own thread count, ours with `--jobs` processes of one thread each, whose
start (importing torch, seconds, once per run) is not counted. Prints a markdown table.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from facenet_pytorch import MTCNN

from ddet import params
from ddet.data import detect, faces, sampling, tracks, video

LARGE = 80  # px; only faces whose box measures this on its shorter side count for agreement
AGREE = 0.7
RARE = 0.2  # share of a clip's frames below which a person of the loop is taken for a false alarm


def manifest(folder: Path, height: int) -> pd.DataFrame:
    """List the clips of one height as the index would."""
    rows = []
    for path in sorted(folder.rglob("*.mp4")):
        info = video.probe(path)
        if min(info.width, info.height) == height:
            name = path.relative_to(folder).as_posix()
            size = {"fps": info.fps, "width": info.width, "height": info.height, "frames": info.frames}
            rows.append(
                {"clip_id": name, "original": name, "path": name, "label": 0, "status": "ok", "reason": ""} | size
            )
    return pd.DataFrame(rows)


def plain_loop(clips: pd.DataFrame, folder: Path, cfg: params.Faces) -> tuple[dict, float, float]:
    """Decode each clip from end to end and detect on full frames; return boxes, seconds decoding and detecting."""
    net, found, decoding, detecting = MTCNN(keep_all=True, device="cpu"), {}, 0.0, 0.0
    for row in clips.itertuples():
        wanted = set(sampling.sample_indices(row.frames, row.fps, cfg))
        start = time.perf_counter()
        frames = {
            i: f.to_ndarray(format="rgb24") for i, f in enumerate(video._in_order(folder / row.path, 1)) if i in wanted
        }
        decoding += time.perf_counter() - start
        start = time.perf_counter()
        for i, frame in frames.items():
            boxes = net.detect(frame)[0]
            boxes = np.zeros((0, 4)) if boxes is None else boxes.astype(float)
            found[row.clip_id, i] = boxes.clip(0, [row.width, row.height] * 2)  # as ours
        detecting += time.perf_counter() - start
    return found, decoding, detecting


def ours(clips: pd.DataFrame, folder: Path, cfg: params.Faces, jobs: int) -> tuple[pd.DataFrame, float]:
    """Run the whole extraction on warm workers; return its table and the seconds it took."""
    runtime = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=jobs, backend="loky", workers=0, fits=1)
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as out:
        short = clips.assign(frames=1)  # one frame of each clip starts every worker
        faces.extract_faces(short, folder, Path(warm), cfg, runtime, progress=False)
        start = time.perf_counter()
        table, _ = faces.extract_faces(clips, folder, Path(out), cfg, runtime, progress=False)
        return table, time.perf_counter() - start


def detection_only(clips: pd.DataFrame, folder: Path, cfg: params.Faces) -> float:
    """Return the seconds per frame of our detector on one thread, without decoding."""
    spent, count = 0.0, 0
    with detect.single_thread():
        find = detect.finder(cfg.model_dump_json())
        for row in clips.itertuples():
            before = detect.NONE
            for _, frame in video.read_frames(folder / row.path, range(0, row.frames, 30)):
                start = time.perf_counter()
                before = detect.look(find, frame, find(frame), before)
                spent, count = spent + time.perf_counter() - start, count + 1
    return spent / count


def agreement(found: dict, table: pd.DataFrame) -> tuple[dict[str, list[int]], list[str]]:
    """Count the loop's large faces and those of them that ours finds at IoU >= .7, and list the others.

    Boxes of a person that the loop itself sees in less than a fifth of a clip's sampled frames are counted apart, as
    alarms: looked at, those of the footage this was written with were hands.
    """
    mine = {key: g[faces.BOX].to_numpy(float) for key, g in table.groupby(["clip_id", "frame_idx"])}
    counts, lost = {"faces": [0, 0], "alarms": [0, 0]}, []
    for clip in sorted({key[0] for key in found}):
        keys = [key for key in found if key[0] == clip]
        numbers = tracks.link([found[key] for key in keys])
        seen = np.bincount(np.concatenate(numbers))
        for key, number in zip(keys, numbers, strict=True):
            best = tracks.iou(found[key], mine.get(key, np.zeros((0, 4)))).max(1, initial=0)
            for box, track, overlap in zip(found[key], number, best, strict=True):
                if min(box[2:] - box[:2]) >= LARGE:
                    kind = "faces" if seen[track] >= RARE * len(keys) else "alarms"
                    counts[kind][0] += 1
                    counts[kind][1] += int(overlap >= AGREE)
                    lost += [] if overlap >= AGREE else [f"{kind[:-1]} in {key[0]}, frame {key[1]}: IoU {overlap:.2f}"]
    return counts, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for name, value in {"height": 1080, "every": 10, "frames": 10, "jobs": min(2, os.cpu_count() or 1)}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    sampling = {"sampling": "every", "fps": 1.0, "every": args.every, "frames": args.frames}
    look = {"scale": 0.5, "min_face": 40, "thresholds": [0.6, 0.7, 0.7]}
    cfg = params.Faces(**sampling, **look, track="all", margin=0.3, size=224)
    clips = manifest(args.folder, args.height)
    if clips.empty:
        parser.error(f"no clip of height {args.height} below {args.folder}")
    table, seconds = ours(clips, args.folder, cfg, args.jobs)
    single = detection_only(clips, args.folder, cfg)
    found, decoding, detecting = plain_loop(clips, args.folder, cfg)
    report(clips, cfg, found, table, {"ours": seconds, "single": single, "decoding": decoding, "detecting": detecting})


def report(clips: pd.DataFrame, cfg: params.Faces, found: dict, table: pd.DataFrame, t: dict) -> None:
    """Print the table of one run."""
    n = len(found)
    loop = n / t["detecting"]
    print(f"{len(clips)} clips, {n} frames, every {cfg.every}th up to {cfg.frames}; {os.cpu_count()} cores\n")
    print("| path | frames/s | against the loop |\n|---|---|---|")
    rows = {
        "MTCNN.detect on full frames in memory (the loop)": loop,
        "the same with decoding the whole clip": n / (t["decoding"] + t["detecting"]),
        "our detector alone, one thread": 1 / t["single"],
        "our whole path: decode, detect, crop, write": n / t["ours"],
    }
    for name, rate in rows.items():
        print(f"| {name} | {rate:.1f} | {rate / loop:.1f} x |")
    counts, lost = agreement(found, table)
    print(f"\nOf the loop's boxes of at least {LARGE} px, ours has at IoU >= {AGREE} (ours in all: {len(table)}):\n")
    for kind, (total, kept) in counts.items():
        print(f"* {kind}: {kept} of {total}" + (f" ({kept / total:.1%})" if total else ""))
    print("\n".join(f"* not kept: {line}" for line in lost))


if __name__ == "__main__":
    main()
