"""What a notebook shows of a fit: pictures come back from a batch as they went in, callbacks in their order."""

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from torch import nn

from ddet.data.crop_loader import normalise
from ddet.training import sight


def test_a_batch_comes_back_as_it_went_in():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    batch, _ = normalise((torch.from_numpy(images), torch.zeros(2)))
    np.testing.assert_array_equal(np.stack(sight.pictures(batch)), images)


class Late(Callback):
    """Act last.

    Not shown.
    """

    order = 90


class Early(Callback):
    """Act first."""

    order = -90


def test_callbacks_stand_in_the_order_in_which_they_act():
    learn = Learner(DataLoaders([], []), nn.Linear(1, 1), nn.MSELoss(), cbs=[Late(), Early()], default_cbs=False)
    shown = sight.callbacks(learn)
    assert shown.to_numpy().tolist() == [["Early", "Act first."], ["Late", "Act last."]]
