"""Loaders: what a batch holds, that draws depend on (seed, epoch, index) alone, and the balanced choice."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ddet.data import loaders
from ddet.errors import InputError

CPU = torch.device("cpu")


def table(n: int, split: str = "train") -> pd.DataFrame:
    """Return n rows, odd ones fake, four frames to a clip."""
    rows = [
        {
            "clip_id": f"ffpp/{'Deepfakes' if i % 2 else 'real'}/c23/{i // 8:03d}",
            "frame_idx": i,
            "track": 0,
            "label": i % 2,
            "split": split,
            "crop": f"crops/{split}{i}.png",
        }
        for i in range(n)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def crops(tmp_path):
    """Write 12 train and 6 valid crops of 40 px, each of one grey level of its own."""
    rows = pd.concat([table(12), table(6, "valid")], ignore_index=True)
    (tmp_path / "crops").mkdir()
    for i, crop in enumerate(rows["crop"]):
        Image.fromarray(np.full((40, 40, 3), 10 * i, np.uint8)).save(tmp_path / crop)
    return rows, tmp_path


def noisy(epoch: int, workers: int, seed: int = 3) -> torch.Tensor:
    """Return all augmented images of one epoch, in the order of the dataset."""
    images = np.random.default_rng(0).integers(0, 256, (8, 24, 24, 3), np.uint8)
    dataset = loaders.ArrayDataset(images, np.arange(8), loaders.pipeline("genconvit"), seed)
    dataset.epoch = epoch
    batches = list(loaders.make_loader(dataset, 3, CPU, workers))
    assert torch.cat([y for _, y in batches]).tolist() == list(range(8))
    return torch.cat([x for x, _ in batches])


def test_a_batch_is_normalised_and_in_row_order(crops):
    rows, root = crops
    x, y = next(iter(loaders.eval_loader(rows, root, 40, 18, CPU)))
    assert (x.shape, x.dtype, y.dtype) == ((18, 3, 40, 40), torch.float32, torch.int64)
    assert x.is_contiguous()
    assert y.tolist() == rows["label"].tolist()
    for i in (0, 7, 17):  # (grey/255 - mean) / std by hand
        assert torch.allclose(x[i, 1], torch.full((40, 40), (10 * i / 255 - 0.456) / 0.224), atol=1e-6)


def test_crops_are_resized_and_the_cache_changes_nothing(crops):
    rows, root = crops
    cached, read = (loaders.CropDataset(rows, root, None, 32, 0, cache_mb=mb) for mb in (1, 0))
    assert cached.images is not None
    assert read.images is None
    assert cached[3][0].shape == (32, 32, 3)
    assert all(torch.equal(cached[i][0], read[i][0]) for i in range(len(rows)))


def test_augmentation_does_not_depend_on_the_workers():
    assert torch.equal(noisy(1, 0), noisy(1, 2))


def test_augmentation_repeats_neither_over_epochs_nor_samples_nor_seeds():
    first = noisy(0, 2)
    for other in (noisy(1, 2), noisy(0, 2, seed=4)):
        same = sum(torch.equal(a, b) for a, b in zip(first, other, strict=True))
        assert same <= 2  # a crop is left alone now and then, in both by chance
    flat = loaders.ArrayDataset(np.zeros((8, 24, 24, 3), np.uint8) + 90, np.arange(8), loaders.pipeline("genconvit"), 3)
    assert len({flat[i][0].numpy().tobytes() for i in range(8)}) > 2  # workers of one seed would repeat each other


def orders(seed: int, epochs: int = 3) -> list[list[int]]:
    dataset = loaders.ArrayDataset(np.zeros((10, 4, 4, 3), np.uint8), np.arange(10))
    dl = loaders.make_loader(dataset, 4, CPU, shuffle_seed=seed)
    return [torch.cat([y for _, y in dl]).tolist() for _ in range(epochs)]


def test_the_order_follows_the_seed_and_changes_each_epoch():
    a = orders(1)
    np.random.seed(7)
    torch.manual_seed(7)
    assert a == orders(1)
    assert a != orders(2)
    assert len({tuple(o) for o in a}) == 3
    assert all(sorted(o) == list(range(10)) for o in a)


@pytest.mark.parametrize(("n", "batches"), [(9, [4, 4]), (10, [4, 4, 2]), (8, [4, 4]), (1, [1])])
def test_only_a_last_batch_of_one_is_dropped(n, batches):
    dataset = loaders.ArrayDataset(np.zeros((n, 4, 4, 3), np.uint8), np.arange(n))
    assert [len(y) for _, y in loaders.make_loader(dataset, 4, CPU, shuffle_seed=1)] == batches


def test_nothing_is_dropped_in_evaluation():
    dataset = loaders.ArrayDataset(np.zeros((9, 4, 4, 3), np.uint8), np.arange(9))
    assert [len(y) for _, y in loaders.make_loader(dataset, 4, CPU)] == [4, 4, 1]


def test_make_dls_augments_train_alone(crops):
    rows, root = crops
    dls = loaders.make_dls(rows, root, "flips", 40, 4, 5, CPU)
    assert (dls.train.n, dls.valid.n) == (12, 6)
    assert dls.train.dataset.transform is not None
    assert dls.valid.dataset.transform is None


@pytest.mark.parametrize(("split", "label", "words"), [("train", 1, "no fake"), ("valid", 0, "no real")])
def test_a_missing_class_is_one_line(crops, split, label, words):
    rows, root = crops
    rows = rows[~((rows["split"] == split) & (rows["label"] == label))]
    with pytest.raises(InputError, match=words) as e:
        loaders.make_dls(rows, root, "none", 40, 4, 5, CPU)
    assert split in str(e.value)


def test_a_damaged_crop_is_named(crops):
    rows, root = crops
    bad = root / rows["crop"][4]
    bad.write_bytes(bad.read_bytes()[:30])
    with pytest.raises(InputError, match=r"train4\.png"):
        loaders.make_dls(rows, root, "none", 40, 4, 5, CPU)


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert loaders.device("auto").type == "cpu"
    with pytest.raises(InputError, match="device"):
        loaders.device("cuda")


def faces(clips: dict[str, int]) -> pd.DataFrame:
    """Return one row per frame of each clip (name -> frames); method `real` is real."""
    rows = [(c, f, 0, int(c.split("/")[1] != "real")) for c, n in clips.items() for f in range(n)]
    return pd.DataFrame(rows, columns=["clip_id", "frame_idx", "track", "label"])


def test_balance_by_hand():
    """Two methods, one with a long and a short clip: 6 fakes = 3 + 3, and the 3 fall on its clips as 2 + 1."""
    rows = faces({"d/real/-/a": 9, "d/F1/-/b": 8, "d/F1/-/c": 5, "d/F2/-/d": 7})
    for seed in range(8):
        chosen = loaders.balance(rows, 6, seed)
        fakes = chosen[chosen["label"] == 1]["clip_id"].value_counts()
        assert chosen["label"].value_counts().to_dict() == {0: 6, 1: 6}
        assert fakes["d/F2/-/d"] == 3
        assert sorted([fakes["d/F1/-/b"], fakes["d/F1/-/c"]]) == [1, 2]
        assert chosen.index.is_monotonic_increasing


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.tuples(st.sampled_from(["real", "F1", "F2", "F3"]), st.integers(0, 4)), st.integers(1, 6)),
    st.integers(1, 12),
    st.integers(0, 5),
)
def test_balance_is_even_complete_and_blind_to_row_order(clips, per_class, seed):
    rows = faces({f"d/{method}/-/{name}": n for (method, name), n in clips.items()})
    if set(rows["label"]) != {0, 1}:
        with pytest.raises(InputError):
            loaders.balance(rows, per_class, seed)
        return
    enough = rows["label"].value_counts().min() >= per_class
    with pytest.warns(UserWarning, match="a class") if not enough else _silence():
        chosen = loaders.balance(rows, per_class, seed)
    n = min(per_class, rows["label"].value_counts().min())
    assert chosen["label"].value_counts().to_dict() == {0: n, 1: n}
    assert not chosen.duplicated().any()
    # a method that gives fewer than another has no row left
    method = rows["clip_id"].str.split("/").str[1]
    given_, had = method[chosen.index].value_counts(), method.value_counts()
    fakes = [m for m in had.index if m != "real"]
    most = max(given_.get(m, 0) for m in fakes)
    assert all(given_.get(m, 0) >= most - 1 or given_.get(m, 0) == had[m] for m in fakes)
    mixed = rows.sample(frac=1, random_state=1)
    with _silence():
        assert loaders.balance(mixed, per_class, seed).equals(chosen)


@contextlib.contextmanager
def _silence():
    """Let the warning of a cut set pass unseen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
