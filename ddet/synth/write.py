"""Render the benchmark: film every take once, forge it as planned, write the clips in the official trees."""

import shutil
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from ddet.codeid import code_id
from ddet.errors import InputError
from ddet.hashing import canonical
from ddet.params import Benchmark, Runtime
from ddet.seeds import derive
from ddet.synth import backdrop, distort, identity, jitter, layout_celebdf, layout_dfdc, layout_ffpp, layout_folder
from ddet.synth.canvas import Array
from ddet.synth.encode import truncate, write_mp4, write_truth
from ddet.synth.forge import METHODS, forge
from ddet.synth.paint import Head, paint
from ddet.synth.plan import Broken, Clip, Fake, Plan, Take, Who
from ddet.synth.scene import DOMAINS, Scene, compose, film, talk

MARKER = ".rendered_by_ddet"  # in a folder that may be replaced
TABLE = "rendered.csv"  # written last: if it exists, the benchmark is complete
TEXT = dict.fromkeys(["path", "clip_id", "dataset", "method", "target", "source", "unusable"], str)
COLUMNS = ["path", "clip_id", "dataset", "method", "target", "source", "label", "frames", "unusable"]


def plan(cfg: Benchmark) -> Plan:
    """Plan all four datasets, and the clips out of order."""
    return layout_ffpp.plan(cfg) + layout_celebdf.plan(cfg) + layout_dfdc.plan(cfg) + layout_folder.plan(cfg)


def render_benchmark(out: Path, cfg: Benchmark, runtime: Runtime) -> pd.DataFrame:
    """Render the benchmark to `out` and return one row per clip, unusable ones included.

    The rows also go to `rendered.csv`, last. A whole benchmark that this code made from the same numbers is kept;
    any other that was rendered here is replaced.

    Raises:
        InputError: `out` holds something that was not rendered here, or cannot be written.
    """
    made_of = canonical({"cfg": cfg.model_dump(), "code": code_id([__name__])})
    table = out / TABLE
    if table.is_file() and (out / MARKER).is_file() and (out / MARKER).read_text() == made_of:
        return pd.read_csv(table, dtype=TEXT)
    whole = plan(cfg)
    _claim(out, made_of)
    for name, text in whole.files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    jobs = [delayed(_run)(out, cfg, job) for job in whole.takes + whole.broken]
    with parallel_config(backend=runtime.backend, n_jobs=1 if runtime.backend == "sequential" else runtime.jobs):
        done = Parallel(return_as="generator")(jobs)
        try:
            rows = [row for job in tqdm(done, total=len(jobs), desc="render", unit="take") for row in job]
        except OSError as e:
            raise InputError(
                out, f"cannot be written ({e.strerror})", "free space there, or name another folder"
            ) from None
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values("clip_id", ignore_index=True)
    part = out / f".{TABLE}.part"
    table.to_csv(part, index=False)
    part.replace(out / TABLE)
    return pd.read_csv(out / TABLE, dtype=TEXT)  # as a second call reads it


def no_benchmark(out: Path) -> pd.DataFrame:
    """Empty `out` but for the marker file, for runs on real data; return a table without rows."""
    _claim(out, "nothing: benchmark.render is false")
    return pd.DataFrame(columns=COLUMNS)


def _claim(out: Path, made_of: str) -> None:
    """Empty `out` and mark it as rendered by ddet; InputError if it holds anything else."""
    try:
        if out.exists() and any(out.iterdir()):
            if not (out / MARKER).is_file():
                raise InputError(out, "not empty, and not rendered by ddet", "name another folder, or move its content")
            shutil.rmtree(out)
        out.mkdir(parents=True, exist_ok=True)
        (out / MARKER).write_text(made_of)
    except OSError as e:
        raise InputError(out, f"cannot be written ({e.strerror})", "name a folder that can") from None


def _run(out: Path, cfg: Benchmark, job: Take | Broken) -> list[dict]:
    cv2.setNumThreads(1)  # one process per core
    return _render_take(out, cfg, job) if isinstance(job, Take) else [_render_broken(out, cfg, job)]


def texture_size(cfg: Benchmark) -> int:
    """Return the texture size in px: a little finer than the largest face in the frame."""
    return max(192, round(cfg.frame_size * 1.15 / 2) * 2)


@lru_cache(maxsize=24)
def _head(seed: int, woman: bool, size: int) -> Head:
    return paint(identity.sample(seed, woman), size)


def head_of(who: Who, cfg: Benchmark) -> Head:
    """Paint a person; a person painted before comes from a cache."""
    return _head(who.seed, who.woman, texture_size(cfg))


def compose_take(take: Take, cfg: Benchmark) -> Scene:
    """Compose the scene of a take."""
    heads = [head_of(who, cfg) for who in take.people]
    return compose(DOMAINS[take.domain], heads, take.seed, cfg.frame_size, cfg.frames, cfg.fps)


def _render_take(out: Path, cfg: Benchmark, take: Take) -> list[dict]:
    scene = compose_take(take, cfg)
    shots = film(scene)
    rows = []
    if take.real:
        write_mp4(out / take.real.path, [s.image for s in shots], cfg.fps, _crf(cfg, take, take.real), take.real.audio)
        rows.append(_row(take.real, len(shots)))
    kept: dict[tuple, tuple] = {}  # variants of one forgery that differ by distortion only
    for fake in take.fakes:
        key = (fake.generator, fake.seed)
        if key not in kept:
            kept[key] = forge_take(scene, shots, fake, cfg)
        _write_fake(out, cfg, take, fake, *kept[key])
        rows.append(_row(fake.clip, len(shots)))
    return rows


def forge_take(scene: Scene, shots: list, fake: Fake, cfg: Benchmark) -> tuple[list[Array], Array]:
    """Forge a filmed take: the frames before distortion and encoding, and the truth."""
    if fake.generator == jitter.GENERATOR:
        return jitter.jitter(scene, shots, fake.seed, fake.person)
    acts = talk(fake.source_take, 0, cfg.frames, cfg.fps)
    return forge(scene, shots, head_of(fake.source, cfg), acts, METHODS[fake.generator], fake.seed, fake.person)


def _write_fake(out: Path, cfg: Benchmark, take: Take, fake: Fake, frames: list[Array], truth: Array) -> None:
    frames = distort.distort(frames, fake.steps, fake.seed)
    crf = distort.crf(fake.steps, _crf(cfg, take, fake.clip))
    write_mp4(out / fake.clip.path, frames, cfg.fps, crf, fake.clip.audio)
    write_truth(out / "truth" / f"{fake.clip.clip_id}.npz", truth)
    if fake.mask_path:
        masks = [np.repeat(mask[..., None] * np.uint8(255), 3, axis=2) for mask in truth]
        write_mp4(out / fake.mask_path, masks, cfg.fps, cfg.crf)


def _crf(cfg: Benchmark, take: Take, clip: Clip) -> int:
    """Return the CRF of a clip, drawn from the same range for reals and fakes of a domain."""
    low, high = DOMAINS[take.domain].crf
    return int(np.clip(cfg.crf + low + derive("synth", cfg.seed, "crf", clip.clip_id) % (high - low + 1), 0, 51))


def _row(clip: Clip, frames: int, unusable: str | None = None) -> dict:
    return {**{k: getattr(clip, k) for k in COLUMNS[:7]}, "frames": frames, "unusable": unusable}


def _render_broken(out: Path, cfg: Benchmark, job: Broken) -> dict:
    """Write a clip without a face, without its end, or without anything."""
    path = out / job.clip.path
    rng = np.random.default_rng(job.seed)
    if job.kind == "empty":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return _row(job.clip, 0, job.kind)
    shape = (cfg.frame_size, cfg.frame_size)
    wall = backdrop.room(rng, shape)
    views = [backdrop.look(wall, shape, (2.0 * t, 0.0), 1.0) for t in range(cfg.frames)]
    write_mp4(path, views, cfg.fps, cfg.crf)
    if job.kind == "truncated":
        truncate(path)
    return _row(job.clip, 0 if job.kind == "truncated" else cfg.frames, job.kind)
