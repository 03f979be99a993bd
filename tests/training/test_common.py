"""What all fits share: a seed that follows from its index, augmentation in order, predictions of test crops."""

import albumentations as A
import numpy as np
import pandas as pd
import pytest
import torch
from toys import RUNTIME, TRAIN

from ddet.data import crop_loader, crops
from ddet.seeds import derive
from ddet.training import common
from ddet.training.learner import predict

SIZE = 16
CONFIG = {"train": TRAIN.model_dump(), "seed": 0, "data_hash": "a", "start": {"backbone": "b"}}


class LeftIsBright(torch.nn.Module):
    """Call an image fake, the more the brighter its left half is than its right."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        more = images[..., : SIZE // 2].mean(dim=(1, 2, 3)) - images[..., SIZE // 2 :].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(more), more], dim=1)


@pytest.fixture
def images() -> list[np.ndarray]:
    return [*np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)]


def test_a_fit_begins_with_the_seed_of_its_index():
    device, cfg, seed = common.begin(CONFIG, RUNTIME)
    drawn = torch.rand(3), np.random.rand()
    assert (device.type, cfg, seed) == ("cpu", TRAIN, derive("fit", 0, 0))
    common.begin(CONFIG | {"data_hash": "x", "start": {"phase": "y"}}, RUNTIME)
    assert torch.equal(torch.rand(3), drawn[0]) and np.random.rand() == drawn[1]
    assert common.begin(CONFIG | {"seed": 1}, RUNTIME)[2] != seed
    assert not torch.equal(torch.rand(3), drawn[0])


def test_arms_of_one_index_share_their_random_numbers_and_phases_do_not():
    other = {**TRAIN.model_dump(), "lr": 0.5}
    plain, arm, later = (common.begin(CONFIG | c, RUNTIME)[2] for c in ({}, {"train": other}, {"phase": 1}))
    assert plain == arm != later
    assert common.begin(CONFIG | {"phase": 0}, RUNTIME)[2] == plain


def test_the_core_leaves_out_what_an_edit_of_code_renames():
    assert common.core(CONFIG) == {"train": TRAIN.model_dump(), "seed": 0}


def test_the_augmentation_keeps_the_order_of_its_steps():
    steps = [["VerticalFlip", 0.5], ["HorizontalFlip", 0.25], ["GaussNoise", 0.0]]
    made = common.augmentation({"augment": {"p": 0.75, "steps": steps}})
    assert [(type(t), t.p) for t in made.transforms] == [(A.VerticalFlip, 0.5), (A.HorizontalFlip, 0.25)]
    assert made.p == 0.75
    assert common.augmentation({"augment": {"p": 1.0, "steps": []}}) is None


def test_test_crops_alone_are_scored_in_their_order(images, tmp_path):
    for i, image in enumerate(images):
        crops.save_crop(tmp_path / f"{i}.png", image)
    rows = pd.DataFrame({"crop": [f"{i}.png" for i in range(5)], "split": ["test", "train", "test", "valid", "test"]})
    rows = rows.assign(clip_id=[f"c{i}" for i in range(5)], frame_idx=0, track=0, group="g", label=[0, 1, 1, 0, 0])
    rows = rows.sample(frac=1, random_state=3)
    found = common.predict(LeftIsBright(), rows, crop_loader.Loading(tmp_path, SIZE, 2, torch.device("cpu")), "fp32")
    held = rows[rows["split"] == "test"]
    assert found["clip_id"].tolist() == held["clip_id"].tolist() and len(found) == 3
    wanted = common.predict_images(LeftIsBright(), [images[int(name[1])] for name in held["clip_id"]])
    np.testing.assert_allclose(found["prob_fake"], wanted, rtol=1e-6)


def test_probabilities_do_not_depend_on_the_batch(images):
    one = common.predict_images(LeftIsBright(), images, bs=3)
    np.testing.assert_allclose(one, common.predict_images(LeftIsBright(), images), rtol=1e-6)
    slow = [LeftIsBright()(crop_loader.normalise((torch.from_numpy(image)[None], None))[0]) for image in images]
    np.testing.assert_allclose(one, [logits.softmax(1)[0, 1].item() for logits in slow], rtol=1e-6)
    dl = crop_loader.make_loader(crop_loader.ArrayDataset(np.stack(images), np.zeros(5, int)), 2, torch.device("cpu"))
    np.testing.assert_allclose(one, predict(LeftIsBright(), dl), rtol=1e-6)
