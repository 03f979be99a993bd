"""Three takes of the smoke benchmark, as painted, filmed and forged, before any encoding."""

import dataclasses

import numpy as np

from ddet import params
from ddet.synth import write
from ddet.synth.scene import film
from ddet.tools.bits import digest

PROFILE, TAKES = "profiles/smoke.yaml", 3


def settings() -> dict:
    """Return the section that is rendered."""
    return params.load(PROFILE).benchmark.model_dump()


def compute() -> dict[str, str]:
    """Return name -> hash."""
    cfg, found = params.load(PROFILE).benchmark, {}
    planned = [take for take in write.plan(cfg).takes if take.fakes]
    for number in range(TAKES):
        take = planned[number * (len(planned) // TAKES)]  # of several datasets
        heads = [write.head_of(who, cfg) for who in take.people]
        fields = [getattr(head, f.name) for head in heads for f in dataclasses.fields(head)]
        found[f"take {number} textures"] = digest(*(v for v in fields if isinstance(v, np.ndarray)))
        scene = write.compose_take(take, cfg)
        shots = film(scene)
        found[f"take {number} filmed"] = digest(*(shot.image for shot in shots))
        frames, truth = write.forge_take(scene, shots, take.fakes[0], cfg)
        found[f"take {number} forged"], found[f"take {number} truth"] = digest(*frames), digest(truth)
    return found
