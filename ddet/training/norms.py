"""Give batch normalisation the averages of the weights that are kept, and not of the steps that led to them."""

import torch
from fastai.learner import Learner
from torch import nn

from ddet.training.callbacks import DeviceAmp


def average(learn: Learner, epoch: int) -> None:
    """Set the mean and variance of each batch normalisation to their averages over one pass of the training batches.

    The batches are what the network sees in training, augmented and masked, drawn as those of `epoch`; no weight
    changes.

    In training, running averages follow the last ten batches or so, and the weights of a short fit move under them. On
    a tuning benchmark that put most scores on one side of .5 in one seed of three, at the same AUC:
    `python -m ddet.tools.regime` prints the log loss of both. In a long fit whose rate falls to nothing they agree.

    Source: Wu and Johnson, Rethinking "Batch" in BatchNorm (arXiv 2105.07576), section 3: PreciseBN.
    Differs: the released codes of the three papers keep the running averages.
    """
    norms = [m for m in learn.model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then averages all batches alike
    amp = [cb for cb in learn.cbs if isinstance(cb, DeviceAmp)]
    learn.dl, learn.dls.train.dataset.epoch = learn.dls.train, epoch
    learn.model.train()
    learn.training = True  # callbacks that hide something look at it
    cast = torch.autocast(learn.dls.device.type, amp[0].dtype) if amp else torch.autocast("cpu", enabled=False)
    with learn.removed_cbs(amp), torch.no_grad(), cast:
        for batch in learn.dl:
            learn._split(batch)
            learn("before_batch")
            learn.model(*learn.xb)
    learn.model.eval()
    learn.training = False
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
