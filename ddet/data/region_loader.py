"""Training crops together with the region of each that may be hidden, through the same augmentation."""

from collections.abc import Callable

import numpy as np
import torch
from fastai.data.core import DataLoaders

from ddet.data.augment import draw_together
from ddet.data.crop_loader import ImageDataset, normalise
from ddet.errors import InputError
from ddet.seeds import derive

Regions = Callable[[int, int], np.ndarray]  # (index of a sample, seed of its draws) -> levels, float32 S x S
DRAWS = ("gate", "alpha", "region")  # of a sample in an epoch: whether, how much, and what is hidden


class RegionDataset(ImageDataset):
    """Samples of another dataset as (image, levels, draws, target).

    `levels` (float32 S x S) says from which alpha in [0, 1] on a pixel is hidden, inf: never (`exploit.levels`). They
    move with the image: flips, turns and shifts take the nearest pixel, and what changes colours leaves them alone.
    `draws` are int64, one for each of DRAWS, uniform in [0, 2**31). Like those of the augmentation they follow from
    (seed, epoch, index) alone. Images and targets are those of `plain`, to the bit.
    """

    def __init__(self, plain: ImageDataset, regions: Regions):
        super().__init__(plain.targets, plain.transform, plain.seed)
        self.plain, self.regions = plain, regions

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        draws = [derive(self.seed, name, self.epoch, index) for name in DRAWS]
        image, levels = self.image(index), self.regions(index, draws[-1])
        if self.transform:
            moved = draw_together(self.transform, derive(self.seed, self.epoch, index), image=image, mask=levels)
            image, levels = moved["image"], moved["mask"]
        sample = torch.from_numpy(np.array(image)), torch.from_numpy(np.array(levels, np.float32))
        return *sample, torch.tensor(draws), torch.as_tensor(self.targets[index])

    def image(self, index: int) -> np.ndarray:
        return self.plain.image(index)


def attach(dls: DataLoaders, regions: Regions) -> DataLoaders:
    """Let the training batches of `dls` carry regions; order, images and targets stay as they are.

    A batch is then (images, levels, draws, targets), of which fastai takes the first three for the network's input:
    `exploit.Exploit` reduces them to the images.

    Raises:
        InputError: levels of another size than the images.
    """
    plain = dls.train.dataset
    given, wanted = np.shape(regions(0, 0)), plain.image(0).shape[:2]
    if given != wanted:
        raise InputError("regions", f"are {given}, the crops {wanted}", "make the maps at the size of the crops")
    dls.train.dataset, dls.train.after_batch = RegionDataset(plain, regions), _normalise
    return dls


def _normalise(batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    images, levels, draws, targets = batch
    return normalise((images, targets))[0], levels, draws, targets
