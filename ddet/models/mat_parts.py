"""Parts of MAT: its attention, texture and pooling, the loss that keeps regions apart, and attention-guided blur."""

import torch
from timm.data import IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

NOISE = 0.05  # of the range of pixels
BILINEAR = {"mode": "bilinear", "align_corners": True}


class Attention(nn.Module):
    """Make M attention maps, B x M x h x w, not below 0, of features, B x C x h x w; 0 near the border.

    A 3 x 3 convolution, batch norm, ReLU, a 1 x 1 convolution, batch norm, and ELU + 1. The outer 2 of 24 cells of
    each side are 0, in maps of other sides those that the nearest of 24 cells says.

    Paper: MAT, generation of multiple attention maps.
    Differs: the paper has a 1 x 1 convolution, batch norm and ReLU; this is the released code.
    """

    def __init__(self, channels: int, maps: int):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()),
            *(nn.Conv2d(channels, maps, 1, bias=False), nn.BatchNorm2d(maps), nn.ELU()),
        )
        self.register_buffer("inside", F.pad(torch.ones(1, 1, 20, 20), [2] * 4), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        return (self.layers(features) + 1) * F.interpolate(self.inside, features.shape[-2:], mode="nearest")


class Texture(nn.Module):
    """Enhance what differs from its surroundings: features B x C x H x W to B x M x N x H x W, one for each attention.

    Also returns the surroundings, B x N x h x w: a 3 x 3 convolution of the features, averaged to the sides of the
    attention. What is left without them is multiplied by tanh of each attention, which learns nothing from that, and
    goes through a block of four densely connected convolutions, one block for each attention (groups).

    Paper: MAT, textural feature enhancement.
    Differs: this is the released code's second version. The paper's has one block of 128 channels for all attentions
    (73,856 parameters there, 352,672 here with M = 4 and N = C = 32).
    """

    def __init__(self, channels: int, width: int, maps: int):
        super().__init__()
        self.maps, n = maps, maps * width
        self.extract = nn.Conv2d(channels, width, 3, padding=1)
        self.first = nn.Conv2d(n, n, 5, padding=2, groups=maps)
        self.dense = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(k * n), nn.ReLU(), nn.Conv2d(k * n, n, side, padding=side // 2, groups=maps))
            for k, side in enumerate((3, 3, 3, 1), 1)
        )
        self.end = nn.Sequential(nn.BatchNorm2d(n), nn.ReLU())

    def forward(self, features: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
        features = self.extract(features)
        around = F.adaptive_avg_pool2d(features, attention.shape[-2:])
        sharp = features - F.interpolate(around, features.shape[-2:], mode="nearest")
        weight = _resized(attention.detach(), features).tanh()
        seen = self.first((sharp[:, None] * weight[:, :, None]).flatten(1, 2))
        seen = seen.unflatten(1, (self.maps, -1))  # attention by attention, so that a group sees its own
        for layer in self.dense[:-1]:
            seen = torch.cat([seen, layer(seen.flatten(1, 2)).unflatten(1, (self.maps, -1))], dim=2)
        return self.end(self.dense[-1](seen.flatten(1, 2))).unflatten(1, (self.maps, -1)), around


def pool(features: Tensor, attention: Tensor) -> Tensor:
    """Sum features over pixels, weighed by each attention and brought to length 1: B x M x N (bilinear pooling).

    Args:
        features: B x N x H x W, or B x M x N x H x W with features of its own for each attention.
        attention: B x M x h x w, resized to H x W.

    Paper: MAT, bilinear attention pooling.
    """
    if features.ndim == 4:
        features = features[:, None].expand(-1, attention.shape[1], -1, -1, -1)
    return F.normalize(torch.einsum("bmhw,bmnhw->bmn", _resized(attention, features), features), dim=2)


def average(features: Tensor, attention: Tensor) -> Tensor:
    """Return the mean of B x C x H x W over pixels, weighed by B x 1 x h x w: B x C."""
    weight = _resized(attention, features) + 1e-8
    return (weight * features).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))


def _resized(attention: Tensor, features: Tensor) -> Tensor:
    return F.interpolate(attention, features.shape[-2:], **BILINEAR)


class Regions(nn.Module):
    """The regional independence loss: attentions look at the same thing in all real images, each at its own.

    Vectors V, pooled of standardised features, B x M x N, are compared with centres c, M x N. The centres move towards
    the real images' V by `rate`; in what they add to the loss, gradients pass through that move. The loss is the mean
    of max(|V - c| - .2, 0) over real images and max(.8 - |V - c|, 0) over fake ones, which are pushed away, plus the
    sum over pairs of centres of max(.8 - |c_i - c_j|, 0), divided by M and `rate`. Lengths |V - c| are over all M x N
    numbers.

    Paper: MAT, regional independence loss.
    Differs: this is the released code's. The paper's compares squares and V with its own centre, pulls fakes too
    (margins .05 for real, .1 for fake, .2 between centres), and adds without weights. Both multiply `rate` by .9 after
    each epoch; here it stays.
    """

    margin, far, apart = 0.2, 0.8, 0.8

    def __init__(self, maps: int, width: int, rate: float = 0.05):
        super().__init__()
        self.rate = rate
        self.register_buffer("centres", torch.zeros(maps, width))

    def forward(self, vectors: Tensor, label: Tensor) -> Tensor:
        """Return the loss, a scalar, of vectors B x M x N and labels B, and move the centres."""
        real = (label == 0).float().view(-1, 1, 1)
        centres = self.centres + self.rate * ((vectors - self.centres) * real).mean(dim=0)
        self.centres = centres.detach()
        away = (vectors - centres).flatten(1).norm(dim=1)
        within = torch.where(label == 0, away - self.margin, self.far - away).relu().mean()
        gaps = torch.pdist(centres)
        return within + (self.apart - gaps).relu().sum() / len(centres) / self.rate


def standardised(features: Tensor) -> Tensor:
    """Bring each map of B x N x h x w to mean 0 and standard deviation 1 over its pixels."""
    mean, std = features.mean(dim=(2, 3), keepdim=True), features.std(dim=(2, 3), keepdim=True)
    return (features - mean) / (std + 1e-8)


@torch.no_grad()
def degrade(image: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
    """Blur each image, B x 3 x H x W, where one of its attentions, B x M x h x w, looks; return which, B, as well.

    The attention is drawn with probabilities proportional to the root of its sum plus 1. Where it is highest the
    image is replaced, elsewhere less, by a smaller one (half the side) with Gaussian blur (11 px, sigma 7) and noise
    (.05 of the range of pixels). A soft step sharpens the attention; its place, U(.4, .6), and steepness, U(3, 5), are
    drawn for the batch. Images are ImageNet-normalised, of at least 12 px.

    Paper: MAT, attention-guided data augmentation.
    Differs: the paper's image is smaller, .3 of the side; this is the released code.
    """
    drawn = attention.sum(dim=(2, 3)) + 1
    chosen = torch.multinomial(drawn * drawn.rsqrt(), 1)[:, 0]
    place = F.interpolate(attention[torch.arange(len(image)), chosen, None], image.shape[-2:], **BILINEAR)
    place = place / place.amax(dim=(2, 3), keepdim=True).clamp(min=1e-8)
    threshold, steepness = torch.rand(2, device=image.device)
    share = soften(place, 0.4 + 0.2 * threshold, 3 + 2 * steepness)
    small = gaussian_blur(F.interpolate(image, scale_factor=0.5, **BILINEAR), [11, 11], [7.0, 7.0])
    noise = torch.randn_like(small) * NOISE / image.new_tensor(IMAGENET_DEFAULT_STD).view(3, 1, 1)
    worse = F.interpolate(small + noise, image.shape[-2:], **BILINEAR)
    return image * (1 - share) + worse * share, chosen


def soften(place: Tensor, threshold: Tensor, steepness: Tensor) -> Tensor:
    """Map [0, 1] to a soft step that begins at 0: (s((a - t) z) - s(-t z)) / (1 - s(-t z)), s the sigmoid."""
    floor = (-threshold * steepness).sigmoid()
    return (((place - threshold) * steepness).sigmoid() - floor) / (1 - floor)
