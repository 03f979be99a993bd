"""Fits that several processes share, and what they are compared with: each function writes a run into a folder."""

from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from fastai.data.core import DataLoaders
from torch import Tensor, nn
from toy_fits import CPU, config, toy_dls

from ddet.data.crop_loader import ArrayDataset, make_loader
from ddet.herd.weighted_loss import weighted
from ddet.seeds import seed_everything
from ddet.training import common, learner
from ddet.training.callbacks import AddPenalty, StepLosses
from ddet.training.schedules import Accumulate

STEPS, KEPT = "steps.csv", "kept.safetensors"


class Plain(nn.Module):
    """A network without batch normalisation: one weight only its penalty knows, another has no gradient ever."""

    def __init__(self):
        super().__init__()
        seed_everything(1, 1)
        self.body, self.head = nn.Conv2d(3, 6, 5, stride=4), nn.Linear(6, 2)
        self.beside, self.idle = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(1))
        self.penalty = None

    def forward(self, x: Tensor) -> Tensor:
        self.penalty = 0.1 * self.beside.square().sum()
        return self.head(F.relu(self.body(x)).mean((2, 3)))


class ByShare(nn.BatchNorm2d):
    """Batch normalisation of each half of a batch by itself; running averages take the mean of both."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        halves, none = x.chunk(2), (None, None)
        means, variances = (torch.stack([f(half) for half in halves]).mean(0) for f in (_mean, _variance))
        with torch.no_grad():
            self.running_mean.lerp_(means, self.momentum)
            self.running_var.lerp_(variances, self.momentum)
            self.num_batches_tracked += 1
        return torch.cat([F.batch_norm(half, *none, self.weight, self.bias, training=True) for half in halves])


def _mean(x: Tensor) -> Tensor:
    return x.mean((0, 2, 3))


def _variance(x: Tensor) -> Tensor:
    return x.var((0, 2, 3))


def normed(kind: type[nn.BatchNorm2d]) -> nn.Module:
    seed_everything(1, 1)
    layers = nn.Conv2d(3, 6, 5, stride=4), kind(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    return nn.Sequential(*layers)


def uneven_dls() -> DataLoaders:
    """Return 43 images to train on in batches of 12, and 15 to validate in batches of 4: the last are of 7 and 3."""
    dls = toy_dls(augment={"HorizontalFlip": 0.5})
    train, valid = (dl.dataset for dl in dls)
    parts = [ArrayDataset(d.images[:n], d.targets[:n], d.transform, d.seed) for d, n in ((train, 43), (valid, 15))]
    return DataLoaders(make_loader(parts[0], 12, CPU, 0, shuffle_seed=6), make_loader(parts[1], 4, CPU), device=CPU)


def plain(out: Path) -> None:
    """Fit `Plain` with a class weight, a penalty, and a step for every 24 images."""
    cfg = config(lr=0.05, opt="sgd", schedule="flat")
    cbs = [AddPenalty(), Accumulate(24), StepLosses(Path(out) / STEPS)]
    learner.fit(Plain(), uneven_dls(), cfg, out, 9, weighted(3.0, "fake", CPU), cbs=cbs, progress=False)


def with_norms(kind: type[nn.BatchNorm2d], out: Path) -> None:
    """Fit a network whose batch normalisation is `kind`, keep its weights, and settle it unless that is by share."""
    cfg = config(lr=0.05, opt="sgd", schedule="flat", epochs=2)
    learn = learner.fit(normed(kind), toy_dls(), cfg, out, 9, progress=False)
    (Path(out) / KEPT).write_bytes((Path(out) / learner.WEIGHTS).read_bytes())
    if kind is not ByShare:
        common.settle(learn, cfg, out)


def state(folder: Path, name: str = learner.WEIGHTS) -> dict[str, Tensor]:
    return safetensors.torch.load_file(folder / name)


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Return the largest difference between two states of the same names."""
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)
