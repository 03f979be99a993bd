"""What the pre-training tasks share: faces of strangers to test on, rendered once, and weights in half precision."""

import numpy as np
import pytest
import safetensors.torch
import torch

from ddet import models, params
from ddet.training import pretraining

TRAIN = params.Train(
    epochs=1, bs=4, lr=1e-2, wd=0.0, opt="adam", schedule="flat", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip


def config(**changes) -> params.Start:
    base = {"backbones": {"test_resnet": "renderer"}, "weights": None, "seed": 3, "images": 23, "identities": 10}
    return params.Start(**{**base, "size": 32, "train": TRAIN, **changes})


def asked(cfg: params.Start) -> list[tuple]:
    """Return what is asked of the renderer: images, seed, side and people, of both batches."""
    calls = []
    shown = pretraining.batches(cfg, lambda *call: calls.append(call) or len(calls))
    assert shown == (1, 2), "those to learn from come first"
    return calls


def test_people_of_the_two_batches_are_disjoint_and_so_are_their_draws():
    (n, seed, size, seen), (held, other, side, unseen) = asked(config())
    assert (n, held, size, side) == (23, 4, 32, 32)
    assert sorted({*seen, *unseen}) == list(range(12)) and len(seen) == 10 and len(unseen) == 2
    assert not set(seen) & set(unseen)
    assert seed != other


def test_there_are_always_two_strangers_on_two_images():
    (_, _, _, seen), (held, _, _, unseen) = asked(config(images=3, identities=1))
    assert (held, list(seen), list(unseen)) == (2, [0], [1, 2])


def test_another_seed_draws_other_faces():
    draws = [[call[1] for call in asked(config(seed=seed))] for seed in (3, 3, 4)]
    assert draws[0] == draws[1] and not set(draws[0]) & set(draws[2])


def test_faces_are_rendered_once():
    cfg = config(images=4, identities=2)
    pretraining.rendered.cache_clear()
    try:
        first, again = (pretraining.batches(cfg, pretraining.rendered) for _ in range(2))
        counted = pretraining.rendered.cache_info()
    finally:
        pretraining.rendered.cache_clear()
    assert (counted.misses, counted.hits) == (2, 2), "one batch to learn from and one to test on"
    assert all(a[0] is b[0] for a, b in zip(first, again, strict=True))
    images, known = first[0]
    assert images.shape == (4, 32, 32, 3) and images.dtype == np.uint8 and len(known) == 4


def test_half_precision_keeps_whole_numbers_and_nearly_all_of_the_others(tmp_path):
    torch.manual_seed(1)
    state = {
        "steps": torch.tensor(70_001),  # no number of half precision
        "weight": torch.randn(4, 5).T,  # not contiguous
        "wide": torch.randn(3, dtype=torch.float64),
    }
    pretraining.save_half(state, tmp_path / "w.safetensors")
    saved = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert saved["steps"].item() == 70_001 and saved["steps"].dtype == torch.int64
    assert saved["weight"].dtype == saved["wide"].dtype == torch.float16
    for name in ("weight", "wide"):
        torch.testing.assert_close(saved[name].double(), state[name].double(), atol=0, rtol=2**-11)


@pytest.mark.parametrize("backbone", ["test_resnet", "lite0_stride16"])
def test_a_network_takes_what_was_written_and_stays_in_full_precision(tmp_path, backbone):
    torch.manual_seed(1)
    source = models.make_backbone(backbone).train()
    source(torch.randn(2, 3, 32, 32))
    for name in "ab":
        pretraining.save_half(source.state_dict(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = models.make_backbone(backbone)
    models.load_backbone(other, tmp_path / "a")
    for name, value in other.state_dict().items():
        assert value.dtype == source.state_dict()[name].dtype
        torch.testing.assert_close(value, source.state_dict()[name], atol=1e-7, rtol=2**-11)
