"""The tree of Celeb-DF v2: two folders of reals, one of fakes, and a test list in which 1 means real."""

import numpy as np

from ddet.errors import InputError
from ddet.params import Benchmark
from ddet.seeds import derive
from ddet.synth.plan import Clip, Fake, Plan, Take, Who, broken

ROOT = "Celeb-DF-v2"
TEST = {"YouTube-real": 0.25, "Celeb-real": 0.2, "Celeb-synthesis": 0.3}  # shares of the test list


def plan(cfg: Benchmark) -> Plan:
    """Plan Celeb-DF. As in the real one, most fakes of the test list have targets outside it.

    Raises:
        InputError: more fakes asked for than (target clip, source) combinations exist.
    """
    rng = np.random.default_rng(derive("synth", cfg.seed, "celebdf"))
    people = [Who.cast(f"id{i}", cfg.seed, "celebdf", i) for i in range(cfg.celebdf.identities)]
    sources = _combinations(cfg, people, rng)
    takes = [_take(cfg, who, n, sources) for who in people for n in range(cfg.celebdf.clips_per_identity)]
    takes += [_youtube(cfg, n) for n in range(cfg.celebdf.youtube)]
    spare = [_clip("Celeb-real", f"id0_{cfg.celebdf.clips_per_identity + i:04d}", "id0") for i in range(cfg.unusable)]
    return Plan(takes, broken(spare, cfg.seed), {f"{ROOT}/List_of_testing_videos.txt": _test_list(takes, rng)})


def _combinations(cfg: Benchmark, people: list[Who], rng: np.random.Generator) -> dict[tuple[str, int], list[Who]]:
    """Choose the sources of each target clip, of the same sex first."""
    clips = range(cfg.celebdf.clips_per_identity)
    every = [(a, b, n) for a in people for b in people for n in clips if a != b]
    if cfg.celebdf.fakes > len(every):
        raise InputError("benchmark.celebdf.fakes", f"{cfg.celebdf.fakes} > {len(every)} possible", "ask for fewer")
    order = sorted(rng.permutation(len(every)), key=lambda i: every[i][0].woman != every[i][1].woman)
    chosen: dict[tuple[str, int], list[Who]] = {}
    for i in order[: cfg.celebdf.fakes]:
        a, b, n = every[i]
        chosen.setdefault((a.name, n), []).append(b)
    return chosen


def _clip(folder: str, stem: str, target: str, source: str = "") -> Clip:
    method = "Celeb-synthesis" if source else "real"
    path, clip_id = f"{ROOT}/{folder}/{stem}.mp4", f"celebdf/{folder}/-/{stem}"
    return Clip(path, clip_id, "celebdf", method, int(bool(source)), target, source)


def _take(cfg: Benchmark, who: Who, n: int, sources: dict[tuple[str, int], list[Who]]) -> Take:
    fakes = []
    for source in sorted(sources.get((who.name, n), []), key=lambda s: int(s.name[2:])):
        clip = _clip("Celeb-synthesis", f"{who.name}_{source.name}_{n:04d}", who.name, source.name)
        seed = derive("synth", cfg.seed, clip.clip_id)
        fakes.append(Fake(clip, "Celeb-synthesis", source, seed, seed))
    seed = derive("synth", cfg.seed, "celebdf", "take", who.name, n)
    return Take("celebdf", (who,), seed, _clip("Celeb-real", f"{who.name}_{n:04d}", who.name), tuple(fakes))


def _youtube(cfg: Benchmark, n: int) -> Take:
    who = Who.cast(f"youtube{n}", cfg.seed, "celebdf", "youtube", n)
    seed = derive("synth", cfg.seed, "celebdf", "youtube", "take", n)
    return Take("celebdf", (who,), seed, _clip("YouTube-real", f"{n:05d}", who.name))


def _test_list(takes: list[Take], rng: np.random.Generator) -> str:
    """Write `1 ` before a real and `0 ` before a fake, without a newline at the end."""
    clips = [t.real for t in takes] + [f.clip for t in takes for f in t.fakes]
    lines = []
    for folder, share in TEST.items():
        paths = sorted(c.path.removeprefix(f"{ROOT}/") for c in clips if f"/{folder}/" in c.path)
        chosen = rng.permutation(len(paths))[: max(1, round(share * len(paths)))] if paths else []
        lines += [f"{int(folder != 'Celeb-synthesis')} {paths[i]}" for i in sorted(chosen)]
    return "\n".join(lines)
