"""Print how the plain detectors of the finished run do: python -m ddet.tools.baselines

One line an arm that uses no paper's method, on the reported benchmark: AUC at home with its interval and its standard
deviation over seeds, AUC away, and the worst loss that a fit ended with. It tells whether detectors are competent and
chooses nothing: settings are chosen on other benchmarks (`ddet.tools.regime`).
"""

import sys
from pathlib import Path

import pandas as pd

from ddet import params, paths
from ddet.errors import InputError
from ddet.prle import arms as prle_arms
from ddet.runs import finished
from ddet.stats import bootstrap
from ddet.tools import regime
from ddet.training import common

FFPP = "ffpp/"  # where PRLE's detectors are at home


def plain(whole: params.Params) -> dict[str, tuple[str, list[str]]]:
    """Return for each paper the stage that trains its plain detectors, and their arms."""
    zoo = prle_arms.of_part(whole.prle, "zoo").items()
    networks = [n for n, fit in zoo if fit.crop_set == prle_arms.WHOLE and fit.arm.name == prle_arms.PLAIN]
    return {
        "herd": ("herd_augmentation", list(regime.HERD)),
        "asrid": ("asrid_static", list(regime.ASRID)),
        "prle": ("prle_zoo", networks),
    }


def table(whole: params.Params) -> pd.DataFrame:
    """Return a line an arm: paper, arm, seeds, worst end loss, valid and home AUC with interval and deviation, away.

    Raises:
        InputError: a stage has not run yet, or lacks one of the arms.
    """
    lines = []
    for paper, (stage, names) in plain(whole).items():
        done = finished.read_runs([stage], names)
        for arm in names:
            runs = done[done["arm"] == arm]
            told = pd.DataFrame([regime.line_of(paper, run, paths.FACES) for run in runs.itertuples()])
            e = bootstrap.over_seeds([_at_home(run.folder, paper) for run in runs.itertuples()], whole.report)
            home = e["frame_auc"]
            line = {"paper": paper, "arm": arm, "seeds": len(runs), "worst": told["loss"].max()}
            line |= {"valid": told["valid"].mean(), "home": home.value, "low": home.low, "high": home.high}
            away = [name for name in ("celebdf", "dfdc", "df1", "away") if name in told]
            lines.append(line | {"sd": told["home"].std()} | told[away].mean().to_dict())
    return pd.DataFrame(lines).set_index(["paper", "arm"]).round(3)


def _at_home(folder: Path, paper: str) -> pd.DataFrame:
    preds = pd.read_parquet(folder / common.PREDICTIONS)
    preds = preds[preds["split"] == "test"]
    return preds[preds["clip_id"].str.startswith(FFPP)] if paper == "prle" else preds


def _main() -> int:
    try:
        print(table(params.load()).to_string(na_rep=""))
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main())
