"""Where runs look: maps and truth in the order of the rows, and shares by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddet import models, params
from ddet.attention import grad_cam, measure
from ddet.data import crop_loader, crops
from ddet.data import landmarks as data_landmarks
from ddet.errors import InputError
from ddet.runs import finished as runs_finished
from ddet.runs.store import RECORD
from ddet.synth.encode import write_truth
from ddet.training import learner


def finished(folder, name: str):
    """Write what attention reads of a run: weights at random, and the configuration."""
    cfg = params.Model(name=name, backbone="test_convnext", size=64, form="released", swin=None, width=4)
    torch.manual_seed(1)
    folder.mkdir()
    learner.save_weights(models.create(cfg), folder / learner.WEIGHTS)
    (folder / RECORD).write_text(json.dumps({"config": {"model": cfg.model_dump()}}))
    return folder


@pytest.fixture
def shots(tmp_path):
    """Write three crops of noise; the rows come in an order of their own, with a number twice in the index."""
    rng = np.random.default_rng(2)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (70, 70, 3), np.uint8)).save(tmp_path / f"{i}.png")
    rows = pd.DataFrame({"crop": ["2.png", "0.png", "1.png"], "label": [1, 0, 1]}, index=[4, 4, 0])
    return tmp_path, rows


@pytest.mark.parametrize("name", ["genconvit_ed", "timm"])
def test_maps_come_in_the_order_of_the_rows(shots, name):
    root, rows = shots
    folder = finished(root / "run", name)
    maps = measure.maps(folder, rows, root)
    assert maps.shape == (3, 64, 64) and maps.dtype == np.float32 and maps.min() >= 0 and maps.max() <= 1
    net = runs_finished.load_model(folder)
    layers, fake = [models.cam_layer(net, 64)], torch.tensor([1])
    for crop, found in zip(rows["crop"], maps, strict=True):
        image = torch.from_numpy(crops.resized(crops.load_crop(root / crop), 64))[None]
        image = crop_loader.normalise((image, None))[0]
        one = grad_cam.attention_maps(net, layers, image, fake, models.cam_call(net))[0]
        np.testing.assert_allclose(found, one, atol=1e-3)
    assert not np.allclose(maps[0], maps[1]) and maps.std() > 0


def test_maps_are_of_the_pass_that_the_network_names(shots, monkeypatch):
    root, rows = shots
    folder = finished(root / "run", "genconvit_ed")
    on_image = measure.maps(folder, rows, root)
    monkeypatch.setattr(models, "cam_call", lambda net: 0)  # the pass on the decoded image
    net, images = runs_finished.load_model(folder), [crops.load_crop(root / crop) for crop in rows["crop"]]
    batch = torch.from_numpy(np.stack([crops.resized(image, 64) for image in images]))
    batch = crop_loader.normalise((batch, None))[0]
    decoded = grad_cam.attention_maps(net, [models.cam_layer(net, 64)], batch, torch.ones(3, dtype=int), call=0)
    np.testing.assert_allclose(measure.maps(folder, rows, root), decoded, atol=1e-3)
    assert not np.allclose(on_image, decoded, atol=0.05)


def test_the_cells_of_a_run_are_those_of_the_layer_that_is_read(tmp_path):
    """ConvNeXt's last stage sees a map of a thirty-second of 64 px."""
    assert measure.cells(finished(tmp_path / "run", "genconvit_ed")) == 2


def test_more_rows_than_a_batch_lose_none(shots):
    root, rows = shots
    many = pd.concat([rows] * 12, ignore_index=True)
    maps = measure.maps(finished(root / "run", "timm"), many, root)
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
    found = measure.forged(pd.DataFrame(rows, index=[7, 1, 1, 1, 0]), tmp_path, 16)
    expected = np.zeros((5, 16, 16), bool)
    expected[0, 4:6, :4] = True  # frame rows 8 to 12, columns 16 to 24 less the 16 of the crop's edge, at half size
    expected[1] = True
    expected[1, :2, 8:12] = False
    expected[3, :2, 8:12] = True
    expected[4, 4:8, :8] = True  # a crop of 16 px keeps its size
    assert found.dtype == bool and np.array_equal(found, expected)


def test_a_fake_without_truth_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no ground truth for this fake"):
        measure.forged(pd.DataFrame([placed("d/fake/-/a", 0, 1, 0, 16)]), tmp_path, 16)


def with_face(row: dict, eyes: float) -> dict:
    """Add a box and landmarks (crop px of a 32 px crop) to a row; `eyes` is the height of both eyes, nan: none."""
    points = [(8, eyes), (24, eyes), (16, 18), (10, 24), (22, 24)]
    landmarks = dict(zip(data_landmarks.POINTS, np.ravel(points), strict=True))
    x0 = row["x0"]
    return row | landmarks | {"box_x0": x0 + 4, "box_y0": 4, "box_x1": x0 + 28, "box_y1": 30, "size": 32}


def test_regions_are_eyes_face_background_and_what_was_forged(tmp_path):
    truth = np.zeros((1, 32, 48), bool)
    truth[0, 16:24, 16:32] = True
    write_truth(tmp_path / "d" / "fake" / "-" / "a.npz", truth)
    fake, real = placed("d/fake/-/a", 0, 1, 16, 32), placed("d/real/-/a", 0, 0, 0, 32)
    rows = pd.DataFrame([with_face(fake, 12), with_face(real, np.nan)], index=[3, 3])
    found = measure.regions(rows, 16, tmp_path)
    assert set(found) == {"eyes", "face", "background", "forged"}
    assert {(mask.shape, mask.dtype.name) for mask in found.values()} == {((2, 16, 16), "bool")}
    assert np.array_equal(found["background"], ~found["face"])
    assert np.array_equal(found["face"], data_landmarks.face(rows, 16)) and found["face"].any(axis=(1, 2)).all()
    # 8 px between the eyes at half size: rectangles of 6.3 x 3.0 about (4, 6) and (12, 6)
    lines, columns = (np.flatnonzero(found["eyes"][0].any(axis=axis)) for axis in (1, 0))
    assert (lines.tolist(), columns.tolist()) == ([4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14])
    assert not found["eyes"][1].any()
    assert np.argwhere(found["forged"][0]).min(axis=0).tolist() == [8, 0] and found["forged"][0].sum() == 32
    assert not found["forged"][1].any()
    assert set(measure.regions(rows, 16, None)) == {"eyes", "face", "background"}


def test_region_shares_by_hand():
    maps = np.array([[[3, 1], [0, 0]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]], np.float32)
    left, top, none_in_second = (np.zeros((3, 2, 2), bool) for _ in range(3))
    left[:, :, 0] = top[:, 0] = none_in_second[[0, 2]] = True
    found = measure.region_shares(maps, {"left": left, "top": top, "some": none_in_second})
    nan = np.nan
    assert len(found) == 3
    for name, share, area in [
        ("left", [0.75, 0.5, nan], [0.5, 0.5, 0.5]),
        ("top", [1, 0.5, nan], [0.5, 0.5, 0.5]),
        ("some", [1, nan, nan], [1, nan, 1]),
    ]:
        np.testing.assert_array_equal(found["share", name], share)
        np.testing.assert_array_equal(found["area", name], area)
    assert found.mean().unstack(0).loc["left"].to_dict() == {"share": 0.625, "area": 0.5}


def test_an_even_map_has_the_area_and_parts_sum_to_all():
    rng = np.random.default_rng(0)
    face = rng.random((5, 8, 8)) < 0.4
    regions = {"face": face, "background": ~face}
    even = measure.region_shares(np.full((5, 8, 8), 0.3, np.float32), regions)
    np.testing.assert_allclose(even["share"], even["area"])
    some = measure.region_shares(rng.random((5, 8, 8)), regions)
    np.testing.assert_allclose(some["share"].sum(axis=1), 1)


def test_a_region_of_another_shape_is_one_line():
    with pytest.raises(InputError, match=r"region eyes: \(2, 4, 4\), but maps \(2, 8, 8\)"):
        measure.region_shares(np.ones((2, 8, 8)), {"eyes": np.ones((2, 4, 4), bool)})


def test_attention_shares_by_hand():
    cam = np.array([[[1.0, 0.6], [0.4, 0.0]]] * 3 + [np.zeros((2, 2))])
    mask = np.array([[[1, 0], [1, 0]], [[0, 1], [0, 1]], [[0, 0], [0, 0]], [[1, 1], [1, 0]]], bool)
    found = measure.attention_shares(cam, mask)
    np.testing.assert_allclose(found["inside"], [0.7, 0.3, np.nan, np.nan])
    np.testing.assert_allclose(found["pointing"], [1, 0, np.nan, np.nan])
    np.testing.assert_allclose(found["iou"], [1 / 3, 1 / 3, np.nan, np.nan])
    np.testing.assert_allclose(found["area"], [0.5, 0.5, np.nan, 0.75])
    np.testing.assert_allclose(measure.attention_shares(cam, mask, threshold=0.3)["iou"][0], 2 / 3)


@examples(30)
@given(st.integers(0, 2**16))
def test_a_mask_and_its_complement_share_all_attention(seed):
    rng = np.random.default_rng(seed)
    maps, masks = rng.random((2, 4, 4)), rng.random((2, 4, 4)) < 0.5
    masks[:, 0, 0], masks[:, 0, 1] = True, False
    one, other = measure.attention_shares(maps, masks), measure.attention_shares(maps, ~masks)
    np.testing.assert_allclose(one["inside"] + other["inside"], 1)
    np.testing.assert_allclose(one["pointing"] + other["pointing"], 1)


def test_a_mask_of_another_shape_is_one_line():
    with pytest.raises(InputError, match="maps"):
        measure.attention_shares(np.zeros((1, 2, 2)), np.zeros((1, 2, 3), bool))


def test_shares_are_means_over_the_crops_that_have_one():
    upper = np.zeros((3, 2, 2), bool)
    upper[:, 0] = True  # the upper half
    above, split, empty = np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 1]]), np.zeros((2, 2))
    maps = {"NA": np.stack([above, above, above]), "RF": np.stack([above, split, empty])}
    table = measure.shares(maps, upper)
    assert table.columns.tolist() == ["NA", "RF"]
    assert table.loc["inside"].tolist() == [1, 0.75] and table.loc["area"].tolist() == [0.5, 0.5]
    assert table.loc["iou"].tolist() == pytest.approx([1, (1 + 1 / 3) / 2])
    assert table.loc["images"].tolist() == [3, 2]
