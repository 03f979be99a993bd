"""Show by simulation how often the interval for people and seeds holds the truth: levels, differences, own and pooled.

python benchmarks/bench_coverage.py [worlds]

A world has 60 groups of a real and a fake clip each, and 6 arms of 2, 3 or 5 seeds. The score of a clip holds its
label, what all seeds find hard in it, what one arm does, what one fit does, and how well the fit tells the classes
apart. What varies from world to world: people (all seeds would be equally good on infinitely many), seeds (every group
holds the same clips, in every world), both. The truth is the mean over worlds. The number is the AUC of clips, which is
a bilinear form of the groups' weights and so quick to resample; all else is the code that makes the tables.
"""

import sys

import numpy as np
import pandas as pd

from ddet import params
from ddet.stats import bootstrap, pooling
from ddet.stats.interval import Estimate

CFG = params.Report(bootstrap=200, confidence=0.95, seed=1)
GROUPS, ARMS = 60, 6
SEPARATION = 1.2  # between the classes, in standard deviations of what all seeds find hard: an AUC of about .8
ARM, OWN = 0.3, 0.5  # standard deviations of what one arm, and one fit, finds hard
LUCK = 0.25  # standard deviation over fits of the separation, half its variance common to a seed index
KINDS = ("level, own", "level, pooled", "difference, own", "difference, pooled", "one seed, pooled")
VARY = {"people": (True, 0.0, OWN), "seeds": (False, LUCK, 0.0), "both": (True, LUCK, OWN)}
ROWS = pd.DataFrame({"clip_id": [f"c{i:03d}" for i in range(2 * GROUPS)], "frame_idx": 0, "track": 0})
ROWS = ROWS.assign(group=np.repeat([f"g{i:02d}" for i in range(GROUPS)], 2), label=np.tile([0, 1], GROUPS))
WEIGHTS = np.vstack([np.ones(GROUPS), bootstrap.group_weights(ROWS, CFG)[0]])  # the sample, then its resamples


def world(seed: int, seeds: int, people: bool, luck: float, own: float) -> np.ndarray:
    """Invent scores: arms x seeds x groups x 2 (the real clip, the fake one)."""
    rng = np.random.default_rng(seed)
    persons = rng if people else np.random.default_rng(0)
    hard = persons.normal(0, 1, (1, 1, GROUPS, 2)) + persons.normal(0, ARM, (ARMS, 1, GROUPS, 2))
    apart = SEPARATION + luck * np.sqrt(0.5) * (rng.normal(size=(1, seeds)) + rng.normal(size=(ARMS, seeds)))
    alone = rng.normal(0, own, (ARMS, seeds, GROUPS, 2))
    return hard + alone + apart[..., None, None] * np.array([-0.5, 0.5])


def areas(scores: np.ndarray, same: bool) -> np.ndarray:
    """Return the AUC of the sample, then of every resample, for scores of groups x 2 (`same`: of any one group)."""
    above = (scores[None, :, 1] > scores[:, None, 0]).astype(float)
    if same:
        return np.full(len(WEIGHTS), above.mean())
    return ((WEIGHTS @ above) * WEIGHTS).sum(axis=1) / GROUPS**2


def estimated(numbers: np.ndarray) -> Estimate:
    """Estimate the mean over seeds of numbers, seeds x (the sample and its resamples)."""
    return bootstrap.estimate(numbers[:, 0], numbers[:, 1:], ROWS, 0, CFG)


def intervals(scores: np.ndarray, same: bool) -> list[Estimate]:
    """Return what a table would print of a world, in the order of KINDS."""
    numbers = np.array([[areas(fit, same) for fit in arm] for arm in scores])
    levels = [estimated(arm) for arm in numbers]
    gains = [estimated(arm - numbers[0]) for arm in numbers[1:]]
    single = estimated(numbers[-1, :1])
    shared = [pooling.alike(some)[-1] for some in (levels, gains, [*levels[:-1], single])]
    return [levels[-1], shared[0], gains[-1], shared[1], shared[2]]


def coverage(worlds: int, seeds: int, people: bool, luck: float, own: float) -> list[tuple[float, float]]:
    """Return, by kind, the share of the intervals that hold the truth, and their median half width.

    A single seed that finds no arms to pool with has no interval, and is not counted.
    """
    found = [intervals(world(w + 1, seeds, people, luck, own), same=not people) for w in range(worlds)]
    result = []
    for kind in range(len(KINDS)):
        some = pd.DataFrame([{"value": e[kind].value, "low": e[kind].low, "high": e[kind].high} for e in found])
        truth, some = some["value"].mean(), some.dropna()
        holds = (some["low"] <= truth) & (truth <= some["high"])
        result.append((float(holds.mean()), float((some["high"] - some["low"]).median() / 2)))
    return result


def agrees() -> bool:
    """Return whether the quick AUC leads to the estimate that tables print."""
    scores = world(1, 3, *VARY["both"])[0]
    shares = 1 / (1 + np.exp(-scores.reshape(3, -1)))
    whole = bootstrap.over_seeds([ROWS.assign(prob_fake=p) for p in shares], CFG)["clip_auc"]
    quick = estimated(np.array([areas(fit, same=False) for fit in scores]))
    return bool(np.allclose([whole.value, whole.low, whole.high], [quick.value, quick.low, quick.high]))


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    error = 2 * np.sqrt(0.95 * 0.05 / worlds)
    print(f"Share of {worlds} worlds whose 95 % interval holds the truth (+- {error:.3f} by chance); its half width")
    print(f"The quick AUC gives the estimate of the tables: {agrees()}\n")
    print(f"| varies | seeds | {' | '.join(KINDS)} |")
    print("|---|---|" + "---|" * len(KINDS))
    for vary, given in VARY.items():
        for seeds in (2, 3, 5):
            shown = coverage(worlds, seeds, *given)
            print(f"| {vary} | {seeds} | " + " | ".join(f"{c:.3f}; {half:.3f}" for c, half in shown) + " |", flush=True)


if __name__ == "__main__":
    main()
