"""Loaders: what a batch holds, that draws depend on (seed, epoch, index) alone, and the balanced choice."""

import contextlib
import dataclasses
import os
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddet import params
from ddet.data import crop_loader
from ddet.data.augment import pipeline
from ddet.data.crop_loader import Loading
from ddet.errors import InputError

CPU = torch.device("cpu")
STRONG = {"RandomRotate90": 0.2, "HorizontalFlip": 0.5, "GaussNoise": 0.2, "ShiftScaleRotate": 0.2, "Texture": 0.2}


def steps(p: float = 1.0, **chances: float):
    return pipeline(params.AugmentList(p=p, steps=chances))


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
    dataset = crop_loader.ArrayDataset(images, np.arange(8), steps(0.9, **STRONG), seed)
    dataset.epoch = epoch
    batches = list(crop_loader.make_loader(dataset, 3, CPU, workers))
    assert torch.cat([y for _, y in batches]).tolist() == list(range(8))
    return torch.cat([x for x, _ in batches])


def test_a_batch_is_normalised_and_in_row_order(crops):
    rows, root = crops
    x, y = next(iter(crop_loader.eval_loader(rows, Loading(root, 40, 18, CPU))))
    assert (x.shape, x.dtype, y.dtype) == ((18, 3, 40, 40), torch.float32, torch.int64)
    assert x.is_contiguous()
    assert y.tolist() == rows["label"].tolist()
    for i in (0, 7, 17):  # (grey/255 - mean) / std by hand
        assert torch.allclose(x[i, 1], torch.full((40, 40), (10 * i / 255 - 0.456) / 0.224), atol=1e-6)


def test_crops_are_resized_and_the_cache_changes_nothing(crops):
    rows, root = crops
    cached, read = (crop_loader.CropDataset(rows, root, None, 32, 0, cache_mb=mb) for mb in (1, 0))
    assert cached.images is not None
    assert read.images is None
    assert cached[3][0].shape == (32, 32, 3)
    assert all(torch.equal(cached[i][0], read[i][0]) for i in range(len(rows)))


def test_a_crop_is_decoded_once_for_all_datasets_of_a_size(crops, monkeypatch):
    rows, root = crops
    read, load_crop = [], crop_loader.load_crop
    monkeypatch.setattr(crop_loader, "load_crop", lambda path: (read.append(path), load_crop(path))[1])
    first = crop_loader.CropDataset(rows, root, steps(0.9, **STRONG), 32, 0, hidden=boxes(18))
    before = [first[i][0] for i in range(18)]
    second = crop_loader.CropDataset(rows[::-1], root, None, 32, 0)
    assert sorted(read) == sorted(root / crop for crop in rows["crop"])
    assert all((second[17 - i][0] == 10 * i).all() for i in range(18)), "what the first did is not seen"
    assert all(torch.equal(first[i][0], before[i]) for i in range(18))
    crop_loader.CropDataset(rows[:2], root, None, 24, 0)
    assert len(read) == 18 + 2 and not first.images[0].flags.writeable


def test_a_crop_that_was_cut_anew_is_read_anew(crops):
    rows, root = crops
    crop_loader.CropDataset(rows, root, None, 40, 0)
    Image.fromarray(np.full((40, 40, 3), 99, np.uint8)).save(root / rows["crop"][3])
    os.utime(root / rows["crop"][3], ns=(1, 1))
    again = crop_loader.CropDataset(rows, root, None, 40, 0)
    assert (again[3][0] == 99).all() and (again[4][0] == 40).all()


def test_augmentation_does_not_depend_on_the_workers():
    assert torch.equal(noisy(1, 0), noisy(1, 2))


def test_augmentation_repeats_neither_over_epochs_nor_samples_nor_seeds():
    first = noisy(0, 2)
    for other in (noisy(1, 2), noisy(0, 2, seed=4)):
        same = sum(torch.equal(a, b) for a, b in zip(first, other, strict=True))
        assert same <= 2  # a crop is left alone now and then, in both by chance
    flat = crop_loader.ArrayDataset(np.zeros((8, 24, 24, 3), np.uint8) + 90, np.arange(8), steps(0.9, **STRONG), 3)
    assert len({flat[i][0].numpy().tobytes() for i in range(8)}) > 2  # workers of one seed would repeat each other


def orders(seed: int, epochs: int = 3) -> list[list[int]]:
    dataset = crop_loader.ArrayDataset(np.zeros((10, 4, 4, 3), np.uint8), np.arange(10))
    dl = crop_loader.make_loader(dataset, 4, CPU, shuffle_seed=seed)
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
    dataset = crop_loader.ArrayDataset(np.zeros((n, 4, 4, 3), np.uint8), np.arange(n))
    assert [len(y) for _, y in crop_loader.make_loader(dataset, 4, CPU, shuffle_seed=1)] == batches


def test_nothing_is_dropped_in_evaluation():
    dataset = crop_loader.ArrayDataset(np.zeros((9, 4, 4, 3), np.uint8), np.arange(9))
    assert [len(y) for _, y in crop_loader.make_loader(dataset, 4, CPU)] == [4, 4, 1]


def test_make_dls_augments_train_alone(crops):
    rows, root = crops
    mirror = steps(HorizontalFlip=1.0)
    dls = crop_loader.make_dls(rows, Loading(root, 40, 4, CPU), mirror, 5)
    assert (dls.train.n, dls.valid.n) == (12, 6)
    assert dls.train.dataset.transform is mirror
    assert dls.valid.dataset.transform is None
    assert crop_loader.make_dls(rows, Loading(root, 40, 4, CPU), None, 5).train.dataset.transform is None


def test_a_loading_is_whole_for_both_loaders_and_fixed(crops):
    rows, root = crops
    how = Loading(root, 24, 5, CPU, workers=1, cache_mb=0)
    dls = crop_loader.make_dls(rows, how, None, 5)
    for dl in (*dls.loaders, crop_loader.eval_loader(rows, how)):
        assert (dl.bs, dl.fake_l.num_workers, dl.device, dl.dataset.size) == (5, 1, CPU, 24)
        assert dl.dataset.images is None and dl.dataset.paths[0].parent == root / "crops"
    with pytest.raises(dataclasses.FrozenInstanceError):
        how.size = 40


BOX = (4, 10, 14, 20)  # x0, y0, x1, y1


def boxes(n: int, *more: tuple[int, int, int, int]) -> np.ndarray:
    """Return for each of n crops the box BOX and an empty one, `more` in the places of the first ones."""
    found = np.tile([BOX, (0, 0, 0, 0)], (n, 1, 1))
    found[: len(more), 1] = more or found[:0, 1]
    return found


@pytest.mark.parametrize("cache_mb", [1, 0])
def test_boxes_are_black_and_the_rest_of_the_crop_stays(crops, cache_mb):
    rows, root = crops
    hidden = crop_loader.CropDataset(rows, root, None, 40, 0, cache_mb, boxes(18, (30, 0, 40, 5), (7, 15, 20, 40)))
    for i in range(1, 18):
        image, want = hidden[i][0].numpy(), np.full((40, 40, 3), 10 * i)
        want[10:20, 4:14] = 0
        want[15:40, 7:20] *= i != 1
        assert np.array_equal(image, want)
        assert np.array_equal(hidden[i][0], image), "asked again"
    if cache_mb:
        assert (hidden.images[17] == 170).all(), "the crop in memory is not the one that is blackened"


def test_boxes_are_blackened_before_augmentation(crops):
    rows, root = crops
    rows = rows[1:12]
    mirrored = crop_loader.CropDataset(rows, root, steps(HorizontalFlip=1.0), 40, 0, hidden=boxes(11))
    noisy = crop_loader.CropDataset(rows, root, steps(GaussNoise=1.0), 40, 0, hidden=boxes(11))
    for i in range(11):
        black = mirrored[i][0].numpy()[..., 0] == 0
        want = np.zeros((40, 40), bool)
        want[10:20, 40 - 14 : 40 - 4] = True
        assert np.array_equal(black, want)
        assert noisy[i][0][10:20, 4:14].numpy().std() > 0, "noise falls on the box as well"


def test_only_training_crops_are_hidden(crops):
    rows, root = crops
    rows = rows[rows["crop"] != "crops/train0.png"]  # it is black
    dls = crop_loader.make_dls(rows, Loading(root, 40, 4, CPU), None, 5, boxes(11))
    black = (0 - 0.456) / 0.224  # normalised, of green
    assert len(dls.train.dataset) == 11
    for x, _ in dls.train:
        assert torch.allclose(x[:, 1, 10:20, 4:14], torch.tensor(black)) and not (x[:, 1, 0] == x[:, 1, 10]).all()
    for x, _ in dls.valid:
        assert (x[:, 1, 10:20, 4:14] > black + 1).all()


@pytest.mark.parametrize(("split", "label", "words"), [("train", 1, "no fake"), ("valid", 0, "no real")])
def test_a_missing_class_is_one_line(crops, split, label, words):
    rows, root = crops
    rows = rows[~((rows["split"] == split) & (rows["label"] == label))]
    with pytest.raises(InputError, match=words) as e:
        crop_loader.make_dls(rows, Loading(root, 40, 4, CPU), None, 5)
    assert split in str(e.value)


def test_a_damaged_crop_is_named(crops):
    rows, root = crops
    bad = root / rows["crop"][4]
    bad.write_bytes(bad.read_bytes()[:30])
    with pytest.raises(InputError, match=r"train4\.png"):
        crop_loader.make_dls(rows, Loading(root, 40, 4, CPU), None, 5)


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert crop_loader.device("auto").type == "cpu"
    with pytest.raises(InputError, match="device"):
        crop_loader.device("cuda")


def faces(clips: dict[str, int]) -> pd.DataFrame:
    """Return one row per frame of each clip (name -> frames); method `real` is real."""
    rows = [(c, f, 0, int(c.split("/")[1] != "real")) for c, n in clips.items() for f in range(n)]
    return pd.DataFrame(rows, columns=["clip_id", "frame_idx", "track", "label"])


def test_balance_by_hand():
    """Two methods, one with a long and a short clip: 6 fakes = 3 + 3, and the 3 fall on its clips as 2 + 1."""
    rows = faces({"d/real/-/a": 9, "d/F1/-/b": 8, "d/F1/-/c": 5, "d/F2/-/d": 7})
    for seed in range(8):
        chosen = crop_loader.balance(rows, 6, seed)
        fakes = chosen[chosen["label"] == 1]["clip_id"].value_counts()
        assert chosen["label"].value_counts().to_dict() == {0: 6, 1: 6}
        assert fakes["d/F2/-/d"] == 3
        assert sorted([fakes["d/F1/-/b"], fakes["d/F1/-/c"]]) == [1, 2]
        assert chosen.index.is_monotonic_increasing


@pytest.mark.parametrize(
    ("per_class", "imbalance", "real", "fake"),
    [
        (11, 10.0, 2, 20),  # 22 = 2 + 20
        (6, 1.0, 6, 6),
        (5, 1.5, 4, 6),  # 10 / 2.5 = 4
        (4, 2.0, 3, 5),  # 8 / 3 = 2.67
        (6, 0.5, 8, 4),  # more real than fake
    ],
)
def test_an_imbalanced_set_by_hand(per_class, imbalance, real, fake):
    rows = faces({"d/real/-/a": 9, "d/F1/-/b": 12, "d/F2/-/c": 12})
    chosen = crop_loader.balance(rows, per_class, 1, imbalance)
    assert chosen["label"].value_counts().sort_index().to_dict() == {0: real, 1: fake}
    assert chosen[chosen["label"] == 1]["clip_id"].value_counts().max() == (fake + 1) // 2


@pytest.mark.parametrize(
    ("reals", "fakes", "imbalance", "real", "fake", "said"),
    [
        # asked for: 20 real and 20 fake; half of the reals are there
        (10, 30, 1.0, 10, 10, "10 of 20 real and 10 of 20 fake crops"),
        # asked for: 10 real and 30 fake; 15 of the 30 fakes are there, so half of the 10 reals
        (10, 15, 3.0, 5, 15, "5 of 10 real and 15 of 30 fake crops"),
        # asked for: 4 real and 36 fake; 3 of the 4 reals are there, so 27 of the 36 fakes
        (3, 40, 9.0, 3, 27, "3 of 4 real and 27 of 36 fake crops"),
    ],
)
def test_both_classes_are_cut_where_one_has_too_few_and_the_ratio_stays(reals, fakes, imbalance, real, fake, said):
    rows = faces({"d/real/-/a": reals, "d/F1/-/b": fakes})
    with pytest.warns(UserWarning, match=f"^training set: {said}$"):
        chosen = crop_loader.balance(rows, 20, 1, imbalance)
    assert chosen["label"].value_counts().sort_index().to_dict() == {0: real, 1: fake}


@examples(40)
@given(
    st.dictionaries(st.tuples(st.sampled_from(["real", "F1", "F2", "F3"]), st.integers(0, 4)), st.integers(1, 6)),
    st.integers(1, 12),
    st.integers(0, 5),
    st.sampled_from([1.0, 1.0, 0.3, 2.0, 10.0]),
)
def test_balance_is_even_complete_and_blind_to_row_order(clips, per_class, seed, imbalance):
    rows = faces({f"d/{method}/-/{name}": n for (method, name), n in clips.items()})
    if set(rows["label"]) != {0, 1}:
        with pytest.raises(InputError):
            crop_loader.balance(rows, per_class, seed, imbalance)
        return
    have = rows["label"].value_counts().sort_index().to_numpy()
    real = round(2 * per_class / (1 + imbalance))
    want = np.array([real, 2 * per_class - real])
    with pytest.warns(UserWarning, match="^training set: ") if (have < want).any() else _strict():
        chosen = crop_loader.balance(rows, per_class, seed, imbalance)
    share = min(1, (have[want > 0] / want[want > 0]).min())
    got = chosen["label"].value_counts().reindex([0, 1]).to_numpy()
    assert (got >= 1).all() and (got <= np.maximum(want, 1)).all() and (abs(got - share * want) <= 1).all()
    assert imbalance != 1 or got[0] == got[1] == min(per_class, *have)
    assert not chosen.duplicated().any() and chosen.index.isin(rows.index).all()
    # a method that gives fewer than another has no row left
    method = rows["clip_id"].str.split("/").str[1]
    given_, had = method[chosen.index].value_counts(), method.value_counts()
    fakes = [m for m in had.index if m != "real"]
    most = max(given_.get(m, 0) for m in fakes)
    assert all(given_.get(m, 0) >= most - 1 or given_.get(m, 0) == had[m] for m in fakes)
    mixed = rows.sample(frac=1, random_state=1)
    with _silence():
        assert crop_loader.balance(mixed, per_class, seed, imbalance).equals(chosen)


def test_a_class_without_a_crop_is_one_line():
    with pytest.raises(InputError, match=r"^balanced set: there are 4 real and 0 fake crops; add clips$"):
        crop_loader.balance(faces({"d/real/-/a": 4}), 2, 1)


@contextlib.contextmanager
def _strict():
    """Let no warning pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def _silence():
    """Let the warning of a cut set pass unseen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
