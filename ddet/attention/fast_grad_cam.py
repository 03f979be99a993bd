"""Localisation of primary regions: Grad-CAM by a forward pass, and a backward pass through the head alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet.errors import InputError


def attention_maps(
    model: nn.Module, layers: Sequence[nn.Module], images: Tensor, classes: Tensor, size: int | None = None
) -> Tensor:
    """Compute Grad-CAM for the logit of each image's class, in eval mode: float32 B x S x S in [0, 1].

    Paper: PRLE eq. 3, "last layer"; the released code averages the maps of several layers, each scaled to [0, 1] and
    resized, and scales the average again. Its full pipeline takes the true class.
    Differs: eq. 3 derives the score y_hat, the code the logit, as here: the gradient of a probability p has the
    factor p (1 - p), which is 0 for a confident detector. The code halves the maps, here they reach 1.

    Args:
        layers: one or more, any of which may run in place on the output of another.
        images: float B x 3 x H x W, normalised as the model wants them.
        classes: int64 B.
        size: S in px; None: H.
    """
    size = images.shape[-1] if size is None else size
    resized = [
        F.interpolate(m[:, None], size=(size, size), mode="bilinear", align_corners=False)[:, 0]
        for m in layer_maps(model, layers, images, classes)
    ]
    return _stretched(torch.stack(resized).mean(dim=0))


def layer_maps(model: nn.Module, layers: Sequence[nn.Module], images: Tensor, classes: Tensor) -> list[Tensor]:
    """Compute the map of each layer at its own resolution: float32 B x h x w in [0, 1], in the order of `layers`.

    A map without any positive value is zero everywhere. Nothing is recorded before the first of the layers, so that
    the price is that of a forward pass and a little more; the maps are those of pytorch-grad-cam.

    Raises:
        InputError: a layer does not run in a forward pass, or the logit does not depend on it.
    """
    with torch.no_grad(), _recording(model, layers) as outputs:
        logits = model(images)
        if len(outputs) < len(layers):
            raise InputError("Grad-CAM", f"{len(outputs)} of {len(layers)} layers ran", "choose others")
        score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
        activations = [outputs[layer] for layer in layers]
        gradients = torch.autograd.grad(score, activations, allow_unused=True) if score.requires_grad else [None]
    if any(gradient is None for gradient in gradients):
        raise InputError("Grad-CAM", "the logit does not depend on a layer", "choose another")
    maps = []
    for activation, gradient in zip(activations, gradients, strict=True):
        weights = gradient.float().mean(dim=(2, 3), keepdim=True)
        maps.append(_stretched((weights * activation.detach().float()).sum(dim=1).relu()))
    return maps


@contextmanager
def _recording(model: nn.Module, layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Put the model into eval mode, and let its graph begin behind the first of `layers`; yield what each puts out."""
    outputs: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, _: tuple, output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)  # up to here a bare forward pass; the caller's `no_grad` ends this again
        outputs[layer] = output if output.requires_grad else output.detach().requires_grad_()
        return outputs[layer].clone()  # what runs in place behind the layer must not reach what is kept

    training = [part for part in model.modules() if part.training]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        for part in training:
            part.training = False
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
        for part in training:
            part.training = True


def _stretched(maps: Tensor) -> Tensor:
    low = maps.amin(dim=(1, 2), keepdim=True)
    return (maps - low) / ((maps - low).amax(dim=(1, 2), keepdim=True) + 1e-7)
