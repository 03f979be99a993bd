"""Three fixed filters that leave the noise of an image, out of the thirty of the spatial rich model."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LIMIT = 3.0  # residuals are cut off at +-3
SECOND = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, -2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
SMALL = [[0, 0, 0, 0, 0], [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0, 0, 0, 0, 0]]
LARGE = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]


def kernels() -> Tensor:
    """Return the filters, 3 x 5 x 5: the square one of 3 px, of 5 px, the second difference along a row.

    Each is divided by the size of its centre (4, 12, 2), so that a flat image gives 0 and a single pixel -1.

    Paper: Fridrich and Kodovsky, Rich Models for Steganalysis of Digital Images (2012): S3x3, S5x5, second order.
    """
    return torch.stack([torch.tensor(k) / c for k, c in ((SMALL, 4.0), (LARGE, 12.0), (SECOND, 2.0))])


class ImageResidual(nn.Module):
    """Filter the sum of the colours: B x 3 x H x W to B x 3 x H x W, one map a filter, cut off at +-3."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kernels", kernels()[:, None].repeat(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.kernels, padding=2).clamp(-LIMIT, LIMIT)


class FeatureResidual(nn.Module):
    """Filter each of C channels by each filter, cut off at +-3, and mix the 3 C residuals to C channels.

    The mixing is a convolution of 1 px, batch norm, ReLU.

    Differs: the released code repeats its filters kind by kind while its groups take three in a row, so that 30 of 32
    channels (62 of 64) see one filter three times; here each channel sees all three.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("kernels", kernels()[:, None].repeat(channels, 1, 1, 1), persistent=False)
        self.mix = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, features: Tensor) -> Tensor:
        residuals = F.conv2d(features, self.kernels, padding=2, groups=features.shape[1])
        return self.mix(residuals.clamp(-LIMIT, LIMIT))
