"""SRM two-stream: one Xception sees the image, another its noise residuals; they attend to each other."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import xceptions
from ddet.models.f3net import Start
from ddet.models.shared import Renormalise, learns
from ddet.models.srm_filters import FeatureResidual, ImageResidual

SCALE, MARGIN = 30.0, 0.45
RATIO = 8  # channels of a map over those of its keys
FAINT = 0.02  # gain of attention's first weights


def build(cfg: params.Model) -> "SRM":
    """Build the network around two Xceptions `cfg.backbone`; widths follow theirs, so `cfg.width` says nothing.

    Raises:
        InputError: a backbone that is no Xception.
    """
    return SRM(xceptions.make(cfg), xceptions.make(cfg), cfg.size)


class SRM(nn.Module):
    """Two streams, B x 3 x S x S to B x 2 logits; S is fixed, since attention has weights for each pair of places.

    The noise stream y begins with the residuals of the image and adds, after each convolution of the stem, those of
    the colour stream x. A map from residuals filtered once more weighs x. Behind the entry flow and in the middle of
    the middle flow the streams attend to each other (`CrossAttention`). Both ends are fused (`Fusion`), averaged, and
    compared with one direction a class: logits are 30 cos. In training .45 is subtracted from the cosine of the
    right class first, so that the trainer's cross-entropy is the AM-softmax loss.

    Paper: Luo et al., Generalizing Face Forgery Detection with High-frequency Features (CVPR 2021): SRM residuals,
    residual guided spatial attention, dual cross-modality attention; 256 px. Numbers from the released code
    (crywang/face-forgery-detection), s and m from DeepfakeBench, which has them from the author.
    Differs: the released head is a plain linear layer, ours holds directions, as an angular margin asks for; the
    noise stream's classifier, which nothing uses, is left out. Filters: see `FeatureResidual`.
    """

    needs = ("label",)

    def __init__(self, rgb: nn.Module, noise: nn.Module, size: int, scale: float = SCALE, margin: float = MARGIN):
        super().__init__()
        self.own, self.residual = Renormalise(0.5, 0.5), ImageResidual()
        self.rgb, self.noise, self.size, self.scale, self.margin = rgb, noise, size, scale, margin
        parts = xceptions.flows(rgb)
        self.guides = nn.ModuleList(FeatureResidual(xceptions.width(layers)) for layers in parts.stem)
        self.spatial = SpatialAttention(parts.stem)
        places, channels = side(rgb, size) ** 2, xceptions.width(parts.entry)
        self.cross = nn.ModuleList(CrossAttention(channels, places) for _ in range(2))
        self.fusion, self.dropout = Fusion(rgb.num_features), nn.Dropout(0.5)
        self.directions = nn.Parameter(torch.empty(2, rgb.num_features))
        nn.init.xavier_normal_(self.directions)
        self.guides.apply(_lecun)

    @property
    def backbone(self) -> Start:
        """Return both streams as one module into which an Xception can be loaded."""
        return Start(self.rgb, self.noise)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        if image.shape[-1] != self.size:
            cause = f"was built for images of {self.size} px and is given {image.shape[-1]}"
            raise InputError("SRM", cause, "set model.size to the side of the images")
        found = self.dropout(self.features(self.own(image)).mean(dim=(2, 3))).float()
        with torch.autocast(image.device.type, enabled=False):  # a margin is finer than bf16 sees
            cosine = F.linear(F.normalize(found), F.normalize(self.directions))
        if learns(self, label=label):
            cosine = cosine - self.margin * F.one_hot(label, 2)
        return self.scale * cosine

    def features(self, image: Tensor) -> Tensor:
        """Return the fused map of B x 3 x S x S, not negative."""
        one, other = xceptions.flows(self.rgb), xceptions.flows(self.noise)
        noise = self.residual(image)
        x, y = image, noise
        for of_x, of_y, guide in zip(one.stem, other.stem, self.guides, strict=True):
            x = of_x(x)
            y = F.relu(of_y(y) + guide(x))
        x, y = one.entry(self.spatial(x, self.residual(noise))), other.entry(y)
        half = len(one.middle) // 2
        x, y = self.cross[0](x, y)
        x, y = self.cross[1](one.middle[:half](x), other.middle[:half](y))
        return self.fusion(one.exit(one.middle[half:](x)), other.exit(other.middle[half:](y)))

    def cam_layer(self, size: int) -> nn.Module:
        """Return the layer that Grad-CAM uses: the fused map."""
        return self.fusion


class SpatialAttention(nn.Module):
    """Weigh a map x by where residuals are: ReLU(BN(x a + x)), a = sigmoid of 7 x 7 on their mean and maximum.

    Two convolutions, shaped as those of the Xception's stem, bring B x 3 x S x S residuals to the size of x first.

    Paper: SRM, residual guided spatial attention.
    """

    def __init__(self, stem: tuple[nn.Sequential, nn.Sequential]):
        super().__init__()
        layers = []
        for conv in (layers_of_stem[0] for layers_of_stem in stem):
            shape = conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding
            layers += [nn.Conv2d(*shape, bias=False), nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True)]
        self.embed, self.norm = nn.Sequential(*layers), nn.BatchNorm2d(conv.out_channels)
        self.weigh = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.embed.apply(_lecun)
        self.weigh.apply(_faint)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        found = self.embed(residual)
        both = torch.cat([found.mean(dim=1, keepdim=True), found.amax(dim=1, keepdim=True)], dim=1)
        return F.relu(self.norm(x + x * self.weigh(both).sigmoid()))


class CrossAttention(nn.Module):
    """Add to each of two maps, B x C x W x W, values of the other from places that are like its own.

    With P = W^2 places, keys of C / 8 channels (a convolution each and a shared one) give E = Kx^T Ky, P x P. The
    softmax over rows of L1(E) says where in y a place of x looks, that of L2(E^T) where in x one of y looks; L are
    linear layers of P to P. What is found is multiplied by a strength that is 0 at the start.

    Paper: SRM, dual cross-modality attention.
    """

    def __init__(self, channels: int, places: int):
        super().__init__()
        keys = channels // RATIO
        self.key, self.value = (nn.ModuleList(nn.Conv2d(channels, n, 1) for _ in range(2)) for n in (keys, channels))
        self.shared, self.places = nn.Conv2d(keys, keys, 1), nn.ModuleList(nn.Linear(places, places) for _ in range(2))
        self.strength = nn.Parameter(torch.zeros(2))
        self.apply(_faint)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        of_x, of_y = (self.shared(key(m)).flatten(2) for key, m in zip(self.key, (x, y), strict=True))
        energy = of_x.mT @ of_y
        from_y, from_x = (layer(e).softmax(dim=-1) for layer, e in zip(self.places, (energy, energy.mT), strict=True))
        value_x, value_y = (value(m).flatten(2) for value, m in zip(self.value, (x, y), strict=True))
        found = value_y @ from_y.mT, value_x @ from_x.mT
        return tuple(m + g * f.view_as(m) for m, g, f in zip((x, y), self.strength, found, strict=True))


class Fusion(nn.Module):
    """Fuse two maps of C channels to one, F (1 + a): F = ReLU(BN(1 x 1 of both)), a one weight a channel.

    a is the sigmoid of the sum of what one small network makes of a channel's mean and of its maximum, as in CBAM.

    Paper: SRM, fusion of the streams.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        narrow = channels // (2 * RATIO)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, narrow, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, channels, 1, bias=False),
        )
        self.weigh.apply(_faint)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        both = self.mix(torch.cat([x, y], dim=1))
        mean, largest = both.mean(dim=(2, 3), keepdim=True), both.amax(dim=(2, 3), keepdim=True)
        return both * (1 + (self.weigh(mean) + self.weigh(largest)).sigmoid())


def side(net: nn.Module, size: int) -> int:
    """Return the side of the map behind the entry flow of an Xception, in cells, for images of `size` px."""
    parts, was_training = xceptions.flows(net), net.training
    layers = nn.Sequential(*parts.stem, parts.entry).eval()
    with torch.no_grad():
        cells = layers(torch.zeros(1, 3, size, size)).shape[-1]
    net.train(was_training)
    return cells


def _lecun(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, a=1)


def _faint(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_normal_(layer.weight, gain=FAINT)
