"""Fusion rules against loops written from the equations, by hand on few pixels, and what must hold for any maps."""

from functools import partial

import numpy as np
import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st

from ddet.errors import InputError
from ddet.prle import fusion, map_writer

TAU1, TAU2, LAM = 0.3, 0.1, 0.15
RULES = {
    "average": {"tau1": TAU1},
    "neighbouring": {"lam": LAM},
    "union": {"tau1": TAU1, "lam": LAM},
    "three_zones": {"tau1": TAU1, "tau2": TAU2, "lam": 0.2},
}


def around(y: int, x: int, rows: int, columns: int) -> list[tuple[int, int]]:
    near = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return [(b, a) for b, a in near if 0 <= b < rows and 0 <= a < columns]


def pair_mean(a_j, a_k, y: int, x: int) -> float:
    near = around(y, x, *a_j.shape)
    return sum(abs(a_j[at] - a_k[y, x]) for at in near) / len(near)


def slow_neighbouring(maps: np.ndarray, lam: float) -> np.ndarray:
    """Write eqs. 7 and 8 as they are printed, for one crop: T x H x W."""
    fused = np.zeros(maps.shape[1:])
    for y, x in np.ndindex(fused.shape):
        if any(pair_mean(a_j, a_k, y, x) > lam for a_j in maps for a_k in maps):
            fused[y, x] = max(a[at] for a in maps for at in around(y, x, *fused.shape))
    return fused


def slow_three_zones(maps: np.ndarray, tau1: float, tau2: float, lam: float) -> np.ndarray:
    """Follow the description of the released search: k, then j; the place of the largest attention seen so far."""
    mean = maps.mean(axis=0)
    fused = np.where(mean > tau1, mean, 0.0)
    for y, x in np.argwhere((mean >= tau2) & (mean <= tau1)):
        best, place, done = 0.0, None, False
        for a_k in maps:
            for a_j in maps:
                for at in around(y, x, *mean.shape):
                    for value, where in ((a_j[at], at), (a_k[y, x], (y, x))):
                        if value > best:
                            best, place = value, where
                if not done and pair_mean(a_j, a_k, y, x) > lam:
                    fused[y, x], done = mean[place], True
    return fused


def slow(maps: np.ndarray, method: str) -> np.ndarray:
    mean = maps.mean(axis=0)
    high = np.where(mean > TAU1, mean, 0.0)
    return {
        "average": lambda: high,
        "neighbouring": lambda: slow_neighbouring(maps, LAM),
        "union": lambda: np.maximum(high, slow_neighbouring(maps, LAM)),
        "three_zones": lambda: slow_three_zones(maps, **RULES["three_zones"]),
    }[method]()


def random_maps(seed: int, crops: int = 2, detectors: int = 3, rows: int = 12, columns: int = 15) -> torch.Tensor:
    """Draw maps with flat and steep parts: blobs of several widths, stretched to [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    maps = np.empty((crops, detectors, rows, columns))
    for at in np.ndindex(crops, detectors):
        cy, cx, width = rng.uniform(0, rows), rng.uniform(0, columns), rng.uniform(0.7, 4)
        blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2)) + 0.1 * rng.random((rows, columns))
        maps[at] = (blob - blob.min()) / (blob.max() - blob.min())
    return torch.from_numpy(maps.astype(np.float32))


@pytest.mark.parametrize("detectors", [1, 2, 3, 5])
@pytest.mark.parametrize("method", fusion.METHODS)
def test_every_rule_equals_its_loop(method, detectors):
    maps = random_maps(detectors, detectors=detectors)
    fused = fusion.fuse(maps, method, **RULES[method])
    assert fused.shape == (2, 12, 15) and fused.dtype == torch.float32
    expected = np.stack([slow(one, method) for one in maps.double().numpy()])
    np.testing.assert_allclose(fused.numpy(), expected, atol=1e-6)
    assert 0 < (expected > 0).mean() < 1


@pytest.mark.parametrize("seed", range(20))
def test_equal_attentions_are_taken_in_the_order_of_the_released_search(seed):
    maps = (random_maps(seed, 1, 3, 6, 6) * 3).round() / 3 * 0.6  # few values, hence ties at different places
    fused = fusion.three_zones(maps, 0.5, 0.1, 0.11)
    np.testing.assert_allclose(fused[0], slow_three_zones(maps[0].double().numpy(), 0.5, 0.1, 0.11), atol=1e-6)


@examples(40)
@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from([0.05, 0.15, 0.3]))
def test_interest_equals_the_loop_over_all_pairs(seed, detectors, lam):
    maps = random_maps(seed, 1, detectors, 5, 6)
    means = np.array(
        [
            [max(pair_mean(j, k, y, x) for j in one for k in one) for y, x in np.ndindex(5, 6)]
            for one in maps.double().numpy()
        ]
    ).reshape(1, 5, 6)
    found = fusion.of_interest(maps, lam).numpy()
    clear = np.abs(means - lam) > 1e-5  # float32 may decide a tie either way
    np.testing.assert_array_equal(found[clear], (means > lam)[clear])


@pytest.mark.parametrize("cells", [3, 6, 12])
def test_upsampled_maps_are_fused_as_by_the_loop(cells):
    """As Grad-CAM's maps are; from 3 x 3 cells no square differs by .15, from 12 x 12 most do."""
    coarse = torch.rand(2, 3, cells, cells, generator=torch.Generator().manual_seed(cells))
    maps = torch.nn.functional.interpolate(coarse, (40, 40), mode="bilinear")
    expected = np.stack([slow_neighbouring(one, LAM) for one in maps.double().numpy()])
    np.testing.assert_allclose(fusion.neighbouring(maps, LAM), expected, atol=1e-6)
    assert 0 < (expected > 0).mean() < 1


def test_interest_by_hand():
    """One map, one bright pixel in the corner of 3 x 3: means 3/4 there, 1/6 and 1/9 near it, 0 beyond."""
    one = torch.zeros(1, 1, 3, 3)
    one[..., 0, 0] = 1
    for lam, expected in ((0.15, [[1, 1, 0], [1, 0, 0], [0, 0, 0]]), (0.11, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])):
        np.testing.assert_array_equal(fusion.of_interest(one, lam)[0].int(), expected)
    np.testing.assert_array_equal(fusion.neighbouring(one, 0.15)[0], [[1, 1, 0], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("turned", [False, True])
def test_a_slope_is_of_interest_although_its_neighbours_cancel_out(turned):
    """Steps of 1/4 along one axis: means of 1/6 within, 1/8 at both ends."""
    slope = torch.linspace(0, 1, 5).expand(1, 1, 4, 5)
    found = fusion.of_interest(slope.mT if turned else slope, 0.15)[0]
    np.testing.assert_array_equal((found.T if turned else found).int(), [[0, 1, 1, 1, 0]] * 4)


def test_the_average_by_hand():
    maps = torch.tensor([0.2, 0.5, 0.2, 0.9]).view(1, 4, 1, 1)
    assert fusion.average(maps, 0.3).item() == pytest.approx(0.45)
    assert fusion.average(maps, 0.45).item() == 0, "above, not at"


@pytest.mark.parametrize("low", [0.1, 0.3])
def test_identical_flat_maps_give_the_average(low):
    """A Grad-CAM of 8 x 8 at 256 px rises by 1/32 a pixel at most: its neighbours never differ by .15."""
    coarse = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    maps = torch.nn.functional.interpolate(coarse, (256, 256), mode="bilinear").repeat(1, 3, 1, 1)
    assert not fusion.of_interest(maps, LAM).any()
    torch.testing.assert_close(fusion.union(maps, low, LAM), fusion.average(maps, low), atol=0, rtol=0)
    assert (fusion.neighbouring(maps, LAM) == 0).all(), "what all detectors agree on is deleted"


def test_the_floor_drops_the_far_side_of_an_edge():
    maps = torch.zeros(1, 3, 8, 8)
    maps[..., :4] = 0.9
    plain, floored = fusion.neighbouring(maps, LAM), fusion.neighbouring(maps, LAM, tau2=0.1)
    assert (plain[..., 4] > 0).all() and (floored[..., 4:] == 0).all()
    torch.testing.assert_close(floored[..., :4], plain[..., :4])


@examples(25)
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_what_holds_for_any_maps(seed, detectors):
    maps = random_maps(seed, 1, detectors, 6, 6)
    low, high = fusion.average(maps, 0.1) > 0, fusion.average(maps, 0.3) > 0
    both = fusion.union(maps, 0.3, LAM)
    assert (low | ~high).all(), "a higher threshold keeps less"
    assert ((both > 0) | ~high).all(), "the neighbours expand the average"
    assert both.min() >= 0 and both.max() <= 1
    order = torch.randperm(detectors, generator=torch.Generator().manual_seed(seed % 1000))
    for rule in (partial(fusion.neighbouring, lam=LAM), partial(fusion.average, tau1=0.3)):
        torch.testing.assert_close(rule(maps[:, order]), rule(maps))
        torch.testing.assert_close(rule(maps.flip(-1)), rule(maps).flip(-1))


def test_halves_are_fused_in_single_precision():
    maps = random_maps(3)
    halves = fusion.fuse(maps.half(), "union", tau1=TAU1, lam=LAM)
    assert halves.dtype == torch.float32
    torch.testing.assert_close(halves, fusion.union(maps.half().float(), TAU1, LAM))


@pytest.mark.parametrize("jobs", [1, 2])
def test_stored_maps_are_fused_crop_by_crop(tmp_path, jobs):
    maps = random_maps(2, crops=7, rows=10, columns=10).half()
    stores = []
    for t in range(3):
        one = maps[:, t].numpy()
        stores.append(map_writer.write(tmp_path / str(t), lambda start, stop, one=one: [one[start:stop]], 7, 10, "abc"))
    batches = fusion.of_stores(stores, "union", tau1=TAU1, lam=LAM)
    fused = map_writer.write(tmp_path / "fused", batches, 7, 10, "abc", shard=3, jobs=jobs)
    expected = fusion.fuse(maps, "union", tau1=TAU1, lam=LAM)
    np.testing.assert_array_equal(fused, expected.half().numpy())


@pytest.mark.parametrize(
    ("maps", "method", "cause"),
    [
        (torch.zeros(1, 2, 3, 3), "mean", "no such rule; use one of average, neighbouring"),
        (torch.zeros(2, 3, 3), "union", r"shape \(2, 3, 3\)"),
        (torch.full((1, 1, 2, 2), 2.0), "union", "from 2 to 2; scale each map"),
        (torch.full((1, 1, 2, 2), torch.nan), "union", "from nan"),
        (torch.full((1, 1, 2, 2), -0.5), "union", "from -0.5"),
    ],
)
def test_errors_are_one_line(maps, method, cause):
    with pytest.raises(InputError, match=cause):
        fusion.fuse(maps, method, **RULES.get(method, {}))
