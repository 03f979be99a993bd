"""Where trained runs look: Grad-CAM over rows of crops, and the forged pixels in the same coordinates."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ddet import ablation, cam, models
from ddet.data import loaders
from ddet.data.crops import crop_masks

FAKE = 1


def maps(folder: Path, rows: pd.DataFrame, crops: Path) -> np.ndarray:
    """Compute Grad-CAM of one run for the class fake: float32 n x size x size in [0, 1], in the order of `rows`."""
    size = ablation.config_of_run(folder)["model"]["size"]
    net = ablation.load_model(folder)
    layer = models.cam_layer(net, size)
    loader = loaders.eval_loader(rows, crops, size, 32, loaders.device("cpu"))
    return np.concatenate([cam.grad_cam(net, layer, images, FAKE) for images, _ in loader])


def forged(rows: pd.DataFrame, truth: Path, size: int) -> np.ndarray:
    """Return the ground truth of `rows` in crop coordinates: bool n x size x size, True = forged."""
    parts = [crop_masks(clip_id, rows.iloc[[n]], truth, size) for n, clip_id in enumerate(rows["clip_id"])]
    return np.concatenate(parts)


def shares(maps_by_arm: Mapping[str, np.ndarray], masks: np.ndarray) -> pd.DataFrame:
    """Average `cam.attention_shares` over the rows: one line per share, one column per arm."""
    found = {arm: cam.attention_shares(m, masks) for arm, m in maps_by_arm.items()}
    return pd.DataFrame({arm: {name: float(np.mean(v)) for name, v in s.items()} for arm, s in found.items()})
