"""Capsule-Forensics: small networks over fixed VGG features, which vote by dynamic routing."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.models.objective import replacing
from ddet.models.portable import log
from ddet.models.shared import learns

SEEN, OUT, ROUNDS = 8, 4, 2  # numbers of a primary capsule and of an output capsule; rounds of routing


def build(cfg: params.Model) -> "Capsule":
    """Build the network that `cfg` names, `capsule_v1` or `capsule_v2`, over the VGG `cfg.backbone`; no `width`.

    Raises:
        InputError: a backbone that is no VGG.
    """
    return Capsule(cfg.backbone, second=cfg.name == "capsule_v2")


class Capsule(nn.Module):
    """A fixed front of VGG, 3 (version 1) or 10 (version 2) primary capsules, and a capsule for each class.

    Takes B x 3 x S x S, ImageNet-normalised, of any side from 32 px, and returns B x 2 logits, index 1 = fake: the
    logarithm of the probabilities, which are the mean over the output capsules' 4 numbers of their softmax over the
    classes. Over VGG-19's 2,325,568 fixed parameters there are 471,321 (1) and 1,571,070 (2).

    In training `penalty` makes of the cross-entropy the sum over the 4 numbers of the cross-entropy of the two
    classes' numbers. Version 1 takes it of their softmax, as if that were logits.

    Paper: Nguyen et al., Capsule-Forensics (ICASSP 2019), which is version 1 and what PRLE compares with, at 128 px;
    version 2 is Use of a Capsule Network to Detect Fake Images and Videos (2019), at 300 px. Layers, initial values
    and noise from the released codes (nii-yamagishilab, Capsule-Forensics and -v2).
    Differs: in version 1's code fake is class 0, here 1. All capsules are computed as groups of one convolution; the
    result is the same. A slim VGG may stand in for VGG-19; its batch norms are as fixed as its weights.
    """

    needs = ("label",)
    penalty: Tensor | None = None

    def __init__(self, backbone: str, second: bool = False):
        super().__init__()
        self.backbone, self.second = Front(backbone), second
        capsules = 10 if second else 3
        self.capsules = primary(self.backbone.channels, capsules)
        self.routing = Routing(capsules, dropout=0.05 if second else 0.0)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        seen, self.penalty = self.capsules(self.backbone(image)), None
        with torch.autocast(image.device.type, enabled=False):
            numbers = self.routing(squash(seen.float(), dim=1))
            logits = log(numbers.softmax(dim=1).mean(dim=2))
            if learns(self, label=label):
                scores = numbers if self.second else numbers.softmax(dim=1)
                loss = OUT * F.cross_entropy(scores, label[:, None].expand(-1, OUT))
                self.penalty = replacing(loss, logits, label)
        return logits

    def cam_layer(self, size: int) -> nn.Module:
        """Return the second convolution of the capsules.

        Paper: the released visualisation reads its 16 maps capsule by capsule.
        Differs: the maps of all capsules are weighed together, since they are channels of one layer.
        """
        return self.capsules[3]


class Front(nn.Module):
    """The layers of a VGG through its third max pooling, fixed: B x 3 x S x S to B x `channels` x S/8 x S/8.

    Neither training nor a renewal of averages changes its weights or its batch norms. Start weights of the whole VGG
    can be loaded.

    Raises:
        InputError: a network without three poolings among its `features`.
    """

    def __init__(self, name: str):
        super().__init__()
        whole = make_backbone(name, num_classes=0)
        layers = list(getattr(whole, "features", ()))
        pools = [at for at, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        if len(pools) < 3:
            raise InputError(f"model.backbone = {name!r}", "is no VGG", "use vgg19 or slim_vgg")
        kept, cut = layers[: pools[2] + 1], [f"features.{at}" for at in range(pools[2] + 1, len(layers))]
        self.channels = [layer for layer in kept if isinstance(layer, nn.Conv2d)][-1].out_channels
        self.features = nn.Sequential(*(Fixed(m) if isinstance(m, nn.BatchNorm2d) else m for m in kept))
        self.requires_grad_(False)
        self.pretrained_cfg = {"classifier": ("pre_logits", "head", *cut)}  # what a file may hold and this has not

    def forward(self, image: Tensor) -> Tensor:
        return self.features(image)


class Fixed(nn.Module):
    """A batch norm that stays what it is: its averages, in training too, under the same names."""

    def __init__(self, norm: nn.BatchNorm2d):
        super().__init__()
        self.eps = norm.eps
        for name, value in norm.state_dict().items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def primary(channels: int, capsules: int) -> nn.Sequential:
    """Make the primary capsules, B x `channels` x H x W to B x `capsules` x 8, each a group of channels.

    In each: 3 x 3 convolutions to 64 and 16 channels, mean and standard deviation of each over the map, and two
    convolutions along the 16 channels. Convolutions begin as N(0, .02), scales of batch norms as N(1, .02).

    Paper: Capsule-Forensics, primary capsules; numbers from the released code.
    """
    n = capsules
    layers = nn.Sequential(
        *(nn.Conv2d(channels, 64 * n, 3, padding=1), nn.BatchNorm2d(64 * n), nn.ReLU()),
        *(nn.Conv2d(64 * n, 16 * n, 3, padding=1, groups=n), nn.BatchNorm2d(16 * n), nn.ReLU()),
        Statistics(n),
        *(nn.Conv1d(2 * n, 8 * n, 5, stride=2, padding=2, groups=n), nn.BatchNorm1d(8 * n)),
        *(nn.Conv1d(8 * n, n, 3, padding=1, groups=n), nn.BatchNorm1d(n)),
    )
    for layer in layers:
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            nn.init.normal_(layer.weight, 0, 0.02)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)
    return layers


class Statistics(nn.Module):
    """Mean and standard deviation (unbiased) of each map: B x (n C) x H x W to B x (2 n) x C, by capsule."""

    def __init__(self, capsules: int):
        super().__init__()
        self.capsules = capsules

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2).unflatten(1, (self.capsules, -1))
        return torch.stack([pixels.mean(dim=3), pixels.std(dim=3)], dim=2).flatten(1, 2)


class Routing(nn.Module):
    """Dynamic routing: primary capsules, B x n x 8, to the classes' numbers, B x 2 x 4, each class a vector below 1.

    Each capsule proposes W x to each class. What a class becomes is the squashed sum of the proposals, weighed by a
    softmax over capsules of logits that begin at 0 and grow by proposal times outcome, number by number.
    In training W gets noise of standard deviation .01, and single numbers of proposals are set to 0 with probability
    `dropout`, without a scale for the rest.

    Paper: Capsule-Forensics, dynamic routing; noise and dropout from the released code.
    """

    def __init__(self, capsules: int, dropout: float):
        super().__init__()
        self.weight, self.dropout = nn.Parameter(torch.randn(2, capsules, OUT, SEEN)), dropout

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight + 0.01 * torch.randn_like(self.weight) if self.training else self.weight
        proposed = torch.einsum("cnij,bnj->bcni", weight, x)
        if self.training and self.dropout:
            proposed = proposed * torch.empty_like(proposed).bernoulli_(1 - self.dropout)
        agreed = torch.zeros_like(proposed)
        for _ in range(ROUNDS):
            outcome = squash((agreed.softmax(dim=2) * proposed).sum(dim=2, keepdim=True), dim=3)
            agreed = agreed + proposed * outcome
        return outcome[:, :, 0]


def squash(x: Tensor, dim: int) -> Tensor:
    """Scale vectors along `dim` to the length n^2 / (1 + n^2), n their length; zero stays zero."""
    square = x.square().sum(dim=dim, keepdim=True)
    return F.normalize(x, dim=dim) * square / (1 + square)
