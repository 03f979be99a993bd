"""Masks and untouched frames go with their crops: same order, same draw of the augmentation, images as they were."""

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.data.core import DataLoaders

from ddet import params
from ddet.data import crop_loader, crops, forged, supplied_loader
from ddet.data.augment import pipeline
from ddet.data.forged import Masks
from ddet.data.supplied_loader import SuppliedDataset, Supplies
from ddet.errors import InputError

CPU, SIZE = torch.device("cpu"), 24
EXACT = {"RandomRotate90": 0.5, "Transpose": 0.5, "HorizontalFlip": 0.5, "VerticalFlip": 0.5}
ALL = EXACT | {"ShiftScaleRotate": 0.5, "GaussNoise": 0.5, "Texture": 0.9, "HueSaturationValue": 0.5}


def dataset(steps: dict[str, float], n: int = 10) -> crop_loader.ArrayDataset:
    images = np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 3), np.uint8)
    return crop_loader.ArrayDataset(images, np.arange(n), pipeline(params.AugmentList(p=0.9, steps=steps)), 3)


def own(plain: crop_loader.ArrayDataset) -> Supplies:
    """Take the red channel of an image as its mask, and its negative as its pair: they show where they went."""
    mask = plain.images[..., 0].astype(np.float32) / 255
    return Supplies(mask, crop_loader.ArrayDataset(255 - plain.images, plain.targets))


@pytest.mark.parametrize("names", [("mask", "pair"), ("mask",), ("pair",)])
def test_images_and_targets_are_those_of_the_plain_dataset(names):
    plain, supplies = dataset(ALL), own(dataset(ALL))
    given = Supplies(**{name: getattr(supplies, name) for name in names})
    assert given.names == names
    both = SuppliedDataset(dataset(ALL), given)
    for plain.epoch in (0, 2):
        both.epoch = plain.epoch
        for index in range(len(plain)):
            image, *parts, target = both[index]
            assert torch.equal(image, plain[index][0]) and torch.equal(target, plain[index][1])
            assert len(parts) == len(names)


def test_mask_and_pair_move_with_the_pixels():
    plain, moved = dataset(EXACT), 0
    both = SuppliedDataset(plain, own(plain))
    for both.epoch in range(5):
        for index in range(len(plain)):
            image, mask, pair, _ = both[index]
            assert torch.equal(mask, image[..., 0].float() / 255) and torch.equal(pair, 255 - image)
            moved += not np.array_equal(image.numpy(), plain.image(index))
    assert moved > 30


def test_colours_of_both_images_change_alike_and_the_mask_stays():
    plain = dataset({"HueSaturationValue": 1.0})
    same = Supplies(own(plain).mask, crop_loader.ArrayDataset(plain.images, plain.targets))
    both = SuppliedDataset(plain, same)
    image, mask, pair, _ = both[1]
    assert torch.equal(image, pair) and not np.array_equal(image.numpy(), plain.image(1))
    np.testing.assert_array_equal(mask.numpy(), same.mask[1])


def batch(supplies: Supplies) -> tuple:
    plain = dataset({})
    dls = DataLoaders(crop_loader.make_loader(plain, 3, CPU), crop_loader.make_loader(plain, 3, CPU))
    return next(iter(supplied_loader.attach(dls, supplies).train))


def test_a_batch_is_normalised_images_masks_with_a_channel_normalised_pairs_and_targets():
    plain = dataset({})
    images, masks, pairs, targets = batch(own(plain))
    wanted = next(iter(crop_loader.make_loader(plain, 3, CPU)))
    negative = next(iter(crop_loader.make_loader(own(plain).pair, 3, CPU)))
    assert torch.equal(images, wanted[0]) and torch.equal(targets, wanted[1]) and torch.equal(pairs, negative[0])
    assert masks.shape == (3, 1, SIZE, SIZE) and torch.equal(masks[:, 0], torch.from_numpy(own(plain).mask[:3]))
    assert len(batch(Supplies())) == 2


@pytest.mark.parametrize("name", ["mask", "pair"])
def test_supplies_of_other_crops_are_one_line(name):
    few = own(dataset({}, 9))
    with pytest.raises(InputError, match=rf"supplies: {name}.*9, 24, 24.*10, 24, 24"):
        batch(Supplies(**{name: getattr(few, name)}))


# what is there


@pytest.fixture
def rows(tmp_path) -> pd.DataFrame:
    """Two clips in train and one in valid with two fakes each; the second's frame 1 has no real crop."""
    found = []
    for n, (stem, split) in enumerate({"000": "train", "001": "train", "002": "valid"}.items()):
        for method in ("real", "FaceSwap", "Deepfakes"):
            for frame in range(2):
                if (stem, method, frame) == ("001", "real", 1):
                    continue
                name, crop = f"ffpp/{method}/c23/{stem}", f"{method}_{stem}_{frame}.png"
                shade = 20 * n + 90 * (method != "real") + frame
                crops.save_crop(tmp_path / crop, np.full((SIZE, SIZE, 3), shade, np.uint8))
                line = {"clip_id": name, "frame_idx": frame, "track": 0, "label": int(method != "real"), "crop": crop}
                line |= {"original": f"ffpp/real/c23/{stem}", "split": split, "x0": 0, "y0": 0, "x1": 9, "y1": 9}
                found.append(line)
    return pd.DataFrame(found)


def test_training_fakes_that_lack_something_are_left_out_and_told(rows):
    for needs in (("pair",), ("mask",), ("label", "mask", "pair")):
        kept = supplied_loader.with_supplies(rows, needs, Masks())
        gone = rows.loc[rows.index.difference(kept.index), "crop"].tolist()
        assert gone == ["FaceSwap_001_1.png", "Deepfakes_001_1.png"], needs
    assert len(supplied_loader.with_supplies(rows, ("label",), Masks())) == len(rows)
    told = supplied_loader.sentence(rows, ("mask", "pair"), Masks())
    assert told == "masks: difference to the original: 6 fakes; pairs: 6 fakes; left out: 2 of 8"
    assert supplied_loader.sentence(rows, (), Masks()) == "left out: 0 of 8"


def test_no_fake_with_what_is_needed_is_one_line(rows):
    alone = rows[(rows["label"] == 1) | (rows["split"] != "train")]
    with pytest.raises(InputError, match=r"needs mask and pair.*none of 8 training fakes"):
        supplied_loader.with_supplies(alone, ("mask", "pair"), Masks())


def test_each_crop_gets_its_own_mask_and_frame(rows, tmp_path):
    kept = supplied_loader.with_supplies(rows, ("mask", "pair"), Masks()).query("split == 'train'").iloc[::-1]
    how = crop_loader.Loading(tmp_path, 8, 4, CPU)
    found = supplied_loader.of_crops(kept, ("mask", "pair"), Masks(), how)
    assert found.names == ("mask", "pair") and found.mask.shape == (len(kept), 8, 8)
    for index, (crop, label) in enumerate(zip(kept["crop"], kept["label"], strict=True)):
        _, stem, frame = crop.removesuffix(".png").split("_")
        assert (found.pair.image(index) == 20 * int(stem) + int(frame)).all(), "the real frame, of a real crop itself"
        assert found.mask[index].mean() == label
    assert supplied_loader.of_crops(kept, ("label",), Masks(), how).names == ()


def test_the_fingerprint_follows_what_is_supplied_and_nothing_else(rows, monkeypatch):
    both = ("mask", "pair")
    before = supplied_loader.fingerprint(rows, both, Masks())
    assert before and supplied_loader.fingerprint(rows, ("label",), Masks()) == ""
    assert before != supplied_loader.fingerprint(rows, ("pair",), Masks())
    assert before == supplied_loader.fingerprint(rows.assign(prob=0.5), both, Masks())
    moved = rows.assign(x0=rows["x0"].where(rows["clip_id"] != "ffpp/FaceSwap/c23/000", 1))
    assert before != supplied_loader.fingerprint(moved, both, Masks())
    other = rows.assign(x0=rows["x0"].where(rows["split"] != "valid", 1))
    assert before == supplied_loader.fingerprint(other, both, Masks()), "valid crops have no supplies"
    swapped = rows.assign(original=rows["original"].where(rows["crop"] != "FaceSwap_000_0.png", "ffpp/real/c23/001"))
    assert before != supplied_loader.fingerprint(swapped, both, Masks()), "another frame is its pair"
    monkeypatch.setattr(forged, "fingerprint", lambda rows, masks: "other files")
    assert before != supplied_loader.fingerprint(rows, both, Masks())
