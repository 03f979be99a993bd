"""Outcomes of invented claims, and a ledger of them as notebook 51 writes it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ddet.audit.ledger import LEDGER
from ddet.report.outcomes import Outcome

NAN = float("nan")
HOLDS = Outcome(
    **{"id": "herd-aug-f1", "paper": "herd", "claim": "training without <list> is better", "where": "2.3, Table 2"},
    **{"evidence": "runs", "metric": "frame_macro_f1", "stated": "+8.21 points", "sized": "effect"},
    **{"null": "no difference", "arm_a": "NA", "arm_b": "Base", "size": (0.08205, 0.08215), "verdict": "holds"},
    **{"compared": "compatible", "premise": "frame_auc of Base 0.912, as needed: at least 0.9", "data": "synthetic"},
    **{"own": "consistent", "runs": "k1 k2", "effect": 0.126138, "low": 0.079852, "high": 0.171348},
    **{"detectable": 0.065, "p": 0.0004, "p_discoveries": 0.004, "p_any": 0.02, "frames": 488.0, "people": 15.0},
    seeds=3.0,
)
NOTHING = dict.fromkeys(
    ("effect", "low", "high", "detectable", "p", "p_discoveries", "p_any", "frames", "people", "seeds"), NAN
)


def outcome(**changes) -> Outcome:
    """Return an outcome that holds, but for what is changed."""
    return replace(HOLDS, **changes)


def untested(**changes) -> Outcome:
    """Return an outcome of a claim that nothing was run for."""
    return replace(HOLDS, verdict="not tested", runs="", data="", premise="", compared="", **NOTHING, **changes)


def write_ledger(folder: Path, *lines: dict) -> None:
    """Write claims.csv with a line per claim: LEDGER's columns, of which a line names those that are not empty."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame([dict.fromkeys(LEDGER, "") | line for line in lines], columns=LEDGER)
    frame.to_csv(folder / "claims.csv", index=False)


TESTED = {
    **{"id": "herd-aug-f1", "paper": "herd", "verdict": "holds", "effect": 0.126138, "lo": 0.079852, "hi": 0.171348},
    **{"size": "compatible", "runs": "k1 k2", "data": "synthetic benchmark, celebdf", "own tables": "consistent"},
    **{
        "detectable": 0.065,
        "p": 0.0004,
        "p (false discoveries)": 0.004,
        "p (any error)": 0.02,
        "people": 15,
        "seeds": 3,
    },
    **{"n": 488, "per seed": "0.1 0.12 0.158", "premise": "frame_auc of Base 0.912, as needed: at least 0.9"},
}
EMPTY = {"id": "asrid-batch", "paper": "asrid", "verdict": "not tested", "own tables": "not checked"}
