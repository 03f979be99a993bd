"""Where runs look: maps and truth in the order of the rows, and shares by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ddet import ablation, attention, cam, learn, models, params
from ddet.data import crops, loaders
from ddet.errors import InputError
from ddet.runs import RECORD
from ddet.synth.encode import write_truth


def finished(folder, name: str):
    """Write what attention reads of a run: weights at random, and the configuration."""
    cfg = params.Model(name=name, backbone="test_convnext", size=64, use_swin=False)
    torch.manual_seed(1)
    folder.mkdir()
    learn.save_weights(models.create(cfg), folder / learn.WEIGHTS)
    (folder / RECORD).write_text(json.dumps({"config": {"model": cfg.model_dump()}}))
    return folder


@pytest.fixture
def shots(tmp_path):
    """Write three crops of noise; the rows come in an order of their own, with a number twice in the index."""
    rng = np.random.default_rng(2)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (70, 70, 3), np.uint8)).save(tmp_path / f"{i}.png")
    rows = pd.DataFrame({"crop": ["2.png", "0.png", "1.png"], "label": [1, 1, 1]}, index=[4, 4, 0])
    return tmp_path, rows


@pytest.mark.parametrize("name", ["genconvit_ed", "timm"])
def test_maps_come_in_the_order_of_the_rows(shots, name):
    root, rows = shots
    folder = finished(root / "run", name)
    maps = attention.maps(folder, rows, root)
    assert maps.shape == (3, 64, 64) and maps.dtype == np.float32 and maps.min() >= 0 and maps.max() <= 1
    net = ablation.load_model(folder)
    layer = models.cam_layer(net, 64)
    for crop, found in zip(rows["crop"], maps, strict=True):
        image = torch.from_numpy(crops.resized(crops.load_crop(root / crop), 64))[None]
        one = cam.grad_cam(net, layer, loaders.normalise((image, None))[0], attention.FAKE)[0]
        np.testing.assert_allclose(found, one, atol=1e-3)
    assert not np.allclose(maps[0], maps[1]) and maps.std() > 0


def test_more_rows_than_a_batch_lose_none(shots):
    root, rows = shots
    many = pd.concat([rows] * 12, ignore_index=True)
    maps = attention.maps(finished(root / "run", "timm"), many, root)
    assert len(maps) == 36
    np.testing.assert_allclose(maps[33:], maps[:3], atol=1e-3)


def placed(clip_id: str, frame: int, label: int, x0: int, side: int) -> dict:
    return {"clip_id": clip_id, "frame_idx": frame, "label": label, "x0": x0, "y0": 0, "x1": x0 + side, "y1": side}


def test_forged_pixels_come_in_the_order_of_the_rows(tmp_path):
    truth = np.zeros((3, 32, 48), bool)
    for t in range(3):
        truth[t, 4 * t : 4 * t + 4, 16:24] = True  # four rows further down in every frame
    write_truth(tmp_path / "d" / "fake" / "-" / "a.npz", truth)
    write_truth(tmp_path / "d" / "fake" / "-" / "b.npz", ~truth)
    rows = [
        placed("d/fake/-/a", 2, 1, 16, 32), placed("d/fake/-/b", 0, 1, 0, 32), placed("d/real/-/a", 0, 0, 0, 32),
        placed("d/fake/-/a", 0, 1, 0, 32), placed("d/fake/-/a", 1, 1, 16, 16),
    ]  # fmt: skip
    masks = attention.forged(pd.DataFrame(rows, index=[7, 1, 1, 1, 0]), tmp_path, 16)
    expected = np.zeros((5, 16, 16), bool)
    expected[0, 4:6, :4] = True  # frame rows 8 to 12, columns 16 to 24 less the 16 of the crop's edge, at half size
    expected[1] = True
    expected[1, :2, 8:12] = False
    expected[3, :2, 8:12] = True
    expected[4, 4:8, :8] = True  # a crop of 16 px keeps its size
    assert masks.dtype == bool and np.array_equal(masks, expected)


def test_a_fake_without_truth_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no ground truth for this fake"):
        attention.forged(pd.DataFrame([placed("d/fake/-/a", 0, 1, 0, 16)]), tmp_path, 16)


def test_shares_are_means_over_the_rows():
    masks = np.zeros((2, 2, 2), bool)
    masks[:, 0] = True  # the upper half
    above, split = np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 1]])
    maps = {"NA": np.stack([above, above]).astype(np.float32), "RF": np.stack([above, split]).astype(np.float32)}
    table = attention.shares(maps, masks)
    assert table.columns.tolist() == ["NA", "RF"]
    assert table.loc["inside"].tolist() == [1, 0.75] and table.loc["area"].tolist() == [0.5, 0.5]
    assert table.loc["iou"].tolist() == pytest.approx([1, (1 + 1 / 3) / 2])
