"""The weighted loss: cross-entropy with a weight on one class."""

import math
from typing import Literal

import torch
from torch import nn

from ddet.errors import InputError


def weighted(weight: float, weighted_class: Literal["fake", "real"], device: torch.device) -> nn.CrossEntropyLoss:
    """Build cross-entropy over logits [real, fake] in which one class counts `weight` times, the other once.

    The mean over a batch is sum(w_i * loss_i) / sum(w_i), as torch has it: it divides by the weights and not by the
    number of samples. So weight 1 is the plain loss to the bit, no weight scales the step as a whole, and weighting
    fake by 1 / w is weighting real by w. A batch of one class has its plain mean whatever the weight.

    Paper: Herd section 2.5, L_fake = W * L_real with W = 1.85: fake is weighted, although the stated motive, that
    real faces are misclassified more, asks for real. Hence both can be chosen.
    Differs: the released code builds these weights (on fake) and then overwrites the criterion with the plain one.

    Raises:
        InputError: a weight that is not a positive number.
    """
    if not (weight > 0 and math.isfinite(weight)):
        raise InputError(f"weight = {weight}", "must be a number above 0", "1 is the plain loss")
    real, fake = (weight, 1.0) if weighted_class == "real" else (1.0, weight)
    return nn.CrossEntropyLoss(weight=torch.tensor([real, fake], device=device))
