"""Figure 10: how often people are right about whole faces and about faces without their primary regions.

    python -m ddet.prle.people_answers KEY.csv ANSWERS.csv... --out FOLDER

writes prle_fig10 and its table. Those who judge and the faces are both samples, so both widen the interval.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ddet.errors import InputError
from ddet.prle.people import KEY
from ddet.report import figures, tables

ANSWERS = ["person", "order", "item", "answer", "ms"]
SIMULATED = "simulated"  # persons whose name begins so are none, and the figure says so
DRAWS, FEW = 2000, 10
COLUMNS = ["faces", "alpha", "right", "low", "high", "persons", "pictures"]


def read(key: Path, answers: Sequence[Path]) -> pd.DataFrame:
    """Read answers and set beside each what its picture was; `right` says whether it was so.

    Raises:
        InputError: other columns, a picture that the key lacks, a word that is no answer, a person who answers twice.
    """
    known = pd.read_csv(key, dtype={"item": str})
    if missing := [name for name in KEY if name not in known]:
        raise InputError(key, f"it lacks the columns {', '.join(missing)}", "use the key.csv beside the page")
    told = pd.concat([_checked(file, set(known["item"])) for file in answers], ignore_index=True)
    if (twice := told.duplicated(["person", "item"])).any():
        who = told.loc[twice, "person"].iloc[0]
        raise InputError(who, "answers about one picture twice", "pass each file once")
    joined = told.merge(known, on="item")
    return joined.assign(right=(joined["answer"] == "fake") == (joined["label"] == 1))


def _checked(file: Path, known: set[str]) -> pd.DataFrame:
    told = pd.read_csv(file, dtype={"item": str, "person": str})
    if missing := [name for name in ANSWERS if name not in told]:
        raise InputError(file, f"it lacks the columns {', '.join(missing)}", "pass what the page saved")
    if unknown := sorted(set(told["item"]) - known):
        raise InputError(file, f"picture {unknown[0]} is not in the key", "use the key of the page that was answered")
    if words := sorted(set(told["answer"].astype(str)) - {"real", "fake"}):
        raise InputError(file, f"{words[0]!r} is no answer", "real or fake")
    return told


def accuracy(told: pd.DataFrame, draws: int = DRAWS) -> tuple[float, float, float]:
    """Return the share of right answers with its 95 % interval over persons and pictures.

    Both are resampled, each with replacement and apart from the other (Owen 2007, the pigeonhole bootstrap), which
    rather covers too often.

    Args:
        told: one answer a line: person, item, right.
    """
    grid = told.pivot(index="person", columns="item", values="right").astype(float)
    given, right = grid.notna().to_numpy(float), grid.fillna(0.0).to_numpy(float)
    draw = np.random.default_rng(0)
    persons, items = (draw.multinomial(n, np.full(n, 1 / n), draws).astype(float) for n in grid.shape)
    counted = ((persons @ given) * items).sum(axis=1)
    shares = ((persons @ right) * items).sum(axis=1)[counted > 0] / counted[counted > 0]
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(right.sum() / given.sum()), float(low), float(high)


def table(told: pd.DataFrame) -> pd.DataFrame:
    """Tabulate accuracy by alpha over all faces, and by method for whole and for hidden faces (columns COLUMNS)."""
    parts = [("all", alpha, part) for alpha, part in told.groupby("alpha")]
    for method, own in told.groupby("method"):
        parts += [(method, "whole", own[own["alpha"] == 0]), (method, "hidden", own[own["alpha"] > 0])]
    lines = [
        [name, alpha, *accuracy(part), part["person"].nunique(), part["item"].nunique()]
        for name, alpha, part in parts
        if len(part)
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def figure(found: pd.DataFrame, simulated: bool) -> Figure:
    """Draw Figure 10: (a) whole against hidden by method, (b) by alpha; bars are intervals, the dotted line is chance.

    Args:
        found: of `table`.
        simulated: whether nobody was asked; then the title says so.
    """
    with figures.styled():
        drawn, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
        methods = found[found["faces"] != "all"]
        names = list(dict.fromkeys(methods["faces"]))
        for shift, word, colour in ((-0.12, "whole", figures.COLOURS[0]), (0.12, "hidden", figures.COLOURS[1])):
            part = methods[methods["alpha"] == word]
            _bars(left, [names.index(n) + shift for n in part["faces"]], part, colour, word)
        left.set_xticks(range(len(names)), names, rotation=30, ha="right")
        left.set(title="by method", ylabel="share of right answers", ylim=(0, 1.02))
        whole = found[found["faces"] == "all"]
        _bars(right, whole["alpha"].astype(float), whole, figures.COLOURS[0], "all faces")
        right.set(title="by hidden share", xlabel="α: hidden share of the primary region")
        for axis in (left, right):
            axis.axhline(0.5, color="#888888", ls=":", lw=1)
        figures.beside(drawn, left)
        people = int(found["persons"].max())
        who = f"{people} simulated answerers: nobody was asked" if simulated else f"{people} persons"
        drawn.suptitle(f"Figure 10: {who}{', too few to trust the interval' if people < FEW else ''}")
    return drawn


def _bars(axis: plt.Axes, x: Sequence[float], part: pd.DataFrame, colour: str, label: str) -> None:
    ends = [part["right"] - part["low"], part["high"] - part["right"]]
    axis.errorbar(x, part["right"], yerr=np.maximum(ends, 0), fmt="o", color=colour, capsize=3, label=label)


def main(argv: list[str] | None = None) -> int:
    """Draw the figure from the command line; bad input is one line on standard error and status 2."""
    parser = argparse.ArgumentParser(prog="python -m ddet.prle.people_answers", description="Draw PRLE's Figure 10.")
    parser.add_argument("key", type=Path)
    parser.add_argument("answers", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figure and the table")
    wanted = parser.parse_args(argv)
    try:
        told = read(wanted.key, wanted.answers)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    found, made_up = table(told), bool(told["person"].str.startswith(SIMULATED).any())
    note = "Simulated answers: nobody was asked." if made_up else ""
    written = tables.write_frame(
        found, wanted.out, "prle_fig10", "PRLE, Figure 10: people on whole and hidden faces", note
    )
    written += figures.save(figure(found, made_up), "prle_fig10", wanted.out)
    print("\n".join(str(path) for path in written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
