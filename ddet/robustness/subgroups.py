"""AUC of subgroups of people, by the traits that the renderer gave them; on real footage nothing is known of these."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.robustness.chosen import Subject
from ddet.robustness.curves import at_home
from ddet.stats import bootstrap
from ddet.stats.bootstrap import FEW
from ddet.synth import identity, write
from ddet.synth.identity import Identity

THIRDS = (1 / 3, 2 / 3)  # where a trait in [0, 1] is cut
VALUES = {
    "skin tone": ("light", "medium", "dark"),
    "age": ("young", "middle", "old"),
    "glasses": ("without", "with"),
    "hair": ("bald", "short", "side", "fringe", "long"),
}
OF: dict[str, Callable[[Identity], str]] = {
    "skin tone": lambda who: _third("skin tone", who.tone),
    "age": lambda who: _third("age", who.age),
    "glasses": lambda who: VALUES["glasses"][who.glasses],
    "hair": lambda who: who.hair_style,
}
EVERYONE = "everyone"
COLUMNS = ["paper", "arm", "trait", "value", "metric", "AUC", "low", "high", "clips", "people"]
COLUMNS += ["people real", "people fake", "seeds", "warning"]


def _third(trait: str, share: float) -> str:
    return VALUES[trait][int(np.searchsorted(THIRDS, share, side="right"))]


def traits(cfg: params.Benchmark) -> pd.DataFrame:
    """Return the traits of the person who is filmed in each rendered clip: clip_id and a column for each of VALUES.

    A fake shows that person, too, with another's face or mouth: hair and surroundings stay. Clips of two people are
    left out.
    """
    lines = []
    for take in write.plan(cfg).takes:
        if len(take.people) == 1:
            who = identity.sample(take.people[0].seed, take.people[0].woman)
            told = [of(who) for of in OF.values()]
            clips = [*([take.real] if take.real else []), *(fake.clip for fake in take.fakes)]
            lines += [[clip.clip_id, *told] for clip in clips]
    return pd.DataFrame(lines, columns=["clip_id", *VALUES])


def table(chosen: Sequence[Subject], known: pd.DataFrame, cfg: params.Report) -> pd.DataFrame:
    """Tabulate the AUC of each subject's whole test set at home, of everyone and by trait (columns COLUMNS).

    Every value that the renderer can draw has its row, also where nobody has it. `warning` says why a row proves
    little; "" where nothing is to be said.
    """
    lines = []
    for subject in chosen:
        preds = [at_home(run, subject.dataset).merge(known, on="clip_id") for run in subject.runs]
        parts = [(EVERYONE, "", preds)] if len(known) else []
        for trait, values in VALUES.items() if len(known) else ():
            parts += [(trait, value, [p[p[trait] == value] for p in preds]) for value in values]
        lines += [[subject.paper, subject.arm, *part[:2], *_line(part[2], subject.metric, cfg)] for part in parts]
    return pd.DataFrame(lines, columns=COLUMNS)


def _line(preds: Sequence[pd.DataFrame], metric: str, cfg: params.Report) -> list:
    first, seeds = preds[0], len(preds)
    real, fake = (first.loc[first["label"] == label, "group"].nunique() for label in (0, 1))
    counts = [first["clip_id"].nunique(), first["group"].nunique(), real, fake, seeds]
    if not real or not fake:
        return [metric, np.nan, np.nan, np.nan, *counts, warning(real, fake)]
    e = bootstrap.over_seeds(preds, cfg)[metric]
    return [metric, e.value, e.low, e.high, *counts, warning(real, fake)]


def warning(real: int, fake: int) -> str:
    """Say why a row proves little, from the number of people with a real clip and with a fake; "" where both do."""
    few = min((real, "real"), (fake, "fake"))
    if few[0] >= FEW:
        return ""
    if not few[0]:
        return f"nobody with a {few[1]} clip: no AUC"
    people = "1 person" if few[0] == 1 else f"{few[0]} people"
    return f"only {people} with a {few[1]} clip: do not trust this row"


def sentence(told: pd.DataFrame) -> str:
    """Say for each paper how far apart the rows without a warning lie, trait by trait, and how many rows have one."""
    if told.empty:
        return "Nothing is known of the people of real footage."
    said = []
    for (paper, arm), part in told[told["trait"] != EVERYONE].groupby(["paper", "arm"], sort=False):
        sound = part[part["warning"] == ""]
        gaps = [_gap(trait, own) for trait, own in sound.groupby("trait", sort=False) if len(own) > 1]
        warned = f"{len(part) - len(sound)} of {len(part)} rows have a warning"
        said.append(f"{paper} ({arm}): {'; '.join(gaps) or 'no two rows to compare'}; {warned}.")
    return "\n".join(said)


def _gap(trait: str, own: pd.DataFrame) -> str:
    high, low = own.loc[own["AUC"].idxmax()], own.loc[own["AUC"].idxmin()]
    apart = "apart" if high["low"] > low["high"] else "overlapping"
    values = f"{high['value']} {high['AUC']:.3f}, {low['value']} {low['AUC']:.3f}"
    return f"{trait} {high['AUC'] - low['AUC']:.3f} ({values}; intervals {apart})"
