"""CADDM's training images: forgeries mixed anew with the frame they were made from, whole or in a window."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import gaussian_blur

from ddet.models.caddm_boxes import SHAPES, SIDE

HALVED, PARTIAL, POISSON, WARPED = 0.3, 0.2, 0.5, 0.5  # probabilities
FROM_SOURCE, FROM_FAKE = 0.5, 0.25  # of whole swaps; the rest stays as it is
ALPHA, SIGMA = (300, 500), 0.08  # of the warp: px at 224 px, share of the side
STOPS = 5  # of a window along a side
DIFFERS, LEAST = 1e-3, 40**2 / SIDE**2  # dissimilarity that counts; share of values that must reach it


class Swapped(NamedTuple):
    """B x 3 x S x S pixels, two boxes an image (B x 2 x 4: left, top, right, bottom in shares of the side), and which
    of them exist (bool B x 2): the whole image for a fake, and a window where only that was swapped.
    """

    pixels: Tensor
    boxes: Tensor
    known: Tensor


def swap(pixels: Tensor, pair: Tensor, mask: Tensor, label: Tensor) -> Swapped:
    """Mix the fakes of a batch with their source frames, at random.

    With probability .8 whole faces: half of these get the source's face into the fake frame, a quarter the fake face
    into the source frame, a quarter stays; the face is the mask, warped half of the time. Else a window of the fake
    goes into the source frame (`window`). Edges are blended by a blurred mask or by their gradients (`poisson`), half
    each. Three of ten images, real ones too, lose half of their resolution first.

    Args:
        pixels: B x 3 x S x S in [0, 1].
        pair: the frames that the fakes were made from, shaped and aligned alike; those of real images are not used.
        mask: B x 1 x S x S, the share of forged pixels; a fake without any stays as it is.
        label: int64 B, 1 = fake.

    Paper: CADDM, multi-scale facial swap; numbers from the released code (megvii-research/CADDM).
    Differs: the released code takes the convex hull of landmarks for the face, ours the mask. It aligns faces after
    the swap and searches the window's box again, ours are crops already; it drops a window that changes too little,
    ours keeps the fake.
    """
    blurry = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < HALVED
    pixels, pair = (torch.where(blurry, _halved(x), x) for x in (pixels, pair))
    out, known = pixels.clone(), torch.stack([label == 1, torch.zeros_like(label, dtype=torch.bool)], dim=1)
    boxes = pixels.new_tensor([0, 0, 1, 1]).repeat(len(pixels), 2, 1)
    for i in ((label == 1) & mask.flatten(1).any(dim=1)).nonzero().flatten().tolist():
        if torch.rand(()) >= PARTIAL:
            out[i] = whole(pixels[i], pair[i], mask[i])
        elif found := window(pixels[i], pair[i], mask[i]):
            out[i], boxes[i, 1] = found[0], boxes.new_tensor(found[1])
            known[i, 1] = True
    return Swapped(out, boxes, known)


def whole(fake: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """Swap the face of 3 x S x S images, or leave the fake as it is, at random.

    The face is where `mask`, 1 x S x S, is .5 or more; the fake stays as it is where that is nowhere.
    """
    side, drawn = fake.shape[-1], torch.rand(())
    if drawn >= FROM_SOURCE + FROM_FAKE:
        return fake
    if torch.rand(()) < WARPED:
        # torchvision's alpha is in half sides, so twice the px; a blur that is wider leaves less of it.
        alpha = 2 * torch.empty(()).uniform_(*ALPHA).item() * (side / SIDE) ** 2
        mask = v2.ElasticTransform(alpha, SIGMA * side)(mask)
    front, back = (source, fake) if drawn < FROM_SOURCE else (fake, source)
    face = mask >= 0.5
    return blend(front, back, face) if face.any() else fake  # with no face the source itself would pass for a fake


def window(fake: Tensor, source: Tensor, mask: Tensor) -> tuple[Tensor, tuple[float, ...]] | None:
    """Put a window of the fake into its source, 3 x S x S, where the mask (1 x S x S) holds most dissimilarity.

    Its size is drawn from four (40 x 80 to 224 x 224 at 224 px), its place is one of those a fifth of the side apart.

    Returns:
        The image, and the window as left, top, right, bottom in shares of the side; None where it changes too little.
    """
    side, shape = fake.shape[-1], SHAPES[int(torch.randint(len(SHAPES), ()))]
    height, width = (round(n * side / SIDE) for n in shape)
    step = side // STOPS
    unlike = dissimilarity(fake, source).mean(dim=0, keepdim=True) * (mask > 0)
    sums = F.avg_pool2d(unlike, (height, width), stride=step)[0]
    best = int(sums.argmax())
    top, left = best // sums.shape[1] * step, best % sums.shape[1] * step
    place = torch.zeros_like(mask, dtype=torch.bool)
    place[:, top : top + height, left : left + width] = True
    mixed = blend(fake, source, place)
    if (dissimilarity(mixed, source) > DIFFERS).float().mean() <= LEAST:
        return None
    return mixed, tuple(n / side for n in (left, top, left + width, top + height))


def blend(front: Tensor, back: Tensor, place: Tensor) -> Tensor:
    """Put `front` into `back`, 3 x S x S in [0, 1], where `place` (bool 1 x S x S) is, in one of two ways at random."""
    if torch.rand(()) < POISSON:
        return poisson(front, back, place)
    soft = gaussian_blur(place.to(front.dtype), [5, 5], [3.0, 3.0])
    return soft * front + (1 - soft) * back


def poisson(front: Tensor, back: Tensor, place: Tensor) -> Tensor:
    """Return the image whose gradients are those of `front` at `place` and of `back` elsewhere; cut off to [0, 1].

    It is `back` just outside of the image, so that a difference in colour that is the same everywhere vanishes. The
    equation is solved exactly, by sine transforms.

    Paper: Perez et al., Poisson Image Editing (2003), with the edge of the image as boundary, as OpenCV has it.
    """
    change = front - back
    right = place * F.pad(change.diff(dim=-1), (0, 1))
    down = place * F.pad(change.diff(dim=-2), (0, 0, 0, 1))
    source = right.diff(dim=-1, prepend=torch.zeros_like(right[..., :1]))
    source = source + down.diff(dim=-2, prepend=torch.zeros_like(down[..., :1, :]))
    (rows, vertical), (columns, horizontal) = (_sines(n, front) for n in front.shape[-2:])
    spectrum = rows @ source @ columns / (vertical[:, None] + horizontal)
    return (back + rows @ spectrum @ columns).clamp(0, 1)


def _sines(n: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the orthonormal sine transform of n values that are 0 beyond both ends, and the eigenvalues of their
    second difference; n x n (its own inverse) and n.
    """
    k = torch.arange(1, n + 1, dtype=torch.float64, device=like.device) * torch.pi / (n + 1)
    waves = (2 / (n + 1)) ** 0.5 * torch.sin(k[:, None] * torch.arange(1, n + 1, device=like.device))
    return waves.to(like.dtype), (2 * k.cos() - 2).to(like.dtype)


def dissimilarity(one: Tensor, other: Tensor) -> Tensor:
    """Return |1 - SSIM| / 2 of 3 x H x W images in [0, 1], by pixel and channel; Gaussian windows of 11 px.

    Paper: Wang et al., Image Quality Assessment (2004), equation 13.
    """
    a, b, aa, bb, ab = (gaussian_blur(x, [11, 11], [1.5, 1.5]) for x in (one, other, one**2, other**2, one * other))
    alike = (2 * a * b + 1e-4) * (2 * (ab - a * b) + 9e-4)
    return (1 - alike / ((a**2 + b**2 + 1e-4) * (aa - a**2 + bb - b**2 + 9e-4))).abs() / 2


def _halved(image: Tensor) -> Tensor:
    small = F.interpolate(image, scale_factor=0.5, mode="bilinear")
    return F.interpolate(small, image.shape[-2:], mode="bilinear")
