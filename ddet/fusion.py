"""Fusion of the maps of several detectors into one primary region map, vectorised over crops and pixels.

Every rule takes float32 B x T x H x W in [0, 1], one map for each of T detectors, and returns float32 B x H x W in
[0, 1] whose positive pixels are the primary region. `fuse` chooses a rule by name and checks what it is given. The
rules work on the device of `maps`; a CPU is fastest when given few crops at a time (`CHUNK`): the work then stays in
its cache.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ddet.errors import InputError
from ddet.mapstore import Batches

CHUNK = 1  # crops at a time on a CPU
SQUARE = tuple(product(range(3), repeat=2))  # offsets (row, column) into a map that was padded by one pixel


def average(maps: Tensor, tau1: float) -> Tensor:
    """Average the maps and drop what is not above `tau1`.

    Paper: PRLE eq. 6 with tau1 = .3. Table V compares a low and a high tau1 without giving them.
    """
    mean = maps.mean(dim=1)
    return mean * (mean > tau1)


def of_interest(maps: Tensor, lam: float) -> Tensor:
    """Decide for each pixel whether its neighbours in one map differ from it in another: bool B x H x W.

    Paper: PRLE eq. 7: the mean over the neighbours x_a of |A_j(x_a) - A_k(x_i)| exceeds `lam` for some j and k.
    Differs: the paper does not say what a neighbour is, nor whether j = k counts. As in the released code the 3 x 3
    square with its centre, clipped at the border and divided by the pixels that are left, and all ordered pairs.
    """
    padded, count = F.pad(maps, (1, 1, 1, 1)), _neighbours(maps)
    ends = [(value, lam * count + (18 - count) * value) for value in (maps.amin(dim=1), maps.amax(dim=1))]
    most = torch.full_like(maps[:, 0], -torch.inf)
    work = torch.empty_like(most), torch.empty_like(most)  # fresh memory for each pair would take half of the time
    for j in range(maps.shape[1]):
        total = _box(padded[:, j])
        for value, rest in ends:  # the mean is convex in A_k(x_i): of all k, it is largest at an end
            torch.maximum(most, _excess(padded[:, j], total, value, rest, *work), out=most)
    return most > 0


def neighbouring(maps: Tensor, lam: float, tau2: float = 0.0) -> Tensor:
    """Give each pixel of interest the largest value that any map has in its 3 x 3 square, and 0 to the others.

    Paper: PRLE eq. 8 with lam = .15.
    Differs: eq. 7 finds where maps disagree or are steep. Where all of them are high and flat it finds nothing, so
    that this rule alone deletes what the detectors agree on: see `union`. `tau2` drops pixels whose average is not
    above it, such as the far side of the edge of a region; 0 is the paper.
    """
    value = _largest(F.pad(maps.amax(dim=1), (1, 1, 1, 1)))
    keep = of_interest(maps, lam)
    return value * (keep & (maps.mean(dim=1) > tau2) if tau2 else keep)


def union(maps: Tensor, tau1: float, lam: float, tau2: float = 0.0) -> Tensor:
    """Take the larger of `average` and `neighbouring` at each pixel.

    Paper: PRLE section III-B says that the neighbours *expand* the average with a high tau1, and shows it in Figure 3.
    Differs: eq. 8 as printed replaces the average. Our reading follows the text.
    """
    return torch.maximum(average(maps, tau1), neighbouring(maps, lam, tau2))


def three_zones(maps: Tensor, tau1: float, tau2: float, lam: float) -> Tensor:
    """Keep averages above `tau1`, drop those below `tau2`, and ask the neighbours of a pixel in between.

    A pixel in between that is of interest takes the *average* at the place of the largest attention, seen so far,
    in its 3 x 3 square when the first pair (k, then j) exceeds `lam`.

    Paper: not in PRLE, but in its released code, with .3, .1 and .2. There it is commented out: what that code saves
    is `average`.
    """
    rows, columns = maps.shape[-2:]
    mean, count = maps.mean(dim=1), _neighbours(maps)
    padded, padded_mean = F.pad(maps, (1, 1, 1, 1)), F.pad(mean, (1, 1, 1, 1))
    inside = F.pad(maps.new_ones(rows, columns), (1, 1, 1, 1))
    best, value, chosen = torch.zeros_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    pending = torch.ones_like(mean, dtype=torch.bool)  # no pair has exceeded lam yet
    rest, work = lam * count + (18 - count) * maps[:, 0], (torch.empty_like(mean), torch.empty_like(mean))
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
        excess = _excess(padded[:, j], _box(padded[:, j]), maps[:, 0], rest, *work)
        fires = pending & (excess > 0)
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
    """Return what `mapstore.write` asks for the fusion of stored maps, n x H x W for each detector, crop by crop."""

    def batches(start: int, stop: int) -> Iterator[np.ndarray]:
        for at in range(start, stop, CHUNK):
            maps = np.stack([store[at : min(at + CHUNK, stop)] for store in stores], axis=1)
            yield fuse(torch.from_numpy(maps), method, **thresholds).numpy()

    return batches


def _checked(maps: Tensor) -> Tensor:
    if maps.ndim != 4:
        raise InputError("fusion", f"maps of shape {tuple(maps.shape)}", "pass crops x detectors x H x W")
    maps = maps.float()
    low, high = maps.aminmax() if maps.numel() else (maps.new_zeros(()), maps.new_zeros(()))
    if not (low >= 0 and high <= 1):
        raise InputError("fusion", f"maps from {low:.3g} to {high:.3g}", "scale each map to [0, 1]")
    return maps


def _neighbours(maps: Tensor) -> Tensor:
    """Count the pixels of each 3 x 3 square that lie in the map: float H x W, 4 to 9."""
    return _box(F.pad(maps.new_ones(1, *maps.shape[-2:]), (1, 1, 1, 1)))[0]


def _box(padded: Tensor) -> Tensor:
    """Sum each 3 x 3 square of B x H + 2 x W + 2: B x H x W."""
    lines = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return lines[..., :-2] + lines[..., 1:-1] + lines[..., 2:]


def _largest(padded: Tensor) -> Tensor:
    """Return the maximum of each 3 x 3 square: torch's max pooling takes twenty times as long on a CPU."""
    lines = torch.maximum(padded[:, :-2], padded[:, 1:-1]).maximum(padded[:, 2:])
    return torch.maximum(lines[..., :-2], lines[..., 1:-1]).maximum(lines[..., 2:])


def _excess(padded: Tensor, total: Tensor, value: Tensor, rest: Tensor, excess: Tensor, larger: Tensor) -> Tensor:
    """Return by how much the sum of |A_j(x_a) - A_k(x_i)| exceeds lam times the count of neighbours: B x H x W.

    |a - b| is 2 max(a, b) - a - b, which saves one of three passes over the pixels. A place beyond the border, where
    a = 0, adds b to the sum of nine maxima: that is in `rest`, lam count + (18 - count) b.

    Args:
        padded: A_j with a border of zeros.
        total: its `_box`.
        value: b, which is A_k.
        excess: memory for the result.
        larger: memory to work in.
    """
    rows, columns = value.shape[-2:]
    torch.add(total, rest, out=excess).neg_()
    for y, x in SQUARE:
        torch.maximum(padded[:, y : y + rows, x : x + columns], value, out=larger)
        excess.add_(larger, alpha=2)
    return excess
