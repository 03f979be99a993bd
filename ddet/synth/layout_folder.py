"""The tree of a user's own footage: real/ and fake/ with a folder per person; here it holds the clips out of order."""

from ddet.params import Benchmark
from ddet.seeds import derive
from ddet.synth.jitter import GENERATOR
from ddet.synth.plan import Clip, Fake, Plan, Take, Who

ROOT = "own"


def plan(cfg: Benchmark) -> Plan:
    """Plan one real clip per person, and a copy of it with the frames' poses out of order."""
    return Plan([_take(cfg, f"p{n:03d}") for n in range(cfg.jitter.people)])


def _take(cfg: Benchmark, name: str) -> Take:
    who = Who.cast(name, cfg.seed, "folder", name)
    seed = derive("synth", cfg.seed, "folder", "take", name)
    forged = Fake(_clip("fake", name, name), GENERATOR, who, seed, derive("synth", cfg.seed, "folder", "order", name))
    return Take("ffpp", (who,), seed, _clip("real", name), (forged,))


def _clip(part: str, name: str, source: str = "") -> Clip:
    stem = f"{name}/0"
    return Clip(
        f"{ROOT}/{part}/{stem}.mp4", f"folder/{part}/-/{stem}", "folder", part, int(part == "fake"), name, source
    )
