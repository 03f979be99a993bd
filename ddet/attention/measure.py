"""Compute Grad-CAM of trained runs over rows of crops, and measure it against regions of the crop."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ddet import models
from ddet.attention import grad_cam
from ddet.data import crop_loader, landmarks
from ddet.data.crops import crop_masks
from ddet.errors import InputError
from ddet.runs import finished

FAKE = 1


def maps(folder: Path, rows: pd.DataFrame, crops: Path) -> np.ndarray:
    """Compute Grad-CAM of one run for the class fake: float32 n x size x size in [0, 1], in the order of `rows`.

    Of a backbone that runs twice in a forward pass, the pass on the image is read (`models.cam_call`).
    """
    size = finished.config_of_run(folder)["model"]["size"]
    net = finished.load_model(folder)
    layers, call = [models.cam_layer(net, size)], models.cam_call(net)
    loader = crop_loader.eval_loader(rows, crop_loader.Loading(crops, size, 32, crop_loader.device("cpu")))
    batches = [
        grad_cam.attention_maps(net, layers, images, torch.full_like(labels, FAKE), call) for images, labels in loader
    ]
    return torch.cat(batches).numpy()


def cells(folder: Path) -> int:
    """Return how many cells a side the map has that Grad-CAM reads in one run."""
    size, net = finished.config_of_run(folder)["model"]["size"], finished.load_model(folder)
    sides: list[int] = []
    layer = models.cam_layer(net, size)
    hook = layer.register_forward_hook(lambda _, __, output: sides.append(min(output.shape[-2:])))
    with torch.inference_mode():
        net(torch.zeros(1, 3, size, size))
    hook.remove()
    return sides[-1]


def forged(rows: pd.DataFrame, truth: Path, size: int) -> np.ndarray:
    """Return the ground truth of `rows` in crop coordinates: bool n x size x size, True = forged."""
    asked = rows[["label", "frame_idx", "x0", "y0", "x1", "y1"]]
    parts = [crop_masks(clip_id, asked.iloc[[n]], truth, size) for n, clip_id in enumerate(rows["clip_id"])]
    return np.concatenate(parts)


def regions(rows: pd.DataFrame, size: int, truth: Path | None) -> dict[str, np.ndarray]:
    """Return the regions that attention may fall on, by name, each bool n x size x size.

    `eyes` are the rectangles of `landmarks.eye_boxes`, `face` the ellipse of `landmarks.face`, `background` all but
    the face, and `forged` the ground truth below `truth`; None (real data): there is no such region.
    """
    face = landmarks.face(rows, size)
    found = {
        "eyes": landmarks.inside(landmarks.eye_boxes_of(rows, size), size),
        "face": face,
        "background": ~face,
    }
    return found if truth is None else found | {"forged": forged(rows, truth, size)}


def region_shares(maps: np.ndarray, regions: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Measure per image how much of its map lies in each region, and how much of an even map would.

    Paper: Herd section 2.2 (3) and Figure 2 say so of the eyes and the background by looking at maps.

    Args:
        maps: float n x H x W, not negative.
        regions: name -> bool n x H x W. They may overlap.

    Returns:
        n rows; columns (`share`, name), of the map's sum, and (`area`, name), of the image. nan where the image lacks
        the region (no landmarks, nothing forged), and in `share` where the map is zero everywhere.

    Raises:
        InputError: a region of another shape.
    """
    total = maps.sum(axis=(1, 2), dtype=float)
    found = {}
    for name, region in regions.items():
        if region.shape != maps.shape:
            raise InputError(f"region {name}", f"{region.shape}, but maps {maps.shape}", "pass n x H x W for both")
        area = region.mean(axis=(1, 2))
        with np.errstate(invalid="ignore"):
            share = (maps * region).sum(axis=(1, 2), dtype=float) / total
        found["share", name] = np.where(area > 0, share, np.nan)
        found["area", name] = np.where(area > 0, area, np.nan)
    return pd.DataFrame(found)


def attention_shares(maps: np.ndarray, masks: np.ndarray, threshold: float = 0.5) -> dict[str, np.ndarray]:
    """Measure per image how much of a map lies on its mask; each value is a float of length n.

    Args:
        maps: float n x H x W in [0, 1].
        masks: bool n x H x W, True = forged pixel.
        threshold: where a map counts as attention, for the IoU.

    Returns:
        `inside` the share of the map's sum within the mask, `pointing` 1 where its largest value lies within (the
        first of several, row by row), `iou` of {map >= threshold} with the mask, and `area` the mask's share of the
        image: what `inside` and `pointing` give by chance. nan where the mask or (but for `area`) the map is empty.

    Raises:
        InputError: maps and masks of different shape.
    """
    if maps.shape != masks.shape or maps.ndim != 3:
        raise InputError("attention_shares", f"maps {maps.shape} and masks {masks.shape}", "pass n x H x W for both")
    flat, hidden = maps.reshape(len(maps), -1).astype(float), masks.reshape(len(masks), -1).astype(bool)
    area, total, hot = hidden.mean(axis=1), flat.sum(axis=1), flat >= threshold
    marked, seen = area > 0, total > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "inside": (flat * hidden).sum(axis=1) / total,
            "pointing": hidden[np.arange(len(flat)), flat.argmax(axis=1)].astype(float),
            "iou": (hot & hidden).sum(axis=1) / (hot | hidden).sum(axis=1),
        }
    shares = {name: np.where(marked & seen, value, np.nan) for name, value in found.items()}
    return shares | {"area": np.where(marked, area, np.nan)}


def shares(maps_by_arm: Mapping[str, np.ndarray], forged: np.ndarray) -> pd.DataFrame:
    """Average `attention_shares` over the crops: one line per share, one column per arm.

    The last line, `images`, counts the crops behind the averages: those with a forged pixel and a map that is not
    zero everywhere.
    """
    found = {arm: attention_shares(m, forged) for arm, m in maps_by_arm.items()}
    table = pd.DataFrame({arm: {name: pd.Series(v).mean() for name, v in s.items()} for arm, s in found.items()})
    table.loc["images"] = {arm: np.count_nonzero(~np.isnan(s["inside"])) for arm, s in found.items()}
    return table
