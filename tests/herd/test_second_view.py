"""The second view of GenConViT: by hand on a net that copies its image, and where every copy is the same."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from ddet.data import crops
from ddet.herd import second_view
from ddet.models.genconvit import TwoViews


class Mean(nn.Module):
    """The mean of each image as its only feature: B x 1."""

    num_classes = 2

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean(dim=(1, 2, 3))[:, None]


class Copies(TwoViews):
    """Its copy is `scale` x image + 1; the logits are copy - image and twice that, or the same in the other order."""

    def __init__(self, scale: float, image_last: bool):
        super().__init__(Mean(), None, "released", nn.ReLU)
        self.scale, self.cam_call = scale, -1 if image_last else 0
        self.head = nn.Linear(2, 2, bias=False)
        row = [1.0, -1.0] if image_last else [-1.0, 1.0]
        self.head.weight.data = torch.tensor([row, [2 * value for value in row]])

    def views(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        copy = self.scale * image + 1
        return (copy, image) if self.cam_call == -1 else (image, copy)


def shades(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values])[:, None, None, None].expand(-1, 3, 4, 4)


@pytest.mark.parametrize("image_last", [True, False])
def test_a_copy_of_half_the_contrast_by_hand(image_last):
    """Images 0, 2, 4 have copies 1, 2, 3 with mean 2; logits 1, 0, -1 become 2, 0, -2, and twice that."""
    found = second_view.measured(Copies(0.5, image_last), shades(0, 2, 4))
    assert list(found) == list(second_view.MEASURES)
    assert found["copy varies"] == pytest.approx(1) and found["image varies"] == pytest.approx(2)
    assert found["logit moves"] == pytest.approx(2)  # of the second logit, from 2 to 4
    assert found["logit varies"] == pytest.approx((1 + 2) / 2)


def test_the_same_copy_of_every_face_tells_nothing():
    found = second_view.measured(Copies(0, True), shades(0, 2, 4))
    assert found["copy varies"] == found["logit moves"] == 0 and found["logit varies"] > 1


def test_runs_are_measured_on_crops_as_the_network_sees_them(tmp_path, monkeypatch):
    monkeypatch.setattr(second_view.finished, "config_of_run", lambda run: {"model": {"size": 8}})
    monkeypatch.setattr(second_view.finished, "load_model", lambda run: Copies(run, True).eval())
    for name, value in (("a", 0), ("b", 255)):
        crops.save_crop(tmp_path / f"{name}.png", np.full((16, 16, 3), value, np.uint8))
    rows = pd.DataFrame({"crop": ["a.png", "b.png"], "label": [0, 1]}, index=[4, 4])
    seen = second_view.faces(rows, tmp_path, 8)
    assert seen.shape == (2, 3, 8, 8)
    assert seen[:, 0, 0, 0].tolist() == pytest.approx([-0.485 / 0.229, 0.515 / 0.229], abs=1e-4)
    done = pd.DataFrame([SimpleNamespace(arm="Base", seed=s, folder=f).__dict__ for s, f in ((0, 0.0), (1, 1.0))])
    table = second_view.of_runs(done, rows, tmp_path)
    assert table["arm"].tolist() == ["Base", "Base"] and table["seed"].tolist() == [0, 1]
    assert table["copy varies"].tolist() == pytest.approx([0, table["image varies"][1]])


def test_the_paper_s_network_begins_with_a_dead_second_view(tmp_path):
    """At width 16 and 224 px the copies of a black, a grey and a noisy picture differ in no more than 1e-4."""
    rng = np.random.default_rng(0)
    images = {"a": np.zeros((32, 32, 3)), "b": np.full((32, 32, 3), 128), "c": rng.integers(0, 256, (32, 32, 3))}
    for name, image in images.items():
        crops.save_crop(tmp_path / f"{name}.png", image.astype(np.uint8))
    rows = pd.DataFrame({"crop": [f"{name}.png" for name in images], "label": 0})
    found = second_view.at_full_size(rows, tmp_path)
    assert 0 <= found["copy varies"] < 1e-4 < found["image varies"]
