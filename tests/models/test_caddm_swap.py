"""CADDM's swaps: blending against a sparse solver, dissimilarity by hand, where windows go, how often what happens."""

import math

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch

from ddet.models import caddm_swap as swaps


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def disc(side: int = 40, radius: float = 12.0) -> torch.Tensor:
    at = torch.arange(side) - side / 2
    return ((at[:, None] ** 2 + at**2).sqrt() < radius).float()[None]


# blending


def slow_poisson(front: np.ndarray, back: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Solve for one channel: the second difference is that of the mixed gradients, beyond the edge nothing changes."""
    height, width = front.shape
    index = np.arange(height * width).reshape(height, width)
    matrix, source = scipy.sparse.lil_matrix((height * width, height * width)), np.zeros(height * width)
    change = front - back
    for y in range(height):
        for x in range(width):
            matrix[index[y, x], index[y, x]] = -4
            for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                v, u = y + dy, x + dx
                if not (0 <= v < height and 0 <= u < width):
                    continue
                matrix[index[y, x], index[v, u]] = 1
                first = (y, x) if dy + dx > 0 else (v, u)  # a gradient belongs to its upper or left pixel
                source[index[y, x]] += place[first] * (change[v, u] - change[y, x])
    found = scipy.sparse.linalg.spsolve(matrix.tocsr(), source).reshape(height, width)
    return np.clip(back + found, 0, 1)


def test_gradients_are_mixed_as_a_sparse_solver_does():
    front, back = noise(3, 9, 11), noise(3, 9, 11, seed=1)
    place = noise(1, 9, 11, seed=2) > 0.4
    found = swaps.poisson(0.4 * front, 0.3 + 0.4 * back, place)
    for channel in range(3):
        planes = (0.4 * front)[channel].numpy(), (0.3 + 0.4 * back)[channel].numpy()
        expected = slow_poisson(*planes, place[0].numpy())
        np.testing.assert_allclose(found[channel], expected, atol=1e-5)
    assert found.min() > 0 and found.max() < 1, "nothing was cut off"


def test_a_difference_that_is_the_same_everywhere_vanishes():
    back, place = 0.6 * noise(3, 16, 16), disc(16, 5) > 0
    torch.testing.assert_close(swaps.poisson(back + 0.3, back, place), back, atol=1e-5, rtol=0)


def test_the_two_ways_of_blending_are_drawn_alike(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(swaps, "poisson", lambda front, back, place: torch.full_like(front, 2))
    front, back, place = torch.ones(3, 12, 12), torch.zeros(3, 12, 12), torch.zeros(1, 12, 12, dtype=torch.bool)
    place[:, 3:9, 3:9] = True
    out = [swaps.blend(front, back, place) for _ in range(200)]
    assert 70 < sum(bool((o == 2).all()) for o in out) < 130
    soft = next(o for o in out if (o != 2).any())[0]
    assert soft[6, 6] == 1 and soft[0, 0] == 0 and 0 < soft[2, 6] < soft[3, 6] < 1, "edges are blurred over 5 px"
    weights = np.exp(-(np.arange(-2, 3) ** 2) / 18)
    assert soft[3, 6].item() == pytest.approx(weights[2:].sum() / weights.sum(), abs=1e-5)


def test_dissimilarity_by_hand():
    one, other = noise(3, 24, 24), noise(3, 24, 24, seed=3)
    found = swaps.dissimilarity(one, other)
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(kernel, kernel) / kernel.sum() ** 2
    for c, y, x in ((0, 5, 5), (2, 12, 18)):
        a, b = (p[c, y - 5 : y + 6, x - 5 : x + 6].double().numpy() for p in (one, other))
        ma, mb = (window * a).sum(), (window * b).sum()
        va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
        ssim = (2 * ma * mb + 1e-4) * (2 * (window * (a - ma) * (b - mb)).sum() + 9e-4)
        ssim /= (ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)
        assert found[c, y, x].item() == pytest.approx(abs(1 - ssim) / 2, rel=1e-3)
    assert swaps.dissimilarity(one, one).abs().max() < 1e-6


# windows


def hard(front: torch.Tensor, back: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    return torch.where(place, front, back)


def test_a_window_lies_where_the_fake_differs_most(monkeypatch):
    """At 224 px windows are 44 px apart; the difference fills rows 88 to 128, columns 132 to 212."""
    monkeypatch.setattr(swaps, "blend", hard)
    monkeypatch.setattr(swaps, "SHAPES", ((40, 80),))
    source, mask = 0.5 * noise(3, 224, 224), torch.ones(1, 224, 224)
    fake = source.clone()
    fake[:, 88:128, 132:212] = noise(3, 40, 80, seed=5)
    out, box = swaps.window(fake, source, mask)
    assert [224 * edge for edge in box] == pytest.approx([132, 88, 212, 128])
    assert torch.equal(out, fake), "what lies beyond is the source, which the fake is there"
    elsewhere = mask.clone()
    elsewhere[:, 60:, 100:] = 0
    fake[:, :30, :60] = noise(3, 30, 60, seed=6)
    out, box = swaps.window(fake, source, elsewhere)
    assert [224 * edge for edge in box] == pytest.approx([0, 0, 80, 40]), "only what the mask holds is looked at"
    assert torch.equal(out[:, 40:], source[:, 40:])


@pytest.mark.parametrize(("side", "swapped"), [(0, False), (1, False), (12, True)])
def test_a_window_that_changes_too_little_is_none(monkeypatch, side, swapped):
    """A point is seen by 11 x 11 px at most, 1.9 % of the values; 3.2 % are asked for, 4800 at 224 px."""
    monkeypatch.setattr(swaps, "blend", hard)
    monkeypatch.setattr(swaps, "SHAPES", ((224, 224),))
    source = noise(3, 80, 80)
    fake = source.clone()
    fake[:, 40 : 40 + side, 40 : 40 + side] = 1 - source[:, 40 : 40 + side, 40 : 40 + side]
    assert (swaps.window(fake, source, torch.ones(1, 80, 80)) is not None) == swapped
    values = swaps.LEAST * 224**2 * 3
    assert values == pytest.approx(4800)


def test_windows_have_four_sizes_in_proportion_to_the_image(monkeypatch):
    monkeypatch.setattr(swaps, "blend", hard)
    torch.manual_seed(0)
    boxes = [swaps.window(noise(3, 80, 80), noise(3, 80, 80, seed=1), torch.ones(1, 80, 80))[1] for _ in range(60)]
    sizes = {(round(80 * (b[3] - b[1])), round(80 * (b[2] - b[0]))) for b in boxes}
    assert sizes == {(14, 29), (29, 43), (43, 57), (80, 80)}, "40 x 80, 80 x 120, 120 x 160, 224 x 224 times 80 / 224"


# whole faces


def test_whole_faces_go_both_ways_in_the_papers_shares(monkeypatch):
    torch.manual_seed(0)
    seen = []
    monkeypatch.setattr(swaps, "blend", lambda front, back, place: seen.append((front, back, place)) or back)
    fake, source, mask = torch.ones(3, 40, 40), torch.zeros(3, 40, 40), disc()
    out = [swaps.whole(fake, source, mask) for _ in range(400)]
    into_fake = [place for front, back, place in seen if front is source and back is fake]
    into_source = [place for front, back, place in seen if front is fake and back is source]
    assert len(into_fake) + len(into_source) == len(seen)
    assert 160 < len(into_fake) < 240 and 70 < len(into_source) < 130
    assert sum(o is fake for o in out) == len(into_fake) + 400 - len(seen), "a quarter stays"
    exact = sum(torch.equal(place, mask > 0) for _, _, place in seen)
    assert 0.4 < exact / len(seen) < 0.6, "half of the masks are warped"


def test_a_face_of_faint_shares_alone_leaves_the_fake():
    torch.manual_seed(0)
    fake, source = noise(3, 40, 40), noise(3, 40, 40, seed=1)
    assert all(swaps.whole(fake, source, 0.4 * disc()) is fake for _ in range(20))


def test_a_warp_moves_the_edge_of_a_mask_by_as_much_as_in_the_released_code():
    """Blurred over 18 px at 224 px, uniform noise has a standard deviation of .577 / (2 x 18 sqrt pi); times 400."""
    torch.manual_seed(0)
    moved = []
    ramp = torch.arange(112.0).repeat(112, 1)[None] / 112
    for _ in range(20):
        alpha = 2 * torch.empty(()).uniform_(*swaps.ALPHA).item() * (112 / 224) ** 2
        warped = swaps.v2.ElasticTransform(alpha, swaps.SIGMA * 112)(ramp)
        moved.append(((warped - ramp) * 112)[0, 30:-30, 30:-30])
    sigma = 0.08 * 224
    expected = 400 * math.sqrt(1 / 3) / (2 * sigma * math.sqrt(math.pi)) * 112 / 224
    assert torch.stack(moved).std().item() == pytest.approx(expected, rel=0.25)


# batches


def batch(n: int, side: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    label = torch.arange(n) % 2
    return noise(n, 3, side, side), noise(n, 3, side, side, seed=1), disc(side).repeat(n, 1, 1, 1), label


def test_real_images_and_fakes_without_a_mask_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(swaps, "HALVED", 0.0)
    pixels, pair, mask, label = batch(40)
    mask[:20] = 0
    torch.manual_seed(0)
    out = swaps.swap(pixels, pair, mask, label)
    changed = (out.pixels != pixels).flatten(1).any(dim=1)
    assert not changed[::2].any() and not changed[:20].any() and changed[21::2].sum() > 4
    assert out.pixels.min() >= 0 and out.pixels.max() <= 1
    assert torch.equal(out.known[:, 0], label == 1) and not out.known[label == 0].any()
    assert (out.boxes[:, 0] == torch.tensor([0.0, 0, 1, 1])).all()


def test_one_fake_in_five_is_swapped_in_a_window_and_has_its_box(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(swaps, "whole", lambda fake, source, mask: fake * 0)
    monkeypatch.setattr(swaps, "window", lambda fake, source, mask: (fake * 0 + 1, (0.25, 0.5, 0.75, 1.0)))
    out = swaps.swap(*batch(400, 8))
    windowed = out.pixels.eq(1).flatten(1).all(dim=1)
    assert 22 < windowed.sum() < 58 and torch.equal(out.known[:, 1], windowed)
    assert (out.boxes[windowed, 1] == torch.tensor([0.25, 0.5, 0.75, 1.0])).all()
    assert out.pixels[1::2].flatten(1).amax(dim=1).eq(windowed[1::2].float()).all()


def test_a_window_that_is_none_leaves_the_fake(monkeypatch):
    monkeypatch.setattr(swaps, "HALVED", 0.0)
    monkeypatch.setattr(swaps, "PARTIAL", 1.0)
    monkeypatch.setattr(swaps, "window", lambda fake, source, mask: None)
    pixels, pair, mask, label = batch(6, 8)
    out = swaps.swap(pixels, pair, mask, label)
    assert torch.equal(out.pixels, pixels) and not out.known[:, 1].any()


def test_three_images_in_ten_are_halved_together_with_their_pair(monkeypatch):
    torch.manual_seed(0)
    pairs = []
    monkeypatch.setattr(swaps, "PARTIAL", 0.0)
    monkeypatch.setattr(swaps, "whole", lambda fake, source, mask: pairs.append((fake, source)) or fake)
    pixels, pair, mask, label = batch(400, 8)
    out = swaps.swap(pixels, pair, mask, label)
    blurred = (out.pixels != pixels).flatten(1).any(dim=1)
    assert 90 < blurred.sum() < 150
    means = pixels[blurred][0].unfold(1, 2, 2).unfold(2, 2, 2).mean(dim=(3, 4))
    torch.testing.assert_close(out.pixels[blurred][0][:, 0, 0], means[:, 0, 0])
    fakes = [i for i in range(400) if label[i] == 1]
    assert all(torch.equal(source, pair[i]) != bool(blurred[i]) for i, (_, source) in zip(fakes, pairs, strict=True))
