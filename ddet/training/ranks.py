"""What one of several processes does in a fit: it sees its share of each batch, and steps as all of them do.

The processes are joined by accelerate. What the network gives their shares is put together before a loss or a metric
looks at it, so both are those of the whole batch, class weights and sums over a split included; every process comes
to the same numbers and keeps the same epoch. Gradients are averaged before each step. A share's own are what a network
computes of a batch as such: its penalties, and on a CPU batch normalisation, which GPUs compute over all shares.

Differs: fastai's `distrib_ctx` wraps the network (DistributedDataParallel), which hides its penalty, parts and names,
and fails where a penalty uses weights that the output does not; deals an epoch in blocks, so that N processes step on
other batches than one; and lets each process judge an epoch by its own part of valid.
"""

import os
from typing import Any

import torch
from accelerate import Accelerator
from fastai.callback.core import Callback
from timm.layers import convert_sync_batchnorm
from torch import Tensor, distributed

from ddet.seeds import derive
from ddet.training import learner
from ddet.training.callbacks import History, Progress, StepLosses
from ddet.training.checkpoint import ResumableLearner, Resume
from ddet.training.dealing import Dealt

PLACE = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # how accelerate finds the others
WRITERS = (History, StepLosses, Progress)  # one process does for all


class Helped(Exception):
    """End a process other than the first: its fit is done, and what remains to be done the first one does."""


class Ranks(Callback):
    """Deal the batches, put the outputs together, average gradients and running averages.

    A layer that draws (dropout) draws anew in each process, from the seed of the fit, the epoch and the process.
    """

    order = 11  # after mixed precision has made float32 of outputs, before a checkpoint is restored

    def before_fit(self) -> None:
        self.seed, threads, cpu = torch.initial_seed(), torch.get_num_threads(), self.dls.device.type == "cpu"
        self.accelerator = Accelerator(cpu=cpu)
        torch.set_num_threads(threads)
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        if not cpu:
            self.learn.model = convert_sync_batchnorm(self.model)  # timm's own: torch's loses timm's activations
        self.whole = list(self.dls.loaders)
        self.learn.dls.loaders = [Dealt(dl, self.rank, self.world) for dl in self.whole]

    def before_train(self) -> None:
        torch.manual_seed(derive(self.seed, "rank", self.rank, self.epoch))

    def after_pred(self) -> None:
        if self.training:
            self.pred.register_hook(lambda gradient: gradient * self.world)  # each share's is averaged with the others'
        n = self.dl.size(self.iter)
        parts = list(self._gathered(self.pred.detach()).split(len(self.pred)))
        parts[self.rank] = self.pred
        self.learn.pred = torch.cat(parts)[:n]
        self.learn.yb = tuple(self._gathered(y)[:n] for y in self.yb)

    def after_backward(self) -> None:
        weights = [p for p in self.model.parameters() if p.requires_grad]
        used = torch.tensor([p.grad is not None for p in weights], dtype=torch.float32, device=weights[0].device)
        used = self.accelerator.reduce(used, "sum").tolist()
        weights = [p for p, count in zip(weights, used, strict=True) if count]  # the optimiser skips the others
        for p in weights:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        self._average([p.grad for p in weights])

    def before_validate(self) -> None:
        self._average([b for b in self.model.buffers() if b.is_floating_point()])

    def after_fit(self) -> None:
        self.learn.dls.loaders = self.whole

    def _gathered(self, share: Tensor) -> Tensor:
        return self.accelerator.gather(share.contiguous())

    @torch.no_grad()
    def _average(self, tensors: list[Tensor]) -> None:
        """Set tensors to their averages over the processes, in one message."""
        if not tensors:
            return
        flat = self.accelerator.reduce(torch.cat([t.flatten() for t in tensors]), "mean")
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))


class SharedLearner(ResumableLearner):
    """A Learner whose fit is shared with other processes, which the variables PLACE name.

    All have the same checkpoint; the first one writes it, and the history. The others end when the fit does.

    Raises:
        Helped: from `fit`, in all processes but the first.
    """

    def fit(self, *args: Any, **kwargs: Any) -> None:
        first = os.environ["RANK"] == "0"
        silent = [] if first else [cb for cb in self.cbs if isinstance(cb, WRITERS)]
        for cb in self.cbs:
            if isinstance(cb, Resume) and not first:
                cb.after_epoch = lambda: None
        with self.removed_cbs(silent), self.added_cbs(Ranks()):
            super().fit(*args, **kwargs)
        distributed.destroy_process_group()  # what follows is the work of one: batch normalisation waits for nobody
        for name in PLACE:
            os.environ.pop(name)
        if not first:
            raise Helped


def join(rank: int, world: int, port: int) -> None:
    """Make this process number `rank` (from 0) of `world` on this machine: every fit in it is shared from now on.

    Args:
        rank: also the number of the GPU, where the fit runs on GPUs.
        world: how many processes there are.
        port: free on this machine; the same for all of them.
    """
    os.environ.update(dict(zip(PLACE, map(str, (rank, rank, world, "127.0.0.1", port)), strict=True)))
    os.environ["LOCAL_WORLD_SIZE"] = str(world)
    learner.ResumableLearner = SharedLearner
