"""The detectors of PRLE, and the layers of each whose maps Grad-CAM averages.

| detector | full size | parameters | slim | parameters |
|---|---|---:|---|---:|
| Xception | `legacy_xception` | 20,811,050 | `slim_xception` | 220,082 |
| EfficientNet-B4 | `efficientnet_b4` | 17,552,202 | `lite0_stride8` | 254,146 |
| VGG-16 | `vgg16` | 134,268,738 | `slim_vgg` | 384,362 |
| ResNet-50 | `resnet50` | 23,512,130 | `slim_resnet` | 348,466 |

Parameters are with two classes. The first four are timm networks; F3-Net (`f3net`, with its mixing block `f3net_mix`)
is made of two Xceptions of either size.

Paper: PRLE section IV-B; the zoo that makes the maps is the first three. It says neither how deep its VGG is nor
whether that has batch norm (`vgg16_bn`).
Differs: timm's VGG-16 takes sides other than 224 px by sliding its first linear layer over the map and averaging,
torchvision's by averaging the map first. At 224 px both are the same network.
"""

from collections.abc import Sequence

from torch import nn

from ddet.errors import InputError

CAM_LAYERS = {  # by timm name
    "legacy_xception": ("conv3", "conv4"),
    "slim_xception": ("features.12",),
    "efficientnet_b4": ("conv_head",),
    "lite0_stride16": ("blocks.3.2",),
    "lite0_stride8": ("blocks.3.2",),
    "vgg16": ("features.28", "features.29", "features.30"),
    "vgg16_bn": ("features.41", "features.42", "features.43"),
    "slim_vgg": ("features.39", "features.40", "features.41"),
    "resnet50": ("layer4.2",),
    "slim_resnet": ("layer4.1",),
}


def cam_layers(model: nn.Module, size: int, names: Sequence[str] = ()) -> list[nn.Module]:
    """Return the layers whose maps are averaged: those called `names`, or those that are known for the network.

    Paper: PRLE eq. 3 has the last layer, which is `models.cam_layer`; these are the layers of its released code:
    the two last separable convolutions of Xception (the slim one has one behind its blocks), the last convolution of
    EfficientNet, the three last layers of VGG (convolution, ReLU, pooling), the last convolution of F3-Net's first
    branch. It has none for ResNet-50: the last block. A cut EfficientNet ends with a block too.

    Args:
        size: side of the images in px.
        names: dotted, as in `dict(model.named_modules())`.

    Raises:
        InputError: no layer is known for the network, or it has none of that name.
    """
    known = dict(model.named_modules())
    called = getattr(model, "pretrained_cfg", {}).get("architecture", type(model).__name__)
    if not names:
        if hasattr(model, "cam_layer"):
            return [model.cam_layer(size)]
        if called not in CAM_LAYERS:
            remedy = f"name its last convolutions, as {called}: ['{_last(known)}'], or add it to zoo.CAM_LAYERS"
            raise InputError(f"detector {called}", "no Grad-CAM layer is known for it", remedy)
        names = CAM_LAYERS[called]
    for name in names:
        if name not in known:
            raise InputError(
                f"detector {called}", f"has no layer {name!r}", f"its last convolution is {_last(known)!r}"
            )
    return [known[name] for name in names]


def _last(layers: dict[str, nn.Module]) -> str:
    return next((name for name, m in reversed(layers.items()) if isinstance(m, nn.Conv2d)), "none")
