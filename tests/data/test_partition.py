"""Dividing: dealt clips follow the ratios, packed groups too, and a cut loses few fakes."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from manifests import CFG, FAST

from ddet.data import partition


class TestCut:
    def test_it_finds_the_division_that_loses_nothing(self):
        """Three circles of friends of 6, 2 and 2 identities with 30, 10 and 10 swaps inside them."""
        sizes, swaps = [6, 2, 2], {}
        names = [f"{g}{i}" for g, n in enumerate(sizes) for i in range(n)]
        for a in names:
            for b in names:
                if a < b and a[0] == b[0]:
                    swaps[a, b] = 2 if a[0] == "0" else 10
        parts = partition.cut(dict.fromkeys(names, 2), swaps, CFG.ratios, np.random.default_rng(0))
        circles = {g: {parts[n] for n in names if n[0] == g} for g in "012"}
        assert all(len(c) == 1 for c in circles.values()) and circles["0"] == {"train"}
        assert {s for c in circles.values() for s in c} == {"train", "valid", "test"}

    def test_it_beats_dividing_at_random(self):
        rng = np.random.default_rng(3)
        swaps = Counter(tuple(sorted(map(str, rng.choice(12, 2, replace=False)))) for _ in range(60))
        names = sorted({n for pair in swaps for n in pair})

        def kept(parts):
            return sum(n for (a, b), n in swaps.items() if parts[a] == parts[b])

        by_chance = [kept(partition.deal(partition.shuffled(names, rng), CFG.ratios)) for _ in range(50)]
        found = partition.cut(dict.fromkeys(names, 2), swaps, CFG.ratios, rng)
        assert kept(found) > np.mean(by_chance) + np.std(by_chance)
        assert {found[a] for a, b in swaps if found[a] == found[b]} == {"train", "valid", "test"}

    def test_every_split_gets_fakes_even_where_that_costs_most_of_them(self):
        """A chain of six identities whose middle links hold nearly all fakes: three pairs, not one big part."""
        swaps = {("a", "b"): 1, ("b", "c"): 100, ("c", "d"): 100, ("d", "e"): 100, ("e", "f"): 1}
        parts = partition.cut(dict.fromkeys("abcdef", 2), swaps, CFG.ratios, np.random.default_rng(0))
        assert {parts[a] for a, b in swaps if parts[a] == parts[b]} == {"train", "valid", "test"}

    def test_nobody(self):
        assert partition.cut({}, {}, CFG.ratios, np.random.default_rng(0)) == {}


class TestDealAndPack:
    @FAST
    @given(st.integers(1, 300), st.permutations([0.7, 0.2, 0.1]))
    def test_every_prefix_is_within_one_of_its_ratio(self, n, ratios):
        dealt = list(partition.deal(range(n), ratios).values())
        for k in range(1, n + 1):
            counts = Counter(dealt[:k])
            assert all(
                abs(counts[s] - r * k) < 1 + 1e-9 for s, r in zip(("train", "valid", "test"), ratios, strict=True)
            )

    @FAST
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=30, max_size=60), st.integers(0, 9))
    def test_packed_groups_meet_the_ratios_roughly(self, sizes, seed):
        sizes = {f"g{i}": (r + 1, f + 1) for i, (r, f) in enumerate(sizes)}
        packed = partition.pack(sizes, CFG.ratios, np.random.default_rng(seed))
        for c in (0, 1):
            total = sum(s[c] for s in sizes.values())
            for split, ratio in zip(("train", "valid", "test"), CFG.ratios, strict=True):
                share = sum(sizes[g][c] for g in sizes if packed[g] == split) / total
                assert abs(share - ratio) < 0.12

    def test_the_order_of_the_groups_does_not_matter(self):
        sizes = {f"g{i}": (1, i % 3) for i in range(30)}
        back = dict(reversed(sizes.items()))
        packed = [partition.pack(s, CFG.ratios, np.random.default_rng(0)) for s in (sizes, back)]
        assert packed[0] == packed[1]

    def test_a_split_with_ratio_zero_gets_nothing(self):
        sizes = {f"g{i}": (1, i) for i in range(9)}
        assert set(partition.pack(sizes, [0.5, 0.5, 0], np.random.default_rng(0)).values()) == {"train", "valid"}
        assert set(partition.deal(range(9), [0.5, 0, 0.5]).values()) == {"train", "test"}
