"""Distillation: the teacher's maps against a plain run, the student's depths, what it learns, and what it leaves."""

import cv2
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm
import torch
from torch import nn
from torch.nn import functional as F
from toys import RUNTIME

from ddet import models, params
from ddet.models import lite
from ddet.training import distil
from ddet.training.learner import HISTORY, WEIGHTS
from ddet.training.pretraining import EXPLAINED

TRAIN = params.Train(
    epochs=4, bs=8, lr=4e-3, wd=0.01, opt="adamw", schedule="one_cycle", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip


def config(**changes) -> params.Start:
    base = {"backbones": {"slim_xception": "distilled"}, "weights": None, "seed": 3, "images": 80, "identities": 10}
    return params.Start(**{**base, "size": 32, "train": TRAIN, **changes})


def faces(n: int, seed: int, size: int, people: range) -> tuple[np.ndarray, np.ndarray]:
    """Stand in for the renderer: a bright disc with two dark ones on a coloured ground."""
    rng = np.random.default_rng(seed)
    images = np.empty((n, size, size, 3), np.uint8)
    for image in images:
        image[:] = rng.integers(0, 256, 3)
        x, y = (int(v) for v in rng.integers(size // 3, 2 * size // 3, 2))
        cv2.circle(image, (x, y), size // 4, rng.integers(120, 256, 3).tolist(), -1)
        for side in (-1, 1):
            cv2.circle(image, (x + side * size // 9, y - size // 10), size // 20, (20, 10, 10), -1)
    return images, np.zeros((n, 1), np.float32)


# the teacher


def plain(images: np.ndarray, blocks: list[int]) -> list[np.ndarray]:
    """Run Lite0's blocks on images doubled by OpenCV; return the maps after those numbered `blocks`."""
    net = timm.create_model("tf_efficientnet_lite0").eval()
    net.load_state_dict(lite.published())
    doubled = [cv2.resize(i.astype(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR) for i in images]
    x, found = torch.from_numpy(np.stack(doubled)).permute(0, 3, 1, 2) / 127.5 - 1, {}
    with torch.no_grad():
        x = net.bn1(net.conv_stem(x))
        for number, block in enumerate(net.blocks):
            found[number] = x = block(x)
    return [found[number].numpy() for number in blocks]


def test_the_teachers_maps_are_those_of_its_blocks_on_the_doubled_image(monkeypatch):
    monkeypatch.setattr(distil, "BATCH", 2)  # and what is left over
    images, _ = faces(5, 1, 32, range(2))
    maps = distil.Teacher((4, 8)).maps(images)
    early, late = plain(images, [2, 4])
    assert early.shape == (5, 40, 8, 8) and late.shape == (5, 112, 4, 4), "a fourth and an eighth of 32 px"
    assert maps.dtype == np.float16 and maps.shape == (5, 40 * 8 * 8 + 112 * 4 * 4)
    np.testing.assert_allclose(maps, np.hstack([early.reshape(5, -1), late.reshape(5, -1)]), atol=0.02, rtol=2e-3)
    assert np.array_equal(distil.Teacher((8,)).maps(images), maps[:, 40 * 8 * 8 :])


# its moments


def test_moments_are_those_of_each_channel_over_images_and_cells():
    rng = np.random.default_rng(0)
    one, other = rng.normal(3, 2, (6, 2, 3, 3)), rng.normal(-1, 0.5, (6, 3, 2, 2))
    maps = np.hstack([one.reshape(6, -1), other.reshape(6, -1)]).astype(np.float16)
    mean, std = distil.moments(maps, ((2, 3, 3), (3, 2, 2)))
    assert mean.shape == std.shape == (2 * 9 + 3 * 4,)
    means, stds = [], []
    for part in (one, other):
        for channel in range(part.shape[1]):
            values = part[:, channel]
            means += [values.mean()] * values[0].size
            stds += [values.std()] * values[0].size
    np.testing.assert_allclose(mean, means, atol=4e-3)
    np.testing.assert_allclose(std, stds, atol=4e-3)


def test_a_channel_that_never_changes_is_not_divided_by_zero():
    _, std = distil.moments(np.full((4, 4), 7, np.float16), ((1, 2, 2),))
    assert (std > 0).all() and np.isfinite((np.float16(7) - 7) / std).all()


# features as maps


def test_features_become_maps_whatever_their_layout():
    class Net(nn.Module):
        num_features = 5

    cells = torch.randn(2, 5, 3, 3)
    assert torch.equal(distil.as_grid(cells, Net()), cells)
    assert torch.equal(distil.as_grid(cells.permute(0, 2, 3, 1), Net()), cells), "channels last"
    rows = torch.stack([cells[:, :, y, x] for y in range(3) for x in range(3)], dim=1)  # patches, row by row
    assert torch.equal(distil.as_grid(rows, Net()), cells)
    net = Net()
    net.num_prefix_tokens = 1
    assert torch.equal(distil.as_grid(torch.cat([torch.full((2, 1, 5), 9.0), rows], 1), net), cells)


@pytest.mark.parametrize(("backbone", "side"), [("slim_vit", 4), ("slim_swin", 2), ("slim_xception", 4)])
def test_every_kind_of_network_gives_a_grid(backbone, side):
    net = models.make_backbone(backbone).eval()
    with torch.no_grad():
        grid = distil.as_grid(net.forward_features(torch.randn(1, 3, 32, 32)), net)
    assert grid.shape == (1, net.num_features, side, side)


# the student


class Known(nn.Module):
    """A network whose maps of a fourth of the side have 6 and then 5 channels."""

    num_features = 7

    def __init__(self):
        super().__init__()
        self.late = nn.Conv2d(5, 7, 3, stride=2, padding=1)  # made first, run last
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.down = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.same, self.norm = nn.Conv2d(6, 5, 1), nn.BatchNorm2d(5)

    def early(self, image):
        return self.norm(self.same(self.down(self.stem(image)).relu()))

    def forward_features(self, image):
        return self.late(self.early(image).relu())


def test_a_student_predicts_from_its_last_map_of_a_fourth_and_from_its_last_of_all():
    torch.manual_seed(0)
    net = Known()
    student, image = distil.Student(net, 32), torch.randn(3, 3, 32, 32)
    assert student.shares == (4, 8) and student.grids == ((40, 8, 8), (112, 4, 4))
    assert [(g.in_channels, g.out_channels, g.kernel_size) for g in student.guess] == [
        (5, 40, (1, 1)),
        (7, 112, (1, 1)),
    ]
    assert net.training and net.norm.running_mean.abs().sum() == 0, "looking for the layer changes no statistics"
    student.eval()
    with torch.no_grad():
        early, late = student.guess[0](net.early(image)), student.guess[1](net.forward_features(image))
        assert torch.equal(student(image), torch.cat([early.flatten(1), late.flatten(1)], 1))


def test_a_student_reads_only_the_image_that_it_sees_now():
    student = distil.Student(Known(), 32).eval()
    one, other = torch.randn(2, 2, 3, 32, 32)
    with torch.no_grad():
        first, second = student(one), student(other)
        assert torch.equal(student(one), first) and not torch.equal(first, second)


def test_a_transformer_predicts_the_later_map_alone():
    torch.manual_seed(0)
    vit = models.make_backbone("slim_vit").eval()
    student, image = distil.Student(vit, 32).eval(), torch.randn(2, 3, 32, 32)
    assert student.shares == (8,) and student.grids == ((112, 4, 4),)
    with torch.no_grad():
        patches = vit.forward_features(image)[:, 1:]  # without the class token
        weight, bias = student.guess[0].weight.flatten(1), student.guess[0].bias
        expected = F.linear(patches, weight, bias).transpose(1, 2).flatten(1)
        torch.testing.assert_close(student(image), expected, atol=1e-5, rtol=1e-4)


def test_a_last_map_of_another_side_is_stretched_to_an_eighth():
    torch.manual_seed(0)
    net = models.make_backbone("lite0_stride16")
    student, image = distil.Student(net, 64).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        own = student.guess[-1](net.forward_features(image))
        assert own.shape[-2:] == (4, 4)
        stretched = F.interpolate(own, size=(8, 8), mode="bilinear", align_corners=False)
        torch.testing.assert_close(student(image)[:, 40 * 16 * 16 :], stretched.flatten(1))


# what it explains


class Copy(nn.Module):
    """The teacher itself as a backbone, seen through the loaders' normalisation, and hidden from the search."""

    num_features = 112

    def __init__(self):
        super().__init__()
        net = timm.create_model("tf_efficientnet_lite0").eval()
        net.load_state_dict(lite.published())
        self.net = [net]
        self.train = lambda mode=True: self  # its statistics are those that were published

    def forward_features(self, image):
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        x = (image * std[:, None, None] + mean[:, None, None]) * 2 - 1
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.net[0].blocks[:5](self.net[0].bn1(self.net[0].conv_stem(x)))


def explained_by_a_copy(channels: torch.Tensor) -> float:
    """Return the share that a copy of the teacher explains, with its output's channels in the order given."""
    images, _ = faces(12, 2, 32, range(3))
    maps = distil.Teacher((8,)).maps(images)
    student = distil.Student(Copy(), 32)
    mean, std = distil.moments(maps, student.grids)
    of_channel = [torch.from_numpy(v.astype(np.float32)).reshape(112, 16)[:, 0] for v in (mean, std)]
    with torch.no_grad():
        student.guess[0].weight.copy_(torch.diag(1 / of_channel[1])[channels, :, None, None])
        student.guess[0].bias.copy_((-of_channel[0] / of_channel[1])[channels])
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    truth = torch.from_numpy((maps - mean) / std)
    (r2,) = distil._r2(student, [(x[:7], truth[:7]), (x[7:], truth[7:])])
    return r2


def test_a_copy_of_the_teacher_explains_all_of_it_and_one_with_mixed_channels_does_not():
    assert explained_by_a_copy(torch.arange(112)) > 0.99
    assert explained_by_a_copy(torch.arange(112).roll(1)) < 0.3


def test_the_share_that_is_explained_is_counted_for_each_depth():
    """A student that is right at the first depth and guesses the mean at the second: 1 and 0."""

    class Half(nn.Module):
        grids = ((1, 2, 2), (2, 1, 1))

        def forward(self, x):
            return torch.cat([x[:, :4], x[:, 4:].mean().expand(len(x), 2)], 1)

    truth = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    assert distil._r2(Half(), [(truth, truth)]) == pytest.approx([1, 0], abs=1e-5)


def test_the_loss_is_the_mean_squared_difference():
    guess, truth = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1, 0], [0, 4]], dtype=torch.float16)
    assert distil.apart(guess, truth).item() == (0 + 4 + 9 + 0) / 4


# a fit


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("fit")
    return out, distil.distil_backbone(config(), "slim_xception", out, RUNTIME, faces)


def test_a_fit_lowers_the_loss_and_explains_some_of_strangers(done):
    out, table = done
    loss = pd.read_csv(out / HISTORY)["valid_loss"]
    assert len(loss) == 4 and loss.iloc[-1] < 0.85 * loss.iloc[0]
    assert table["target"].tolist() == ["map of 1/4", "map of 1/8"]
    assert (table["r2"] > 0.15).all() and (table["r2"] < 1).all()
    pd.testing.assert_frame_equal(pd.read_csv(out / EXPLAINED), table)


def test_the_loss_is_on_standardised_maps(done):
    """Guessing nothing costs 1, the variance, whatever the teacher's scale."""
    out, table = done
    sizes = np.array([40 * 8 * 8, 112 * 4 * 4])
    left = (sizes * (1 - table["r2"])).sum() / sizes.sum()
    assert pd.read_csv(out / HISTORY)["valid_loss"].min() == pytest.approx(left, rel=0.1)


def test_the_weights_start_the_backbone_and_hold_no_classifier(done):
    saved = safetensors.torch.load_file(done[0] / WEIGHTS)
    torch.manual_seed(5)
    model = models.make_backbone("slim_xception", num_classes=2)
    assert set(model.state_dict()) - set(saved) == {"head.fc.weight", "head.fc.bias"} and not set(saved) - set(
        model.state_dict()
    )
    assert {v.dtype for v in saved.values() if v.is_floating_point()} == {torch.float16}
    models.load_backbone(model, done[0] / WEIGHTS)
    assert torch.equal(model.features[0].weight, saved["features.0.weight"].float())
    assert model.features[1].num_batches_tracked.item() % 10 == 0, "80 images in batches of 8, whole epochs"


def test_the_same_call_gives_the_same_bits_and_another_seed_others(tmp_path):
    cfg = config(images=16, train=TRAIN.model_copy(update={"epochs": 1}))
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        given = cfg.model_copy(update={"seed": seed})
        distil.distil_backbone(given, "slim_vit", tmp_path / name, RUNTIME, faces)
        torch.rand(7)  # what was drawn before must not matter
    a, b, c = ((tmp_path / name / WEIGHTS).read_bytes() for name in "abc")
    assert a == b != c
    assert pd.read_csv(tmp_path / "a" / EXPLAINED)["target"].tolist() == ["map of 1/8"]


@pytest.mark.parametrize("fits", [1, 2])
def test_several_fits_at_a_time_show_no_progress(tmp_path, capsys, fits):
    runtime = RUNTIME.model_copy(update={"fits": fits})
    cfg = config(images=8, train=TRAIN.model_copy(update={"epochs": 1}))
    distil.distil_backbone(cfg, "slim_vit", tmp_path, runtime, faces)
    assert ("valid_loss" in capsys.readouterr().err) is (fits == 1)
