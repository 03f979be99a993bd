"""Measure the renderer: frames per second against a version that repaints for each frame, and faces that MTCNN finds.

Run: python benchmarks/bench_synth.py [--root data/synthetic] [--clips 150]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import pandas as pd

from ddet import params, paths
from ddet.synth import identity, write
from ddet.synth.animate import Rig
from ddet.synth.paint import paint
from ddet.synth.plan import Take
from ddet.synth.pretext import pretext_batch
from ddet.synth.scene import DOMAINS, Person, compose, film


def plain(scene, cfg: params.Benchmark) -> list:
    """Film a scene the slow way: paint the head and build its rig again for every frame."""
    shots = []
    for t in range(scene.frames):
        person = scene.people[0]
        rig = Rig(paint(identity.sample(person.rig.head.who.seed, person.rig.head.who.woman), write.texture_size(cfg)))
        one = replace(
            scene,
            people=[Person(rig, person.body, person.poses[t : t + 1])],
            camera=scene.camera[t : t + 1],
            exposure=scene.exposure[t : t + 1],
        )
        shots += film(one)
    return shots


def rate(call, frames: int, repeats: int) -> float:
    """Return the frames per second of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return frames / min(times)


def speed(cfg: params.Benchmark, jobs: int) -> pd.DataFrame:
    """Compare filming with its plain version on one core, and render the FF++ part on `jobs` cores."""
    cv2.setNumThreads(1)
    take: Take = write.plan(cfg).takes[0]
    heads = [write.head_of(who, cfg) for who in take.people]
    scene = compose(DOMAINS[take.domain], heads, take.seed, cfg.frame_size, cfg.frames, cfg.fps)
    rows = [("plain: textures painted for each frame, 1 core", rate(lambda: plain(scene, cfg), cfg.frames, 2))]
    rows.append(("render, 1 core", rate(lambda: film(scene), cfg.frames, 5)))
    runtime = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=jobs, backend="loky", workers=0, fits=1)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        table = write.render_benchmark(Path(folder) / "synthetic", cfg, runtime)
        seconds = time.perf_counter() - start
    rows.append((f"whole benchmark: render, forge, encode, masks; {jobs} cores", table.frames.sum() / seconds))
    pretext_batch(16, 0, 112, range(16))
    rows.append(("pre-training crops of 112 px, 1 core", rate(lambda: pretext_batch(200, 0, 112, range(16)), 200, 3)))
    frame = pd.DataFrame(rows, columns=["what", "frames_per_s"])
    frame["ratio"] = frame.frames_per_s / frame.frames_per_s[0]
    print(f"{len(table)} clips, {table.frames.sum()} frames in {seconds:.1f} s")
    return frame


def hits(root: Path, clips: int, frames: int = 2) -> pd.DataFrame:
    """Count the sampled frames in which MTCNN finds a face, per dataset and method."""
    from facenet_pytorch import MTCNN

    mtcnn = MTCNN(keep_all=True, min_face_size=40, device="cpu")
    table = pd.read_csv(root / "rendered.csv", dtype={"target": str})
    table = table[table.unusable.isna()]
    rows = []
    for clip in table.sample(min(clips, len(table)), random_state=0).itertuples():
        with av.open(str(root / clip.path)) as box:
            shown = [f.to_ndarray(format="rgb24") for f in box.decode(video=0)]
        for t in range(frames):
            found = mtcnn.detect(shown[t * len(shown) // frames])[0] is not None
            rows.append((clip.dataset, clip.method, found))
    seen = pd.DataFrame(rows, columns=["dataset", "method", "found"])
    return seen.groupby(["dataset", "method"]).found.agg(["sum", "count"]).reset_index()


def main() -> None:
    """Print the tables as markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default=paths.PARAMS, type=Path, help="params file whose benchmark is rendered")
    parser.add_argument("--root", default=paths.SYNTHETIC, type=Path, help="a rendered benchmark, for MTCNN")
    parser.add_argument("--clips", default=150, type=int, help="clips shown to MTCNN")
    args = parser.parse_args()
    loaded = params.load(args.params)
    print(markdown(speed(loaded.benchmark, loaded.runtime.jobs)))
    if not (args.root / "rendered.csv").is_file():
        print(f"no benchmark at {args.root}: MTCNN not run")
        return
    found = hits(args.root, args.clips)
    print(markdown(found))
    print(f"faces found in {found['sum'].sum()} of {found['count'].sum()} frames")


def markdown(table: pd.DataFrame) -> str:
    """Return a Markdown table, without a further dependency."""
    rows = [list(table.columns), ["---"] * table.shape[1]]
    rows += [[f"{c:.1f}" if isinstance(c, float) else str(c) for c in row] for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    main()
