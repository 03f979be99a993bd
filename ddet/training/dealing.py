"""Deal the batches of a loader to several processes, so that together they see what one process sees."""

from collections.abc import Sequence
from typing import Any

from fastai.data.load import DataLoader
from fastai.torch_core import to_detach


def share(n: int, world: int) -> int:
    """Return how many samples of a batch of `n` each of `world` processes takes: as few as do, but 2.

    Batch normalisation cannot train on one.
    """
    return max(2, -(-n // world))


def dealt(batch: Sequence[int], rank: int, world: int) -> list[int]:
    """Return the samples of a batch that process `rank` (from 0) of `world` takes, `share` of them.

    The shares side by side begin with the batch, in its order. Places that are left are filled with the batch again.
    """
    each = share(len(batch), world)
    return [batch[i % len(batch)] for i in range(rank * each, (rank + 1) * each)]


class Dealt(DataLoader):
    """The share that process `rank` of `world` has of each batch of the loader `whole`.

    It has as many batches as `whole`, in the same order: both draw it from the one random state of `whole`, which is
    seeded alike in every process, so that none needs to be told what comes next.
    """

    def __init__(self, whole: DataLoader, rank: int, world: int):
        how = {"num_workers": whole.fake_l.num_workers, "pin_memory": whole.pin_memory, "device": whole.device}
        super().__init__(whole.dataset, share(whole.bs, world), **how, after_batch=whole.after_batch)
        self.whole, self.rank, self.world, self.rng = whole, rank, world, whole.rng

    def __len__(self) -> int:
        return len(self.whole)

    def size(self, batch: int) -> int:
        """Return how many samples the batch of that number (from 0) has in all processes together."""
        return min(self.whole.bs, self.whole.n - batch * self.whole.bs)

    def randomize(self) -> None:
        self.whole.randomize()
        self.rng = self.whole.rng  # fastai makes a new one; a checkpoint saves and restores this one

    def get_idxs(self) -> list[int]:
        order, bs = self.whole.get_idxs(), self.whole.bs
        batches = (order[i * bs : (i + 1) * bs] for i in range(len(self)))
        return [index for batch in batches for index in dealt(batch, self.rank, self.world)]

    def to_detach(self, b: Any, cpu: bool = True, gather: bool = True) -> Any:
        """Detach what a metric found; nothing is gathered, since every process has found the same."""
        return to_detach(b, cpu, gather=False)
