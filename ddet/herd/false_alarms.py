"""Test whether augmentation makes real faces look fake to a network that was trained without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import params
from ddet.data.augment import draw, pipeline
from ddet.data.crops import load_crop, resized
from ddet.runs import finished
from ddet.seeds import derive
from ddet.stats import bootstrap, verdicts
from ddet.stats.premise import Premise
from ddet.training import common

PLAIN = "plain"


def called_fake(
    run: Path, rows: pd.DataFrame, crops: Path, lists: Mapping[str, params.AugmentList], threshold: float = 0.5
) -> dict[str, np.ndarray]:
    """Predict with a run which of `rows` are fake, plain and under each augmentation list, one draw per crop.

    Returns:
        "plain" and the names of `lists` -> float n, 1 where prob_fake >= `threshold`. The draws depend on list and
        crop alone, so that every run sees the same images.
    """
    config, net = finished.config_of_run(run), finished.load_model(run)
    images = [resized(load_crop(Path(crops) / crop), config["model"]["size"]) for crop in rows["crop"]]
    shown = {PLAIN: images}
    for name, listed in lists.items():
        steps = pipeline(listed)
        seeds = [derive("alarm", name, i) for i in range(len(images))]
        shown[name] = [draw(steps, *pair) if steps else pair[0] for pair in zip(images, seeds, strict=True)]
    return {name: (common.predict_images(net, pictures) >= threshold).astype(float) for name, pictures in shown.items()}


def alarms(called: Sequence[Mapping[str, np.ndarray]], rows: pd.DataFrame, cfg: params.Report) -> pd.DataFrame:
    """Tabulate the share of reals predicted as fake, plain and under each list, and the difference to plain.

    Args:
        called: the results of `called_fake`, one per seed.
        rows: the crops.
    """
    lines = []
    for name in called[0]:
        seen = np.stack([seed[name] for seed in called])
        line = {"shown": name, "called fake": seen.mean()}
        if name != PLAIN:
            line |= dict(
                zip(verdicts.READING, verdicts.reading(more(called, name, rows, cfg), cfg.confidence), strict=True)
            )
        lines.append(line)
    return pd.DataFrame(lines)


def more(
    called: Sequence[Mapping[str, np.ndarray]], name: str, rows: pd.DataFrame, cfg: params.Report, than: str = PLAIN
) -> bootstrap.Estimate:
    """Estimate the increase of the share of reals predicted as fake under list `name`, against that under `than`."""
    shown, other = (np.stack([seed[key] for seed in called]) for key in (name, than))
    return bootstrap.paired_values(shown, other, rows, cfg)


def judge(
    called: Sequence[Mapping[str, np.ndarray]],
    name: str,
    than: str,
    rows: pd.DataFrame,
    keys: Sequence[str],
    cfg: params.Report,
    where: str,
    premises: Sequence[Premise] = (),
) -> pd.DataFrame:
    """Return the ledger's line of the claim that noise and contrast make real faces look fake.

    List `than` has the geometry of list `name` and nothing that changes pixels: what both raise is not noise's doing.
    """
    gain = more(called, name, rows, cfg, than)
    return verdicts.line("herd-noise-fake", gain, keys, cfg, where, premises=premises)
