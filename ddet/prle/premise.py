"""Check the premises of the paper's argument: backbones that have learnt, and regions that are small."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ddet import params
from ddet.models import zoo
from ddet.prle.arms import named
from ddet.prle.coverage import THRESHOLDS, coverage
from ddet.prle.scores import Scored
from ddet.runs import finished
from ddet.stats import verdicts
from ddet.stats.premise import Premise

HOME, BEYOND = 0.9, 0.05  # frame AUC of the backbones on FF++, and how much less they have elsewhere
SMALL = (0.05, 0.30)  # share of a crop; the paper's own regions cover 10 to 21 %


def table(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Tabulate how much of a crop the regions of single detectors cover: one row a detector.

    Columns: detector; `covered`, the mean share of a crop in its region, where A > 0 (eq. 4); the shares above higher
    thresholds, which are other readings of Table I; `empty`, the share of crops without any region; `small`, whether
    `covered` lies within SMALL.

    Args:
        maps: detector -> n x H x W.
    """
    lines = []
    for detector, found in maps.items():
        first, *higher = (coverage(found, above) for above in THRESHOLDS)
        line = {"detector": detector, "covered": first.mean()}
        line |= {f"above {above:g}": share.mean() for above, share in zip(THRESHOLDS[1:], higher, strict=True)}
        lines.append(line | {"empty": (first == 0).mean(), "small": bool(SMALL[0] <= first.mean() <= SMALL[1])})
    return pd.DataFrame(lines)


def cells(folder: Path, layers: Sequence[str]) -> int:
    """Return how many cells a side the coarsest map has that localisation reads in one run.

    Args:
        layers: as in the section; none: those of `models.zoo`.
    """
    size, net = finished.config_of_run(folder)["model"]["size"], finished.load_model(folder)
    sides: list[int] = []
    hooks = [
        layer.register_forward_hook(lambda _, __, output: sides.append(min(output.shape[-2:])))
        for layer in zoo.cam_layers(net, size, layers)
    ]
    with torch.inference_mode():
        net(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return min(sides)


def in_words(found: pd.DataFrame) -> str:
    """Say whether the premise is met, and by which numbers not."""
    bounds = f"{SMALL[0]:.0%} to {SMALL[1]:.0%}"
    wrong = found[~found["small"]]
    if wrong.empty:
        return f"The premise is met: the region of every detector covers {bounds} of a crop."
    named = ", ".join(f"{line.detector} {line.covered:.1%}" for line in wrong.itertuples())
    return f"The premise fails: a region should cover {bounds} of a crop, but there are {named}."


def of_claims(section: params.Prle, scored: Scored, found: pd.DataFrame) -> dict[str, Premise]:
    """Measure the premises that claims.csv states for PRLE: words of the statement -> premise.

    The backbones are trained plainly; their AUC is averaged over detectors, elsewhere over the test sets as well. So is
    that of the detectors that the paper compares with, those of them that were trained.

    Args:
        found: what `table` returned; the largest of the regions counts.
    """
    plain, tests = [named(d) for d in section.detectors], list(section.tests.values())
    home, away = (np.mean([scored.over(f, on, "frame_auc").value for f in plain]) for on in (["ffpp"], tests))
    covered, others = float(found["covered"].max()), [n for n in section.compared.detectors if scored.has(n)]
    theirs = np.mean([scored.over(n, ["ffpp"], "frame_auc").value for n in others]) if others else np.nan
    return {
        "at home at least": Premise("frame AUC of the backbones at home", float(home), least=HOME),
        "of the compared detectors": Premise("frame AUC of the compared detectors at home", float(theirs), least=HOME),
        "above that on the other sets": Premise("less on the other sets by", float(home - away), least=BEYOND),
        "primary regions cover": Premise("share of a crop in a primary region", covered, most=SMALL[1]),
    }


def held(ledger: pd.DataFrame, known: Mapping[str, Premise]) -> pd.DataFrame:
    """Return the ledger's lines with those of the premises `known` that claims.csv states for each claim.

    Premises that a line has been held to already stay in it.
    """
    lines = []
    for place, claim_id in enumerate(ledger["claim_id"]):
        asked = [premise for words, premise in known.items() if words in verdicts.stated(claim_id)["premise"]]
        line = ledger.iloc[[place]]
        now = verdicts.held_to(line, asked)
        both = [text for text in (line["premise"].iloc[0], now["premise"].iloc[0] if asked else "") if text]
        lines.append(now.assign(premise="; ".join(both)))
    return pd.concat(lines, ignore_index=True) if lines else ledger
