"""Intervals and differences for anyone's prediction files, by the code that makes the tables of this repository.

A file has one row per scored clip, or per scored frame of one: columns clip, group, label, score, and perhaps frame.
`group` is what must not be split when people are resampled: a person, a source video.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.stats import bootstrap, metrics, pooling

NAMES = {  # column -> what files call it
    "clip_id": ("clip", "clip_id", "video", "video_id"),
    "group": ("group", "source", "identity", "person"),
    "label": ("label", "y", "target", "y_true"),
    "prob_fake": ("score", "prob_fake", "prob", "y_score"),
    "frame_idx": ("frame", "frame_idx"),
}
LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "real": 0, "fake": 1, "false": 0, "true": 1}
MODEL = ["model", "metric", "value", "low", "high", "sd over seeds", "seeds", "groups", "clips"]
DIFFERENCE = ["difference", "metric", "value", "low", "high", "p", "detectable", "seeds", "groups", "clips"]


def read(path: Path) -> pd.DataFrame:
    """Read a file of predictions (csv, with commas, semicolons or tabs, or parquet) as `metrics` takes them.

    Raises:
        InputError: no such file, a column that lacks or stands there twice, a label that is neither real nor fake, a
            score that is no number in [0, 1], a clip with two labels or groups.
    """
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except FileNotFoundError:
        raise InputError(path, "no such file", "name a csv or parquet file of predictions") from None
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise InputError(path, str(error).splitlines()[0], "write a csv with a header, or a parquet file") from None
    given = {str(name).strip().lower(): name for name in frame}
    found = {}
    for column, known in NAMES.items():
        there = [given[name] for name in known if name in given]
        if len(there) > 1 or (not there and column != "frame_idx"):
            cause = f"{'no' if not there else 'several'} columns for {known[0]}"
            raise InputError(path, cause, f"name exactly one of its columns {known[0]} (or {', '.join(known[1:])})")
        found |= {column: frame[there[0]]} if there else {}
    table = pd.DataFrame(found)
    frames = table["frame_idx"] if "frame_idx" in table else table.groupby("clip_id").cumcount()
    table["frame_idx"] = pd.to_numeric(frames, errors="coerce").fillna(-1).astype(int)
    table["track"] = 0
    labels = table["label"].astype(str).str.strip().str.lower().map(LABELS)
    if labels.isna().any():
        bad = table.loc[labels.isna(), "label"].iloc[0]
        raise InputError(path, f"a label is {bad!r}", "write 0 or real, 1 or fake")
    if table[["clip_id", "group"]].isna().any(axis=None):
        raise InputError(path, "a clip or group is empty", "name both in every row")
    scores = pd.to_numeric(table["prob_fake"], errors="coerce")
    names = {name: table[name].astype(str) for name in ("clip_id", "group")}
    try:
        return metrics.checked(table.assign(label=labels.astype(int), prob_fake=scores, **names))
    except InputError as error:
        raise InputError(f"{path}: {error.where}", error.cause, error.remedy) from None


def _read_csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        mark = separator(file.readline())
    return pd.read_csv(path, sep=mark, encoding="utf-8-sig", dtype=str, keep_default_na=False, na_values=[""])


def separator(header: str) -> str:
    """Return what separates the columns of a csv: the comma, semicolon or tab that its header has most of."""
    return max(",;\t", key=header.count)


def levels(models: Mapping[str, Sequence[pd.DataFrame]], names: Sequence[str], cfg: params.Report) -> pd.DataFrame:
    """Tabulate metrics of models (name -> the predictions of each seed) with their intervals; columns MODEL."""
    found = {model: bootstrap.over_seeds(seeds, cfg, given=_given(models)) for model, seeds in models.items()}
    lines = [
        [model, name, e.value, e.low, e.high, e.spread, len(e.per_seed), e.groups, e.clips]
        for model, cells in pooling.pooled(found).items()
        for name, e in ((name, cells[name]) for name in names)
    ]
    return pd.DataFrame(lines, columns=MODEL)


def differences(
    models: Mapping[str, Sequence[pd.DataFrame]], against: str, names: Sequence[str], cfg: params.Report
) -> pd.DataFrame:
    """Tabulate what each model has more than the model `against`, on the clips that both scored; columns DIFFERENCE."""
    others, lines = [model for model in models if model != against], []
    for name in names:
        gains = [bootstrap.paired(models[m], models[against], name, cfg, given=_given(models)) for m in others]
        for model, e in zip(others, pooling.alike(gains), strict=True):
            lines.append([f"{model} - {against}", name, e.value, e.low, e.high, e.p_value(), e.detectable()])
            lines[-1] += [len(e.per_seed), e.groups, e.clips]
    return pd.DataFrame(lines, columns=DIFFERENCE)


def covers(models: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """Say what the intervals cover."""
    if _given(models):
        return "One file a model: the intervals are over people alone, and say nothing of another training of it."
    return "The intervals are for people and seeds; a single file has one only with the noise of seeds of the others."


def _given(models: Mapping[str, Sequence[pd.DataFrame]]) -> bool:
    return all(len(seeds) == 1 for seeds in models.values())
