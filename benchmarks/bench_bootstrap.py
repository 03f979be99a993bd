"""Measure the bootstrap over source groups: weighted counts against concatenating the drawn rows, in one run.

python benchmarks/bench_bootstrap.py
"""

import time

import numpy as np
import pandas as pd

from ddet import params
from ddet.stats import bootstrap, metrics

CFG = params.Report(bootstrap=1000, confidence=0.95, seed=1)
SLOW = 50  # resamples of the plain version; its time per resample is what is compared


def made_up(seed: int, groups: int = 40, clips: int = 200, frames: int = 10) -> pd.DataFrame:
    """Invent the predictions of one seed: 200 clips of 40 groups, 10 frames each."""
    rng, clip = np.random.default_rng(seed), np.repeat(np.arange(clips), frames)
    label = clip // groups % 2
    table = {"clip_id": clip.astype(str), "frame_idx": np.tile(np.arange(frames), clips), "track": 0}
    table |= {"group": (clip % groups).astype(str), "label": label}
    return pd.DataFrame(table | {"prob_fake": np.clip(rng.normal(0.4 + 0.2 * label, 0.2), 0, 1)})


def plain(preds: pd.DataFrame, draws: np.ndarray) -> list[dict[str, float]]:
    """Score resamples one by one with scikit-learn."""
    y, p, group = bootstrap.indexed(preds, "frame")
    rows = [np.flatnonzero(group == g) for g in range(draws.shape[1])]
    drawn = [np.concatenate([np.tile(r, n) for r, n in zip(rows, d.astype(int), strict=True)]) for d in draws]
    return [metrics.scores(y[d], p[d]) for d in drawn]


def seconds(function, *args, repeat: int = 3) -> float:
    """Return the shortest of `repeat` times in s: the first includes allocating memory that later ones reuse."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    seeds = [made_up(s) for s in range(3)]
    weights, _ = bootstrap.group_weights(seeds[0], CFG)
    slow = seconds(plain, seeds[0], weights[:SLOW]) / SLOW
    fast = seconds(bootstrap.weighted_scores, *bootstrap.indexed(seeds[0], "frame"), weights) / len(weights)
    print("| 2000 frames, 9 metrics | ms per resample | ratio |")
    print("|---|---|---|")
    print(f"| rows laid end to end, scikit-learn | {slow * 1e3:.2f} | 1 |")
    print(f"| weighted counts | {fast * 1e3:.3f} | {slow / fast:.0f} |")
    print(f"\n3 seeds, both levels, {CFG.bootstrap} resamples: {seconds(bootstrap.over_seeds, seeds, CFG):.1f} s")


if __name__ == "__main__":
    main()
