"""Slim members of the families of networks that the papers use, for machines without a GPU; timm finds them by name.

| slim | parameters | stands for | what it keeps |
|---|---:|---|---|
| `slim_nfnet` | 114,874 | `convnext_tiny` | no batch statistics, which GenConViT's two views would mix |
| `slim_resnet` | 629,698 | `resnet50` | bottlenecks, batch norm, the 7 x 7 stem |
| `slim_seresnet` | 690,866 | `seresnet50` | the same with squeeze-and-excitation, and nothing else |
| `slim_bit` | 624,930 | `resnetv2_50x1_bit` | pre-activation, group norm, weight-standardised convolutions |
| `slim_swin` | 567,488 | `swin_tiny_patch4_window7_224` | patches of 4, shifted windows (of 6), merging of patches |
| `slim_xception` | 725,938 | `legacy_xception` | separable convolutions; entry, middle, exit flow; pooled shortcuts |
| `slim_vgg` | 738,546 | `vgg16_bn` | thirteen plain 3 x 3 convolutions and five poolings |

Parameters are with two classes. All take any side that is a multiple of 32, so their weights fit every `model.size`.
Two families have a slim member in timm itself: `test_vit` (306,370; patches of 16, any side; for
`vit_base_patch16_224`) and `test_efficientnet` (99,710; MBConv with squeeze-and-excitation behind two fused stages,
because depthwise convolutions are slow without a GPU; for `tf_efficientnet_b7`). timm's `test_resnet` is left alone:
three of its four blocks are no bottlenecks, and it has no twin with squeeze-and-excitation.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from timm.layers import ClassifierHead, GroupNormAct, StdConv2d
from timm.models import (
    VGG,
    NormFreeNet,
    ResNet,
    ResNetV2,
    SwinTransformer,
    build_model_with_cfg,
    generate_default_cfgs,
    register_model,
)
from timm.models.nfnet import model_cfgs
from timm.models.resnet import Bottleneck
from timm.models.xception import Block, SeparableConv2d
from torch import nn

CLASSIFIER = {"slim_resnet": "fc", "slim_seresnet": "fc"}  # the others call their last linear layer head.fc
NAMES = ("slim_nfnet", "slim_resnet", "slim_seresnet", "slim_bit", "slim_swin", "slim_xception", "slim_vgg")
default_cfgs = generate_default_cfgs(  # register_model looks for this name
    {n: {"num_classes": 1000, "input_size": (3, 96, 96), "classifier": CLASSIFIER.get(n, "head.fc")} for n in NAMES}
)
BLOCKS = (2, 2, 2, 2)


@register_model
def slim_nfnet(pretrained: bool = False, **kwargs) -> NormFreeNet:
    """Build timm's `test_nfnet` with a stem half as wide.

    Nearly all of its work is done there.
    """
    cfg = replace(model_cfgs["test_nfnet"], stem_chs=64)
    return build_model_with_cfg(NormFreeNet, "slim_nfnet", pretrained, model_cfg=cfg, **kwargs)


@register_model
def slim_resnet(pretrained: bool = False, **kwargs) -> ResNet:
    """Build ResNet-50's slim relative: two bottlenecks a stage, a quarter of the width."""
    args = {"block": Bottleneck, "layers": BLOCKS, "channels": (16, 32, 64, 96)}
    return build_model_with_cfg(ResNet, "slim_resnet", pretrained, **args, **kwargs)


@register_model
def slim_seresnet(pretrained: bool = False, **kwargs) -> ResNet:
    """Build `slim_resnet` with squeeze-and-excitation at the end of each bottleneck."""
    args = {"block": Bottleneck, "layers": BLOCKS, "channels": (16, 32, 64, 96), "block_args": {"attn_layer": "se"}}
    return build_model_with_cfg(ResNet, "slim_seresnet", pretrained, **args, **kwargs)


@register_model
def slim_bit(pretrained: bool = False, **kwargs) -> ResNetV2:
    """Build BiT's slim relative, as wide as `slim_resnet`; groups of 4 to 48 channels instead of 8 to 64."""
    args = {"layers": BLOCKS, "channels": (64, 128, 256, 384), "stem_chs": 32, "stem_type": "fixed"}
    layers = {"conv_layer": partial(StdConv2d, eps=1e-8), "norm_layer": partial(GroupNormAct, num_groups=8)}
    return build_model_with_cfg(ResNetV2, "slim_bit", pretrained, **args, **layers, **kwargs)


@register_model
def slim_swin(pretrained: bool = False, **kwargs) -> SwinTransformer:
    """Build Swin-T's slim relative: three stages of two blocks, a plain and a shifted one; 24 x 24 patches at 96 px."""
    args = {"img_size": 96, "window_size": 6, "embed_dim": 32, "depths": (2, 2, 2), "num_heads": (1, 2, 4)}
    return build_model_with_cfg(
        SwinTransformer, "slim_swin", pretrained, **{**args, "dynamic_img_size": True, **kwargs}
    )


@register_model
def slim_xception(pretrained: bool = False, **kwargs) -> nn.Module:
    """Build Xception's slim relative: its three flows with a middle of two blocks for eight, a quarter of the width."""
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

    def forward(self, image):
        return self.head(self.forward_features(image))


def _xception(in_chans: int) -> nn.Sequential:
    def unit(conv: nn.Module, width: int) -> list[nn.Module]:
        return [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *unit(nn.Conv2d(in_chans, 16, 3, stride=2, bias=False), 16),
        *unit(nn.Conv2d(16, 32, 3, bias=False), 32),
        Block(32, 64, 2, 2, start_with_relu=False),
        Block(64, 128, 2, 2),
        Block(128, 192, 2, 2),
        Block(192, 192, 3),
        Block(192, 192, 3),
        Block(192, 256, 2, 2, grow_first=False),
        *unit(SeparableConv2d(256, 320, 3, padding=1), 320),
        *unit(SeparableConv2d(320, 384, 3, padding=1), 384),
    )


def _vgg(in_chans: int) -> nn.Sequential:
    widths = (16, 16, "M", 32, 32, "M", 64, 64, 64, "M", 96, 96, 96, "M", 128, 128, 128, "M")
    narrow = VGG(widths, in_chans=in_chans, norm_layer=nn.BatchNorm2d, mlp_ratio=1 / 4096)  # one unit: it is dropped
    return narrow.features
