"""RECCE: an Xception that learns to reconstruct real faces, and looks at what of an image it could not reconstruct."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet import models, params
from ddet.errors import InputError
from ddet.models import xceptions
from ddet.models.recce_parts import DECODED, DROPOUT, Decoder, Guided, Reasoning
from ddet.models.shared import Renormalise, flood, learns

NOISE = 1e-6  # standard deviation
FLOOD, RECONSTRUCTION, METRIC = 0.04, 0.1, 0.1


def build(cfg: params.Model) -> "Recce":
    """Build the network around an Xception; `cfg.width` divides the decoder's and the graph's widths, 1 in the paper.

    Raises:
        InputError: a backbone that is no Xception, or a width that leaves the decoder less than 4 channels.
    """
    if cfg.width > DECODED[-1] // 4:
        cause = f"leaves {DECODED[-1] // cfg.width} of the decoder's {DECODED[-1]} channels"
        raise InputError(f"model.width = {cfg.width}", cause, f"use 1 (the paper's) to {DECODED[-1] // 4}")
    return Recce(xceptions.make(cfg), cfg.width)


class Recce(nn.Module):
    """An Xception with a decoder between its blocks, B x 3 x S x S to B x 2 logits: zero for real, its output for fake.

    The map behind block 4 is decoded to the image. The map behind block 7 gathers from the decoder's maps
    (`Reasoning`), the one behind block 8 is weighed by the residual of the reconstruction (`Guided`). The slim
    Xception has two middle blocks for eight: its entry flow is decoded, reasoning follows the first, attention the
    second.

    In training the encoder sees half of the images, drawn at random, with noise of 1e-6, all cut off at +-1, and
    `penalty` is: what flooding at .04 adds to the cross-entropy, so that their sum is |CE - .04| + .04; .1 times the
    mean absolute error of the reconstruction of real images (0 if there is none), the only ones it learns from; .1
    times `likeness_loss` of the encoded map and of the decoder's two.

    Paper: Cao et al., End-to-End Reconstruction-Classification Learning for Face Forgery Detection (CVPR 2022);
    numbers from the released code (VISION-SJTU/RECCE).
    Differs: the released code has one output and binary cross-entropy, which is the cross-entropy of the logits
    (0, output) and so ours. It keeps a classifier of 1000 classes that nothing uses.
    """

    needs = ("label",)
    penalty: Tensor | None = None

    def __init__(
        self,
        backbone: nn.Module,
        width: int = 1,
        level: float = FLOOD,
        reconstruction: float = RECONSTRUCTION,
        metric: float = METRIC,
    ):
        super().__init__()
        self.level, self.reconstruction, self.metric = level, reconstruction, metric
        channels = xceptions.width(xceptions.flows(backbone).entry)
        self.own, self.backbone, self.decoder = Renormalise(0.5, 0.5), backbone, Decoder(channels, width)
        self.reasoning, self.guided = Reasoning(channels, width), Guided(channels)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(backbone.num_features, 1))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        image, self.penalty = self.own(image), None
        encoded, decoded, seen = self.reconstruct(noisy(image) if self.training else image, image.shape[-2:])
        output = self.head(self.classify(encoded, decoded, (image - seen).abs()).mean(dim=(2, 3)))
        logits = torch.cat([torch.zeros_like(output), output], dim=1)
        if learns(self, label=label):
            self.penalty = self.cost(image, seen, (encoded, *decoded), logits, label)
        return logits

    def reconstruct(self, image: Tensor, size: torch.Size) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        """Return the encoded map, the decoder's two maps and the reconstruction, B x 3 and `size` (px), in [-1, 1]."""
        parts = xceptions.flows(self.backbone)
        encoded = nn.Sequential(*parts.stem, parts.entry, parts.middle[: self.cuts[0]])(image)
        *decoded, small = self.decoder(encoded)
        return encoded, tuple(decoded), F.interpolate(small, size, mode="bilinear", align_corners=True)

    def classify(self, encoded: Tensor, decoded: tuple[Tensor, Tensor], residual: Tensor) -> Tensor:
        """Return the last map, from the encoded one, the decoder's two and the residual in [0, 2]."""
        parts, (begin, reason, attend) = xceptions.flows(self.backbone), self.cuts
        x = parts.middle[begin:reason](encoded)
        x = parts.middle[reason:attend](x + self.reasoning(x, *decoded))
        return parts.exit(parts.middle[attend:](self.guided(x, residual))).relu()

    @property
    def cuts(self) -> tuple[int, int, int]:
        """Return how many blocks of the middle flow come before decoding, reasoning and attention."""
        n = len(xceptions.flows(self.backbone).middle)
        return n // 8, n // 2, n // 2 + max(1, n // 8)

    def cost(self, image: Tensor, seen: Tensor, maps: tuple[Tensor, ...], logits: Tensor, label: Tensor) -> Tensor:
        """Return the penalty of one batch, a scalar."""
        error = (image - seen).abs().mean(dim=(1, 2, 3))[label == 0]
        total = flood(F.cross_entropy(logits.float(), label), self.level)
        total = total + self.reconstruction * error.sum() / max(len(error), 1)
        with torch.autocast(image.device.type, enabled=False):  # bf16 is too coarse for cosines
            return total + self.metric * sum(likeness_loss(m.float().mean(dim=(2, 3)), label) for m in maps)

    def cam_layer(self, size: int) -> nn.Module:
        """Return the layer that Grad-CAM uses for the backbone alone."""
        return models.cam_layer(self.backbone, size)


def noisy(image: Tensor) -> Tensor:
    """Add noise of 1e-6 to about half of the images, B x 3 x H x W in [-1, 1], and cut all of them off at +-1."""
    chosen = (torch.rand(len(image), 1, 1, 1, device=image.device) > 0.5).to(image.dtype)
    return (image + chosen * NOISE * torch.randn_like(image)).clamp(-1, 1)


def likeness_loss(features: Tensor, label: Tensor) -> Tensor:
    """Return 1 - s + d of features B x C: s is the mean likeness of two real images, d of a real and a fake.

    Likeness is (1 + cosine) / 2, so the loss is not negative. Two fakes are not compared: they may differ as they
    like. A mean over no pairs is 0.

    Paper: RECCE, metric learning loss.
    """
    units = F.normalize(features)
    likeness, real = (units @ units.T + 1) / 2, label == 0
    alike = real[:, None] & real & ~torch.eye(len(label), dtype=torch.bool, device=label.device)
    apart = real[:, None] ^ real
    same, other = ((likeness * pairs).sum() / pairs.sum().clamp(min=1) for pairs in (alike, apart))
    return 1 - same + other
