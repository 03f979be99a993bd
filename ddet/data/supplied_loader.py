"""Training crops together with what some detectors need beside them: forged pixels, and the untouched frame."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders

from ddet import hashing
from ddet.data import forged, originals
from ddet.data.augment import draw_together
from ddet.data.crop_loader import CropDataset, ImageDataset, Loading, normalise
from ddet.data.forged import Masks
from ddet.errors import InputError
from ddet.seeds import derive


@dataclass(frozen=True)
class Supplies:
    """What goes with each crop: `mask` (float32 n x S x S in [0, 1]) and `pair`, further crops; None: is not needed."""

    mask: np.ndarray | None = None
    pair: ImageDataset | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Name what there is, in the order in which batches carry it."""
        return tuple(name for name in ("mask", "pair") if getattr(self, name) is not None)


class SuppliedDataset(ImageDataset):
    """Samples of another dataset as (image, mask, pair, target), without what the supplies lack.

    Mask and pair go through the same draw of the augmentation: flips, turns and shifts move all of them (the mask takes
    the nearest pixel), what changes colours changes both images alike. Images and targets are those of `plain`.
    """

    def __init__(self, plain: ImageDataset, supplies: Supplies):
        super().__init__(plain.targets, plain.transform, plain.seed)
        self.plain, self.supplies = plain, supplies
        if self.transform and supplies.pair is not None:
            self.transform.add_targets({"pair": "image"})

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        sample = {"image": self.image(index)}
        if self.supplies.mask is not None:
            sample["mask"] = self.supplies.mask[index]
        if self.supplies.pair is not None:
            sample["pair"] = self.supplies.pair.image(index)
        if self.transform:
            sample = draw_together(self.transform, derive(self.seed, self.epoch, index), **sample)
        parts = (torch.from_numpy(np.array(sample[name])) for name in ("image", *self.supplies.names))
        return *parts, torch.as_tensor(self.targets[index])

    def image(self, index: int) -> np.ndarray:
        return self.plain.image(index)


def of_crops(rows: pd.DataFrame, needs: Collection[str], masks: Masks, how: Loading) -> Supplies:
    """Gather what `needs` names (of `mask` and `pair`) for the crops `rows`, which `with_supplies` has kept.

    The pair of a real crop is the crop itself.
    """
    mask = forged.of_crops(rows, masks, how.crops, how.size) if "mask" in needs else None
    if "pair" not in needs:
        return Supplies(mask)
    untouched = rows.drop(columns="crop").rename(columns={"untouched": "crop"})
    return Supplies(mask, CropDataset(untouched, how.crops, None, how.size, 0, how.cache_mb))


def with_supplies(rows: pd.DataFrame, needs: Collection[str], masks: Masks) -> pd.DataFrame:
    """Return `rows` with the column `untouched` (`originals.beside`), without training fakes that lack what is needed.

    A fake lacks its mask where there is neither a file nor its original frame, its pair where that frame is not there.

    Raises:
        InputError: every training fake lacks something.
    """
    rows = originals.beside(rows)
    fakes = (rows["split"] == "train") & (rows["label"] == 1)
    told, lacks = forged.kinds(rows[fakes], masks), pd.Series(False, rows.index)
    lacks[fakes] = (told == forged.UNKNOWN) if "mask" in needs else False
    if "pair" in needs:
        lacks |= fakes & (rows["untouched"] == "")
    if fakes.any() and lacks[fakes].all():
        what, remedy = " and ".join(n for n in ("mask", "pair") if n in needs), "index the originals, or add the masks"
        raise InputError(f"needs {what}", f"none of {fakes.sum()} training fakes has what the network needs", remedy)
    return rows[~lacks]


def sentence(rows: pd.DataFrame, needs: Collection[str], masks: Masks) -> str:
    """Say in one line what the training fakes among `rows` are supplied with, and how many are left out for want."""
    kept, fakes = (
        part[(part["split"] == "train") & (part["label"] == 1)] for part in (with_supplies(rows, needs, masks), rows)
    )
    parts = [f"masks: {forged.sentence(forged.kinds(kept, masks))}"] if "mask" in needs else []
    parts += [f"pairs: {len(kept)} fakes"] if "pair" in needs else []
    return "; ".join([*parts, f"left out: {len(fakes) - len(kept)} of {len(fakes)}"])


def fingerprint(rows: pd.DataFrame, needs: Collection[str], masks: Masks) -> str:
    """Hash what the training crops among `rows` are supplied with, for the key of a run; "" where nothing is."""
    asked = [name for name in ("mask", "pair") if name in needs]
    if not asked:
        return ""
    kept = with_supplies(rows, asked, masks).query("split == 'train'")
    places = hashing.fingerprint(kept[["clip_id", "frame_idx", "track", *originals.SQUARE, "untouched"]])
    files = forged.fingerprint(kept, masks) if "mask" in asked else ""
    return hashing.digest(f"{asked} {places} {files}".encode())


def attach(dls: DataLoaders, supplies: Supplies) -> DataLoaders:
    """Let the training batches of `dls` carry supplies; order, images and targets stay as they are.

    A batch is then (images, masks B x 1 x S x S, pairs, targets), both images normalised: `supply.Supply` reduces it to
    the images, and hands the rest to the network by name.

    Raises:
        InputError: supplies of another number or size than the crops.
    """
    plain = dls.train.dataset
    shape = (len(plain), *plain.image(0).shape[:2])
    for name in supplies.names:
        part = getattr(supplies, name)
        given = part.shape if name == "mask" else (len(part), *part.image(0).shape[:2])
        if given != shape:
            raise InputError(f"supplies: {name}", f"are {given}, the crops {shape}", "make them of the same crops")
    dls.train.dataset = SuppliedDataset(plain, supplies)
    dls.train.after_batch = partial(_normalise, supplies.names)
    return dls


def _normalise(names: tuple[str, ...], batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    images, *parts, targets = batch
    given = dict(zip(names, parts, strict=True))
    if "mask" in given:
        given["mask"] = given["mask"][:, None]
    if "pair" in given:
        given["pair"] = normalise((given["pair"], targets))[0]
    return normalise((images, targets))[0], *given.values(), targets
