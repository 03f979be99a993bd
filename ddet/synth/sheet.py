"""Collect frames for a contact sheet: a target, each forgery of it, and masks of the forged pixels."""

from pathlib import Path

import numpy as np
import pandas as pd

from ddet.data import video
from ddet.synth.encode import read_truth


def examples(root: Path, rendered: pd.DataFrame, dataset: str, frame: int, count: int = 6) -> dict[str, list]:
    """Choose the target of `dataset` with the most forgeries and return its frame `frame` in each version.

    Args:
        root: where the benchmark was rendered.
        rendered: the table that `render_benchmark` returned.

    Returns:
        images (uint8 H x W x 3), titles, masks (bool H x W, True = forged); the original first where it is there.
    """
    whole = rendered[(rendered["dataset"] == dataset) & rendered["unusable"].isna()].fillna("")
    fakes = whole[whole["label"] == 1]
    target = fakes["target"].value_counts(sort=True).sort_index().idxmax()
    same = whole[whole["target"] == target].sort_values(["label", "method", "clip_id"])
    # A person may occur in several takes: keep the fakes made from the first, and its original.
    chosen = pd.concat([same[same["label"] == 0].head(1), same[same["label"] == 1].groupby("method").head(3)]).head(
        count
    )
    shots = _zoomed([_shot(root, row, frame) for row in chosen.itertuples()])
    return {name: [s[name] for s in shots] for name in ("images", "titles", "masks")}


def _shot(root: Path, row, frame: int) -> dict:
    (_, image) = next(iter(video.read_frames(root / row.path, [frame])))
    mask = read_truth(root / "truth" / f"{row.clip_id}.npz")[frame] if row.label else np.zeros(image.shape[:2], bool)
    who = f"{row.target} ← {row.source}" if row.label else row.target
    method = row.method.removeprefix("end_to_end_").removesuffix("_distortions")  # DF-1.0's variants are wordy
    return {"images": image, "titles": f"{method}\n{who}", "masks": mask}


def _zoomed(shots: list[dict]) -> list[dict]:
    """Cut each shot to twice the extent of its forgery; a real one to that of the first forgery of its size."""
    cut = []
    for shot in shots:
        same = [s["masks"] for s in [shot, *shots] if s["masks"].any() and s["masks"].shape == shot["masks"].shape]
        rows, columns = np.nonzero(max(same, key=np.count_nonzero)) if same else np.nonzero(np.ones_like(shot["masks"]))
        half = int(max(np.ptp(rows), np.ptp(columns)))
        y, x = (
            int(np.clip(np.mean(v), half, n - half)) for v, n in zip((rows, columns), shot["masks"].shape, strict=True)
        )
        window = np.s_[max(0, y - half) : y + half, max(0, x - half) : x + half]
        cut.append(shot | {"images": shot["images"][window], "masks": shot["masks"][window]})
    return cut
