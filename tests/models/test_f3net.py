"""F3-Net's parts against scipy and loops, its sizes against the re-implementation, and its start weights."""

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.fft import dctn, idctn
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ddet import models, params
from ddet.errors import InputError
from ddet.models import f3net
from ddet.training.learner import save_weights


def config(**changes) -> params.Model:
    base = {"name": "f3net", "backbone": "slim_xception", "size": 64, "form": "released", "swin": None, "width": 1}
    return params.Model(**(base | changes))


def created(seed: int = 0, **changes) -> f3net.F3Net:
    torch.manual_seed(seed)
    return models.create(config(**changes))


def images(n: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(5))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("size", [10, 64, 299])
def test_the_transform_is_scipys_and_its_transpose_inverts_it(size):
    matrix, image = f3net.dct(size), images(1, size)[0, 0]
    spectrum = matrix @ image @ matrix.T
    np.testing.assert_allclose(spectrum, dctn(image.numpy(), norm="ortho"), atol=2e-4)
    torch.testing.assert_close(matrix.T @ spectrum @ matrix, image, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(size), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [64, 299])
def test_low_middle_and_high_sum_to_the_image_and_the_last_band_is_the_image(size):
    bands, image = f3net.Bands(size), images(2, size)
    nn.init.zeros_(bands.learnt)
    parts = bands(image).view(2, 4, 3, size, size)
    torch.testing.assert_close(parts[:, :3].sum(dim=1), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(parts[:, 3], image, atol=1e-5, rtol=0)


def test_the_bands_are_where_the_specification_has_them():
    base = f3net.Bands(299).base
    np.testing.assert_allclose(base.mean(dim=(1, 2)), [0.065, 0.062, 0.873, 1], atol=6e-4)
    assert [int(base[k, 0].sum()) for k in range(4)] == [107, 43, 149, 299], "0..106, 107..149, 150..298"
    assert base[0, 0, 0] == 1, "the mean of the image is kept"


def test_the_learnt_correction_is_added_to_the_mask():
    torch.manual_seed(0)
    bands, image = f3net.Bands(16), images(1, 16)
    masks = bands.base + 2 * bands.learnt.sigmoid() - 1
    spectrum = dctn(image.numpy(), axes=(2, 3), norm="ortho")
    expected = [idctn(spectrum * m.detach().numpy(), axes=(2, 3), norm="ortho") for m in masks]
    np.testing.assert_allclose(bands(image).detach(), np.concatenate(expected, axis=1), atol=1e-5)
    assert bands.learnt.std().item() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("size", "side"), [(32, 16), (96, 48), (299, 149)])
def test_the_statistics_equal_a_loop_over_windows(size, side):
    torch.manual_seed(0)
    statistics, pixels = f3net.Statistics(), 255 * images(1, size)
    found = statistics(pixels).detach()
    assert found.shape == (1, 6, side, side)
    grey = np.einsum("chw,c->hw", pixels[0].double().numpy(), [0.299, 0.587, 0.114])
    padded, filters = np.pad(grey, 4), []
    for k in range(6):
        s = np.add.outer(np.arange(10), np.arange(10))
        base = (20 / 6 * k <= s + 1e-9) & (s + 1e-9 < 20 / 6 * (k + 1))
        filters.append((base + 2 / (1 + np.exp(-statistics.learnt[k].detach().double().numpy())) - 1) / base.sum())
    for y, x in ((0, 0), (3, 7), (side // 2, side - 1)):
        window = dctn(padded[2 * y : 2 * y + 10, 2 * x : 2 * x + 10], norm="ortho")
        expected = [(np.log10(np.abs(window) + 1e-15) * f).sum() for f in filters]
        np.testing.assert_allclose(found[0, :, y, x], expected, atol=2e-2)  # logarithms of what is near 0


def slow_mix(block: f3net.Mix, one: torch.Tensor, other: torch.Tensor) -> list[torch.Tensor]:
    """Write the mixing channel by channel."""
    queries = [conv(x) for conv, x in zip(block.query, (one, other), strict=True)]
    keys = [conv(x) for conv, x in zip(block.key, (one, other), strict=True)]
    alike = torch.empty_like(one)
    for n, c in np.ndindex(one.shape[:2]):
        q, k = (torch.cat([part[n, c] for part in parts], dim=1) for parts in (queries, keys))
        assert q.shape == (one.shape[2], 2 * one.shape[3])
        alike[n, c] = torch.softmax(q @ k.T, dim=1)
    factor = 2 * block.strength.sigmoid() - 1
    return [
        one + block.take[0](other * alike * factor[0]),
        other + block.take[1](one * alike * factor[1]),
    ]


def test_mixing_equals_a_loop_over_channels():
    torch.manual_seed(0)
    block = f3net.Mix(5).eval()
    nn.init.normal_(block.strength)
    one, other = torch.randn(2, 2, 5, 4, 4)
    for found, expected in zip(block(one, other), slow_mix(block, one, other), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("training", [True, False])
def test_mixing_adds_nothing_at_the_start(training):
    block = f3net.Mix(5).train(training)
    one, other = torch.randn(2, 2, 5, 4, 4)
    assert all(torch.equal(a, b) for a, b in zip(block(one, other), (one, other), strict=True))


@pytest.mark.parametrize(("size", "name"), [(32, "f3net_mix"), (96, "f3net"), (96, "f3net_mix"), (160, "f3net_mix")])
def test_slim_networks_take_any_multiple_of_32(size, name):
    model = created(name=name, size=size).eval()
    with torch.no_grad():
        assert model(images(size=size)).shape == (2, 2)
    assert len(model.mix) == (2 if name == "f3net_mix" else 0)


FULL = {"f3net": (41_983_758, "42.52"), "f3net_mix": (48_315_522, "48.86")}


@pytest.mark.parametrize(("name", "found"), FULL.items())
def test_the_full_size_is_that_of_the_re_implementation(name, found):
    """It also counts the masks' bases, the matrices (twice) and a bias before batch norm, none of which learns."""
    with FakeTensorMode():
        model = f3net.build(config(name=name, backbone="legacy_xception", size=299))
        assert model(torch.zeros(2, 3, 299, 299)).shape == (2, 2)
        fixed = model.bands.base.numel() + 2 * model.bands.dct.numel() + model.statistics.base.numel() + 200
        biases = sum(take[0].out_channels for mix in model.mix for take in mix.take)
    assert count(model) == found[0]
    assert f"{(count(model) + fixed + biases) / 1e6:.2f}" == found[1]
    assert [end.rep[-1].__class__.__name__ for end in (model.fad.block7, model.fad.block12)] == [
        "BatchNorm2d",
        "MaxPool2d",
    ]
    steps = f3net.steps(model.fad)
    assert [steps[cut - 1] for cut in model.cuts[1:3]] == [model.fad.block7, model.fad.block12]


def test_the_branches_see_what_they_should():
    model, image = created().eval(), images()
    seen = {}
    for name in ("fad", "lfs"):
        first = f3net.steps(getattr(model, name))[0]
        first.register_forward_hook(lambda m, inputs, out, name=name: seen.update({name: (inputs[0], out.shape)}))
    with torch.no_grad():
        pixels = image * model.std + model.mean
        model(image)
        torch.testing.assert_close(seen["fad"][0], model.bands(2 * pixels - 1))
        torch.testing.assert_close(seen["lfs"][0], model.statistics(255 * pixels))
    assert seen["fad"][1][1:] == seen["lfs"][1][1:] == (16, 32, 32), "strides 2 and 1, on 64 and on 32 px"


def test_grad_cam_reads_the_last_convolution_of_the_first_branch():
    slim = created()
    assert slim.cam_layer(64) is slim.fad.features[12]
    with FakeTensorMode():
        model = f3net.build(config(backbone="legacy_xception", size=96))
    assert model.cam_layer(96) is model.fad.conv4


def test_the_head_sees_both_branches_rectified_and_pooled():
    model, image = created().eval(), images()
    pixels = image * model.std + model.mean
    views = model.bands(2 * pixels - 1), model.statistics(255 * pixels)
    features = [
        net.forward_features(v).relu().mean((2, 3)) for net, v in zip((model.fad, model.lfs), views, strict=True)
    ]
    torch.testing.assert_close(model(image), model.head[1](torch.cat(features, dim=1)))


@pytest.mark.parametrize("name", ["f3net", "f3net_mix"])
def test_a_gradient_reaches_every_parameter(name):
    model = created(name=name)
    for mix in model.mix:
        nn.init.ones_(mix.strength)
    torch.manual_seed(1)
    nn.functional.cross_entropy(model(torch.randn(4, 3, 64, 64)), torch.arange(4) % 2).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_spectra_are_computed_in_full_precision_under_autocast():
    model, image = created().eval(), images()
    found = []
    model.bands.register_forward_hook(lambda m, inputs, out: found.append(out))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        model(image)
    assert found[0].dtype == torch.float32


def test_start_weights_fill_both_branches_their_first_convolution_tiled(tmp_path):
    torch.manual_seed(7)
    plain = models.make_backbone("slim_xception", num_classes=5)
    save_weights(plain, tmp_path / "w.safetensors")
    torch.manual_seed(0)
    model = models.create(config(), tmp_path / "w.safetensors")
    state = plain.state_dict()
    for branch, tiles in ((model.fad, 4), (model.lfs, 2)):
        own = branch.state_dict()
        assert set(state) - set(own) == {"head.fc.weight", "head.fc.bias"}
        for name, value in own.items():
            expected = state[name] if name != "features.0.weight" else torch.cat([state[name]] * tiles, dim=1) / tiles
            assert torch.equal(value, expected), name


def test_start_weights_of_another_network_are_refused(tmp_path):
    save_weights(models.make_backbone("slim_vgg", num_classes=5), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="does not fit the backbone"):
        models.create(config(), tmp_path / "w.safetensors")


def test_a_trained_network_is_saved_and_read(tmp_path):
    model, image = created(1, name="f3net_mix").eval(), images()
    save_weights(model, tmp_path / "w.safetensors")
    other = created(2, name="f3net_mix").eval()
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "w.safetensors"))
    with torch.no_grad():
        assert torch.equal(model(image), other(image))


def test_errors_are_one_line():
    with pytest.raises(InputError, match=r"'slim_vgg': is no Xception; use one of legacy_xception"):
        models.create(config(backbone="slim_vgg"))
    with pytest.raises(InputError, match=r"its branches have 3 and 4 px where they mix; use a model\.size"):
        f3net.Mix(2)(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 4, 4))
