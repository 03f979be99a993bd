"""Teach a network the features of ImageNet weights that exist for another one only, on rendered real faces.

The teacher is EfficientNet-Lite0, whose weights a package ships. It sees each face at twice the side, so that its maps
have a fourth and an eighth of the student's side. No forgery and no forgery label occurs.

Source: Romero et al., FitNets (2015): a student regresses hidden maps of its teacher through a 1 x 1 convolution.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
from fastai.data.core import DataLoaders
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.data.crop_loader import ArrayDataset, device, make_loader
from ddet.models import classifier_keys, lite, make_backbone
from ddet.seeds import derive, seed_everything
from ddet.training.learner import WEIGHTS, fit
from ddet.training.pretraining import EXPLAINED, Batch, batches, rendered, save_half

BLOCKS = {4: 2, 8: 4}  # a map of so small a share of the student's side: the block of the teacher that makes it
CHANNELS = {4: 40, 8: 112}  # of these maps
BATCH = 50  # images at a time before the teacher


def distil_backbone(
    cfg: params.Start,
    backbone: str,
    out: Path,
    runtime: params.Runtime,
    batch: Batch = rendered,
) -> pd.DataFrame:
    """Train `backbone` to predict the teacher's maps from its own, and write its weights without the classifier.

    Writes `weights.safetensors`, `history.csv` and EXPLAINED: the share of the teacher's variance that the student
    explains at each of the two depths on people who were not trained on. Returns that table.
    Differs: stands in for ImageNet weights of this backbone, which a machine without a network does not have.

    Raises:
        InputError: the package with the teacher's weights is not installed, or not as it was.
    """
    seed_everything(derive(cfg.seed, backbone), runtime.threads)
    seen, unseen = batches(cfg, batch)
    student = Student(make_backbone(backbone), cfg.size)
    teacher, on = Teacher(student.shares), device(runtime.device)
    taught, held = (teacher.maps(images) for images, _ in (seen, unseen))
    mean, std = moments(taught, student.grids)
    for maps in (taught, held):
        maps -= mean
        maps /= std
    order = derive(cfg.seed, "order")
    train_dl = make_loader(ArrayDataset(seen[0], taught), cfg.train.bs, on, runtime.workers, order)
    held_dl = make_loader(ArrayDataset(unseen[0], held), cfg.train.bs, on, runtime.workers)
    dls = DataLoaders(train_dl, held_dl, device=on)
    fit(student, dls, cfg.train, out, cfg.seed, loss_func=apart, metrics=[], progress=runtime.fits == 1)
    own, free = student.backbone.state_dict(), classifier_keys(student.backbone)
    save_half({k: v for k, v in own.items() if k not in free}, Path(out) / WEIGHTS)
    table = pd.DataFrame({"target": [f"map of 1/{share}" for share in student.shares], "r2": _r2(student, held_dl)})
    table.to_csv(Path(out) / EXPLAINED, index=False)
    return table


def apart(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the mean squared difference of the student's maps from the teacher's, both B x values."""
    return F.mse_loss(guess, truth.float())


class Teacher:
    """Lite0 with its ImageNet weights up to the deepest block that is asked for."""

    def __init__(self, shares: tuple[int, ...]):
        self.net, self.blocks = timm.create_model(lite.FULL), [BLOCKS[share] for share in shares]
        self.net.load_state_dict(lite.published())
        self.net.eval()

    def maps(self, images: np.ndarray) -> np.ndarray:
        """Return the maps of images (uint8 n x S x S x 3) one after the other: float16 n x values."""
        return np.concatenate([self._maps(images[i : i + BATCH]) for i in range(0, len(images), BATCH)])

    @torch.inference_mode()
    def _maps(self, images: np.ndarray) -> np.ndarray:
        x = (
            torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        )  # mean and std .5, as it was trained
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x, found = self.net.bn1(self.net.conv_stem(x)), []
        for number, block in enumerate(self.net.blocks[: max(self.blocks) + 1]):
            x = block(x)
            if number in self.blocks:
                found.append(x.flatten(1))
        return torch.cat(found, dim=1).half().numpy()


class Student(nn.Module):
    """A backbone that predicts the teacher's maps from its own, by a 1 x 1 convolution at each of two depths.

    The maps are its last one of a fourth of the side, where it has such a one, and its very last, which is resized to
    an eighth of the side. A transformer's tokens are laid out as the grid of its patches. Returns B x values: the
    predicted maps one after the other. `shares` are the depths, `grids` the shape of each map (channels, h, w).
    """

    def __init__(self, backbone: nn.Module, size: int):
        super().__init__()
        self.backbone, self.seen = backbone, {}
        early = self._early(size)
        self.shares = (4, 8) if early is not None else (8,)
        widths = [] if early is None else [early[1]]
        if early is not None:
            early[0].register_forward_hook(lambda _, __, output: self.seen.update(early=output))
        self.grids = tuple((CHANNELS[share], size // share, size // share) for share in self.shares)
        widths.append(backbone.num_features)
        pairs = zip(widths, self.grids, strict=True)
        self.guess = nn.ModuleList(nn.Conv2d(width, channels, 1) for width, (channels, _, _) in pairs)

    def forward(self, image: Tensor) -> Tensor:
        last = as_grid(self.backbone.forward_features(image), self.backbone)
        maps = [self.seen.pop("early"), last] if len(self.shares) == 2 else [last]
        found = []
        for guess, own, (_, h, w) in zip(self.guess, maps, self.grids, strict=True):
            own = guess(own)
            if own.shape[-2:] != (h, w):
                own = F.interpolate(own, size=(h, w), mode="bilinear", align_corners=False)
            found.append(own.flatten(1))
        return torch.cat(found, dim=1)

    def _early(self, size: int) -> tuple[nn.Module, int] | None:
        """Find the layer that runs last among those whose maps have a fourth of the side, and its channels."""
        found = []

        def note(layer: nn.Module, _: tuple, output: Tensor) -> None:
            if output.dim() == 4 and output.shape[-2:] == (size // 4, size // 4):
                found.append((layer, output.shape[1]))

        layers = [m for m in self.backbone.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
        hooks = [layer.register_forward_hook(note) for layer in layers]
        with torch.no_grad():
            self.backbone.eval().forward_features(torch.zeros(1, 3, size, size))
        self.backbone.train()
        for hook in hooks:
            hook.remove()
        return found[-1] if found else None


def as_grid(features: Tensor, backbone: nn.Module) -> Tensor:
    """Return a backbone's features as maps, B x C x h x w; a transformer's tokens lose those that are no patch."""
    if features.dim() == 4:
        return features if features.shape[1] == backbone.num_features else features.permute(0, 3, 1, 2)
    patches = features[:, getattr(backbone, "num_prefix_tokens", 0) :]
    side = round(patches.shape[1] ** 0.5)
    return patches.transpose(1, 2).unflatten(2, (side, side))


def moments(maps: np.ndarray, grids: tuple[tuple[int, int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel, repeated over its cells: float16, one value a column."""
    means, stds, begin = [], [], 0
    for channels, h, w in grids:
        part = maps[:, begin : begin + channels * h * w].reshape(len(maps), channels, h * w).astype(np.float32)
        means.append(np.repeat(part.mean((0, 2)), h * w))
        stds.append(np.repeat(part.std((0, 2)) + 1e-3, h * w))
        begin += channels * h * w
    return np.concatenate(means).astype(np.float16), np.concatenate(stds).astype(np.float16)


def _r2(student: Student, dl: object) -> list[float]:
    """Return the share of the teacher's variance that the student explains on `dl`, for each of its maps."""
    student.eval()
    with torch.inference_mode():
        off = torch.cat([(student(x).cpu() - y.cpu().float()).square() for x, y in dl])
        truth = torch.cat([y.cpu().float() for _, y in dl])
    sizes = [channels * h * w for channels, h, w in student.grids]
    parts = zip(off.split(sizes, dim=1), truth.split(sizes, dim=1), strict=True)
    return [1 - float(miss.mean() / part.var(correction=0)) for miss, part in parts]
