"""The order of frames: who sees it, how clips are shuffled, and how jumpy a clip is, by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from asrid_toys import FRAMES, config, section, write_clips

from ddet.asrid import frame_order
from ddet.asrid import scores as asrid_scores
from ddet.asrid import train as asrid_train
from ddet.models.asrid import Asrid
from ddet.seeds import derive, seed_everything


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces)


def network(rows, **changes) -> Asrid:
    """Build the network of an arm at random."""
    seed_everything(3, 1)
    return asrid_train.build(config(rows, **changes)["model"]).eval()


class Reader(torch.nn.Module):
    """Write down the frames that it is shown, as the levels of their first pixels; say .5 of every clip."""

    def __init__(self):
        super().__init__()
        self.dynamic, self.seen = None, []

    def forward(self, crops, mask):
        self.seen += crops[..., 0, 0, 0].tolist()
        return torch.full((len(crops), 2, 1), 0.5).log()


def levels(*clips: list[float]) -> torch.Tensor:
    """Make clips (N x F x 3 x 2 x 2) whose frames are plain, each of the given level."""
    return torch.tensor(clips)[..., None, None, None].expand(-1, -1, 3, 2, 2)


def test_a_clip_is_shuffled_among_its_own_frames_and_its_padding_stays():
    crops = levels(*([10.0 * c + f for f in range(6)] for c in range(4)))
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] * 6, [True] + [False] * 5])
    whole, halves = Reader(), Reader()
    frame_order.shuffled(whole, [(crops, mask, None)], 7)
    assert whole.seen[:4] == crops[..., 0, 0, 0].tolist(), "first as they are"
    for clip, (mixed, kept) in enumerate(zip(whole.seen[4:], mask, strict=True)):
        n = int(kept.sum())
        order = np.random.default_rng(derive(7, clip)).permutation(n)
        assert mixed == [10.0 * clip + f for f in [*order, *range(n, 6)]]
    assert whole.seen[4] != whole.seen[0] and [f % 10 for f in whole.seen[6]] != whole.seen[4]
    frame_order.shuffled(halves, [(crops[:2], mask[:2], None), (crops[2:], mask[2:], None)], 7)
    assert [*halves.seen[2:4], *halves.seen[6:]] == whole.seen[4:], "the draw is the clip's, not the batch's"
    other = Reader()
    frame_order.shuffled(other, [(crops, mask, None)], 8)
    assert other.seen[4:] != whole.seen[4:]


def test_shuffling_moves_the_dynamic_score_alone(rows, faces):
    loader = asrid_scores.test_loader(section(), rows, faces)
    for changes in ({"strategy": "dynamic_mix", "w": 0.8}, {}):
        model = network(rows, **changes)
        both = frame_order.shuffled(model, loader, 1)
        kinds = ["static", "dynamic"] if changes else ["static"]
        assert list(both) == [*kinds, *(f"{kind} shuffled" for kind in kinds)]
        assert len(both) == 8 and np.allclose(both["static"], both["static shuffled"], atol=1e-5)
        pd.testing.assert_frame_equal(both, frame_order.shuffled(model, loader, 1))
        if changes:
            assert (both["dynamic"] - both["dynamic shuffled"]).abs().max() > 1e-4


class Means(torch.nn.Module):
    """Stand in for ASRID: the backbone's feature is the mean of the picture."""

    def __init__(self):
        super().__init__()
        self.backbone = lambda crops: crops.flatten(1).mean(1, keepdim=True)


def test_roughness_by_hand():
    """Features 0 1 2: squared steps 1 and 1, variance 2/3, so 1 / (4/3); 0 2 1: steps 4 and 1, so 2.5 / (4/3)."""
    crops = levels([0.0, 1, 2, 9], [0, 2, 1, 9])
    mask = torch.tensor([[True] * 3 + [False]] * 2)
    rough = frame_order.roughness(Means(), [(crops, mask, None)])
    assert rough.tolist() == pytest.approx([0.75, 1.875])
    assert math.isnan(frame_order.roughness(Means(), [(crops[:, :1], mask[:, :1], None)])[0])


def test_roughness_of_features_without_an_order_is_about_one():
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 4000, dtype=torch.bool)
    (rough,) = frame_order.roughness(Means(), [(levels(*noise.tolist()), mask, None)])
    (smooth,) = frame_order.roughness(Means(), [(levels(*noise.sort().values.tolist()), mask, None)])
    assert rough == pytest.approx(1, abs=0.05) and smooth < 0.01


def test_a_look_reads_the_first_clips_of_a_loader(rows, faces):
    model, loader = network(rows), asrid_scores.test_loader(section(), rows, faces)
    seen = frame_order.look(model, loader, 3)
    with torch.no_grad():
        (crops, mask, _), *_ = loader
        want = model(crops, mask)[:3]
    assert torch.allclose(seen.pred, want, atol=1e-5) and seen.frames.shape == (3, FRAMES, FRAMES)
