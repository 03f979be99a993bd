"""Compare the published clip counts of a dataset with the files that were found: the first check after a download."""

import pandas as pd

from ddet import params
from ddet.data.layouts.ffpp import METHODS

# Published counts of the complete releases; see the sources in each dataset's own pages. None: not published.
Counts = dict[str, int]
FFPP: Counts = {"train": 720, "valid": 140, "test": 140}  # 360 / 70 / 70 pairs, per method
CELEBDF: dict[str, Counts] = {  # train = what the test list leaves over
    "Celeb-real": {"train": 482, "test": 108},
    "YouTube-real": {"train": 230, "test": 70},
    "Celeb-synthesis": {"train": 5299, "test": 340},
}
DFDC: dict[tuple[str, str], Counts] = {
    ("train parts", "real"): {"train": 19154},
    ("train parts", "fake"): {"train": 100_000},
    ("train_sample_videos", "real"): {"train": 77},
    ("train_sample_videos", "fake"): {"train": 323},
    ("validation", "real"): {"valid": 2000},
    ("validation", "fake"): {"valid": 2000},
    ("test", "real"): {"test": 2500},
    ("test", "fake"): {"test": 2500},
}
DF1: Counts = {"train": 703, "valid": 96, "test": 201}  # per variant; the reals' division is not published
KEYS = ["dataset", "subset", "label", "split"]
COUNTS = ["official", "listed", "found", "usable"]
LABELS = {0: "real", 1: "fake", -1: "unknown"}
ORDER = {"train": 0, "valid": 1, "test": 2, "": 3, "all": 4}


def expected_vs_found(clips: pd.DataFrame, cfg: params.Data) -> pd.DataFrame:
    """Count clips per dataset, subset, class and official split, with a row `all` for each subset.

    official: the published counts of the complete release (NA where none). listed: what the dataset's own split,
    list and metadata files name. found: files that are there. usable: files whose frames can be read.
    `subset` is the forgery method (FF++), the folder (Celeb-DF, own), the part (DFDC), the variant (DF-1.0).
    """
    rows = clips.assign(subset=_subset(clips), label=clips.label.map(LABELS), split=clips.official_split)
    rows = rows.assign(listed=clips.listed_in != "", usable=clips.status == "ok")
    counted = rows.groupby(KEYS)[["listed", "found", "usable"]].sum()
    official = pd.Series(dict(_official(cfg)), name="official", dtype="Int64")
    official.index = official.index.set_names(KEYS) if len(official) else counted.index[:0]
    table = counted.join(official, how="outer").astype({c: "Int64" for c in COUNTS})
    table[COUNTS[1:]] = table[COUNTS[1:]].fillna(0)
    table = pd.concat([table.reset_index(), _totals(table)])[KEYS + COUNTS]
    return table.sort_values(KEYS, key=_sort_key, ignore_index=True)


def _subset(clips: pd.DataFrame) -> pd.Series:
    part = clips.clip_id.str.split("/").str[1]
    return part.mask(part.str.startswith("dfdc_train_part"), "train parts")


def _official(cfg: params.Data) -> list[tuple[tuple[str, str, str, str], int]]:
    """List the published counts of the chosen datasets, methods and variants by (dataset, subset, label, split)."""
    tables: dict[tuple[str, str, str], Counts] = {}
    if "ffpp" in cfg.datasets:
        tables |= {("ffpp", m, "real" if m == "real" else "fake"): FFPP for m in ("real", *METHODS)}
    if "celebdf" in cfg.datasets:
        tables |= {("celebdf", p, "fake" if p == "Celeb-synthesis" else "real"): n for p, n in CELEBDF.items()}
    if "dfdc" in cfg.datasets:
        tables |= {("dfdc", *key): n for key, n in DFDC.items()}
    if "df1" in cfg.datasets:
        tables |= {("df1", v, "fake"): DF1 for v in cfg.df1_variants}
    return [((*key, split), n) for key, counts in tables.items() for split, n in counts.items()]


def _totals(table: pd.DataFrame) -> pd.DataFrame:
    """Sum each subset over its splits; a subset without published counts has no published total."""
    sums = table.groupby(KEYS[:3])[COUNTS].sum(min_count=1)
    return sums.reset_index().assign(split="all")


def _sort_key(column: pd.Series) -> pd.Series:
    return column.map(ORDER) if column.name == "split" else column
