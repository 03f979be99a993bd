"""Crops with their regions: the crops are those of the plain loader, the regions move with them, draws by index."""

import numpy as np
import pytest
import torch
from fastai.data.core import DataLoaders

from ddet import params
from ddet.data import crop_loader, region_loader
from ddet.data.augment import pipeline
from ddet.errors import InputError

CPU = torch.device("cpu")
SIZE = 24
EXACT = {"RandomRotate90": 0.5, "Transpose": 0.5, "HorizontalFlip": 0.5, "VerticalFlip": 0.5}
ALL = EXACT | {"ShiftScaleRotate": 0.5, "Rotate": 0.3, "GaussNoise": 0.5, "Texture": 0.9, "HueSaturationValue": 0.5}


def dataset(steps: dict[str, float], n: int = 10, seed: int = 3) -> crop_loader.ArrayDataset:
    images = np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 3), np.uint8)
    return crop_loader.ArrayDataset(images, np.arange(n), pipeline(params.AugmentList(p=0.9, steps=steps)), seed)


def red(plain: crop_loader.ArrayDataset):
    """Take the red channel of an image as its levels, black pixels never hidden: it shows where the levels went."""

    def of(index: int, _: int) -> np.ndarray:
        level = plain.image(index)[..., 0].astype(np.float32)
        return np.where(level == 0, np.inf, level)

    return of


def batches(workers: int = 0, epoch: int = 0, seed: int = 3, bs: int = 3, shuffle: int | None = None) -> list:
    plain = dataset(ALL, seed=seed)
    train = crop_loader.make_loader(plain, bs, CPU, workers, shuffle)
    dls = region_loader.attach(DataLoaders(train, crop_loader.make_loader(plain, bs, CPU)), red(plain))
    dls.train.dataset.epoch = epoch
    return list(dls.train)


@pytest.mark.parametrize("epoch", [0, 2])
def test_images_and_targets_are_those_of_the_plain_dataset(epoch):
    plain = dataset(ALL)
    both = region_loader.RegionDataset(plain, red(plain))
    plain.epoch = both.epoch = epoch
    for index in range(len(plain)):
        image, _, _, target = both[index]
        assert torch.equal(image, plain[index][0]) and torch.equal(target, plain[index][1])


def test_the_levels_move_with_the_pixels():
    plain = dataset(EXACT)
    both = region_loader.RegionDataset(plain, red(plain))
    moved = 0
    for both.epoch in range(5):
        for index in range(len(plain)):
            image, levels, _, _ = both[index]
            shown = image[..., 0].float()
            assert torch.equal(levels, torch.where(shown == 0, torch.inf, shown))
            moved += not np.array_equal(image.numpy(), plain.image(index))
    assert moved > 30


def test_levels_that_are_shifted_and_turned_stay_on_their_object():
    """A dark square on white: the levels are 0 on it, and in the middle of what is dark after each draw."""
    image = np.full((1, SIZE, SIZE, 3), 255, np.uint8)
    image[0, 8:16, 5:13] = 0
    steps = pipeline(params.AugmentList(p=1.0, steps={"ShiftScaleRotate": 1.0, "Rotate": 0.5}))
    both = region_loader.RegionDataset(crop_loader.ArrayDataset(image, np.zeros(1), steps, 0), red_of(image))
    for both.epoch in range(20):
        shown, levels, _, _ = both[0]
        dark, hidden = shown[..., 0].numpy() < 128, levels.numpy() == 0
        assert set(np.unique(levels)) <= {0.0, 255.0}, "the nearest pixel: nothing in between"
        assert (dark & hidden).sum() / (dark | hidden).sum() > 0.75


def red_of(images: np.ndarray):
    return lambda index, _: images[index, ..., 0].astype(np.float32)


def test_a_batch_keeps_image_levels_draws_and_target_apart():
    images, levels, draws, targets = batches()[0]
    assert (images.shape, images.dtype) == ((3, 3, SIZE, SIZE), torch.float32) and images.min() < 0
    assert (levels.shape, levels.dtype) == ((3, SIZE, SIZE), torch.float32)
    assert (draws.shape, draws.dtype) == ((3, len(region_loader.DRAWS)), torch.int64)
    assert targets.tolist() == [0, 1, 2]
    plain = next(iter(crop_loader.make_loader(dataset(ALL), 3, CPU)))
    assert torch.equal(images, plain[0]), "normalised as ever"


def test_draws_depend_neither_on_workers_nor_on_batches_nor_on_order():
    one = [torch.cat(part) for part in zip(*batches(), strict=True)]
    for other in (batches(workers=2), batches(bs=4), batches(bs=4, shuffle=5)):
        parts = [torch.cat(part) for part in zip(*other, strict=True)]
        place = parts[-1].argsort()
        assert all(torch.equal(a, b[place]) for a, b in zip(one, parts, strict=True))


def test_draws_differ_between_epochs_samples_seeds_and_purposes():
    draws = [torch.cat([b[2] for b in batches(epoch=e, seed=s)]) for e, s in ((0, 3), (1, 3), (0, 4))]
    assert len(torch.stack(draws).unique()) == 3 * 10 * len(region_loader.DRAWS)


def test_draws_are_uniform():
    both = region_loader.RegionDataset(dataset({}, 1000), lambda index, seed: np.zeros((SIZE, SIZE), np.float32))
    draws = torch.stack([both[i][2] for i in range(1000)]).double() / 2**31
    assert draws.min() >= 0 and draws.max() < 1
    for column in draws.T:
        assert torch.histc(column, 10, 0, 1).sub(100).abs().max() < 40
    assert torch.corrcoef(draws.T).triu(1).abs().max() < 0.1


def test_a_region_may_be_drawn_anew_in_each_epoch():
    plain = dataset({})
    both = region_loader.RegionDataset(plain, lambda index, seed: np.full((SIZE, SIZE), seed / 2**31, np.float32))
    seen = []
    for both.epoch in range(3):
        seen += [both[i][1][0, 0].item() for i in range(4)]
        assert both[0][1][0, 0].item() == np.float32(both[0][2][2].item() / 2**31)
    assert len(set(seen)) == 12


def test_the_valid_loader_stays_as_it_is():
    plain = dataset({})
    dls = DataLoaders(crop_loader.make_loader(plain, 4, CPU), crop_loader.make_loader(plain, 4, CPU))
    region_loader.attach(dls, red(plain))
    assert len(next(iter(dls.valid))) == 2 and dls.valid.dataset is plain


def test_levels_of_another_size_are_one_line():
    plain = dataset({})
    dls = DataLoaders(crop_loader.make_loader(plain, 4, CPU), crop_loader.make_loader(plain, 4, CPU))
    with pytest.raises(InputError, match=r"are \(8, 8\), the crops \(24, 24\)"):
        region_loader.attach(dls, lambda index, seed: np.zeros((8, 8), np.float32))
    assert dls.train.dataset is plain
