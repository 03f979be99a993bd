"""Slim members of the families of networks that the papers use, for machines without a GPU; timm finds them by name.

| slim | parameters | stands for | what it keeps |
|---|---:|---|---|
| `slim_resnet` | 348,466 | `resnet50` | bottlenecks, batch norm, pooling after the stem |
| `slim_seresnet` | 384,658 | `seresnet50` | the same with squeeze-and-excitation, and nothing else |
| `slim_bit` | 347,186 | `resnetv2_50x1_bit` | pre-activation, group norm, weight-standardised convolutions |
| `slim_vit` | 476,066 | `vit_base_patch16_224` | patches, a class token, positions, plain attention |
| `slim_swin` | 567,488 | `swin_tiny_patch4_window7_224` | patches of 4, shifted windows (of 6), merging of patches |
| `slim_xception` | 220,082 | `legacy_xception` | separable convolutions; entry, middle, exit flow; pooled shortcuts |
| `slim_vgg` | 384,362 | `vgg16_bn` | thirteen plain 3 x 3 convolutions |

Parameters are with two classes. All but the two transformers end with a map of an eighth of the side, where their
originals end with a thirty-second: an image of 80 px has 10 x 10 cells then, as the papers' maps have, and the small
traces of a forgery survive. Their late strides are dilations (ResNet, BiT) or left out (Xception, VGG's poolings).
The stem of ResNet and BiT is three 3 x 3 convolutions in place of one of 7 x 7 (ResNet-C of He et al., 2019), and no
residual branch begins at zero: with one wide stem they learnt no fine texture. Sides are multiples of 32 for
`slim_swin`, of 8 for the others. EfficientNet's relatives are in `ddet.models.lite`.
"""

from collections.abc import Callable
from functools import partial

from timm.layers import ClassifierHead, GroupNormAct, StdConv2d
from timm.models import (
    VGG,
    ResNet,
    ResNetV2,
    SwinTransformer,
    VisionTransformer,
    build_model_with_cfg,
    generate_default_cfgs,
    register_model,
)
from timm.models.resnet import Bottleneck
from timm.models.xception import Block, SeparableConv2d
from torch import nn

CLASSIFIER = {"slim_resnet": "fc", "slim_seresnet": "fc", "slim_vit": "head"}  # the others' last layer is head.fc
NAMES = ("slim_resnet", "slim_seresnet", "slim_bit", "slim_vit", "slim_swin", "slim_xception", "slim_vgg")
default_cfgs = generate_default_cfgs(  # register_model looks for this name
    {n: {"num_classes": 1000, "input_size": (3, 96, 96), "classifier": CLASSIFIER.get(n, "head.fc")} for n in NAMES}
)
BLOCKS, STRIDE = (2, 2, 2, 2), 8
WIDTHS = (16, 32, 48, 64)  # of a bottleneck's narrow part
STEM = {"stem_type": "deep", "zero_init_last": False, "output_stride": STRIDE}


@register_model
def slim_resnet(pretrained: bool = False, **kwargs) -> ResNet:
    """Build ResNet-50's slim relative: two bottlenecks a stage, an eighth to a quarter of the width."""
    args = {"block": Bottleneck, "layers": BLOCKS, "channels": WIDTHS, "stem_width": 16, **STEM}
    return build_model_with_cfg(ResNet, "slim_resnet", pretrained, **args, **kwargs)


@register_model
def slim_seresnet(pretrained: bool = False, **kwargs) -> ResNet:
    """Build `slim_resnet` with squeeze-and-excitation at the end of each bottleneck."""
    args = {"block": Bottleneck, "layers": BLOCKS, "channels": WIDTHS, "stem_width": 16, **STEM}
    return build_model_with_cfg(ResNet, "slim_seresnet", pretrained, block_args={"attn_layer": "se"}, **args, **kwargs)


@register_model
def slim_bit(pretrained: bool = False, **kwargs) -> ResNetV2:
    """Build BiT's slim relative, as wide as `slim_resnet`; groups of 4 to 32 channels instead of 8 to 64."""
    args = {"layers": BLOCKS, "channels": [4 * w for w in WIDTHS], "stem_chs": 32, **STEM}
    layers = {"conv_layer": partial(StdConv2d, eps=1e-8), "norm_layer": partial(GroupNormAct, num_groups=8)}
    return build_model_with_cfg(ResNetV2, "slim_bit", pretrained, **args, **layers, **kwargs)


@register_model
def slim_vit(pretrained: bool = False, **kwargs) -> VisionTransformer:
    """Build ViT-B's slim relative: four blocks, an eighth of the width; 10 x 10 patches at 80 px."""
    args = {"img_size": 80, "patch_size": 8, "embed_dim": 96, "depth": 4, "num_heads": 3, "dynamic_img_size": True}
    return build_model_with_cfg(VisionTransformer, "slim_vit", pretrained, **args, **kwargs)


@register_model
def slim_swin(pretrained: bool = False, **kwargs) -> SwinTransformer:
    """Build Swin-T's slim relative: three stages of two blocks, a plain and a shifted one; 24 x 24 patches at 96 px."""
    args = {"img_size": 96, "window_size": 6, "embed_dim": 32, "depths": (2, 2, 2), "num_heads": (1, 2, 4)}
    return build_model_with_cfg(
        SwinTransformer, "slim_swin", pretrained, **{**args, "dynamic_img_size": True, **kwargs}
    )


@register_model
def slim_xception(pretrained: bool = False, **kwargs) -> nn.Module:
    """Build Xception's slim relative: its three flows with a middle of two blocks for eight."""
    return build_model_with_cfg(Pooled, "slim_xception", pretrained, layers=_xception, **kwargs)


@register_model
def slim_vgg(pretrained: bool = False, **kwargs) -> nn.Module:
    """Build VGG-16's slim relative, with batch norm; average pooling replaces its two hidden layers of 4096."""
    return build_model_with_cfg(Pooled, "slim_vgg", pretrained, layers=_vgg, **kwargs)


class Pooled(nn.Module):
    """Convolutions, global average pooling and a linear layer, with the names by which timm's networks are used."""

    def __init__(self, layers: Callable[[int], nn.Sequential], num_classes: int, in_chans: int):
        super().__init__()
        self.features = layers(in_chans)
        width = [layer for layer in self.features.modules() if isinstance(layer, nn.Conv2d)][-1].out_channels
        self.num_features = self.head_hidden_size = width
        self.head = ClassifierHead(width, num_classes)
        self.num_classes = num_classes

    def reset_classifier(self, num_classes: int) -> None:
        self.head.reset(num_classes)
        self.num_classes = num_classes

    def forward_features(self, image):
        return self.features(image)

    def forward_head(self, features):
        return self.head(features)

    def forward(self, image):
        return self.forward_head(self.forward_features(image))


def _xception(in_chans: int) -> nn.Sequential:
    def unit(conv: nn.Module, width: int) -> list[nn.Module]:
        return [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *unit(nn.Conv2d(in_chans, 16, 3, stride=2, padding=1, bias=False), 16),
        *unit(nn.Conv2d(16, 32, 3, padding=1, bias=False), 32),
        Block(32, 48, 2, 2, start_with_relu=False),
        Block(48, 80, 2, 2),
        Block(80, 112, 2, 1),
        Block(112, 112, 3),
        Block(112, 112, 3),
        Block(112, 144, 2, 1, grow_first=False),
        *unit(SeparableConv2d(144, 192, 3, padding=1), 192),
    )


def _vgg(in_chans: int) -> nn.Sequential:
    widths = (8, 8, "M", 24, 24, "M", 48, 48, 48, "M", 64, 64, 64, 96, 96, 96)
    narrow = VGG(widths, in_chans=in_chans, norm_layer=nn.BatchNorm2d, mlp_ratio=1 / 4096)  # one unit: it is dropped
    return narrow.features
