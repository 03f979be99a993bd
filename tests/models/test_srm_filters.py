"""SRM's filters by hand: what each leaves of a flat image, a ramp, a point, and which channels see them."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from ddet.models import srm_filters


def test_the_kernels_are_those_of_the_specification():
    small, large, second = srm_filters.kernels().double()
    assert torch.equal(small[1:4, 1:4] * 4, torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]).double())
    assert small.count_nonzero() == 9
    half = torch.tensor([[-1, 2, -2], [2, -6, 8], [-2, 8, -12]]).double()
    torch.testing.assert_close(large[:3, :3] * 12, half, atol=1e-6, rtol=0)
    assert torch.equal(large, large.flip(0)) and torch.equal(large, large.flip(1)) and torch.equal(large, large.T)
    assert second[2].tolist() == [0, 0.5, -1, 0.5, 0] and second.count_nonzero() == 3


def test_a_flat_image_and_a_ramp_leave_nothing_and_a_point_minus_one():
    ramp = torch.arange(9.0).repeat(9, 1)
    image = torch.stack([torch.full((9, 9), 0.7), ramp, ramp.T])[None]
    inner = srm_filters.ImageResidual()(image)[..., 2:-2, 2:-2]
    torch.testing.assert_close(inner, torch.zeros_like(inner), atol=1e-5, rtol=0)
    point = torch.zeros(1, 3, 9, 9)
    point[0, 1, 4, 4] = 1
    found = srm_filters.ImageResidual()(point)[0, :, 4, 4]
    torch.testing.assert_close(found, torch.full((3,), -1.0))


@pytest.mark.parametrize("strength", [1.0, 20.0])
def test_residuals_of_an_image_equal_scipys_correlation_of_its_summed_colours(strength):
    image = strength * torch.randn(2, 3, 7, 8)
    found, summed = srm_filters.ImageResidual()(image), image.sum(dim=1).numpy()
    for k, kernel in enumerate(srm_filters.kernels().numpy()):
        expected = [np.clip(correlate(plane, kernel, mode="constant"), -3, 3) for plane in summed]
        np.testing.assert_allclose(found[:, k], expected, atol=1e-4)
    assert strength == 1 or found.abs().max() == 3


def test_each_channel_sees_all_three_filters_before_they_are_mixed():
    torch.manual_seed(0)
    layer, features = srm_filters.FeatureResidual(4).eval(), 2 * torch.randn(2, 4, 6, 5)
    residuals = np.zeros((2, 12, 6, 5), dtype=np.float32)
    for n, channel, k in np.ndindex(2, 4, 3):
        plane = correlate(features[n, channel].numpy(), srm_filters.kernels()[k].numpy(), mode="constant")
        residuals[n, 3 * channel + k] = np.clip(plane, -3, 3)
    with torch.no_grad():
        torch.testing.assert_close(layer(features), layer.mix(torch.from_numpy(residuals)), atol=1e-5, rtol=1e-5)
        assert layer(features).min() == 0


def test_filters_are_fixed_and_no_part_of_the_weights():
    assert not list(srm_filters.ImageResidual().parameters()) and not srm_filters.ImageResidual().state_dict()
    layer = srm_filters.FeatureResidual(4)
    assert sum(p.numel() for p in layer.parameters()) == 12 * 4 + 2 * 4
    assert not any("kernels" in name for name in layer.state_dict())
