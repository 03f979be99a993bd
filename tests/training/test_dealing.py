"""The shares of batches: by hand, and side by side what the whole loader gives, epoch after epoch."""

import pytest
import torch
from toy_fits import CPU, toy_dls

from ddet.data.crop_loader import ArrayDataset, make_loader
from ddet.training import dealing
from ddet.training.dealing import Dealt


@pytest.mark.parametrize(
    ("n", "world", "each"), [(12, 2, 6), (12, 3, 4), (7, 2, 4), (7, 3, 3), (4, 4, 2), (3, 2, 2), (1, 2, 2), (12, 1, 12)]
)
def test_shares_by_hand(n, world, each):
    assert dealing.share(n, world) == each


@pytest.mark.parametrize(
    ("batch", "shares"),
    [
        ([5, 3, 9, 0], [[5, 3], [9, 0]]),
        ([5, 3, 9], [[5, 3], [9, 5]]),
        ([5, 3], [[5, 3], [5, 3]]),
        ([5], [[5, 5], [5, 5]]),
        ([5, 3, 9, 0, 1, 2, 4], [[5, 3, 9], [0, 1, 2], [4, 5, 3]]),
    ],
)
def test_dealt_by_hand(batch, shares):
    assert [dealing.dealt(batch, rank, len(shares)) for rank in range(len(shares))] == shares


def loader(n: int, bs: int, seed: int | None):
    """Make a loader over the first `n` of 48 images, whose targets are their numbers."""
    images = toy_dls().train.dataset.images[:n]
    return make_loader(ArrayDataset(images, torch.arange(n).numpy()), bs, CPU, shuffle_seed=seed)


@pytest.mark.parametrize("seed", [None, 6])
@pytest.mark.parametrize(("n", "bs", "world"), [(48, 12, 2), (43, 12, 2), (43, 12, 3), (37, 12, 2), (9, 4, 4)])
def test_side_by_side_they_are_the_batches_of_one(n, bs, world, seed):
    """With 37 images in batches of 12 the one that is left alone is dropped from a shuffled epoch, here and there."""
    one, parts = loader(n, bs, seed), [Dealt(loader(n, bs, seed), rank, world) for rank in range(world)]
    for _ in range(3):
        whole, shares = list(one), [list(part) for part in parts]
        assert {len(one), *map(len, parts), *map(len, shares)} == {len(whole)}
        for at, ((images, numbers), *dealt) in enumerate(zip(whole, *shares, strict=True)):
            assert {len(y) for _, y in dealt} == {dealing.share(len(numbers), world)}
            assert {part.size(at) for part in parts} == {len(numbers)}
            assert torch.equal(torch.cat([y for _, y in dealt])[: len(numbers)], numbers)
            assert torch.equal(torch.cat([x for x, _ in dealt])[: len(numbers)], images)


def test_the_order_goes_on_from_a_restored_state():
    """A checkpoint saves and restores the random state of a loader's order."""
    one, other = (Dealt(loader(24, 8, 6), 0, 2) for _ in range(2))
    list(one)
    other.rng.setstate(one.rng.getstate())
    assert [y.tolist() for _, y in other] == [y.tolist() for _, y in one]


def test_what_is_found_is_not_gathered_again(monkeypatch):
    asked = []
    monkeypatch.setattr(dealing, "to_detach", lambda *_, gather: asked.append(gather))
    Dealt(loader(8, 4, None), 0, 2).to_detach(torch.zeros(1))
    assert asked == [False]
