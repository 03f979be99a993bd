"""The premise of a claim: what has to hold in a run before the claim can be tested there, with the number it has.

"Augmentation hurts" says nothing of a base model that has learnt nothing, "the primary region is small" is what the
whole of a paper rests on. A premise is a number of the run with the bounds that it must keep.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ddet.errors import InputError
from ddet.stats import metrics

PATTERN = re.compile(r"(?P<metric>\w+)\((?P<arm>.+)\) (?P<sign>>=|<=) (?P<bound>[0-9.]+)")


@dataclass(frozen=True)
class Premise:
    """A number of the run (`value`, named `what`), at least `least` and at most `most`."""

    what: str
    value: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def met(self) -> bool:
        """Return whether the number keeps the bounds; a nan does not."""
        return self.least <= self.value <= self.most

    def __str__(self) -> str:
        ends = {"at least": self.least, "at most": self.most}
        needed = " and ".join(f"{word} {end:.3g}" for word, end in ends.items() if math.isfinite(end))
        return f"{self.what} {self.value:.3f}, {'as needed' if self.met else 'needed'}: {needed}"


def measured(stated: str, preds: Mapping[str, Sequence[pd.DataFrame]]) -> list[Premise]:
    """Measure the premises of a claim that speak of a metric of an arm: `frame_auc(Base) >= 0.9`, separated by `;`.

    Parts in other words are for whoever tests the claim, and left out; so are arms that were not run.

    Raises:
        InputError: an unknown metric.
    """
    found = []
    for part in filter(None, (part.strip() for part in stated.split(";"))):
        said = PATTERN.fullmatch(part)
        if said and said["arm"] in preds:
            level, name = metrics.level_and_name(said["metric"])
            scores = [metrics.scores(*metrics.arrays(p, level)[:2])[name] for p in preds[said["arm"]]]
            bound = {">=": "least", "<=": "most"}[said["sign"]]
            what = f"{said['metric']} of {said['arm']}"
            found.append(Premise(what, float(np.mean(scores)), **{bound: float(said["bound"])}))
    return found


def stated_range(text: str) -> tuple[float, float] | None:
    """Read a stated size: `0.0821` (as it was rounded), `0.50..0.70`, `0.85..` (or more); "" is None.

    Raises:
        InputError: another text.
    """
    if not text:
        return None
    low, dots, high = text.partition("..")
    try:
        if not dots:
            half = 0.5 * 10.0 ** -len(low.partition(".")[2])
            return float(low) - half, float(low) + half
        return float(low) if low else -math.inf, float(high) if high else math.inf
    except ValueError:
        raise InputError("claims.csv", f"size {text!r}", "write a number, or low..high with one end left out") from None
