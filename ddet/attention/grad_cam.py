"""Grad-CAM, and how much of it falls on the forged pixels."""

from collections.abc import Sequence

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from ddet.errors import InputError


def grad_cam(
    model: nn.Module, layer: nn.Module, images: Tensor, target_class: int | Sequence[int], call: int = -1
) -> np.ndarray:
    """Compute Grad-CAM of `layer` for the logit of `target_class`, in eval mode, leaving no gradient behind.

    Paper: Herd section 2.2 and Figure 2 look at the last convolution of ConvNeXt.
    Differs: GenConViT runs its backbone twice in a forward pass. The released code of Herd pairs the activation of
        the pass on the image with the gradient of the pass on the decoded image. Here both come from one pass.

    Args:
        images: float n x 3 x H x W, normalised as the model wants them.
        target_class: one class (1 = fake), or one per image.
        call: which run of `layer` within a forward pass. In GenConViT-ED the image comes last (-1), in its VAE first.

    Returns:
        float32 n x H x W in [0, 1]: ReLU, then per image stretched from its minimum to its maximum; a map without
        any positive value is zero everywhere.

    Raises:
        InputError: the forward pass runs `layer` less often than `call` says, or the logit does not depend on it.
    """
    classes = np.broadcast_to(target_class, len(images))
    was_training = model.training
    engine = _OneCallGradCAM(model, layer, call)
    try:
        with torch.enable_grad():
            maps = engine(images, [ClassifierOutputTarget(int(c)) for c in classes])
    finally:
        engine.activations_and_grads.release()
        model.zero_grad(set_to_none=True)
        model.train(was_training)
    return maps


class _OneCallGradCAM(GradCAM):
    """Grad-CAM on one of several runs of the same layer."""

    def __init__(self, model: nn.Module, layer: nn.Module, call: int):
        super().__init__(model, [layer])
        self.activations_and_grads.release()
        self.activations_and_grads = _ByCall(model, [layer], None)
        self.compute_input_gradient = True  # so that a frozen backbone has gradients too
        self.call = call

    def compute_cam_per_layer(self, *args, **kwargs):
        seen, count = self.activations_and_grads, len(self.activations_and_grads.activations)
        if not -count <= self.call < count:
            raise InputError("Grad-CAM", f"the layer ran {count} times, call {self.call} was asked", "choose another")
        place = self.call % count
        if place not in seen.by_call:
            raise InputError("Grad-CAM", f"the logit does not depend on call {self.call}", "choose another layer")
        seen.activations, seen.gradients = [seen.activations[place]], [seen.by_call[place]]
        return super().compute_cam_per_layer(*args, **kwargs)


class _ByCall(ActivationsAndGradients):
    """File each gradient under the run of the layer that it belongs to, in whatever order they arrive."""

    def __call__(self, images: Tensor) -> Tensor:
        self.by_call: dict[int, Tensor] = {}
        return super().__call__(images)

    def save_activation(self, module, inputs, output):
        self.activations.append(output.detach().cpu().clone())  # a later in-place ReLU must not reach it

    def save_gradient(self, module, inputs, output):
        place = len(self.activations) - 1  # the activation of this run has just been saved
        if output.requires_grad:
            output.register_hook(lambda gradient: self.by_call.__setitem__(place, gradient.detach().cpu()))


def attention_shares(maps: np.ndarray, masks: np.ndarray, threshold: float = 0.5) -> dict[str, np.ndarray]:
    """Measure per image how much of a map lies on its mask; each value is a float of length n.

    Args:
        maps: float n x H x W in [0, 1].
        masks: bool n x H x W, True = forged pixel.
        threshold: where a map counts as attention, for the IoU.

    Returns:
        `inside` the share of the map's sum within the mask, `pointing` 1 where its largest value lies within (the
        first of several, row by row), `iou` of {map >= threshold} with the mask, and `area` the mask's share of the
        image: what `inside` and `pointing` give by chance. nan where the mask or (but for `area`) the map is empty.

    Raises:
        InputError: maps and masks of different shape.
    """
    if maps.shape != masks.shape or maps.ndim != 3:
        raise InputError("attention_shares", f"maps {maps.shape} and masks {masks.shape}", "pass n x H x W for both")
    flat, hidden = maps.reshape(len(maps), -1).astype(float), masks.reshape(len(masks), -1).astype(bool)
    area, total, hot = hidden.mean(axis=1), flat.sum(axis=1), flat >= threshold
    marked, seen = area > 0, total > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "inside": (flat * hidden).sum(axis=1) / total,
            "pointing": hidden[np.arange(len(flat)), flat.argmax(axis=1)].astype(float),
            "iou": (hot & hidden).sum(axis=1) / (hot | hidden).sum(axis=1),
        }
    shares = {name: np.where(marked & seen, value, np.nan) for name, value in found.items()}
    return shares | {"area": np.where(marked, area, np.nan)}
