"""Localising crops: each map is that of one crop for its own label, in any batches, on plain crops."""

import numpy as np
import pandas as pd
import pytest
import torch
from prle_toys import DETECTORS, SIZE, section

from ddet import models
from ddet.attention import grad_cam
from ddet.data import crop_loader, crops
from ddet.models import zoo
from ddet.prle import arms as prle_arms
from ddet.prle import localise

COUNT = 7
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Write crops of noise, larger than what the detector sees."""
    root, rng = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    for i in range(COUNT):
        crops.save_crop(root / f"{i}.png", rng.integers(1, 255, (40, 40, 3), np.uint8))
    return root


def rows(labels=(0, 1, 1, 0, 1, 0, 1)) -> pd.DataFrame:
    table = {
        "clip_id": [f"c{i}" for i in range(COUNT)],
        "crop": [f"{i}.png" for i in range(COUNT)],
        "sha": range(COUNT),
    }
    return pd.DataFrame(table | {"label": labels, "frame_idx": 0, "track": 0}).astype({"sha": str})


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    return models.create(prle_arms.model_of(section(), next(iter(DETECTORS)))).eval()


@pytest.fixture(scope="module")
def layers(net):
    return zoo.cam_layers(net, SIZE, ["layer2.1"])


def maps(net, layers, faces, table=None, start=0, stop=COUNT, bs=3, of_class="label"):
    batches = localise.of_rows(net, layers, rows() if table is None else table, faces, SIZE, bs, CPU, of_class)
    return list(batches(start, stop))


def test_maps_come_a_batch_at_a_time_in_the_order_of_the_rows(net, layers, faces):
    found = maps(net, layers, faces)
    assert [part.shape for part in found] == [(3, SIZE, SIZE), (3, SIZE, SIZE), (1, SIZE, SIZE)]
    assert all(part.dtype == np.float32 and part.min() >= 0 and part.max() <= 1 for part in found)
    backwards = np.concatenate(maps(net, layers, faces, rows()[::-1]))
    np.testing.assert_allclose(backwards[::-1], np.concatenate(found), atol=1e-5)


def test_each_is_the_map_of_one_crop_for_its_own_label(net, layers, faces):
    found = np.concatenate(maps(net, layers, faces))
    for i, label in enumerate(rows()["label"]):
        image = crops.resized(crops.load_crop(faces / f"{i}.png"), SIZE)
        x, y = crop_loader.normalise((torch.from_numpy(image)[None], torch.tensor([label])))
        np.testing.assert_allclose(
            found[i], grad_cam.attention_maps(net, layers, x, y, odds=True)[0].numpy(), atol=1e-4
        )


def test_another_label_is_another_map(net, layers, faces):
    one, other = (np.concatenate(maps(net, layers, faces, rows(labels))) for labels in ([0] * COUNT, [1] * COUNT))
    assert (np.abs(one - other).max((1, 2)) > 0.05).all()


def test_maps_of_fake_ask_no_label_and_those_of_the_prediction_ask_the_model(net, layers, faces):
    one, other = (np.concatenate(maps(net, layers, faces, rows([label] * COUNT))) for label in (0, 1))
    fake = np.concatenate(maps(net, layers, faces, rows([0] * COUNT), of_class="fake"))
    np.testing.assert_array_equal(fake, other)
    guessed = []
    for i in range(COUNT):
        image = crops.resized(crops.load_crop(faces / f"{i}.png"), SIZE)
        guessed.append(int(net(crop_loader.normalise((torch.from_numpy(image)[None], None))[0]).argmax()))
    predicted = np.concatenate(maps(net, layers, faces, of_class="prediction"))
    np.testing.assert_allclose(predicted, np.stack([(one, other)[g][i] for i, g in enumerate(guessed)]), atol=1e-5)
    assert guessed != rows()["label"].tolist()


@pytest.mark.parametrize(("start", "stop"), [(0, 2), (2, 5), (6, 7)])
def test_a_part_of_the_crops_gives_that_part_of_the_maps(net, layers, faces, start, stop):
    whole = np.concatenate(maps(net, layers, faces))
    np.testing.assert_allclose(
        np.concatenate(maps(net, layers, faces, None, start, stop, 2)), whole[start:stop], atol=1e-5
    )


def test_nothing_is_read_before_maps_are_asked_for(net, layers, tmp_path):
    batches = localise.of_rows(net, layers, rows(), tmp_path, SIZE, 3, CPU, "fake")
    asked = batches(0, 2)
    with pytest.raises(Exception, match="No such file"):
        next(asked)
