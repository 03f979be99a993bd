"""From rows of faces.parquet to batches: crops in memory, augmentation seeded per sample, ImageNet normalisation."""

import random
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import albumentations as A
import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader

from ddet.data.augment import draw
from ddet.data.crops import load_crop, resized
from ddet.errors import InputError
from ddet.seeds import derive

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, RGB in [0, 1]
CACHE_MB = 1024
CLASSES = {0: "real", 1: "fake"}


def device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the GPU where there is one.

    Raises:
        InputError: "cuda" without a GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("runtime.device = 'cuda'", "torch finds no CUDA device", "use 'auto' or 'cpu'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Loading:
    """Settings that all loaders of a fit share: which crops they read, at which size, and how they are batched.

    Args:
        crops: the folder below which tables name their crops.
        size: side of the crops as the network sees them, px.
        bs: samples of a batch: crops, or clips.
        device: where batches are moved to.
        workers: processes that load samples; 0: this process.
        cache_mb: the crops of a loader are kept in memory where they take less, megabytes.
    """

    crops: Path
    size: int
    bs: int
    device: torch.device
    workers: int = 0
    cache_mb: float = CACHE_MB


class ImageDataset:
    """Pairs of a uint8 image (size x size x 3) and a target, augmented anew in each epoch.

    The draws of a sample follow from (seed, epoch, index) alone: neither the number of workers nor the order of the
    samples changes a bit, and no epoch repeats another. `epoch` is set by the Learner before each training pass.
    """

    def __init__(self, targets: np.ndarray, transform: A.Compose | None, seed: int):
        self.targets, self.transform, self.seed, self.epoch = targets, transform, seed, 0

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.image(index)
        if self.transform:
            image = draw(self.transform, image, derive(self.seed, self.epoch, index))
        return torch.from_numpy(np.array(image)), torch.as_tensor(self.targets[index])

    def image(self, index: int) -> np.ndarray:
        """Return the image as it is before augmentation."""
        raise NotImplementedError


class ArrayDataset(ImageDataset):
    """Images that are in memory already: uint8 n x size x size x 3."""

    def __init__(self, images: np.ndarray, targets: np.ndarray, transform: A.Compose | None = None, seed: int = 0):
        super().__init__(targets, transform, seed)
        self.images = images

    def image(self, index: int) -> np.ndarray:
        return self.images[index]


class CropDataset(ImageDataset):
    """The crops that `rows` name (columns crop, label) below `root`, resized to `size`.

    They are decoded here where all of them fit into `cache_mb` megabytes, and once for all datasets of a process;
    else each time they are asked for.
    `hidden` (int n x boxes x 4: x0, y0, x1, y1 in px of `size`) are blackened before any augmentation.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        root: Path,
        transform: A.Compose | None,
        size: int,
        seed: int,
        cache_mb: float = CACHE_MB,
        hidden: np.ndarray | None = None,
    ):
        super().__init__(rows["label"].to_numpy(np.int64), transform, seed)
        self.paths, self.size, self.hidden = [Path(root) / crop for crop in rows["crop"]], size, hidden
        self.images = None
        if len(rows) * size * size * 3 <= cache_mb * 2**20:
            self.images = [_decoded(path, size, _stamp(path)) for path in self.paths]

    def image(self, index: int) -> np.ndarray:
        image = _decode(self.paths[index], self.size) if self.images is None else self.images[index]
        if self.hidden is not None:
            image = image.copy()
            for x0, y0, x1, y1 in self.hidden[index]:
                image[y0:y1, x0:x1] = 0
        return image


def _decode(path: Path, size: int) -> np.ndarray:
    return resized(load_crop(path), size)


@lru_cache(maxsize=8192)  # 300 MB of 112 px; the runs of a table see the same crops again and again
def _decoded(path: Path, size: int, stamp: int) -> np.ndarray:
    image = _decode(path, size)
    image.setflags(write=False)
    return image


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0  # a crop that was cut anew is read anew


def normalise(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn uint8 B x H x W x 3 into ImageNet-normalised float32 B x 3 x H x W on the batch's device."""
    images, targets = batch
    mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (MEAN, STD))
    scaled = images.permute(0, 3, 1, 2).contiguous().float().div_(255)
    return scaled.sub_(mean).div_(std), targets


def make_loader(
    dataset: ImageDataset, bs: int, on: torch.device, workers: int = 0, shuffle_seed: int | None = None
) -> DataLoader:
    """Batch a dataset: in a fresh order each epoch when a `shuffle_seed` is given, in its own order otherwise.

    A last batch of a single sample is dropped when shuffling, because batch normalisation cannot train on one;
    over the epochs the order gives every sample its turn.
    """
    shuffle = shuffle_seed is not None
    alone = shuffle and len(dataset) > bs and len(dataset) % bs == 1
    loader = DataLoader(
        dataset,
        bs=bs,
        num_workers=workers,
        shuffle=shuffle,
        drop_last=alone,
        pin_memory=on.type == "cuda",
        device=on,
        after_batch=normalise,
    )
    loader.rng = random.Random(shuffle_seed)  # fastai seeds it from the global state
    return loader


def make_dls(
    rows: pd.DataFrame, how: Loading, transform: A.Compose | None, seed: int, hidden: np.ndarray | None = None
) -> DataLoaders:
    """Make the loaders of a fit from `rows` with a `split` column: train augmented and shuffled, valid plain.

    `hidden` are boxes to blacken in the training crops, see `CropDataset`.

    Raises:
        InputError: a class is missing in train or valid, or a crop cannot be read.
    """
    remedy = "choose another protocol or more clips"
    train, valid = (both_classes(rows[rows["split"] == s], f"split {s}", "crop", remedy) for s in ("train", "valid"))
    train_ds = CropDataset(train, how.crops, transform, how.size, derive(seed, "augment"), how.cache_mb, hidden)
    train_dl = make_loader(train_ds, how.bs, how.device, how.workers, shuffle_seed=derive(seed, "order"))
    return DataLoaders(train_dl, eval_loader(valid, how), device=how.device)


def eval_loader(rows: pd.DataFrame, how: Loading) -> DataLoader:
    """Make a loader over `rows` in their order, without augmentation."""
    dataset = CropDataset(rows, how.crops, None, how.size, 0, how.cache_mb)
    return make_loader(dataset, how.bs, how.device, how.workers)


def both_classes(rows: pd.DataFrame, where: str, what: str, remedy: str) -> pd.DataFrame:
    """Return `rows` as they are.

    Raises:
        InputError: a class is missing among them: `where` holds no real (or fake) `what`.
    """
    for label, name in CLASSES.items():
        if not (rows["label"] == label).any():
            raise InputError(where, f"holds no {name} {what}", remedy)
    return rows


def balance(rows: pd.DataFrame, per_class: int, seed: int, imbalance: float = 1.0) -> pd.DataFrame:
    """Choose 2 x `per_class` rows with `imbalance` fakes to one real, spread evenly over methods, clips, then frames.

    Where a class has fewer rows than that both are cut, their ratio kept, with a warning. The rows come back in their
    own order.

    Raises:
        InputError: a class has no row at all.
    """
    sides = {name: rows[rows["label"] == label] for label, name in CLASSES.items()}
    have = {name: len(side) for name, side in sides.items()}
    if not all(have.values()):
        raise InputError("balanced set", f"there are {have['real']} real and {have['fake']} fake crops", "add clips")
    real = round(2 * per_class / (1 + imbalance))
    want = {"real": real, "fake": 2 * per_class - real}
    share = min(1.0, *(have[name] / n for name, n in want.items() if n))
    count = {name: max(1, int(n * share + 1e-9)) for name, n in want.items()}
    if share < 1:
        warnings.warn(
            f"training set: {count['real']} of {want['real']} real and {count['fake']} of {want['fake']} fake crops",
            stacklevel=2,
        )
    return rows.loc[
        [i for name, side in sides.items() for i in _spread(side, count[name], derive(seed, name))]
    ].sort_index()


def _spread(rows: pd.DataFrame, n: int, seed: int) -> list:
    """Pick `n` index labels so that methods differ by at most one while they last, and likewise clips within one."""
    keys = rows[["clip_id", "frame_idx", "track"]].sort_values(["clip_id", "frame_idx", "track"])
    keys = keys.sample(frac=1, random_state=np.random.default_rng(seed))
    keys["method"] = keys["clip_id"].str.split("/").str[1]
    keys["turn_in_clip"] = keys.groupby("clip_id").cumcount()
    keys = keys.sort_values("turn_in_clip", kind="stable")
    keys["turn_in_method"] = keys.groupby("method").cumcount()
    return keys.sort_values("turn_in_method", kind="stable").index[:n].tolist()
