"""Write a card of every finished checkpoint into reports/models: python -m ddet.tools.model_cards

A page per stage that trains, a card per arm. The cards stand outside data/runs, whose bytes are hashed, and say nothing
that was not read from the runs themselves: configuration, the crops that they were scored on, predictions.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddet import params, paths
from ddet.errors import InputError, writing
from ddet.report.cells import half_up
from ddet.report.foreign import in_markdown
from ddet.report.index import statement
from ddet.report.tables import origin
from ddet.runs.finished import read_runs
from ddet.runs.store import RECORD
from ddet.stats import metrics
from ddet.training.common import PREDICTIONS
from ddet.training.learner import HISTORY, WEIGHTS

FOLDER = "reports/models"
SHOWN = {"AUC": "auc", "accuracy at .5": "accuracy", "log loss": "log_loss"}
LIMITS = """## Limits

* It was trained to compare methods, not to judge videos: what it says of a clip is no evidence that the clip is fake or
  real. Probabilities are not calibrated.
* Away from the forgeries that it was trained on it is much weaker: compare the lines of its numbers.
* It sees one face, cut and scaled as `data/faces` holds it; a face that is not found gets no number.
* People, skin tones and ages are those of its data, and nobody measured how errors are spread over them.
"""
LICENCE = """## Licence

Apache-2.0, as this repository. Weights that a fit began with, and what they were made of: docs/licences.md. Whoever
trains on the real datasets is bound by their terms, which may reach the weights too.
"""


def write(cfg: params.Params, root: Path = paths.ROOT) -> list[Path]:
    """Write the pages of all stages that have finished runs, remove others, and return those written.

    Raises:
        InputError: no stage has trained yet, or a run that a table of runs names is not there.
    """
    results, folder = root / "data/results", root / FOLDER
    stages = sorted(path.name.removesuffix("_runs.csv") for path in results.glob("*_runs.csv"))
    if not stages:
        raise InputError(results, "no stage has trained yet", "run the pipeline first: make repro")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    written = [folder / f"{stage}.md" for stage in stages]
    for path, stage in zip(written, stages, strict=True):
        done = read_runs([stage], results=results)
        done["folder"] = [root / "data/runs" / stage / key for key in done["key"]]
        path.write_text(page(stage, done, cfg), encoding="utf-8", newline="\n")
    return written


def page(stage: str, done: pd.DataFrame, cfg: params.Params) -> str:
    """Return the page of a stage: what holds of all its checkpoints, then a card per arm.

    Args:
        done: as `finished.read_runs` gives it.
    """
    given = f"Written by `python -m ddet.tools.model_cards`; {origin(cfg.profile, cfg.benchmark.render)}."
    cards = [card(str(arm), runs) for arm, runs in done.groupby("arm", sort=False)]
    head = f"# Model cards: {stage}\n\n{given} {statement(cfg.profile, cfg.benchmark.render)}\n"
    return "\n".join([head, LIMITS, LICENCE, *cards])


def card(arm: str, runs: pd.DataFrame) -> str:
    """Return the card of an arm: its checkpoints, data, numbers on each dataset, and recipe.

    Args:
        runs: a line a seed, with key and folder.
    """
    records = [_record(folder) for folder in runs["folder"]]
    preds = [pd.read_parquet(folder / PREDICTIONS).query("split == 'test'") for folder in runs["folder"]]
    lines = [f"## {in_markdown(arm)}", "", *_checkpoints(runs), "", "Data: " + _data(records[0], preds[0]), ""]
    lines += [*_numbers(preds), "", "Recipe:", "", "```yaml", _recipe(records[0]), "```", ""]
    return "\n".join(lines)


def _record(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except OSError:
        raise InputError(folder, "this run is not there", "run its stage again: make repro") from None


def _checkpoints(runs: pd.DataFrame) -> Iterator[str]:
    """Yield a table of weights; a curriculum's last phase is the checkpoint, and its chain names those before."""
    yield from ("| seed | weights | epochs | kept |", "|---|---|---|---|")
    for row in runs.itertuples(index=False):
        history = pd.read_csv(row.folder / HISTORY)
        kept = history.loc[history["selected"] == 1, "epoch"].iloc[-1]
        place = "/".join(row.folder.parts[-3:])
        yield f"| {row.seed} | data/{place}/{WEIGHTS} | {len(history)} | {kept} |"


def _data(record: Mapping[str, Any], preds: pd.DataFrame) -> str:
    """Say which crops a fit was given, and how many of them it was scored on."""
    counts = preds.drop_duplicates("clip_id")["label"].value_counts()
    return (
        f"crops of fingerprint {record['config']['data_hash']} (their labels, splits, landmarks and pixels); scored on "
        f"{len(preds)} crops or clips of test, of {counts.get(0, 0)} real and {counts.get(1, 0)} fake clips of "
        f"{preds['group'].nunique()} people. 0 is real, 1 fake."
    )


def _numbers(preds: Sequence[pd.DataFrame]) -> Iterator[str]:
    """Yield a table: of each dataset the mean over seeds, with the lowest and highest where there are several."""
    yield from (f"| scored on test of | {' | '.join(SHOWN)} |", f"|---|{'---|' * len(SHOWN)}")
    for dataset in sorted({name for one in preds for name in _datasets(one)}):
        each = [metrics.scores(*_of(one[_datasets(one) == dataset])) for one in preds]
        yield f"| {in_markdown(dataset)} | {' | '.join(_spread([e[name] for e in each]) for name in SHOWN.values())} |"


def _datasets(preds: pd.DataFrame) -> pd.Series:
    return preds["clip_id"].str.split("/").str[0]


def _of(preds: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return preds["label"].to_numpy(int), preds["prob_fake"].to_numpy(float)


def _spread(values: Sequence[float]) -> str:
    shown = [half_up(v, 3) for v in (np.mean(values), min(values), max(values))]
    return shown[0] if len(values) == 1 else f"{shown[0]} [{shown[1]} to {shown[2]}]"


def _recipe(record: Mapping[str, Any]) -> str:
    """Return what shapes the fit, without the seed, a key a line; versions of libraries and the machine's part."""
    config = {key: value for key, value in record["config"].items() if key not in ("seed", "data_hash")}
    whole = config | {"runtime": record["runtime"], "versions": record["versions"]}
    return "\n".join(f"{key}: {json.dumps(value, sort_keys=True)}" for key, value in sorted(whole.items()))


def _main() -> int:
    try:
        with writing(paths.ROOT / FOLDER):
            write(params.load())
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main())
