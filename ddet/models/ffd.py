"""FFD: an Xception whose middle flow is multiplied by a map of where the face is forged."""

from timm.models.xception import SeparableConv2d
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.models.f3net import FAMILY, cuts, steps
from ddet.models.shared import Renormalise, learns


def build(cfg: params.Model) -> "FFD":
    """Build the network that `cfg` names, around an Xception, `cfg.backbone`: `ffd`, or `ffd_free`, for crops without
    masks. It has no `width`.

    Raises:
        InputError: a backbone that is no Xception.
    """
    if cfg.backbone not in FAMILY:
        raise InputError(f"model.backbone = {cfg.backbone!r}", "is no Xception", f"use one of {', '.join(FAMILY)}")
    return FFD(cfg.backbone, supervised=cfg.name != "ffd_free")


class FFD(nn.Module):
    """Xception with a regressed attention map, behind block 7 of 12: x becomes x times the map, in [0, 1].

    Takes B x 3 x S x S, ImageNet-normalised, and returns B x 2 logits, index 1 = fake. The map is a separable
    3 x 3 convolution to one channel and a sigmoid: 19 x 19 at 299 px, where the network has 20,818,330 parameters;
    10 x 10 in a slim Xception at 80 px, behind the first of its two middle blocks.

    In training `penalty` is `weight` (1 in the released code) times the mean absolute difference between the map and
    the mask's share of forged pixels in each cell, all 0 for a real image. With `supervised` false no mask is needed,
    there is no penalty, and the map learns through the classifier alone.

    Paper: Dang et al., On the Detection of Digital Face Manipulation (CVPR 2020), direct regression of the map.
    Layers and loss from the released code (JStehouwer/FFD_CVPR2020).
    Differs: the paper's other map, a sum of ten fixed templates, is left out: its templates are files of the released
    code. There the mask is a grey image resized to the map; here its mean in each cell. There weights begin as
    N(0, .01), since its loop that loads ImageNet's is broken; here the backbone takes start weights. Published
    Xceptions are given pixels in [-1, 1], as they were trained; slim ones take ImageNet's normalisation.
    """

    penalty: Tensor | None = None

    def __init__(self, backbone: str, supervised: bool = True, weight: float = 1.0):
        super().__init__()
        self.needs, self.weight = ("mask",) if supervised else (), weight
        self.backbone = make_backbone(backbone, num_classes=2)
        published = backbone == "legacy_xception"
        self.own = Renormalise(0.5, 0.5) if published else nn.Identity()
        self.cut = cuts(self.backbone)[1]
        channels = steps(self.backbone)[self.cut - 1].rep[-1].num_features
        self.map = nn.Sequential(SeparableConv2d(channels, 1, 3, padding=1), nn.Sigmoid())

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        x, layers, self.penalty = self.own(image), steps(self.backbone), None
        for layer in layers[: self.cut]:
            x = layer(x)
        attention = self.map(x)
        if learns(self, mask=mask) and self.needs:
            self.penalty = self.weight * distance(attention.float(), mask)
        x = x * attention
        for layer in layers[self.cut :]:
            x = layer(x)
        return self.backbone.forward_head(x)

    def cam_layer(self, size: int) -> nn.Module:
        """Return the last convolution; batch norm and ReLU follow."""
        return steps(self.backbone)[-3]


def distance(attention: Tensor, mask: Tensor) -> Tensor:
    """Return the mean absolute difference of B x 1 x h x w to the means of B x 1 x H x W in as many cells.

    Paper: FFD, supervised learning of the map, L1.
    """
    return F.l1_loss(attention, F.adaptive_avg_pool2d(mask.float(), attention.shape[-2:]))
