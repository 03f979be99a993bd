"""Clips as samples: F adjacent frames of one clip ("videos"), or single frames from all over the clips ("pictures")."""

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import albumentations as A
import numpy as np
import pandas as pd
import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader

from ddet.data.augment import draw
from ddet.data.crop_loader import CropDataset, Loading, both_classes, make_loader, normalise
from ddet.seeds import derive

SEQUENCE = ["clip_id", "track"]  # one person of one clip, frames in order
IDENTITY = ["clip_id", "frame_idx", "track", "group", "label", "split"]
WHOLE = -1  # frame_idx of a clip as a whole
Sampling, Short = Literal["videos", "pictures"], Literal["drop", "pad"]
Per, Scaling = Literal["clip", "frame"], Literal["imagenet", "raw"]
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class ClipRule:
    """Say how clips become samples.

    Args:
        frames: crops of a clip.
        short: what happens to clips with fewer crops: `drop` (the paper), or `pad`, with a mask.
        scaling: of the pixels, see `scaled`.
        sampling: `videos` or `pictures`, see `ClipDataset`; an evaluation is always of videos.
        augment_per: `frame` draws the augmentation anew for each crop (the released code), `clip` once for all crops
            of a sample.
    """

    frames: int
    short: Short
    scaling: Scaling
    sampling: Sampling = "videos"
    augment_per: Per = "frame"


class ClipDataset:
    """Triples of crops (uint8 F x size x size x 3), mask (bool F, False = padding at the end) and label.

    A sequence is the crops of one track of one clip in the order of `frame_idx`; `clips` lists them, one row each.
    `videos`: a sample is a sequence, seen through a window of `frames` adjacent crops that begins anywhere, drawn anew
    in each epoch. `pictures`: a sample is one crop (F = 1) with the label of its clip; each epoch draws `frames` crops
    of each sequence without replacement, so that it holds as many crops as an epoch of videos.

    The draws follow from (seed, epoch, sequence, frame) alone: neither workers nor order change a bit. `epoch` is set
    by the Learner. A sequence shorter than `frames` is padded with black: leave it out beforehand to drop it.

    Paper: ASRID 4.2, "Sampling Picture" and "Sampling Video".
    Differs: its released code holds whole clips only, of exactly 30 crops, and interleaves the persons of a clip.

    Args:
        rows: crops with clip_id, track, frame_idx, crop, label, group and split.
        how: where the crops lie, and their size.
        rule: frames of a sample, how it is drawn and augmented.
        transform: the augmentation, or None.
        seed: of windows and augmentation; None: always the first `frames` crops, for evaluation.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        how: Loading,
        rule: ClipRule,
        transform: A.Compose | None = None,
        seed: int | None = None,
    ):
        rows = rows.sort_values([*SEQUENCE, "frame_idx"], ignore_index=True)
        firsts = rows.drop_duplicates(SEQUENCE)
        self.crops = CropDataset(rows, how.crops, None, how.size, 0, how.cache_mb)
        self.at = np.split(np.arange(len(rows)), firsts.index[1:])  # the rows of each sequence
        self.clips = firsts.assign(frame_idx=WHOLE).reset_index(drop=True)[IDENTITY]
        self.frames, self.augment_per = rule.frames, rule.augment_per
        self.transform, self.seed, self.epoch = transform, seed, 0
        self.samples = [(i, None) for i in range(len(self.at))]
        if rule.sampling == "pictures":
            self.samples = [(i, turn) for i, at in enumerate(self.at) for turn in range(min(self.frames, len(at)))]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Batch:
        sequence, turn = self.samples[index]
        chosen = self._window(sequence) if turn is None else self._picture(sequence, turn)
        per_frame, size = self.augment_per == "frame" or turn is not None, self.crops.size
        images = np.zeros((self.frames if turn is None else 1, size, size, 3), np.uint8)
        for place, frame in enumerate(chosen):
            images[place] = self._image(sequence, frame, per_frame)
        mask = torch.arange(len(images)) < len(chosen)
        return torch.from_numpy(images), mask, torch.as_tensor(self.crops.targets[self.at[sequence][0]])

    def _window(self, sequence: int) -> np.ndarray:
        """Choose adjacent crops of a sequence: their places in it."""
        have = len(self.at[sequence])
        last = max(0, have - self.frames)
        start = 0 if self.seed is None else self._rng(sequence).integers(last + 1)
        return np.arange(start, min(start + self.frames, have))

    def _picture(self, sequence: int, turn: int) -> np.ndarray:
        """Choose the crop of one turn: no two turns of an epoch choose the same."""
        return self._rng(sequence).permutation(len(self.at[sequence]))[[turn]]

    def _rng(self, sequence: int) -> np.random.Generator:
        return np.random.default_rng(derive(self.seed, self.epoch, sequence, "window"))

    def _image(self, sequence: int, frame: int, per_frame: bool) -> np.ndarray:
        image = self.crops.image(self.at[sequence][frame])
        if self.transform is None:
            return image
        parts = (self.seed, self.epoch, sequence, int(frame)) if per_frame else (self.seed, self.epoch, sequence)
        return draw(self.transform, image, derive(*parts))


def scaled(batch: Batch, scaling: Scaling) -> Batch:
    """Turn uint8 N x F x S x S x 3 into float32 N x F x 3 x S x S: `imagenet` normalised, or `raw`, 0 to 255.

    Paper: the released ASRID feeds 0 to 255 to a backbone trained on normalised pictures.
    Differs: the default profile normalises.
    """
    crops, mask, labels = batch
    if scaling == "raw":
        return crops.movedim(-1, 2).contiguous().float(), mask, labels
    flat, _ = normalise((crops.flatten(0, 1), labels))
    return flat.unflatten(0, crops.shape[:2]), mask, labels


def make_clip_dls(
    rows: pd.DataFrame, how: Loading, rule: ClipRule, transform: A.Compose | None, seed: int
) -> DataLoaders:
    """Make the loaders of a fit from `rows` with a `split` column: train as `rule.sampling` says, valid by clip.

    `how.bs` counts clips; a batch of pictures holds bs * frames of them, so that both samplings see as many crops a
    step.

    Raises:
        InputError: no clip of a class is left in train or valid, or a crop cannot be read.
    """
    train, valid = (_of_split(rows, split, rule.frames, rule.short) for split in ("train", "valid"))
    dataset = ClipDataset(train, how, rule, transform, derive(seed, "clips"))
    each = how.bs * rule.frames if rule.sampling == "pictures" else how.bs
    loader = make_loader(dataset, each, how.device, how.workers, shuffle_seed=derive(seed, "order"))
    loader.after_batch = partial(scaled, scaling=rule.scaling)
    return DataLoaders(loader, clip_loader(valid, how, rule), device=how.device)


def clip_loader(rows: pd.DataFrame, how: Loading, rule: ClipRule) -> DataLoader:
    """Make a loader over the clips of `rows`: their first `frames` crops, in the order of `dataset.clips`."""
    dataset = ClipDataset(_kept(rows, rule.frames, rule.short), how, replace(rule, sampling="videos"))
    loader = make_loader(dataset, how.bs, how.device, how.workers)
    loader.after_batch = partial(scaled, scaling=rule.scaling)
    return loader


def short_clips(rows: pd.DataFrame, frames: int) -> pd.DataFrame:
    """List the sequences with fewer crops than `frames`: clip_id, track, split, frames, reason.

    Paper: ASRID 3.2 ignores them.
    """
    have = rows.groupby([*SEQUENCE, "split"]).size().rename("frames").reset_index()
    lacking = have[have["frames"] < frames].reset_index(drop=True)
    return lacking.assign(reason=[f"{n} of {frames} crops" for n in lacking["frames"]])


def choose_clips(rows: pd.DataFrame, counts: dict[str, int], seed: int) -> pd.DataFrame:
    """Keep the first so many clips of each split after a seeded shuffle; a split without a count stays whole.

    Where a split has fewer clips, all are kept, with a warning. The rows stay in their order.

    Paper: ASRID section 5: the small data set; as released, 600, 30 and 30 clips, without regard to class.
    """
    kept = []
    for split, part in rows.groupby("split"):
        clips = np.sort(part["clip_id"].unique().astype(str))
        n = counts.get(split, len(clips))
        if n > len(clips):
            warnings.warn(f"split {split}: {len(clips)} of {n} clips", stacklevel=2)
        chosen = np.random.default_rng(derive(seed, split)).permutation(clips)[:n]
        kept.append(part[part["clip_id"].isin(chosen)])
    return pd.concat(kept).sort_index()


def _kept(rows: pd.DataFrame, frames: int, short: Short) -> pd.DataFrame:
    if short == "pad":
        return rows
    have = rows.groupby(SEQUENCE)["frame_idx"].transform("size")
    return rows[have >= frames]


def _of_split(rows: pd.DataFrame, split: str, frames: int, short: Short) -> pd.DataFrame:
    chosen = _kept(rows[rows["split"] == split], frames, short)
    return both_classes(chosen, f"split {split}", f"clip of {frames} crops", "take fewer frames, or pad")
