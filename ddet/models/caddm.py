"""CADDM: a detector of forged regions beside the classifier, so that it looks at traces and not at who is shown."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models.caddm_boxes import CELLS, anchors, assign, detection_loss
from ddet.models.caddm_swap import swap
from ddet.models.shared import Renormalise, learns

DETECTION = 0.1  # weight of the detection's loss
DROPOUT = {"tf_efficientnet_b3": 0.3, "tf_efficientnet_b4": 0.4}  # of the pooled features, by backbone
SHAPES = 2  # anchors at one place


def build(cfg: params.Model) -> "CADDM":
    """Build the network around the timm network `cfg.backbone`; `cfg.width` divides the detector's inner widths.

    Raises:
        InputError: timm has no such network, or the width leaves the detector less than 8 channels.
    """
    backbone = models.make_backbone(cfg.backbone, num_classes=0)
    if backbone.num_features // cfg.width < 8:
        cause = f"leaves the detector {backbone.num_features // cfg.width} of {backbone.num_features} channels"
        raise InputError(f"model.width = {cfg.width}", cause, f"use 1 to {backbone.num_features // 8}")
    return CADDM(backbone, cfg.width, DROPOUT.get(cfg.backbone, 0.0))


class CADDM(nn.Module):
    """A classifier and a detector on one map, B x 3 x S x S to B x 2 logits; S such that the map is 7 x 7 or larger.

    The detector (`Detector`) takes the map down to one cell, which is added to the pooled features that the last
    layer sees, so it works in evaluation too.

    In training fakes are mixed anew with the frame they were made from (`swap`), so that who is shown tells nothing,
    and `penalty` is .1 times the detection loss on the boxes of what was mixed (`detection_loss`).

    Paper: Dong et al., Implicit Identity Leakage: The Stumbling Block to Improving Deepfake Detection Generalization
    (CVPR 2023): artifact detection module, multi-scale facial swap; numbers from the released code
    (megvii-research/CADDM). ResNet-34, EfficientNet-B3 or -B4 on 224 px, a map of 7 x 7.
    Differs: the released code feeds raw BGR values to weights trained on normalised RGB, its boxes are (row, column)
    where its anchors are (x, y), and it degrades colours and sharpness at random; here that is left to a fit's own
    augmentation. It keeps a classifier of 1000 classes that nothing uses. A map larger than 7 x 7 is averaged to that
    for the detector; `width` is ours, 1 in the paper.
    """

    needs = ("label", "mask", "pair")
    penalty: Tensor | None = None

    def __init__(self, backbone: nn.Module, width: int = 1, dropout: float = 0.0, detection: float = DETECTION):
        super().__init__()
        self.backbone, self.detection, self.pixels = backbone, detection, Renormalise(0, 1)
        channels = backbone.num_features
        self.detector = Detector(channels, channels // width)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(channels, 2)
        self.register_buffer("anchors", anchors(), persistent=False)

    def forward(
        self, image: Tensor, label: Tensor | None = None, mask: Tensor | None = None, pair: Tensor | None = None
    ) -> Tensor:
        self.penalty, training = None, learns(self, label=label, mask=mask, pair=pair)
        if training:
            with torch.no_grad(), torch.autocast(image.device.type, enabled=False):  # bf16 is too coarse for pixels
                mixed = swap(self.pixels(image), self.pixels(pair), mask, label)
                image = (mixed.pixels - self.pixels.shift) / self.pixels.scale
        found = self.backbone.forward_features(image)
        offsets, scores, last = self.detector(found)
        if training:
            aims = assign(mixed.boxes, mixed.known, self.anchors)
            self.penalty = self.detection * detection_loss(offsets.float(), scores.float(), *aims)
        return self.head(self.dropout(found.mean(dim=(2, 3))) + last)

    def cam_layer(self, size: int) -> nn.Module:
        """Return the layer that Grad-CAM uses for the backbone alone."""
        return models.cam_layer(self.backbone, size)


class Detector(nn.Module):
    """Look for forged regions at four scales: maps of 7, 5, 3 and 1 cells a side, each made of the one before.

    Takes B x C x W x W with W of 7 or more, and returns B x 168 x 4 offsets and B x 168 x 2 scores, in the order of
    `anchors`, and the last map, B x C. The inner maps have `inner` channels, C in the paper.

    Paper: CADDM, artifact detection module.

    Raises:
        InputError: a map of less than 7 x 7.
    """

    def __init__(self, channels: int, inner: int):
        super().__init__()
        widths = (inner, inner, inner, channels)
        self.steps = nn.ModuleList(
            [Residual(channels, inner, 1), Residual(inner, inner, 3), Residual(inner, inner, 3), Last(inner, channels)]
        )
        sides = (3, 3, 3, 1)
        self.place, self.score = (
            nn.ModuleList(nn.Conv2d(w, SHAPES * n, k, padding=k // 2) for w, k in zip(widths, sides, strict=True))
            for n in (4, 2)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if min(x.shape[-2:]) < CELLS[0]:
            cause = f"its backbone's last map has {x.shape[-1]} x {x.shape[-2]} cells, and its detector needs 7 x 7"
            raise InputError("CADDM", cause, "use a larger model.size, or a backbone of a smaller stride")
        x, maps = F.adaptive_avg_pool2d(x, CELLS[0]), []
        for step in self.steps:
            x = step(x)
            maps.append(x)
        offsets, scores = (
            torch.cat(
                [conv(m).permute(0, 2, 3, 1).reshape(len(x), -1, n) for conv, m in zip(convs, maps, strict=True)], 1
            )
            for convs, n in ((self.place, 4), (self.score, 2))
        )
        return offsets, scores, x.flatten(1)


class Residual(nn.Module):
    """Two convolutions with batch norm, the first of `side` px without padding, and one of that side around them."""

    def __init__(self, channels: int, out: int, side: int):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, out, side),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.around = nn.Sequential(nn.Conv2d(channels, out, side, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.around(x))


class Last(nn.Module):
    """From 3 x 3 cells to one: 3 px, ReLU, 1 px, and 3 px around them; no batch norm."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(channels, out, 3), nn.ReLU(inplace=True), nn.Conv2d(out, out, 1))
        self.around = nn.Conv2d(channels, out, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.around(x))
