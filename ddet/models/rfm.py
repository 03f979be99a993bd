"""RFM: a network sees training images without the places that it would look at first, and so learns to see others."""

import torch
from torch import Tensor, nn

from ddet import models, params
from ddet.models.shared import Renormalise, flood, learns

BLOCKS = 3  # erased per image
LARGEST = 120 / 224  # side of a block over the side of the image
FLOOD = 0.04


def build(cfg: params.Model) -> "RFM":
    """Build the network around the timm network `cfg.backbone`; it has no layers of its own, so no `width`.

    Raises:
        InputError: timm has no such network.
    """
    return RFM(models.make_backbone(cfg.backbone, num_classes=2))


class RFM(nn.Module):
    """A plain classifier, B x 3 x S x S to B x 2 logits, with representative forgery mining in training.

    In training each forward pass is two: the first, in evaluation mode, makes the forgery attention map of each
    image (`attention_map`), the second classifies the images without up to three blocks around its peaks (`erase`).
    `penalty` is what flooding at .04 adds to the cross-entropy of those logits, so that the sum is |CE - .04| + .04.
    In evaluation it is its backbone.

    Paper: Wang and Deng, Representative Forgery Mining for Fake Face Detection (CVPR 2021): forgery attention map and
    suspicious forgeries erasing; numbers from the released code (crywang/RFM). The backbone is Xception on 224 px, a
    block at most 120 px wide and high; here 120 / 224 of the side.
    Differs: the released code begins at random, since its ImageNet weights are switched off; ours with the start
    weights that a fit is given. It selects its model on the test sets, ours on valid.
    """

    needs = ("label",)
    penalty: Tensor | None = None

    def __init__(self, backbone: nn.Module, blocks: int = BLOCKS, largest: float = LARGEST, level: float = FLOOD):
        super().__init__()
        self.backbone, self.own = backbone, Renormalise(0.5, 0.25)
        self.blocks, self.largest, self.level = blocks, largest, level

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        image, self.penalty = self.own(image), None
        if not learns(self, label=label):
            return self.backbone(image)
        logits = self.backbone(erase(image, attention_map(self.backbone, image), self.blocks, self.largest))
        self.penalty = flood(nn.functional.cross_entropy(logits.float(), label), self.level)
        return logits

    def cam_layer(self, size: int) -> nn.Module:
        """Return the layer that Grad-CAM uses for the backbone alone."""
        return models.cam_layer(self.backbone, size)


def attention_map(model: nn.Module, image: Tensor) -> Tensor:
    """Return the forgery attention map, B x H x W: how much each pixel moves (logit of fake - logit of real).

    It is the largest |gradient| of the three channels of a pixel. The network is in evaluation mode meanwhile; the
    gradients of its parameters stay as they are.

    Paper: RFM, forgery attention map.
    """
    was_training, pixels = model.training, image.detach().clone().requires_grad_()
    model.eval()
    with torch.enable_grad(), torch.autocast(image.device.type, enabled=False):  # fp16 rounds such gradients to zero
        logits = model(pixels)
        (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), pixels)
    model.train(was_training)
    return gradient.abs().amax(dim=1)


def erase(image: Tensor, attention: Tensor, blocks: int, largest: float) -> Tensor:
    """Fill up to `blocks` blocks of each image, B x 3 x H x W, with noise from U(-1, 1), around the peaks of its map.

    Pixels are visited from the largest value of `attention` (B x H x W) down. A pixel that is not erased yet gets a
    block of h x w px, both drawn from 1 to `largest` of the side, that begins 1 to h rows above and 1 to w columns
    left of it; what sticks out is cut off.

    Paper: RFM, suspicious forgeries erasing, as its released code has it: a block may lie beside its pixel.
    """
    n, _, height, width = image.shape
    rows, columns = torch.arange(height, device=image.device), torch.arange(width, device=image.device)
    left, erased = attention.flatten(1).clone(), torch.zeros_like(attention, dtype=torch.bool)
    for _ in range(blocks):
        peak = left.argmax(dim=1)
        down, across = _spans(peak // width, rows, largest), _spans(peak % width, columns, largest)
        erased |= down[:, :, None] & across[:, None, :]
        left[torch.arange(n), peak] = -torch.inf  # visited, though its block may lie beside it
        left.masked_fill_(erased.flatten(1), -torch.inf)
    return torch.where(erased[:, None], torch.empty_like(image).uniform_(-1, 1), image)


def _spans(at: Tensor, positions: Tensor, largest: float) -> Tensor:
    """Draw one span along a side of n px for each of B pixels, and return which positions it covers: bool B x n."""
    longest = round(len(positions) * largest)
    length = torch.randint(1, longest + 1, at.shape, device=at.device)
    before = 1 + (torch.rand(at.shape, device=at.device) * length).long()
    first = (at - before)[:, None]
    return (positions >= first) & (positions < first + length[:, None])
