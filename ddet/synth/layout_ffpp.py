"""The trees of FaceForensics++ and of DeeperForensics-1.0, which forges the originals of FaceForensics++."""

import json
import string
from dataclasses import replace

import numpy as np

from ddet.params import Benchmark
from ddet.seeds import derive
from ddet.synth.distort import draw
from ddet.synth.plan import Clip, Fake, Plan, Take, Who, broken, shares

ROOT, DF1 = "FaceForensics++", "DeeperForensics-1.0"
SHARES = 0.44, 0.1, 0.46  # train, val, test, of pairs and of DF-1.0's actors; the real sets test on 14 and 20 %
Pair = tuple[str, str]


def plan(cfg: Benchmark) -> Plan:
    """Plan FF++ (pairs forged both ways by each method) and DF-1.0 (each original forged once per variant)."""
    rng = np.random.default_rng(derive("synth", cfg.seed, "ffpp"))
    ids = [f"{i:03d}" for i in range(2 * cfg.ffpp.pairs)]
    uploads, people = _uploads(rng, ids), {}
    for i in ids:
        people[i] = Who.cast(i, cfg.seed, "ffpp", uploads[i][:11])
    pairs = _pairs(rng, ids, people)
    whole = Plan(files=_split_files(pairs, uploads))
    whole.takes = [_take(cfg, people, a, b) for pair in pairs for a, b in (pair, pair[::-1])]
    spare = [f"{len(ids) + i:03d}" for i in range(cfg.unusable)]
    whole.broken = broken([_original(i) for i in spare], cfg.seed)
    return _deeper(cfg, whole, people)


def _uploads(rng: np.random.Generator, ids: list[str]) -> dict[str, str]:
    """Name each clip's upload and number within it: ids 0 and 1 share one, as do 2 and 3."""
    letters = np.array(list(string.ascii_letters + string.digits + "-_"))
    named = {}
    for i, name in enumerate(ids):
        shared = i in (1, 3)
        upload = named[ids[i - 1]][:11] if shared else "".join(rng.choice(letters, 11))
        named[name] = f"{upload} {int(shared)}"
    return named


def _pairs(rng: np.random.Generator, ids: list[str], people: dict[str, Who]) -> list[Pair]:
    """Pair the ids, of the same sex where possible, never two of one person; the train pairs come first.

    The clips 000 and 001 of one upload land in train and val, as seven uploads of the real set do.
    """
    order = sorted(rng.permutation(ids), key=lambda i: people[i].woman)
    for k in range(0, len(order), 2):  # a person meets her other clip: exchange it with the next pair's
        if people[order[k]].seed == people[order[k + 1]].seed:
            j = (k + 2) % len(order)
            order[k + 1], order[j] = order[j], order[k + 1]
    pairs = [(str(a), str(b)) for a, b in zip(order[::2], order[1::2], strict=True)]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    train, val, _ = shares(len(pairs), *SHARES)
    first = next(p for p in pairs if "000" in p)
    straddling = next(p for p in pairs if "001" in p)
    others = sorted((p for p in pairs if p not in (first, straddling)), key=lambda p: not {"002", "003"} & set(p))
    return [first, *others[: train - 1], straddling, *others[train - 1 : train + val - 2], *others[train + val - 2 :]]


def _split_files(pairs: list[Pair], uploads: dict[str, str]) -> dict[str, str]:
    train, val, _ = shares(len(pairs), *SHARES)
    parts = {"train": pairs[:train], "val": pairs[train : train + val], "test": pairs[train + val :]}
    files = {f"{ROOT}/{name}.json": json.dumps(part, indent=2) for name, part in parts.items()}
    return files | {f"{ROOT}/conversion_dict.json": json.dumps(uploads, indent=2)}


def _original(i: str) -> Clip:
    return Clip(f"{ROOT}/original_sequences/youtube/c23/videos/{i}.mp4", f"ffpp/real/c23/{i}", "ffpp", "real", 0, i)


def _take_seed(cfg: Benchmark, i: str) -> int:
    return derive("synth", cfg.seed, "ffpp", "take", i)


def _take(cfg: Benchmark, people: dict[str, Who], target: str, source: str) -> Take:
    fakes = tuple(_fake(cfg, method, target, people[source]) for method in cfg.ffpp.methods)
    return Take("ffpp", (people[target],), _take_seed(cfg, target), _original(target), fakes)


def _fake(cfg: Benchmark, method: str, target: str, source: Who) -> Fake:
    stem = f"{target}_{source.name}"
    folder = f"{ROOT}/manipulated_sequences/{method}"
    clip_id = f"ffpp/{method}/c23/{stem}"
    clip = Clip(f"{folder}/c23/videos/{stem}.mp4", clip_id, "ffpp", method, 1, target, source.name)
    mask = "" if method == "FaceShifter" else f"{folder}/masks/videos/{stem}.mp4"
    seed = derive("synth", cfg.seed, clip_id)
    return Fake(clip, method, source, _take_seed(cfg, source.name), seed, mask_path=mask)


def _deeper(cfg: Benchmark, whole: Plan, people: dict[str, Who]) -> Plan:
    """Add the DF-1.0 fakes to the takes of their FF++ targets, and its lists."""
    rng = np.random.default_rng(derive("synth", cfg.seed, "df1"))
    names = [f"{'WM'[k % 2]}{k // 2:03d}" for k in range(cfg.df1.actors)]
    actors = [Who.cast(name, cfg.seed, "df1", name, woman=name[0] == "W") for name in names]
    partner = {}
    for take in whole.takes:  # an actor of the target's sex
        fitting = [a for a in actors if a.woman == take.people[0].woman]
        partner[take.real.target] = fitting[len(partner) // 2 % len(fitting)]
    whole.takes = [_with_deeper(cfg, take, partner[take.real.target]) for take in whole.takes]
    clips = [_deeper_clip(cfg.df1.variants[0], i.target, actors[0].name) for i in (b.clip for b in whole.broken)]
    whole.broken += broken(clips, cfg.seed)
    whole.files |= _deeper_lists(cfg, whole, names, rng)
    return whole


def _deeper_clip(variant: str, target: str, actor: str) -> Clip:
    stem = f"{target}_{actor}"
    path = f"{DF1}/manipulated_videos/{variant}/{stem}.mp4"
    return Clip(path, f"df1/{variant}/-/{stem}", "df1", variant, 1, target, actor)


def _with_deeper(cfg: Benchmark, take: Take, actor: Who) -> Take:
    fakes = []
    for variant in cfg.df1.variants:
        clip = _deeper_clip(variant, take.real.target, actor.name)
        generator = "reenact_postprocess" if variant == "reenact_postprocess" else "end_to_end"
        same = derive("synth", cfg.seed, "df1", generator, clip.target, actor.name)  # one forgery, variously distorted
        steps = draw(variant, derive("synth", cfg.seed, clip.clip_id))
        fakes.append(Fake(clip, generator, actor, same, same, steps=steps))
    return replace(take, fakes=take.fakes + tuple(fakes))


def _deeper_lists(cfg: Benchmark, whole: Plan, actors: list[str], rng: np.random.Generator) -> dict[str, str]:
    """Write the splits by actor, and each distorted variant's meta list (path, then TYPE:LEVEL items)."""
    fakes = [f for take in whole.takes for f in take.fakes if f.clip.dataset == "df1"]
    stems = sorted({f.clip.path.rsplit("/", 1)[1] for f in fakes})
    order = [actors[i] for i in rng.permutation(len(actors))]
    train, val, _ = shares(len(order), *SHARES)
    parts = {"train": order[:train], "val": order[train : train + val], "test": order[train + val :]}
    files = {}
    for name, part in parts.items():
        files[f"{DF1}/lists/splits/{name}.txt"] = "".join(f"{s}\n" for s in stems if s[4:-4] in part)
    for variant in cfg.df1.variants:
        lines = [_meta_line(f) for f in fakes if f.clip.method == variant and f.steps]
        if lines:
            name = f"{DF1}/lists/manipulated_videos_distortions_meta/manipulated_videos_{variant}_meta.txt"
            files[name] = "".join(lines)
    return files


def _meta_line(fake: Fake) -> str:
    items = " ".join(f"{kind}:{level}" for kind, level in fake.steps)
    return f"{fake.clip.method}/{fake.clip.path.rsplit('/', 1)[1]} {items}\n"
