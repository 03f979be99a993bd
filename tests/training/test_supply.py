"""A network gets what it needs by name while it trains, and the image alone in validation and afterwards."""

import pytest
import torch
from torch import nn
from toys import TRAIN

from ddet.training import norms
from ddet.training.callbacks import AddPenalty
from ddet.training.learner import build_learner
from ddet.training.supply import Supply


class Noting(nn.Module):
    """Note what each call was given; its penalty is a constant times its weight."""

    def __init__(self):
        super().__init__()
        self.head, self.calls, self.penalty = nn.Linear(1, 2), [], None

    def forward(self, image, **given):
        self.calls.append((self.training, image, given))
        self.penalty = 3 * self.head.weight.sum() if self.training else None
        return self.head(image.mean((1, 2, 3))[:, None])


class Loader(list):
    """Batches of tensors, as a loader of fastai's gives them."""

    device, n_inp = torch.device("cpu"), 3


class Loaders:
    device = torch.device("cpu")

    def __init__(self, train, valid):
        self.train, self.valid = Loader(train), Loader(valid)
        self.train.dataset = type("Epochs", (), {})()

    def __getitem__(self, at):
        return (self.train, self.valid)[at]


def batches(carried: int, n: int = 2) -> list[tuple]:
    images = [torch.full((2, 3, 4, 4), float(k)) for k in range(n)]
    parts = [tuple(torch.full((2, 1), 10.0 * k + part) for part in range(carried)) for k in range(n)]
    return [(image, *part, torch.tensor([0, 1])) for image, part in zip(images, parts, strict=True)]


def trained(carried: tuple[str, ...], label: bool, cbs=()) -> tuple[Noting, object]:
    torch.manual_seed(0)
    net = Noting()
    learn = build_learner(net, Loaders(batches(len(carried)), batches(0)), TRAIN, cbs=[Supply(carried, label), *cbs])
    learn.fit(1, 1e-3)
    return net, learn


@pytest.mark.parametrize(("carried", "label"), [(("mask", "pair"), True), (("mask",), False), ((), True), ((), False)])
def test_training_calls_get_all_by_name_and_validation_gets_the_image(carried, label):
    net, _ = trained(carried, label)
    assert [training for training, *_ in net.calls] == [True, True, False, False]
    for k, (training, image, given) in enumerate(net.calls):
        assert (image == k % 2).all()
        assert set(given) == ({*carried} | ({"label"} if label else set()) if training else set())
        for part, name in enumerate(carried if training else ()):
            assert (given[name] == 10.0 * k + part).all(), "each part under its own name"
        if "label" in given:
            assert given["label"].tolist() == [0, 1]


def test_after_the_fit_a_network_in_evaluation_mode_gets_the_image():
    net, _ = trained(("mask",), True)
    net.calls.clear()
    net.eval()(torch.zeros(2, 3, 4, 4))
    assert net.calls[0][2] == {}


def test_the_pass_that_averages_batch_norm_is_supplied_as_training_is():
    net, learn = trained(("mask",), True)
    net.calls.clear()
    net.norm = nn.BatchNorm1d(2)  # so that there is something to average
    norms.average(learn, 1)
    assert [given["mask"].unique().tolist() for _, _, given in net.calls] == [[0.0], [10.0]]


def test_the_penalty_is_part_of_the_gradient():
    plain, punished = (trained((), False, cbs)[0] for cbs in ([], [AddPenalty()]))
    assert not torch.equal(plain.head.weight, punished.head.weight)


def test_a_batch_with_more_than_was_named_is_refused():
    torch.manual_seed(0)
    learn = build_learner(Noting(), Loaders(batches(2), batches(0)), TRAIN, cbs=[Supply(("mask",), False)])
    with pytest.raises(ValueError, match="zip"):
        learn.fit(1, 1e-3)
