"""GenConViT, network ED: a backbone sees a face and its auto-encoded copy, and a small head compares the two."""

from itertools import pairwise

import torch
from timm.models import ConvNeXt
from torch import nn

from ddet import params
from ddet.errors import InputError
from ddet.models import cam_layer, make_backbone

CELLS = 10  # cells a side of the coarsest map that tells an eye from its surroundings


def build(cfg: params.Model) -> "GenConViTED":
    """Build the network that `cfg` names.

    Raises:
        InputError: a side that five halvings do not divide, no such backbone, a `swin` that is none.
    """
    return GenConViTED(*branches(cfg), cfg.form, cfg.width)


def branches(cfg: params.Model) -> tuple[nn.Module, nn.Module | None]:
    """Build the backbone and then Swin (None: removed), both with their 1000-way head, for sides of any size.

    Raises:
        InputError: as `build`.
    """
    if cfg.size % 32:
        raise InputError(f"model.size = {cfg.size}", "GenConViT halves the side five times", "use a multiple of 32")
    backbone = make_backbone(cfg.backbone)
    if cfg.swin is None:
        return backbone, None
    try:
        return backbone, make_backbone(cfg.swin, img_size=cfg.size, dynamic_img_size=True)
    except TypeError:  # timm's convolutional networks have no such arguments
        raise InputError(
            f"model.swin = {cfg.swin!r}", "is no Swin", "use slim_swin or swin_tiny_patch4_window7_224"
        ) from None


class TwoViews(nn.Module):
    """The base of both networks of GenConViT: a backbone, optionally a Swin, and a head that compares two images.

    A subclass makes them in `views`: B x 3 x S x S -> two images, each B x 3 x any side. Output: B x 2 logits,
    index 1 = fake. The head is activation, Linear to half of 1000, activation, Linear to 2, so the first activation
    acts on the backbone's output.

    Paper: GenConViT. Form `released` is its code: what is compared are the 1000 logits of the backbone. There a Swin
    with its head, and a 1 x 1 convolution from its 1000 outputs to the backbone's last width, are built and never
    run: no input and no gradient reaches `dead`, yet it counts as parameters and draws from the random stream
    before the auto-encoder and the head, which therefore begin elsewhere than without it.
    Differs: index 1 is fake (there 0). Form `intended` is OUR reading of the paper's hybrid: what is compared are
    pooled features, Swin's beside the backbone's, or the backbone's alone where Swin is removed. Form `one_view` is
    a control of ours, `released` without the other image: the head sees the features of the image alone. Any timm
    network may stand in for ConvNeXt: the smallest ConvNeXts learn too little from the default profile's few crops.
    ConvNeXt has no batch norm. A stand-in's is trained on both views as one batch: its running averages are of both,
    and with a batch for each view, evaluation met other statistics than training.
    """

    def __init__(self, backbone: nn.Module, swin: nn.Module | None, form: str, activation: type[nn.Module]):
        super().__init__()
        self.backbone, self.swin, self.dead = backbone, None, None
        width, hidden = backbone.num_classes, backbone.num_classes // 2
        if form == "intended":
            self.swin = swin
            width = sum(_pooled(branch) for branch in (backbone, swin) if branch is not None)
        elif swin is not None and form == "released":
            self.dead = nn.Sequential(swin, nn.Conv2d(swin.num_classes, backbone.num_features, 1))
        seen = width if form == "one_view" else 2 * width
        self.head = nn.Sequential(activation(), nn.Linear(seen, hidden), activation(), nn.Linear(hidden, 2))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        views = self.views(image)
        if self.training and len({view.shape for view in views}) == 1:  # batch norm sees what its averages will hold
            seen = self.features(torch.cat(views)).chunk(len(views))
        else:
            seen = [self.features(view) for view in views]
        return self.head(torch.cat(seen, dim=1))

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """Return the features of one image: B x 1000 backbone logits, or B x pooled features in the intended form."""
        seen = self.backbone(image)
        return seen if self.swin is None else torch.cat([seen, self.swin(image)], dim=1)

    def cam_layer(self, size: int) -> nn.Module:
        """Return ConvNeXt's 2 x 2 convolution before the last stage; of another backbone, its last fine convolution.

        Paper: Herd Mentality's released Grad-CAM target, 7 x 7 cells at 224 px. It runs once for each view: `cam_call`
        is that on the image.
        Differs: another backbone is read where its map still has CELLS x CELLS, since the claims are about eyes, and
        an eye is no larger than a cell of a coarser map.
        """
        if isinstance(self.backbone, ConvNeXt):
            return self.backbone.stages[-1].downsample[1]
        return cam_layer(self.backbone, size, CELLS)


def _pooled(branch: nn.Module) -> int:
    """Remove the classifier of a timm network and return the number of its pooled features."""
    branch.reset_classifier(0)
    return branch.head_hidden_size


class GenConViTED(TwoViews):
    """Compares the image's auto-encoded copy with the image (S a multiple of 32); GELU in the head.

    Paper: GenConViT network A, the detector of Herd Mentality; `width` is 16 there. No reconstruction loss: the
    auto-encoder learns through the classifier alone.
    """

    cam_call = -1  # the image comes last

    def __init__(self, backbone: nn.Module, swin: nn.Module | None = None, form: str = "released", width: int = 16):
        super().__init__(backbone, swin, form, nn.GELU)
        copies = form != "one_view"
        self.encoder, self.decoder = (encoder(width), decoder(width)) if copies else (None, None)

    def views(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (image,) if self.decoder is None else (self.decoder(self.encoder(image)), image)


def encoder(width: int) -> nn.Sequential:
    """Map B x 3 x S x S to B x 16 width x S/32 x S/32: five times convolution, ReLU, 2 x 2 max pooling."""
    steps = [(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)) for a, b in pairwise((3, *_widths(width)))]
    return nn.Sequential(*[layer for step in steps for layer in step])


def decoder(width: int) -> nn.Sequential:
    """Map the code back to B x 3 x S x S, never negative: a ReLU follows the last transposed convolution as well."""
    widths = (*reversed(_widths(width)), 3)
    steps = [(nn.ConvTranspose2d(a, b, 2, stride=2), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*[layer for step in steps for layer in step])


def _widths(first: int) -> tuple[int, ...]:
    return tuple(first * 2**halving for halving in range(5))  # channels double as the side halves
