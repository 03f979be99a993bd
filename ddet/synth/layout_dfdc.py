"""The tree of DFDC: train parts with a metadata.json each, and a labelled test folder; some clips show two people."""

import json
import string

import numpy as np

from ddet.params import Benchmark
from ddet.seeds import derive
from ddet.synth.forge import METHODS
from ddet.synth.plan import Clip, Fake, Plan, Take, Who, broken

ROOT = "DFDC"
GENERATORS = [name for name in METHODS if name.startswith("DFDC:")]


def plan(cfg: Benchmark) -> Plan:
    """Plan the parts (`originals` and `fakes` are per part) and the test folder."""
    whole = Plan()
    for part in range(cfg.dfdc.parts):
        whole += _part(cfg, part)
    return whole + _test(cfg) if cfg.dfdc.test_clips else whole


def _names(rng: np.random.Generator, n: int) -> list[str]:
    """Draw n different names of ten letters."""
    names: dict[str, None] = {}
    while len(names) < n:
        names["".join(rng.choice(list(string.ascii_lowercase), 10))] = None
    return list(names)


def _clip(folder: str, name: str, target: str, source: str = "", audio: bool = False) -> Clip:
    method, clip_id = "DFDC" if source else "real", f"dfdc/{folder}/-/{name}"
    return Clip(f"{ROOT}/{folder}/{name}.mp4", clip_id, "dfdc", method, int(bool(source)), target, source, audio)


def _part(cfg: Benchmark, part: int) -> Plan:
    want, folder = cfg.dfdc, f"dfdc_train_part_{part}"
    rng = np.random.default_rng(derive("synth", cfg.seed, "dfdc", part))
    actors = [Who.cast(f"actor{part}-{i}", cfg.seed, "dfdc", part, i) for i in range(want.originals + 2)]
    names = _names(rng, want.originals + want.fakes + cfg.unusable)
    fakes_of = np.sort(np.r_[np.arange(want.fakes) % want.originals])
    takes, used = [], want.originals
    for k in range(want.originals):
        n = int((fakes_of == k).sum())
        takes.append(_take(cfg, folder, names[k], names[used : used + n], actors, k, rng))
        used += n
    spare = [_clip(folder, name, name) for name in names[used:]] if part == 0 else []
    entries = {t.real.path.rsplit("/", 1)[1]: {"label": "REAL", "split": "train"} for t in takes}
    entries |= {c.path.rsplit("/", 1)[1]: {"label": "REAL", "split": "train"} for c in spare}
    for fake in (f for t in takes for f in t.fakes):
        name = fake.clip.path.rsplit("/", 1)[1]
        entries[name] = {"label": "FAKE", "split": "train", "original": f"{fake.clip.target}.mp4"}
    return Plan(
        takes, broken(spare, cfg.seed), {f"{ROOT}/{folder}/metadata.json": json.dumps(dict(sorted(entries.items())))}
    )


def _take(cfg: Benchmark, folder: str, name: str, fakes: list[str], actors: list[Who], k: int, rng) -> Take:
    """Plan one original with its fakes, in each of which one person is forged. The first take of a part has sound."""
    people = (actors[k], actors[(k + 1) % len(actors)])[: 1 + int(rng.random() < cfg.dfdc.two_person)]
    real = _clip(folder, name, name, audio=k == 0)
    forged = tuple(_fake(cfg, folder, fake, name, people, actors, k == 0, rng) for fake in fakes)
    return Take("dfdc", people, derive("synth", cfg.seed, real.clip_id), real, forged)


def _fake(cfg: Benchmark, folder: str, name: str, target: str, people: tuple[Who, ...], actors: list[Who], audio, rng):
    person = int(rng.integers(len(people)))
    others = [a for a in actors if a not in people]
    source = (sorted(others, key=lambda a: a.woman != people[person].woman)[:3])[rng.integers(min(3, len(others)))]
    clip = _clip(folder, name, target, source.name, audio)
    seed = derive("synth", cfg.seed, clip.clip_id)
    return Fake(clip, GENERATORS[rng.integers(len(GENERATORS))], source, seed, seed, person)


def _test(cfg: Benchmark) -> Plan:
    """Plan the test folder: half reals, half fakes, each from a scene of its own, since originals are not shipped."""
    rng = np.random.default_rng(derive("synth", cfg.seed, "dfdc", "test"))
    n = cfg.dfdc.test_clips
    actors = [Who.cast(f"actor-test-{i}", cfg.seed, "dfdc", "test", i) for i in range(n + 3)]
    names, takes = _names(rng, n), []
    for k, name in enumerate(names):
        take = _take(cfg, "test", name, [name] if k % 2 else [], actors, k, rng)
        takes.append(take if k % 2 == 0 else Take(take.domain, take.people, take.seed, None, take.fakes))
    labels = [(f"{name}.mp4", k % 2) for k, name in enumerate(names)]
    table = "".join(f"{name},{label}\n" for name, label in [("filename", "label"), *labels])
    meta = json.dumps({name: {"is_fake": label} for name, label in labels})
    return Plan(takes, [], {f"{ROOT}/test/labels.csv": table, f"{ROOT}/test/metadata.json": meta})
