"""Load the crops of one dataset under one protocol, with their splits and identity groups."""

from pathlib import Path

import pandas as pd

from ddet.data.landmarks import POINTS
from ddet.errors import InputError

# What a run's data hash covers: which crops, their pixels, labels, splits, and landmarks, from which regions follow.
SHAPES_A_RUN = ["clip_id", "frame_idx", "track", "sha", "label", "split", "group", "size", *POINTS]
_FROM_CLIPS = ["clip_id", "dataset", "method", "group", "original", "width", "height"]


def load(folder: Path, dataset: str, protocol: str) -> pd.DataFrame:
    """Return the crops of a dataset with their split: faces.parquet plus what `_FROM_CLIPS` and splits.parquet say.

    Crops that the protocol drops are left out; splits.parquet says why. Sorted by clip_id, frame_idx, track.

    Raises:
        InputError: a table, the dataset or the protocol is not there, or the table of faces is of an older release.
    """
    clips, faces, splits = (_read(Path(folder) / f"{name}.parquet") for name in ("clips", "faces", "splits"))
    if "size" not in faces:
        raise InputError(Path(folder) / "faces.parquet", "lacks the column size", "run the notebook 11_faces again")
    clips = clips.loc[clips["dataset"] == dataset, _FROM_CLIPS]
    if clips.empty:
        raise InputError(f"dataset {dataset}", "is not in the index", "add it to data.datasets and run 11_faces")
    rows = faces.merge(clips, on="clip_id")
    chosen = splits[(splits["protocol"] == protocol) & (splits["split"] != "dropped")]
    by_frame = (chosen["frame_idx"] >= 0).any()  # an image-level protocol splits the frames of a clip
    keys = ["clip_id", "frame_idx"] if by_frame else ["clip_id"]
    rows = rows.merge(chosen[[*keys, "split"]], on=keys)
    if rows.empty:
        raise InputError(f"protocol {protocol}", f"has no split for {dataset}", "choose another in params.yaml")
    return rows.sort_values(["clip_id", "frame_idx", "track"], ignore_index=True)


def thinned(rows: pd.DataFrame, per_clip: int) -> pd.DataFrame:
    """Keep `per_clip` frames of each clip of valid and test, spread evenly over those it has; train stays whole.

    An interval over people hardly widens: it depends on how many there are, and frames of one clip are alike.
    """
    frames = rows[["clip_id", "frame_idx", "split"]].drop_duplicates()
    place = frames.groupby("clip_id").cumcount()
    count = frames.groupby("clip_id")["frame_idx"].transform("size")
    chosen = (place * per_clip) // count != ((place - 1) * per_clip) // count
    kept = frames[chosen | (frames["split"] == "train")]
    return rows.merge(kept, on=["clip_id", "frame_idx", "split"])


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(path, "no such table", "run the notebook 11_faces")
    return pd.read_parquet(path)
