"""Measure the leakage of a protocol: what several splits share, and how many clips were dropped to avoid it."""

import pandas as pd

COLUMNS = [
    "dataset", "protocol", "level", "rows", "dropped", "source_ids", "source_ids_shared", "groups", "groups_shared",
    "clips_shared", "fakes", "fakes_original_elsewhere", "share",
]  # fmt: skip


def leakage(clips: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Count, per dataset and protocol, the source ids, groups and clips that are in more than one split.

    source_ids, groups: how many; `*_shared`: how many of them are in several splits. clips_shared: clips with frames
    in several splits (image level only). fakes: fakes that have a split (frames at image level);
    fakes_original_elsewhere: those whose original has rows in another split than theirs, and `share` of the fakes.
    rows: with a split; dropped: without, unusable clips left out of both.
    """
    usable = clips.loc[clips.status == "ok", ["clip_id", "dataset", "label", "source_ids", "original", "group"]]
    rows = splits.merge(usable, on="clip_id")
    table = [_line(*key, part) for key, part in rows.groupby(["dataset", "protocol"])]
    return pd.DataFrame(table, columns=COLUMNS)


def ffpp_split_of_target(clips: pd.DataFrame) -> pd.Series:
    """Return, for each clip of DF-1.0 by clip_id, the FF++ official split of its target ("" where unknown).

    After training on FF++ only those of "test" are unseen: DF-1.0's split ignores that of FF++. Count them with
    `pandas.crosstab(df1.official_split, ffpp_split_of_target(clips))`.
    """
    reals = clips[(clips.dataset == "ffpp") & (clips.method == "real")]
    known = dict(zip(reals.stem, reals.official_split, strict=True))
    df1 = clips[clips.dataset == "df1"].set_index("clip_id")
    return df1.target_id.map(known).fillna("").rename("ffpp_split")


def _line(dataset: str, protocol: str, rows: pd.DataFrame) -> dict:
    kept = rows[rows.split != "dropped"]
    fakes = kept[kept.label == 1]
    elsewhere = _original_elsewhere(kept, fakes)
    ids = kept.assign(source_ids=kept.source_ids.str.split(";")).explode("source_ids")
    return {
        "dataset": dataset, "protocol": protocol, "level": "frame" if (kept.frame_idx >= 0).any() else "clip",
        "rows": len(kept), "dropped": len(rows) - len(kept),
        "source_ids": ids.source_ids.nunique(), "source_ids_shared": _shared(ids, "source_ids"),
        "groups": kept.group.nunique(), "groups_shared": _shared(kept, "group"),
        "clips_shared": _shared(kept, "clip_id"),
        "fakes": len(fakes), "fakes_original_elsewhere": elsewhere, "share": elsewhere / max(len(fakes), 1),
    }  # fmt: skip


def _shared(rows: pd.DataFrame, key: str) -> int:
    """Count the values of `key` that are in more than one split."""
    return int((rows.groupby(key).split.nunique() > 1).sum())


def _original_elsewhere(kept: pd.DataFrame, fakes: pd.DataFrame) -> int:
    where = kept.groupby("clip_id").split.agg(set)
    pairs = zip(fakes.split, fakes.original.map(where), strict=True)
    return sum(bool(splits - {own}) for own, splits in pairs if isinstance(splits, set))
