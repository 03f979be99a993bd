"""MAT: several attention maps, each pooling enhanced texture of its own region, beside the global features."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import params
from ddet.errors import InputError
from ddet.models import make_backbone
from ddet.models.mat_parts import Attention, Regions, Texture, average, degrade, pool, standardised
from ddet.models.shared import learns

MAPS, HIDDEN = 4, 256
TAPS = {  # blocks behind which texture and attention are read
    "tf_efficientnet_b4": (1, 4),
    "efficientnet_b4": (1, 4),
    "lite0_stride16": (1, 2),
    "lite0_stride8": (1, 2),
}


def build(cfg: params.Model) -> "MAT":
    """Build the network around an EfficientNet, `cfg.backbone`; `cfg.width` divides the widths of texture and head.

    Raises:
        InputError: a backbone whose taps are not known.
    """
    if cfg.backbone not in TAPS:
        raise InputError(f"model.backbone = {cfg.backbone!r}", "MAT cannot tap it", f"use one of {', '.join(TAPS)}")
    return MAT(cfg.backbone, cfg.width)


class MAT(nn.Module):
    """Four attention maps from a middle layer pool the texture of a shallow one; both join the global features.

    Takes B x 3 x S x S, ImageNet-normalised, and returns B x 2 logits, index 1 = fake. With EfficientNet-B4 at 380 px,
    textures are read at 32 x 95 x 95, attention at 160 x 24 x 24, the final map is 1792 x 12 x 12, and there are
    18,822,482 parameters; the released code counts 3,586 more, the backbone's classifier, which it does not use.
    With a cut EfficientNet-Lite0 at 80 px: 24 x 20 x 20, 40 x 10 x 10 and the 80 channels of its last map.
    In training an attention is dropped with probability .25 in both poolings.

    In training each forward pass is two: the second sees the image blurred where one attention looks. `penalty` is
    `regions` (.5) times the regional independence loss, `again` (1) times the second pass's cross-entropy, and `match`
    (.1) times how far the other attentions' vectors move, averaged over all attentions.

    Paper: Zhao et al., Multi-attentional Deepfake Detection (CVPR 2021). Layers and weights of losses from the
    released code (yoctta/multiple-attention), which has a head of more layers and a softer loss than the paper.
    Differs: there B4 first learns 20 epochs without attention and begins with AdvProp weights, on pixels in [-1, 1];
    here it begins with the start weights and the normalisation that everything here has. Only the first pass moves
    the centres of the regional independence loss.
    """

    needs = ("label",)
    penalty: Tensor | None = None

    def __init__(self, backbone: str, width: int = 1, regions: float = 0.5, again: float = 1.0, match: float = 0.1):
        super().__init__()
        dropped = {} if backbone.startswith("lite0") else {"drop_path_rate": 0.2}  # as B4 is trained
        self.backbone, self.taps = make_backbone(backbone, num_classes=0, **dropped), TAPS[backbone]
        shallow, middle = (_channels(self.backbone.blocks[at]) for at in self.taps)
        texture, hidden = shallow // width, HIDDEN // width
        self.attention = Attention(middle, MAPS)
        self.texture, self.regions = Texture(shallow, texture, MAPS), Regions(MAPS, texture)
        self.local = nn.Sequential(
            *(nn.Linear(MAPS * texture, hidden), nn.Hardswish(), nn.Linear(hidden, hidden), nn.Hardswish())
        )
        self.whole = nn.Sequential(nn.Dropout(0.5), nn.Linear(self.backbone.num_features, hidden), nn.Hardswish())
        self.head = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.Hardswish(), nn.Linear(hidden, 2))
        self.weights = {"regions": regions, "again": again, "match": match}

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        logits, attention, vectors = self.look(image)
        self.penalty = self.cost(image, label, attention, vectors) if learns(self, label=label) else None
        return logits

    def look(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, attention maps B x M x h x w, and what each attention sees of the surroundings, B x M x N."""
        shallow, middle, final = self.features(image)
        attention = self.attention(middle)
        kept = F.dropout(torch.ones_like(attention[:, :, :1, :1]), 0.25, self.training)  # whole maps
        textures, around = self.texture(shallow, attention)
        local = self.local((pool(textures, attention) * kept[:, :, 0]).flatten(1))
        whole = self.whole(average(final, (attention * kept).sum(dim=1, keepdim=True)))
        return self.head(torch.cat([local, whole], dim=1)), attention, pool(standardised(around.float()), attention)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps behind both taps, and the backbone's last."""
        seen = []
        hooks = [self.backbone.blocks[at].register_forward_hook(lambda *call: seen.append(call[2])) for at in self.taps]
        final = self.backbone.forward_features(image)
        for hook in hooks:
            hook.remove()
        return *seen, final

    def cost(self, image: Tensor, label: Tensor, attention: Tensor, vectors: Tensor) -> Tensor:
        """Return the penalty, a scalar, of one batch and what the first pass made of it."""
        apart = self.regions(vectors, label)
        blurred, chosen = degrade(image, attention)
        logits, _, moved = self.look(blurred)
        other = 1 - F.one_hot(chosen, MAPS)
        terms = {
            "regions": apart,
            "again": F.cross_entropy(logits.float(), label),
            "match": ((moved - vectors).norm(dim=2) * other).mean(),
        }
        return sum(self.weights[name] * term for name, term in terms.items())

    def cam_layer(self, size: int) -> nn.Module:
        """Return the backbone's last convolution or, where it is cut, its last block."""
        return getattr(self.backbone, "conv_head", self.backbone.blocks[-1][-1])


def _channels(stage: nn.Sequential) -> int:
    return [layer for layer in stage.modules() if isinstance(layer, nn.BatchNorm2d)][-1].num_features
