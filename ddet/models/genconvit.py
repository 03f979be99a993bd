"""GenConViT-ED: a ConvNeXt looks at a face and at its auto-encoded copy, and a small head compares the two."""

from itertools import pairwise

import torch
from timm.models import ConvNeXt
from torch import nn

from ddet import params
from ddet.errors import InputError
from ddet.models import cam_layer, make_backbone

WIDTHS = (16, 32, 64, 128, 256)  # channels after each halving of the side
SWIN = "swin_tiny_patch4_window7_224"


def build(cfg: params.Model) -> "GenConViTED":
    """Build the network that `cfg` names.

    Raises:
        InputError: a side that five halvings do not divide.
    """
    if cfg.size % 32:
        raise InputError(f"model.size = {cfg.size}", "GenConViT halves the side five times", "use a multiple of 32")
    backbone = make_backbone(cfg.backbone)
    swin = make_backbone(SWIN, img_size=cfg.size, num_classes=0) if cfg.use_swin else None
    return GenConViTED(backbone, swin)


def encoder() -> nn.Sequential:
    """Map B x 3 x S x S to B x 256 x S/32 x S/32: five times convolution, ReLU, 2 x 2 max pooling."""
    steps = [(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)) for a, b in pairwise((3, *WIDTHS))]
    return nn.Sequential(*[layer for step in steps for layer in step])


def decoder() -> nn.Sequential:
    """Map the code back to B x 3 x S x S, never negative: a ReLU follows the last transposed convolution as well."""
    widths = (*reversed(WIDTHS), 3)
    steps = [(nn.ConvTranspose2d(a, b, 2, stride=2), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*[layer for step in steps for layer in step])


class GenConViTED(nn.Module):
    """Classify B x 3 x S x S (S a multiple of 32) into B x 2 logits, index 1 = fake.

    Paper: GenConViT network A as released, the detector of Herd Mentality. Backbone with its 1000-way head kept; the
    head is Linear 2000-500-2 with GELU before each layer, so the first activation falls on the backbone's logits.
    There is no reconstruction loss: the auto-encoder learns through the classifier alone.
    Differs: index 1 is fake (there 0). The paper embeds a Swin as well; in the released code it never runs, so it is
    left out. Any timm network may stand in for ConvNeXt: the smallest ConvNeXts learn too little from the default
    profile's few crops. With `swin` given, this is OUR reading of the paper's hybrid: the pooled features of Swin and
    ConvNeXt stand beside each other, for both images, before the head, in place of the 1000-way logits.
    """

    def __init__(self, backbone: nn.Module, swin: nn.Module | None = None):
        super().__init__()
        self.encoder, self.decoder = encoder(), decoder()
        self.backbone, self.swin = backbone, swin
        hidden = backbone.num_classes // 2
        width = backbone.num_classes if swin is None else backbone.num_features + swin.num_features
        if swin is not None:
            backbone.reset_classifier(0)  # pooled features instead of logits
        self.head = nn.Sequential(nn.GELU(), nn.Linear(2 * width, hidden), nn.GELU(), nn.Linear(hidden, 2))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        decoded = self.decoder(self.encoder(image))
        return self.head(torch.cat([self.features(decoded), self.features(image)], dim=1))

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """Describe one image: B x 1000 backbone logits, or B x (ConvNeXt + Swin) pooled features in the hybrid."""
        seen = self.backbone(image)
        return seen if self.swin is None else torch.cat([seen, self.swin(image)], dim=1)

    def cam_layer(self, size: int) -> nn.Module:
        """Return ConvNeXt's 2 x 2 convolution before the last stage; of another backbone, its last convolution.

        Paper: Herd Mentality's released Grad-CAM target. It runs twice in a forward pass, on the image second.
        """
        if isinstance(self.backbone, ConvNeXt):
            return self.backbone.stages[-1].downsample[1]
        return cam_layer(self.backbone, size)
