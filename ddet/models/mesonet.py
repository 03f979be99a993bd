"""MesoNet: Meso4 and MesoInception4, four convolution blocks for what is neither noise nor meaning."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.models.objective import replacing
from ddet.models.shared import Renormalise, learns

POOLS = (2, 2, 2, 4)


def build(cfg: params.Model) -> "MesoNet":
    """Build the network that `cfg` names: `meso4` or `mesoinception4`; `cfg.width` multiplies the papers' widths."""
    return MesoNet(cfg.size, cfg.width, inception=cfg.name == "mesoinception4")


class MesoNet(nn.Module):
    """Four blocks of convolution, ReLU, batch norm and max pooling, then 16 hidden units and one output.

    Takes B x 3 x S x S, ImageNet-normalised, and returns B x 2 logits, index 1 = fake: 0 and the one output z, so that
    their softmax is sigmoid(z). Meso4 has 8, 8, 16 and 16 channels, and windows of 3, 5, 5 and 5 px; MesoInception4
    begins with two inception blocks of 11 and 12 channels. With `width` 1 and 256 px they have 27,977 and 28,615
    parameters, as published. Poolings are by 2, 2, 2 and 4; dropout .5 stands before both linear layers.

    In training `penalty` makes of the cross-entropy the mean squared error between sigmoid(z) and the label.

    Paper: Afchar et al., MesoNet (WIFS 2018); loss, batch norm (eps 1e-3, averages that keep
    .99) and initial values (Keras's: Glorot's uniform, biases 0) from the released code (DariusAf/MesoNet).
    Differs: there 1 is real, here fake. The released code takes pixels in [0, 1]; they are made inside. Sides that 32
    does not divide keep their last rows and columns in smaller pooling windows.
    Popular ports to torch share batch norms between convolutions and leave out biases and the ReLUs of the
    inception's branches (27,881 and 28,508 parameters); this one does not.
    """

    needs = ("label",)
    backbone = None
    penalty: Tensor | None = None

    def __init__(self, size: int, width: int = 1, inception: bool = False):
        super().__init__()
        self.pixels = Renormalise(0, 1)
        self.features = nn.Sequential(*(_inceptions(width) if inception else _convolutions(width)))
        channels, hidden, cells = 16 * width, 16 * width, (-(-size // 32)) ** 2
        self.head = nn.Sequential(
            *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(channels * cells, hidden), nn.LeakyReLU(0.1)),
            *(nn.Dropout(0.5), nn.Linear(hidden, 1)),
        )
        self.apply(_as_keras)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        fake, self.penalty = self.head(self.features(self.pixels(image))), None
        logits = torch.cat([torch.zeros_like(fake), fake], dim=1)
        if learns(self, label=label):
            loss = F.mse_loss(fake[:, 0].float().sigmoid(), label.float())
            self.penalty = replacing(loss, logits, label)
        return logits

    def cam_layer(self, size: int) -> nn.Module:
        """Return the last convolution, whose map is an eighth of the side."""
        return [layer for layer in self.features if isinstance(layer, nn.Conv2d)][-1]


class Inception(nn.Module):
    """Four branches of `widths` channels, side by side: 1 x 1; and 1 x 1 followed by 3 x 3 of dilation 1, 2 and 3.

    A ReLU follows each convolution.

    Paper: MesoNet, MesoInception-4.
    """

    def __init__(self, channels: int, *widths: int):
        super().__init__()
        self.point = nn.ModuleList(nn.Conv2d(channels, width, 1) for width in widths)
        self.dilated = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=by, dilation=by) for by, width in enumerate(widths[1:], 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (conv(x).relu() for conv in self.point)
        return torch.cat([first, *(conv(y).relu() for conv, y in zip(self.dilated, others, strict=True))], dim=1)


def _convolutions(width: int) -> list[nn.Module]:
    a, b = 8 * width, 16 * width
    blocks = [(3, a, 3), (a, a, 5), (a, b, 5), (b, b, 5)]
    return [layer for block, pool in zip(blocks, POOLS, strict=True) for layer in _block(*block, pool)]


def _inceptions(width: int) -> list[nn.Module]:
    first = Inception(3, *(width * k for k in (1, 4, 4, 2)))
    second = Inception(11 * width, *(width * k for k in (2, 4, 4, 2)))
    plain = [_block(a * width, 16 * width, 5, pool) for a, pool in zip((12, 16), POOLS[2:], strict=True)]
    steps = [[first, *_end(11 * width, POOLS[0])], [second, *_end(12 * width, POOLS[1])], *plain]
    return [layer for step in steps for layer in step]


def _block(channels: int, width: int, window: int, pool: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, window, padding=window // 2), nn.ReLU(), *_end(width, pool)]


def _end(width: int, pool: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width, eps=1e-3, momentum=0.01), nn.MaxPool2d(pool, ceil_mode=True)]


def _as_keras(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
