"""Fuse the maps of several detectors into one primary region map, vectorised over crops and pixels.

Every rule takes float32 B x T x H x W in [0, 1], one map for each of T detectors, and returns float32 B x H x W in
[0, 1] whose positive pixels are the primary region. `fuse` chooses a rule by name and checks its input. The
rules run on the device of `maps`; a CPU is fastest with few crops at a time (`CHUNK`), which fit into its cache.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ddet.errors import InputError
from ddet.prle.map_store import Batches

CHUNK = 1  # crops at a time on a CPU
SQUARE = tuple(product(range(3), repeat=2))  # offsets (row, column) into a map that was padded by one pixel


def average(maps: Tensor, tau1: float) -> Tensor:
    """Average the maps and set values that are not above `tau1` to 0.

    Paper: PRLE eq. 6 with tau1 = .3. Table V compares a low and a high tau1 without giving them.
    """
    mean = maps.mean(dim=1)
    return mean * (mean > tau1)


def of_interest(maps: Tensor, lam: float) -> Tensor:
    """Find the pixels whose neighbours in one map differ from their value in another: bool B x H x W.

    Where the neighbours x_a lie all above, or all below A_k(x_i), the mean of |A_j(x_a) - A_k(x_i)| is the distance of
    their mean from it, and elsewhere it is at least that, and at most the largest difference among them. These bounds
    decide nearly every pixel of smooth maps; for the others all terms are added up.

    Paper: PRLE eq. 7: the mean exceeds `lam` for some j and k.
    Differs: the paper does not say what a neighbour is, nor whether j = k counts. As in the released code the 3 x 3
    square with its centre, clipped at the border and divided by the pixels that are left, and all ordered pairs.
    """
    low, high = maps.amin(dim=1), maps.amax(dim=1)  # the mean is convex in A_k(x_i): of all k, it is largest at an end
    count = _squares(torch.add, F.pad(torch.ones_like(low[:1]), (1, 1, 1, 1)))
    total = _squares(torch.add, F.pad(maps, (1, 1, 1, 1)))
    found = torch.maximum(total.amax(dim=1) - count * low, count * high - total.amin(dim=1)) > lam * count
    if _steepest(maps) <= lam:
        return found
    edged = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    reach = _squares(torch.maximum, edged).sub_(_squares(torch.minimum, edged)).amax(dim=1)
    unsure = (reach > lam) & ~found
    near = _neighbours(maps).movedim(1, 3)[unsure]  # pixels x T x 3 x 3
    for end in (low, high):
        found[unsure] |= (_mean_distance(near, end[unsure][:, None]) > lam).any(dim=1)
    return found


def neighbouring(maps: Tensor, lam: float, tau2: float = 0.0) -> Tensor:
    """Set each pixel of interest to the largest value of any map in its 3 x 3 square, and all others to 0.

    Paper: PRLE eq. 8 with lam = .15.
    Differs: eq. 7 finds where maps disagree or are steep. Where all of them are high and flat it finds nothing, so
    that this rule alone deletes what the detectors agree on: see `union`. `tau2` drops pixels whose average is not
    above it, such as the far side of the edge of a region; 0 is the paper.
    """
    value = _squares(torch.maximum, F.pad(maps.amax(dim=1), (1, 1, 1, 1)))
    keep = of_interest(maps, lam)
    return value * (keep & (maps.mean(dim=1) > tau2) if tau2 else keep)


def union(maps: Tensor, tau1: float, lam: float, tau2: float = 0.0) -> Tensor:
    """Take the larger of `average` and `neighbouring` at each pixel.

    Paper: PRLE section III-B says that the neighbours *expand* the average with a high tau1, and shows it in Figure 3.
    Differs: eq. 8 as printed replaces the average. Our reading follows the text.
    """
    return torch.maximum(average(maps, tau1), neighbouring(maps, lam, tau2))


def three_zones(maps: Tensor, tau1: float, tau2: float, lam: float) -> Tensor:
    """Keep averages above `tau1`, drop those below `tau2`, and decide pixels in between by their neighbours.

    A pixel in between that is of interest takes the *average* at the place of the largest attention, seen so far,
    in its 3 x 3 square when the first pair (k, then j) exceeds `lam`.

    Paper: not in PRLE, but in its released code, with .3, .1 and .2. There it is commented out: what that code saves
    is `average`.
    """
    rows, columns = maps.shape[-2:]
    mean = maps.mean(dim=1)
    padded, padded_mean = F.pad(maps, (1, 1, 1, 1)), F.pad(mean, (1, 1, 1, 1))
    inside = F.pad(maps.new_ones(rows, columns), (1, 1, 1, 1))
    best, value, chosen = torch.zeros_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    pending = torch.ones_like(mean, dtype=torch.bool)  # no pair has exceeded lam yet
    exceeds = _mean_distance(_neighbours(maps), maps[:, :1]) > lam  # of k = 1, and every j
    for j in range(maps.shape[1]):  # k is the first map: after it, every map has been seen
        for y, x in SQUARE:
            here = slice(y, y + rows), slice(x, x + columns)
            seen = [(padded[:, j, *here], padded_mean[:, *here])]
            if j == 0:  # after each neighbour the code looks at A_k(x_i), too
                seen.append((maps[:, 0] * inside[here], mean))
            for attention, average_there in seen:
                better = attention > best
                best = torch.where(better, attention, best)
                value = torch.where(better, average_there, value)
        fires = pending & exceeds[:, j]
        chosen, pending = torch.where(fires, value, chosen), pending & ~fires
    chosen = torch.where(pending & of_interest(maps, lam), value, chosen)
    return torch.where(mean > tau1, mean, torch.where(mean < tau2, torch.zeros_like(mean), chosen))


METHODS: dict[str, Callable[..., Tensor]] = {
    "average": average,
    "neighbouring": neighbouring,
    "union": union,
    "three_zones": three_zones,
}


def fuse(maps: Tensor, method: str, **thresholds: float) -> Tensor:
    """Fuse by the rule of that name.

    Raises:
        InputError: no such rule; maps of another shape, or that are not in [0, 1].
    """
    if method not in METHODS:
        raise InputError(f"fusion {method!r}", "no such rule", f"use one of {', '.join(METHODS)}")
    return METHODS[method](_checked(maps), **thresholds)


def of_stores(stores: Sequence[np.ndarray], method: str, **thresholds: float) -> Batches:
    """Return the batches for `map_writer.write` that fuse stored maps (n x H x W for each detector), crop by crop."""

    def batches(start: int, stop: int) -> Iterator[np.ndarray]:
        for at in range(start, stop, CHUNK):
            maps = np.stack([store[at : min(at + CHUNK, stop)] for store in stores], axis=1)
            yield fuse(torch.from_numpy(maps), method, **thresholds).half().numpy()  # numpy rounds ten times as slowly

    return batches


def _checked(maps: Tensor) -> Tensor:
    if maps.ndim != 4:
        raise InputError("fusion", f"maps of shape {tuple(maps.shape)}", "pass crops x detectors x H x W")
    maps = maps.float()
    low, high = maps.aminmax() if maps.numel() else (maps.new_zeros(()), maps.new_zeros(()))
    if not (low >= 0 and high <= 1):
        raise InputError("fusion", f"maps from {low:.3g} to {high:.3g}", "scale each map to [0, 1]")
    return maps


def _squares(of: Callable[..., Tensor], padded: Tensor) -> Tensor:
    """Return the sum, maximum or minimum (`of`) of every 3 x 3 square: ... x H + 2 x W + 2 to ... x H x W.

    torch's pooling takes twenty times as long on a CPU.
    """
    lines = of(padded[..., :-2, :], padded[..., 1:-1, :])
    of(lines, padded[..., 2:, :], out=lines)
    found = of(lines[..., :-2], lines[..., 1:-1])
    return of(found, lines[..., 2:], out=found)


def _steepest(maps: Tensor) -> float:
    """Bound the largest difference within a 3 x 3 square: two of the largest steps down, and two across."""
    steps = [maps.diff(dim=dim) for dim in (2, 3)]
    return sum(2 * max(-float(step.min()), float(step.max())) for step in steps if step.numel())


def _neighbours(maps: Tensor) -> Tensor:
    """Return a view of the 3 x 3 square of every pixel, nan beyond the border: B x T x H x W x 3 x 3."""
    return F.pad(maps, (1, 1, 1, 1), value=torch.nan).unfold(2, 3, 1).unfold(3, 3, 1)


def _mean_distance(near: Tensor, value: Tensor) -> Tensor:
    """Return the mean of |near - value| over the pixels of each square (... x 3 x 3) that lie in the map: ..."""
    return (near - value[..., None, None]).abs().flatten(-2).nanmean(dim=-1)
