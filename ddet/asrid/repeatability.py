"""Test that a run depends on its configuration alone: kill a fit, resume it, and compare with an undisturbed one."""

import filecmp
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ddet.errors import InputError
from ddet.stats.verdicts import RESULT, TOLD
from ddet.training.checkpoint import FOLDER
from ddet.training.learner import WEIGHTS

POLL, PATIENCE = 0.02, 600.0  # s


def interrupted(fit: Callable[..., None], *arguments: Any, out: Path) -> None:
    """Run `fit(*arguments, out)` in another process, kill that after its first checkpoint, and resume the fit here.

    Raises:
        InputError: the fit ended before it could be killed (it needs two epochs or more), or died by itself.
    """
    process = multiprocessing.get_context("spawn").Process(target=fit, args=(*arguments, out), daemon=True)
    process.start()
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and not (Path(out) / FOLDER / "fit.pt").exists() and time.monotonic() < deadline:
        time.sleep(POLL)
    process.kill()
    process.join()
    if (Path(out) / WEIGHTS).exists() or not (Path(out) / FOLDER / "fit.pt").exists():
        raise InputError(out, "the fit was not caught between two epochs", "give it more epochs")
    fit(*arguments, out)


def compared(fit: Callable[..., None], *arguments: Any, folder: Path) -> dict[str, bool]:
    """Run a fit twice, once undisturbed and once killed; return for each file whether both wrote the same bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    straight, killed = folder / "straight", folder / "killed"
    for out in (straight, killed):
        out.mkdir(parents=True)
    fit(*arguments, straight)
    interrupted(fit, *arguments, out=killed)
    names = sorted(path.name for path in straight.iterdir() if path.is_file())
    same = {name: (killed / name).is_file() and filecmp.cmp(straight / name, killed / name, False) for name in names}
    shutil.rmtree(folder)
    return same


def line(claim_id: str, same: dict[str, bool], where: str) -> pd.DataFrame:
    """Return the ledger's line of the claim that the same configuration gives the same results: every file equal."""
    said = "holds" if same and all(same.values()) else "fails"
    values = [claim_id, None, None, None, len(same), "", said, f"{where}, files of a killed fit and an undisturbed one"]
    return pd.DataFrame([values], columns=TOLD).reindex(columns=RESULT)
