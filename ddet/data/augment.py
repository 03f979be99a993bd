"""Augmentation lists made from params: operations with their probabilities, seeded per sample by the dataset."""

import random
from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np

from ddet import params


def _rotate(p: float) -> A.BasicTransform:
    """Turn by up to 45 degrees to either side; the corners are filled with the mirrored crop.

    Paper: Herd section 1, "rotation and flipping only"; section 2.3, augmentation that "just rotates the image".
    Differs: the paper names no angle. 45 degrees is the range of ShiftScaleRotate in the lists that its code
    releases, so that a list with this operation differs from the released one only by the operations that the text
    leaves out.
    """
    return A.Rotate(limit=(-45, 45), border_mode=cv2.BORDER_REFLECT_101, p=p)


def _gauss_noise(p: float) -> A.BasicTransform:
    """Add noise of variance 10 to 50 on the 0-255 scale, drawn for every pixel and channel.

    Differs: the range is the default of albumentations 1, which GenConViT's list relies on; the default of
    version 2 is about sixteen times stronger.
    """
    return A.GaussNoise(std_range=(0.0124, 0.0277), p=p)


def _shift_scale_rotate(p: float) -> A.BasicTransform:
    """Shift by up to 1/16 of the crop, scale by up to a tenth, turn by up to 45 degrees, fill by mirroring.

    Differs: ShiftScaleRotate is Affine in albumentations 2, which by itself scales each axis by another factor; the
    ranges, and one factor for both, are version 1's.
    """
    return A.Affine(
        translate_percent=(-0.0625, 0.0625),
        scale=(0.9, 1.1),
        rotate=(-45, 45),
        border_mode=cv2.BORDER_REFLECT_101,
        keep_ratio=True,
        p=p,
    )


def _slight_shift_scale_rotate(p: float) -> A.BasicTransform:
    """Shift by up to a tenth of the crop, scale by up to a fifth, turn by up to 10 degrees, fill with black.

    Paper: the list that ASRID released.
    """
    return A.Affine(
        translate_percent=(-0.1, 0.1),
        scale=(0.8, 1.2),
        rotate=(-10, 10),
        border_mode=cv2.BORDER_CONSTANT,
        keep_ratio=True,
        p=p,
    )


Step = Callable[[float], A.BasicTransform | A.OneOf]  # from a probability to the operation
TEXTURE: dict[str, Step] = {  # sharpness and contrast: one of them, each as likely as the others
    "CLAHE": lambda p: A.CLAHE(clip_limit=2, p=p),
    "Sharpen": lambda p: A.Sharpen(p=p),
    "Emboss": lambda p: A.Emboss(p=p),
    "RandomBrightnessContrast": lambda p: A.RandomBrightnessContrast(p=p),
}
COLOUR: dict[str, Step] = {  # ASRID's: one of them, each as likely as the others
    "RandomBrightnessContrast": lambda p: A.RandomBrightnessContrast(p=p),
    "FancyPCA": lambda p: A.FancyPCA(p=p),
    "HueSaturationValue": lambda p: A.HueSaturationValue(p=p),
}
STEPS: dict[str, Step] = {  # the operations that params may name
    "RandomRotate90": lambda p: A.RandomRotate90(p=p),
    "Transpose": lambda p: A.Transpose(p=p),
    "HorizontalFlip": lambda p: A.HorizontalFlip(p=p),
    "VerticalFlip": lambda p: A.VerticalFlip(p=p),
    "Rotate": _rotate,
    "GaussNoise": _gauss_noise,
    "ShiftScaleRotate": _shift_scale_rotate,
    "Texture": lambda p: A.OneOf([make(1) for make in TEXTURE.values()], p=p),
    "HueSaturationValue": lambda p: A.HueSaturationValue(p=p),
    "ImageCompression": lambda p: A.ImageCompression(quality_range=(60, 100), p=p),
    "GaussianBlur": lambda p: A.GaussianBlur(blur_limit=(3, 3), p=p),
    "Colour": lambda p: A.OneOf([make(1) for make in COLOUR.values()], p=p),
    "ToGray": lambda p: A.ToGray(p=p),
    "SlightShiftScaleRotate": _slight_shift_scale_rotate,
}


def pipeline(spec: params.AugmentList) -> A.Compose | None:
    """Build a list as one transform: with probability p all its steps in order, else none; None if it changes nothing.

    Paper: Herd section 2.3. NA is the empty list and RF "Random Flips": the two flips with probability one half.
    Base is the training list that GenConViT released: geometry, noise, texture and colour, all of it at p = .9.
    Differs: the code that Herd released calls "RF" what is GenConViT's list without noise, texture and colour: it
    also turns by 90 degrees, transposes and shifts-scales-rotates. Both lists stand in params, under their own names.
    """
    steps = [STEPS[name](p) for name, p in spec.steps.items() if p > 0]
    return A.Compose(steps, p=spec.p) if steps and spec.p > 0 else None


def draw(steps: A.Compose, image: np.ndarray, seed: int) -> np.ndarray:
    """Augment a uint8 H x W x 3 image; the random draws depend on `seed` only."""
    return draw_together(steps, seed, image=image)["image"]


def draw_together(steps: A.Compose, seed: int, **targets: np.ndarray) -> dict[str, Any]:
    """Augment an image and the further targets of the list (a mask, a second image) with the same random draw.

    `Compose.set_random_seed` would give every step a generator of its own with the same seed, so that two steps of
    equal probability always act together (left-right and upside-down flips). Here all steps draw from one stream.
    """
    steps.set_random_state(np.random.default_rng(seed), random.Random(seed))
    return steps(**targets)


def draws(spec: params.AugmentList, image: np.ndarray, count: int) -> list[np.ndarray]:
    """Return `count` augmented versions of an image (uint8 H x W x 3), the same on every call."""
    steps = pipeline(spec)
    return [draw(steps, image, seed) if steps else image for seed in range(count)]
