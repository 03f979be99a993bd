"""GenConViT, network VAE: the backbone compares a face with a smaller one, decoded from a variational code of it."""

from itertools import pairwise

import torch
from torch import nn

from ddet import params
from ddet.errors import InputError
from ddet.models import check_size
from ddet.models.genconvit import TwoViews, branches

KL_WEIGHT = 2.5e-4  # in a comment of the released code
EVAL_SEED = 0  # of the one draw that evaluation uses


def build(cfg: params.Model) -> "GenConViTVAE":
    """Build the network that `cfg` names.

    Raises:
        InputError: as `genconvit.build`, the form `one_view`, and a backbone that cannot take half the side as well.
    """
    if cfg.form == "one_view":
        raise InputError("model.form = 'one_view'", "is a form of genconvit_ed alone", "use released or intended")
    backbone, swin = branches(cfg)
    check_size(backbone, cfg.size // 2)
    return GenConViTVAE(backbone, cfg.size, swin, cfg.form, cfg.width)


class GenConViTVAE(TwoViews):
    """Compares the image (B x 3 x S x S, S = `size`) with a decoding of B x 3 x S/2 x S/2; ReLU in the head.

    After a forward pass that records gradients, `penalty` is what training adds to the cross-entropy: the mean
    squared error between the decoding, resized to S x S, and the image, over all pixels and channels. The form
    `intended` adds 2.5e-4 KL(N(mu, sigma) || N(0, 1)), summed over the code and averaged over the batch.

    Paper: GenConViT network B; `width` is 16 there. In the released code sigma = exp(mu / 2): the mean is used where
    the log-variance is meant, evaluation samples as well, and the KL term is computed but never added. So it is in
    the form `released`. The form `intended` has sigma = exp(logvar / 2) and, in evaluation, the mean itself.
    Differs: the linear layers that the released code builds and does not use (a log-variance and three more) are left
    out; outputs are the same. In evaluation the form `released` draws the noise of one code from a seed of its own
    and gives it to every image, so that a prediction depends on its image alone; the released code draws anew.
    """

    cam_call = 0  # the image comes first
    penalty: torch.Tensor | None = None

    def __init__(
        self, backbone: nn.Module, size: int, swin: nn.Module | None = None, form: str = "released", width: int = 16
    ):
        super().__init__(backbone, swin, form, nn.ReLU)
        code, latent = 8 * width * (size // 16) ** 2, 16 * width * (size // 32) ** 2
        self.encoder = encoder(width)
        self.mu = nn.Linear(code, latent)
        self.logvar = nn.Linear(code, latent) if form == "intended" else None
        self.decoder = decoder(width, size // 32)
        noise = torch.randn(1, latent, generator=torch.Generator().manual_seed(EVAL_SEED), device="cpu")
        self.register_buffer("eval_noise", noise, persistent=False)

    def views(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        code = self.encoder(image)
        mu = self.mu(code).float()  # exponentials need full precision, under autocast too
        logvar = mu if self.logvar is None else self.logvar(code).float()
        decoded = self.decoder(self.sample(mu, logvar))
        self.penalty = self.cost(image, decoded, mu, logvar) if torch.is_grad_enabled() else None
        return image, decoded

    def sample(self, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        """Draw a code, B x L, for each row of `mu` and `logvar`: at random in training, reproducibly in evaluation."""
        if not self.training and self.logvar is not None:
            return mu
        noise = torch.randn_like(mu) if self.training else self.eval_noise
        return mu + (0.5 * logvar).exp() * noise

    def cost(self, image: torch.Tensor, decoded: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        """Return the penalty of one batch, a scalar."""
        whole = nn.functional.interpolate(decoded.float(), image.shape[-2:], mode="bilinear", antialias=True)
        error = nn.functional.mse_loss(whole, image)
        return error if self.logvar is None else error + KL_WEIGHT * divergence(mu, logvar)


def divergence(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """Return KL(N(mu, exp(logvar)) || N(0, 1)) of B x L: summed over L, averaged over B."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()


def encoder(width: int) -> nn.Sequential:
    """Map B x 3 x S x S to B x (8 width (S/16)^2): four times strided convolution, batch norm, leaky ReLU; flat."""
    widths = (3, width, 2 * width, 4 * width, 8 * width)
    steps = [(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*[layer for step in steps for layer in step], nn.Flatten())


def decoder(width: int, side: int) -> nn.Sequential:
    """Map B x (16 width side^2) to B x 3 x 16 side x 16 side; a leaky ReLU follows the last convolution as well."""
    widths = (16 * width, 4 * width, 2 * width, width, 3)
    steps = [(nn.ConvTranspose2d(a, b, 2, stride=2), nn.LeakyReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(nn.Unflatten(1, (widths[0], side, side)), *[layer for step in steps for layer in step])
