"""Compute Grad-CAM with one forward pass, and a backward pass that stops at the layer asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ddet.errors import InputError


def attention_maps(
    model: nn.Module, layers: Sequence[nn.Module], images: Tensor, classes: Tensor | None, call: int = -1,
    odds: bool = False,
) -> Tensor:  # fmt: skip
    """Compute Grad-CAM for the logit of a class of each image, in eval mode: float32 B x H x W in [0, 1].

    Paper: Herd section 2.2 and Figure 2 look at one layer, PRLE eq. 3 at the last. PRLE's released code averages the
        maps of several layers, each scaled to [0, 1] and resized, and scales the average again. Its pipeline for all
        subsets, which is commented out, takes the true class, its active code the predicted one.
    Differs: eq. 3 derives the score y_hat, the code the logit, as here without `odds`. PRLE's code halves the maps,
        here they reach 1. Where a backbone runs twice in a forward pass, as in GenConViT, Herd's code pairs the
        activation of the pass on the image with the gradient of the pass on the decoded image. Here both come from one
        pass.

    Args:
        layers: one or more, any of which may run in place on the output of another.
        images: float B x 3 x H x W, normalised as the model wants them.
        classes: int64 B; None: the class that the model predicts for each image.
        call: which run of each layer within a forward pass.
        odds: derive the log odds of the class, not its logit. Their gradient is that of its probability p but for the
            factor p (1 - p), which stretching to [0, 1] cancels and which is 0 for a confident detector.

    Raises:
        InputError: as `layer_maps`.
    """
    resized = [
        F.interpolate(m[:, None], size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        for m in layer_maps(model, layers, images, classes, call, odds)
    ]
    return _stretched(torch.stack(resized).mean(dim=0))


def layer_maps(
    model: nn.Module, layers: Sequence[nn.Module], images: Tensor, classes: Tensor | None, call: int = -1,
    odds: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Compute the map of each layer at its own resolution: float32 B x h x w in [0, 1], in the order of `layers`.

    A map without any positive value is zero everywhere. Nothing is recorded before the first of the layers, so that
    the price is that of a forward pass and a little more; the maps are those of pytorch-grad-cam.

    Raises:
        InputError: a forward pass runs a layer less often than `call` says, or the logit does not depend on that run.
    """
    with torch.no_grad(), _recording(model, layers) as outputs:
        logits = model(images)
        for runs in outputs.values():
            if not -len(runs) <= call < len(runs):
                raise InputError(
                    "Grad-CAM", f"the layer ran {len(runs)} times, call {call} was asked", "choose another"
                )
        chosen = logits.argmax(dim=1) if classes is None else classes.to(logits.device)
        own = torch.zeros_like(logits, dtype=torch.bool).scatter(1, chosen[:, None], True)
        score = logits[own].sum()
        if odds:
            score = score - logits.masked_fill(own, -torch.inf).logsumexp(dim=1).sum()
        activations = [outputs[layer][call] for layer in layers]
        gradients = torch.autograd.grad(score, activations, allow_unused=True) if score.requires_grad else [None]
    if any(gradient is None for gradient in gradients):
        raise InputError("Grad-CAM", f"the logit does not depend on call {call} of a layer", "choose another")
    maps = []
    for activation, gradient in zip(activations, gradients, strict=True):
        weights = gradient.float().mean(dim=(2, 3), keepdim=True)
        maps.append(_stretched((weights * activation.detach().float()).sum(dim=1).relu()))
    return maps


@contextmanager
def _recording(model: nn.Module, layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, list[Tensor]]]:
    """Put the model into eval mode, and let its graph begin behind the first of `layers`.

    Yields what each layer puts out, run by run.
    """
    outputs: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}

    def keep(layer: nn.Module, _: tuple, output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)  # up to here a bare forward pass; the caller's `no_grad` ends this again
        outputs[layer].append(output if output.requires_grad else output.detach().requires_grad_())
        return outputs[layer][-1].clone()  # what runs in place behind the layer must not reach what is kept

    training = [part for part in model.modules() if part.training]
    hooks = [layer.register_forward_hook(keep) for layer in outputs]
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
