"""Measure what each augmentation does to a forgery: how much it changes pixels, and how much of the trace is left."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import albumentations as A
import numpy as np
import pandas as pd

from ddet.data.augment import STEPS, TEXTURE, draw_together
from ddet.data.crops import load_crop, resized
from ddet.errors import InputError
from ddet.seeds import derive

PLACE = ["frame_idx", "x0", "y0", "x1", "y1"]  # the same square of the same frame


def effects(
    steps: Sequence[str], fakes: np.ndarray, originals: np.ndarray, masks: np.ndarray, seed: int
) -> pd.DataFrame:
    """Measure every operation, applied with probability 1, on fakes and on the originals they were made from.

    The trace of a forgery is how the fake differs from its original within the forged region (a little of it is due
    to another pass of the video encoder, which changes the rest of the frame too). A fake, its original and its mask
    are augmented with the same draw: the same turn, and the same noise. Noise therefore cancels in `kept`; it shows in
    `disturbance`, because a detector sees no original to cancel it with.

    Paper: Herd section 2.2 (2) says that noise, contrast and sharpening spoil what a detector should learn from.

    Args:
        steps: names of operations; Texture is followed by its four members.
        fakes, originals: uint8 n x S x S x 3.
        masks: bool n x S x S, True = forged pixel. Fakes without any are left out: see `images`.

    Returns:
        One row per operation; means over images of means over pixels and channels, in grey levels (0 to 255).
        `kind`: geometry (moves pixels, and the trace with them) or pixels (changes values where they are).
        `inside`, `outside`: how far it changes the fake, |T(fake) - fake|, in the forged region and around it.
        `trace`: |fake - original| in the forged region, before; the same in all rows.
        `kept`: the trace afterwards, |T(fake) - T(original)| where the region went, as a share of `trace`. 1: all of
        it is there; above 1: amplified; below 1: blurred or compressed.
        `disturbance`: how far values move within the forged region, as a multiple of `trace`; 0 for geometry. Above
        1, the operation changes these pixels more than forging them did. A shift of brightness counts in full,
        though a network may see past it: read it beside `kept`.
        `images`: how many fakes were measured.

    Raises:
        InputError: unequal shapes, or no fake with a forged pixel.
    """
    if not fakes.shape == originals.shape == (*masks.shape, 3):
        shapes = f"fakes {fakes.shape}, originals {originals.shape}, masks {masks.shape}"
        raise InputError("effects", shapes, "pass n x S x S x 3 twice and n x S x S")
    marked = masks.any(axis=(1, 2))
    if not marked.any():
        raise InputError("effects", "no fake has a forged pixel", "pass fakes with their masks")
    triples = list(zip(fakes[marked], originals[marked], masks[marked], strict=True))
    found = [
        {"operation": name, **_effect(operation, triples, derive("effects", seed, name))}
        for name, operation in _operations(steps).items()
    ]
    return pd.DataFrame(found)


def _operations(steps: Sequence[str]) -> dict[str, A.BasicTransform | A.OneOf]:
    made = {}
    for name in steps:
        made[name] = STEPS[name](1)
        if name == "Texture":
            made |= {f"Texture: {member}": make(1) for member, make in TEXTURE.items()}
    return made


def _effect(operation: A.BasicTransform | A.OneOf, triples: list[tuple], seed: int) -> dict[str, str | float]:
    together = A.Compose([operation], additional_targets={"original": "image"})
    rows = [_measure(together, *triple, derive(seed, i)) for i, triple in enumerate(triples)]
    inside, outside, before, after = np.array(rows).T
    visible = ~np.isnan(after)  # a turn can move a small region out of the crop
    trace, geometry = before.mean(), isinstance(operation, A.DualTransform)  # Dual: acts on masks too
    return {
        "kind": "geometry" if geometry else "pixels",
        "inside": inside.mean(),
        "outside": _mean(outside[~np.isnan(outside)]),
        "trace": trace,
        "kept": _share(_mean(after[visible]), _mean(before[visible])),
        "disturbance": 0.0 if geometry else _share(inside.mean(), trace),
        "images": len(triples),
    }


def _measure(steps: A.Compose, fake: np.ndarray, original: np.ndarray, mask: np.ndarray, seed: int) -> list[float]:
    """Return the change inside and outside the mask, and the trace before and after; nan over no pixel."""
    out = draw_together(steps, seed, image=fake, original=original, mask=mask.astype(np.uint8))
    change, moved = _apart(out["image"], fake), out["mask"].astype(bool)
    before, after = _apart(fake, original), _apart(out["image"], out["original"])
    return [_mean(change[mask]), _mean(change[~mask]), _mean(before[mask]), _mean(after[moved])]


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(np.int16) - b)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def pairs(
    fakes: pd.DataFrame, every: pd.DataFrame, root: Path, size: int
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Load fakes and the crops of their originals in the same square of the same frame.

    Args:
        fakes: rows of faces.parquet with `original`, the clip_id that the fake was made from.
        every: rows in which the originals are looked up.
        root: the folder that `crop` is relative to.
        size: px of the images returned.

    Returns:
        uint8 n x size x size x 3 of the fakes, the same of the originals, and the rows of `fakes` that they belong
        to. Fakes without such a crop are left out, with a warning that counts them.

    Raises:
        InputError: no fake has one, or a crop cannot be read.
    """
    places = every[["clip_id", *PLACE, "crop"]].drop_duplicates(["clip_id", *PLACE])
    places = places.rename(columns={"clip_id": "original", "crop": "crop_of_original"})
    crops = fakes.merge(places, on=["original", *PLACE], how="left")["crop_of_original"]  # in the order of fakes
    kept = crops.notna().to_numpy()
    if not kept.any():
        raise InputError("pairs", f"none of {len(fakes)} fakes has a crop of its original", "pass the originals' rows")
    if not kept.all():
        lost = np.count_nonzero(~kept)
        message = f"pairs: {lost} of {len(fakes)} fakes have no crop of their original in the same place"
        warnings.warn(message, stacklevel=2)
    rows = fakes[kept]
    return _load(rows["crop"], root, size), _load(crops[kept], root, size), rows


def _load(crops: pd.Series, root: Path, size: int) -> np.ndarray:
    return np.stack([resized(load_crop(Path(root) / crop), size) for crop in crops])
