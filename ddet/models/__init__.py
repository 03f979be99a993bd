"""Networks by name: those of the papers, or `timm` for any timm backbone with its own two-class head.

Every network takes normalised B x 3 x size x size and returns B x 2 logits, index 1 = fake. A network with a further
loss term sets a scalar `penalty` in each forward pass that records gradients.
"""

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
import timm
import torch
from safetensors import SafetensorError
from timm.layers import PatchEmbed
from torch import nn

from ddet import params
from ddet.errors import InputError
from ddet.models import lite, slim  # noqa: F401 (importing them makes their networks known to timm)


def create(cfg: params.Model, start: Path | None = None) -> nn.Module:
    """Build the network of `cfg`; its backbone, if it has one, begins with the weights in `start`, else at random.

    The random weights are drawn from torch's global state: call `seeds.seed_everything` first.

    Raises:
        InputError: unknown name or backbone, a size the network cannot take, weights that do not fit.
    """
    if cfg.name == "timm":
        model = backbone = make_backbone(cfg.backbone, num_classes=2)
    elif cfg.name in params.NETWORKS:
        model = importlib.import_module(params.NETWORKS[cfg.name]).build(cfg)
        backbone = model.backbone
    else:
        known = ", ".join(params.NETWORKS)
        raise InputError(f"model.name = {cfg.name!r}", "no such network", f"use one of timm, {known}")
    check_size(backbone, cfg.size)
    if start is not None and backbone is not None:
        load_backbone(backbone, start)
    return model


def make_backbone(name: str, **kwargs) -> nn.Module:
    """Build a timm network with random weights; `kwargs` go to timm.

    Raises:
        InputError: timm has no network of that name.
    """
    if name not in timm.list_models():
        near = difflib.get_close_matches(name, timm.list_models(), 4, 0.4)
        raise InputError(f"model.backbone = {name!r}", "timm has no such network", f"near: {', '.join(near) or 'none'}")
    return timm.create_model(name, **kwargs)


def check_size(backbone: nn.Module | None, size: int) -> None:
    """Check that a transformer's patches fit the image side (px); convolutional networks take any side.

    Raises:
        InputError: the side is not the one that the backbone was built for, or no multiple of its patches.
    """
    embed = getattr(backbone, "patch_embed", None)
    if not isinstance(embed, PatchEmbed):
        return
    side, patch = embed.img_size[0], embed.patch_size[0]
    if size != side if embed.strict_img_size else size % patch:
        takes = f"{side} px" if embed.strict_img_size else f"multiples of {patch} px"
        raise InputError(f"model.size = {size}", f"the backbone sees {size} px", f"it takes {takes} only")


def classifier_keys(backbone: nn.Module, names: Iterable[str] | None = None) -> set[str]:
    """Return those of `names` (default: its own state's) that belong to the last linear layer, the one part whose
    shape depends on the number of outputs.
    """
    layers = backbone.pretrained_cfg["classifier"]
    prefixes = tuple(f"{layer}." for layer in ([layers] if isinstance(layers, str) else layers))
    return {name for name in (backbone.state_dict() if names is None else names) if name.startswith(prefixes)}


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Load the safetensors in `path` into `backbone`: every tensor must fit, except the classifier's.

    Raises:
        InputError: no such file, one that is cut or something else, or a tensor outside the classifier is missing,
            unknown or of another shape.
    """
    if not Path(path).is_file():
        raise InputError(path, "no such weights file", "run the stage that makes it, or set start.weights")
    try:
        saved, own = safetensors.torch.load_file(path), backbone.state_dict()
    except (SafetensorError, OSError) as e:
        remedy = "remove it and run the stage that makes it, or see start.weights"
        raise InputError(path, f"cannot be read as weights ({type(e).__name__})", remedy) from None
    free = classifier_keys(backbone, {*saved, *own})  # a hybrid has dropped the classifier that the file may contain
    fits = {name: value for name, value in saved.items() if name in own and value.shape == own[name].shape}
    wrong = sorted((set(saved) ^ set(own) | {name for name in saved if name not in fits}) - free)
    if wrong:
        raise InputError(
            path, f"does not fit the backbone: {len(wrong)} tensors, first {wrong[0]}", "use its own weights"
        )
    backbone.load_state_dict(own | fits)


def cam_layer(model: nn.Module, size: int, cells: int = 2) -> nn.Module:
    """Return the layer that Grad-CAM uses: the network's own choice (method `cam_layer`), or one found by a rule.

    The rule, for timm networks: of the convolutions before the pooling, the one that runs last and whose output is a
    map of at least `cells` x `cells` for a `size` x `size` input (gates see 1 x 1); not the projection on a shortcut,
    which sees only the input of its block; not a patch embedding, the only convolution of a transformer.

    Raises:
        InputError: no convolution has such an output.
    """
    if hasattr(model, "cam_layer"):
        return model.cam_layer(size)
    seen: list[nn.Module] = []

    def note(layer: nn.Module, _: tuple, output: torch.Tensor) -> None:
        if min(output.shape[-2:]) >= cells:
            seen.append(layer)

    aside = ("downsample", "patch_embed")
    convs = [m for name, m in model.named_modules() if isinstance(m, nn.Conv2d) and not any(a in name for a in aside)]
    hooks = [conv.register_forward_hook(note) for conv in convs]
    was_training, like = model.training, next(model.parameters())
    with torch.no_grad():
        model.eval().forward_features(like.new_zeros(1, 3, size, size))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    if not seen:
        raise InputError(
            type(model).__name__,
            f"has no convolution with a map of {cells} x {cells} at {size} px",
            "use a larger model.size",
        )
    return seen[-1]


def cam_call(model: nn.Module) -> int:
    """Return which call of that layer in a forward pass is the one on the image itself (others see copies)."""
    return getattr(model, "cam_call", -1)
