"""The augmentation lists, by name. Each works on one uint8 HxWx3 crop and is seeded per sample by the dataset."""

import random
from collections.abc import Callable

import albumentations as A
import cv2
import numpy as np

from ddet.errors import InputError


def _flips() -> list[A.BasicTransform]:
    """Flip left-right and upside-down, each with probability one half.

    Paper: Herd Mentality, "Random Flips" (RF).
    Differs: the released RF list also turns by 90 degrees, transposes and shifts-scales-rotates.
    """
    return [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]


def _genconvit() -> list[A.BasicTransform]:
    """Distort strongly: geometry, noise, sharpness and colour, all of it skipped for one crop in ten.

    Paper: GenConViT's released training list, the Base arm of Herd Mentality.
    Differs: written for albumentations 2, with the ranges that were the defaults of version 1; the present
    default of GaussNoise is about sixteen times stronger, and ShiftScaleRotate is now Affine.
    """
    geometry = [
        A.RandomRotate90(p=0.2),
        A.Transpose(p=0.2),
        *_flips(),
        A.OneOf([A.GaussNoise(std_range=(0.0124, 0.0277))], p=0.2),  # variance 10 to 50 on the 0-255 scale
        A.Affine(
            translate_percent=(-0.0625, 0.0625),
            scale=(0.9, 1.1),
            rotate=(-45, 45),
            border_mode=cv2.BORDER_REFLECT_101,
            p=0.2,
        ),
    ]
    texture = [A.CLAHE(clip_limit=2), A.Sharpen(), A.Emboss(), A.RandomBrightnessContrast()]
    return [A.Sequential([*geometry, A.OneOf(texture, p=0.2), A.HueSaturationValue(p=0.2)], p=0.9)]


LISTS: dict[str, Callable[[], list[A.BasicTransform]]] = {"none": list, "flips": _flips, "genconvit": _genconvit}


def pipeline(name: str) -> A.Compose | None:
    """Build the augmentation list `name`; None where it changes nothing.

    Raises:
        InputError: no list of that name.
    """
    if name not in LISTS:
        raise InputError("augment", f"no list is called {name!r}", f"use one of {', '.join(LISTS)}")
    steps = LISTS[name]()
    return A.Compose(steps) if steps else None


def draw(steps: A.Compose, image: np.ndarray, seed: int) -> np.ndarray:
    """Augment a uint8 HxWx3 image; the draws follow from `seed` alone.

    `Compose.set_random_seed` would give every step a generator of its own with the same seed, so that equal questions
    get equal answers (left-right and upside-down flips always together). Here all steps draw from one stream.
    """
    steps.set_random_state(np.random.default_rng(seed), random.Random(seed))
    return steps(image=image)["image"]


def draws(name: str, image: np.ndarray, count: int) -> list[np.ndarray]:
    """Show what list `name` does to an image: `count` draws, the same on every call."""
    steps = pipeline(name)
    return [draw(steps, image, seed) if steps else image for seed in range(count)]
