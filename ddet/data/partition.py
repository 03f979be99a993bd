"""Divide items among splits: deal out single clips, pack groups, cut a graph of identities."""

from collections.abc import Mapping, Sequence

import numpy as np

from ddet.data.layouts.base import SPLITS

Ratios = Sequence[float]
Size = tuple[int, int]  # reals, fakes


def shuffled(items: Sequence, rng: np.random.Generator) -> list:
    """Return the items in a random order."""
    return [items[i] for i in rng.permutation(len(items))]


def deal(items: Sequence, ratios: Ratios) -> dict:
    """Deal items out one by one, in their order, each to the split that is furthest behind its ratio.

    After any number of items each split is within one item of its ratio, so blocks of the order are divided alike.
    """
    counts = np.zeros(len(ratios))
    dealt = {}
    for n, item in enumerate(items, start=1):
        split = int(np.argmax(np.round(np.array(ratios) * n - counts, 9)))  # rounded: the same ties on any machine
        counts[split] += 1
        dealt[item] = SPLITS[split]
    return dealt


def pack(sizes: Mapping[str, Size], ratios: Ratios, rng: np.random.Generator) -> dict[str, str]:
    """Divide groups of unequal size: the largest first, each to where most of its clips are still wanted.

    sizes: reals and fakes of each group, not both 0. Both classes weigh the same, so each reaches every
    split with a ratio above 0 where the groups allow it.
    """
    names = sorted(shuffled(sorted(sizes), rng), key=lambda name: -sum(sizes[name]))
    total = np.maximum(np.sum([sizes[name] for name in names], axis=0), 1) if names else np.ones(2)
    wanted = np.outer(ratios, total)  # splits x classes
    had, packed = np.zeros_like(wanted), {}
    for name in names:
        weight = np.array(sizes[name]) / total
        gain = np.where(wanted > 0, 1 - had / np.maximum(wanted, 1e-9), 0) @ (weight / weight.sum())  # 0 never wins
        split = int(np.argmax(np.round(gain, 9)))
        had[split] += sizes[name]
        packed[name] = SPLITS[split]
    return packed


def cut(
    reals: Mapping[str, int], swaps: Mapping[tuple[str, str], int], ratios: Ratios, rng: np.random.Generator,
    restarts: int = 8,
) -> dict[str, str]:  # fmt: skip
    """Divide identities so that few fakes join two parts and the clips that are kept follow the ratios.

    reals: real clips of each identity. swaps: fakes between two identities; those across parts will be lost.
    Local search (move one identity, exchange two) from starts grown around random identities; the best of `restarts`.
    """
    names = sorted(reals)
    if not names:
        return {}
    graph = _Graph.of(names, reals, swaps, ratios)
    best = min((graph.descend(graph.grow(rng), rng) for _ in range(restarts)), key=graph.cost)
    return {name: SPLITS[part] for name, part in zip(names, best, strict=True)}


class _Graph:
    """Identities as nodes with real clips, swaps as weighted edges, and what a division of them costs."""

    def __init__(self, edges: np.ndarray, fakes: np.ndarray, reals: np.ndarray, ratios: np.ndarray):
        self.edges, self.fakes, self.reals, self.ratios = edges, fakes, reals, ratios

    @classmethod
    def of(cls, names: list[str], reals: Mapping[str, int], swaps: Mapping, ratios: Ratios) -> "_Graph":
        at = {name: i for i, name in enumerate(names)}
        pairs = sorted(swaps)
        edges = np.array([[at[a], at[b]] for a, b in pairs], dtype=int).reshape(-1, 2)
        fakes = np.array([swaps[p] for p in pairs], dtype=float)
        return cls(edges, fakes, np.array([reals[name] for name in names], dtype=float), np.array(ratios, dtype=float))

    def cost(self, parts: np.ndarray) -> float:
        """Score a division: a wanted split without a class costs 10, then the share of fakes lost and the imbalance."""
        a, b = parts[self.edges[:, 0]], parts[self.edges[:, 1]]
        kept = np.bincount(a, weights=self.fakes * (a == b), minlength=len(self.ratios))
        reals = np.bincount(parts, weights=self.reals, minlength=len(self.ratios))
        empty = ((kept == 0) & (self.ratios > 0)).sum() + ((reals == 0) & (self.ratios > 0)).sum()
        lost = 1 - kept.sum() / max(self.fakes.sum(), 1)
        uneven = np.abs(_shares(kept) - self.ratios).sum() + np.abs(_shares(reals) - self.ratios).sum()
        return round(float(10 * empty + lost + uneven / 2), 9)

    def grow(self, rng: np.random.Generator) -> np.ndarray:
        """Start from a random identity for each small part and add, one by one, whichever shares most fakes with it."""
        n, largest = len(self.reals), int(np.argmax(self.ratios))
        weight = np.zeros((n, n))
        np.add.at(weight, (self.edges[:, 0], self.edges[:, 1]), self.fakes)
        weight += weight.T + rng.random((n, n)) * 1e-3  # breaks ties at random
        parts = np.full(n, largest)
        for part in set(np.flatnonzero(self.ratios > 0)) - {largest}:
            for _ in range(max(2, round(self.ratios[part] * n))):
                free = parts == largest
                if not free.any():
                    break
                bonds = weight[:, parts == part].sum(axis=1) if (parts == part).any() else rng.random(n)
                parts[np.argmax(np.where(free, bonds, -1))] = part
        return parts

    def descend(self, parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Take every change that lowers the cost, in a seeded order, until none does."""
        best, improved = self.cost(parts), True
        while improved:
            improved = False
            for change in self._changes(rng):
                trial = _changed(parts, change)
                if (cost := self.cost(trial)) < best:
                    parts, best, improved = trial, cost, True
        return parts

    def _changes(self, rng: np.random.Generator) -> list[tuple[str, int, int]]:
        n = len(self.reals)
        moves = [("move", i, part) for i in range(n) for part in np.flatnonzero(self.ratios > 0)]
        swaps = [("swap", i, j) for i in range(n) for j in range(i)]
        return shuffled(moves + swaps, rng)


def _changed(parts: np.ndarray, change: tuple[str, int, int]) -> np.ndarray:
    kind, i, j = change
    trial = parts.copy()
    trial[i] = j if kind == "move" else parts[j]
    if kind == "swap":
        trial[j] = parts[i]
    return trial


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / max(counts.sum(), 1)
