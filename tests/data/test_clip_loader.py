"""Clips as samples: windows and pictures against what they promise, padding, seeded draws, loaders, chosen clips."""

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddet import params
from ddet.data import clip_loader
from ddet.data.augment import pipeline
from ddet.data.clip_loader import ClipRule
from ddet.data.crop_loader import MEAN, STD, Loading, make_loader
from ddet.errors import InputError

CPU = torch.device("cpu")
SIZE, STEP = 16, 7  # px; between the frames of a clip
REAL, FAKE = "ffpp/real/c23", "ffpp/Deepfakes/c23"


def sequence(clip_id: str, frames: int, split: str = "train", track: int = 0, first: int = 1) -> pd.DataFrame:
    """Return the rows of one sequence, the last frame first; the crops are pictures `first`, `first` + 1, ..."""
    rows = [
        {"clip_id": clip_id, "track": track, "frame_idx": STEP * i, "crop": f"crops/{first + i}.png", "split": split}
        for i in range(frames)
    ]
    table = pd.DataFrame(rows[::-1], columns=["clip_id", "track", "frame_idx", "crop", "split"])
    return table.assign(label=int("real" not in clip_id), group=clip_id[-3:])


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Write picture i, from 1, of grey level 4 i with a left half that is 1 brighter."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "crops").mkdir()
    for i in range(1, 61):
        image = np.full((SIZE, SIZE, 3), 4 * i, np.uint8)
        image[:, : SIZE // 2] += 1
        Image.fromarray(image).save(folder / "crops" / f"{i}.png")
    return folder


@pytest.fixture
def rows() -> pd.DataFrame:
    """Return eight sequences of 2 to 6 crops; those of train show pictures 11-15, 1-6, 21-23 and 31-32, in order."""
    parts = [
        sequence(f"{REAL}/000", 6),
        sequence(f"{FAKE}/001", 5, first=11),
        sequence(f"{REAL}/000", 3, track=1, first=21),
        sequence(f"{REAL}/002", 2, first=31),
        sequence(f"{REAL}/003", 5, "valid", first=36),
        sequence(f"{FAKE}/004", 4, "valid", first=41),
        sequence(f"{FAKE}/005", 3, "valid", first=46),
        sequence(f"{REAL}/006", 6, "test", first=51),
    ]
    return pd.concat(parts, ignore_index=True)


def part(rows: pd.DataFrame, split: str = "train") -> pd.DataFrame:
    return rows[rows["split"] == split]


def steps(**chances: float):
    return pipeline(params.AugmentList(p=1.0, steps=chances))


def shown(images: torch.Tensor) -> list[int]:
    """Say which picture each crop of a sample is; 0 is padding."""
    return [int(image[0, -1, 0]) // 4 for image in images]


def clips(rows, root, frames, size=SIZE, sampling="videos", transform=None, per="frame", seed=None, mb=1024):
    """Return a data set of clips; evaluation differs in `seed` alone."""
    how, rule = Loading(root, size, 1, CPU, cache_mb=mb), ClipRule(frames, "pad", "raw", sampling, per)
    return clip_loader.ClipDataset(rows, how, rule, transform, seed)


def seen(dataset: clip_loader.ClipDataset, epoch: int = 0) -> list[list[int]]:
    dataset.epoch = epoch
    return [shown(dataset[i][0]) for i in range(len(dataset))]


def test_a_window_is_adjacent_crops_in_the_order_of_the_frames(rows, root):
    dataset = clips(part(rows), root, 3, SIZE, seed=1)
    epochs = [seen(dataset, epoch) for epoch in range(200)]
    fake, first, second, short = ({tuple(e[i]) for e in epochs} for i in range(4))
    assert fake == {(11, 12, 13), (12, 13, 14), (13, 14, 15)}
    assert first == {(1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 6)}
    assert second == {(21, 22, 23)} and short == {(31, 32, 0)}
    starts = np.bincount([e[1][0] for e in epochs])[1:]
    assert starts.min() > 28  # 50 expected, standard deviation 6


def test_windows_of_an_epoch_begin_at_different_places(root):
    rows = pd.concat([sequence(f"{REAL}/{i:03d}", 9) for i in range(12)], ignore_index=True)
    assert len({epoch[0] for epoch in seen(clips(rows, root, 2, SIZE, seed=1))}) > 3


@pytest.mark.parametrize("sampling", ["videos", "pictures"])
def test_what_is_chosen_follows_seed_and_epoch(root, sampling):
    rows = pd.concat([sequence(f"{REAL}/{i:03d}", 9) for i in range(12)], ignore_index=True)
    one, same, other = (clips(rows, root, 2, SIZE, sampling, seed=seed) for seed in (1, 1, 2))
    assert seen(one, 3) == seen(same, 3) != seen(one, 4)
    assert seen(one, 3) != seen(other, 3)


def test_frames_are_sorted_as_numbers_whatever_the_order_of_the_rows(root):
    rows = sequence(f"{REAL}/000", 20).assign(frame_idx=lambda t: t["frame_idx"] // STEP)  # as text 10 is before 2
    for seed in range(3):
        mixed = rows.sample(frac=1, random_state=seed)
        assert seen(clips(mixed, root, 20, SIZE)) == [list(range(1, 21))]


def test_pictures_of_an_epoch_are_drawn_without_replacement(rows, root):
    dataset = clips(part(rows), root, 3, SIZE, "pictures", seed=1)
    epochs = [seen(dataset, epoch) for epoch in range(60)]
    for epoch in epochs:
        assert all(len(sample) == 1 for sample in epoch)
        drawn = [p for [p] in epoch]
        assert len(set(drawn)) == len(drawn) == 3 + 3 + 3 + 2
        groups = [drawn[:3], drawn[3:6], drawn[6:9], drawn[9:]]
        lots = [range(11, 16), range(1, 7), range(21, 24), range(31, 33)]
        assert all(set(g) <= set(lot) for g, lot in zip(groups, lots, strict=True))
    assert {tuple(sorted(p for [p] in e[3:6])) for e in epochs} >= {(1, 2, 3), (1, 3, 6), (2, 4, 5)}, "not only windows"
    assert {p for e in epochs for [p] in e} == {*range(1, 7), *range(11, 16), *range(21, 24), 31, 32}


def test_both_samplings_see_as_many_crops_an_epoch(rows, root):
    for frames in (1, 2, 3, 5, 9):
        videos, pictures = (
            clips(part(rows), root, frames, SIZE, sampling, seed=1) for sampling in ("videos", "pictures")
        )
        assert len(videos) == 4
        assert len(pictures) == sum(int(videos[i][1].sum()) for i in range(4))


@examples(60)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.integers(1, 7)), min_size=1, max_size=5),
    st.integers(1, 8),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 9),
)
def test_samples_are_those_of_a_plain_reading(root, lengths, frames, seed, epoch, mix):
    tables = [
        sequence(f"{FAKE if fake else REAL}/{i:03d}", n, track=track, first=1 + 8 * i)
        for i, (fake, track, n) in enumerate(lengths)
    ]
    rows = pd.concat(tables).sample(frac=1, random_state=mix)
    lots = {
        key: [int(Path(crop).stem) for crop in one.sort_values("frame_idx")["crop"]]
        for key, one in rows.groupby(["clip_id", "track"])
    }
    videos, pictures = (clips(rows, root, frames, SIZE, sampling, seed=seed) for sampling in ("videos", "pictures"))
    videos.epoch = pictures.epoch = epoch
    assert list(zip(videos.clips["clip_id"], videos.clips["track"], strict=True)) == list(lots)
    for i, (key, lot) in enumerate(lots.items()):
        images, mask, label = videos[i]
        n = min(frames, len(lot))
        windows = [lot[start : start + n] + [0] * (frames - n) for start in range(len(lot) - n + 1)]
        assert shown(images) in windows
        assert mask.tolist() == [True] * n + [False] * (frames - n)
        assert label == int("real" not in key[0]) == videos.clips["label"][i]
        assert (images[n:] == 0).all()
    singles = [(shown(pictures[i][0])[0], int(pictures[i][2])) for i in range(len(pictures))]
    for (clip_id, _), lot in lots.items():
        chosen, singles = singles[: min(frames, len(lot))], singles[min(frames, len(lot)) :]
        assert {p for p, _ in chosen} <= set(lot) and len(dict(chosen)) == len(chosen)
        assert {y for _, y in chosen} == {int("real" not in clip_id)}
    assert not singles


def test_a_short_clip_is_padded_with_black_at_its_end(rows, root):
    dataset = clips(part(rows), root, 4, SIZE)
    images, mask, label = dataset[3]
    assert (images.shape, images.dtype, mask.dtype, label.dtype) == (
        (4, SIZE, SIZE, 3), torch.uint8, torch.bool, torch.int64,
    )  # fmt: skip
    assert shown(images) == [31, 32, 0, 0] and mask.tolist() == [True, True, False, False]
    assert not images[2:].any()


def test_padding_is_not_augmented(rows, root):
    dataset = clips(part(rows), root, 4, SIZE, transform=steps(GaussNoise=1), seed=1)
    images = dataset[3][0]
    assert not images[2:].any() and all(image.float().std() > 2 for image in images[:2])


def test_evaluation_takes_the_first_crops_as_they_are(rows, root):
    dataset = clips(part(rows), root, 4, SIZE)
    for epoch in range(5):
        assert seen(dataset, epoch) == [[11, 12, 13, 14], [1, 2, 3, 4], [21, 22, 23, 0], [31, 32, 0, 0]]
    image = dataset[0][0][2]
    assert (image[:, : SIZE // 2] == 53).all() and (image[:, SIZE // 2 :] == 52).all()


def test_crops_are_resized(rows, root):
    assert clips(part(rows), root, 4, 8)[0][0].shape == (4, 8, 8, 3)


def test_two_persons_of_a_clip_are_two_sequences(rows, root):
    dataset = clips(part(rows), root, 3, SIZE)
    assert dataset.clips.to_dict("list") == {
        "clip_id": [f"{FAKE}/001", f"{REAL}/000", f"{REAL}/000", f"{REAL}/002"],
        "frame_idx": [clip_loader.WHOLE] * 4,
        "track": [0, 0, 1, 0],
        "group": ["001", "000", "000", "002"],
        "label": [1, 0, 0, 0],
        "split": ["train"] * 4,
    }
    assert len(dataset) == 4 and dataset.clips.index.tolist() == [0, 1, 2, 3]


def noisy(rows, root, epoch=2, seed=3, per="frame", workers=0, sampling="videos", **changes) -> torch.Tensor:
    """Return all crops of an epoch with noise on them, in the order of the dataset."""
    transform = steps(**(changes or {"GaussNoise": 1.0}))
    dataset = clips(part(rows), root, 3, SIZE, sampling, transform, per, seed)
    dataset.epoch = epoch
    loader = make_loader(dataset, 2, CPU, workers)
    loader.after_batch = lambda batch: batch
    return torch.cat([x for x, _, _ in loader])


@pytest.mark.parametrize("sampling", ["videos", "pictures"])
@pytest.mark.parametrize("per", ["clip", "frame"])
def test_draws_depend_on_neither_order_nor_workers(rows, root, sampling, per):
    whole = noisy(rows, root, per=per, sampling=sampling)
    assert torch.equal(whole, noisy(rows.sample(frac=1, random_state=2), root, per=per, sampling=sampling, workers=2))
    dataset = clips(part(rows), root, 3, SIZE, sampling, steps(GaussNoise=1), per, 3)
    dataset.epoch = 2
    for i in np.random.default_rng(0).permutation(len(dataset)).tolist() * 2:
        np.random.seed(i)
        assert torch.equal(dataset[i][0], whole[i])


@pytest.mark.parametrize("sampling", ["videos", "pictures"])
@pytest.mark.parametrize("per", ["clip", "frame"])
def test_draws_repeat_over_neither_epochs_nor_seeds_nor_sequences(root, sampling, per):
    """Twelve clips of the same pictures: windows, choices and noise still differ."""
    rows = pd.concat([sequence(f"{REAL}/{i:03d}", 6) for i in range(12)], ignore_index=True)
    whole = noisy(rows, root, per=per, sampling=sampling)
    assert len({x.numpy().tobytes() for x in whole}) == len(whole)
    for other in ({"epoch": 3}, {"seed": 4}):
        again = noisy(rows, root, per=per, sampling=sampling, **other)
        assert not any(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def test_a_crop_gets_the_same_draw_in_a_window_and_as_a_picture(rows, root):
    """The draw follows from (seed, epoch, sequence, frame), whatever else the sample holds."""
    rows, noise = part(rows), steps(GaussNoise=1)
    videos = clips(rows, root, 6, SIZE, "videos", noise, "frame", 3)
    pictures = clips(rows, root, 6, SIZE, "pictures", noise, "frame", 3)
    crops = {x.numpy().tobytes() for i in range(4) for x in videos[i][0] if x.any()}
    assert crops == {pictures[i][0][0].numpy().tobytes() for i in range(len(pictures))} and len(crops) == 16


def still(n: int) -> pd.DataFrame:
    """Return clips that show one and the same picture in all frames."""
    parts = [sequence(f"{REAL}/{i:03d}", 3) for i in range(n)]
    return pd.concat(parts, ignore_index=True).assign(crop="crops/20.png")


def test_per_clip_all_crops_share_a_draw_and_per_frame_none(root):
    for clip in noisy(still(6), root, per="clip"):
        assert torch.equal(clip[0], clip[1]) and torch.equal(clip[0], clip[2])
    for clip in noisy(still(6), root, per="frame"):
        assert not any(torch.equal(clip[i], clip[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    apart = noisy(still(6), root, per="clip")[:, 0]
    assert len({x.numpy().tobytes() for x in apart}) == 6, "another clip, another draw"


def test_per_clip_flips_all_crops_or_none(root):
    def flipped(per: str) -> set[int]:
        crops = noisy(still(40), root, per=per, HorizontalFlip=0.5)
        return {int(n) for n in (crops[:, :, 0, 0, 0] == 80).sum(1)}

    assert flipped("clip") == {0, 3}
    assert flipped("frame") == {0, 1, 2, 3}


def test_pictures_of_a_clip_never_share_a_draw(root):
    crops = noisy(still(2), root, per="clip", sampling="pictures")
    assert len({x.numpy().tobytes() for x in crops}) == 6


def test_the_cache_changes_nothing(rows, root):
    cached, read = (clips(part(rows), root, 3, SIZE, "videos", steps(GaussNoise=1), seed=1, mb=mb) for mb in (1, 0))
    assert cached.crops.images is not None and read.crops.images is None
    assert all(torch.equal(cached[i][0], read[i][0]) for i in range(4))


def test_scaling_by_hand():
    crops = torch.zeros(2, 3, 5, 5, 3, dtype=torch.uint8)
    crops[1, 2] = torch.tensor([51, 102, 204], dtype=torch.uint8)
    crops[1, 2, 0, 1] = 255
    mask, labels = torch.ones(2, 3, dtype=torch.bool), torch.tensor([0, 1])
    raw, same_mask, same_labels = clip_loader.scaled((crops, mask, labels), "raw")
    assert (raw.shape, raw.dtype, raw.is_contiguous()) == ((2, 3, 3, 5, 5), torch.float32, True)
    assert raw[1, 2, :, 4, 4].tolist() == [51, 102, 204] and raw[1, 2, :, 0, 1].tolist() == [255] * 3
    assert raw.sum() == 24 * (51 + 102 + 204) + 3 * 255
    assert same_mask is mask and same_labels is labels
    normal, same_mask, same_labels = clip_loader.scaled((crops, mask, labels), "imagenet")
    assert (normal.shape, normal.dtype) == (raw.shape, raw.dtype) and same_mask is mask and same_labels is labels
    want = [(0.2 - MEAN[0]) / STD[0], (0.4 - MEAN[1]) / STD[1], (0.8 - MEAN[2]) / STD[2]]
    assert normal[1, 2, :, 4, 4].tolist() == pytest.approx(want, abs=1e-6)
    assert normal[1, 2, 2, 0, 1].item() == pytest.approx((1 - 0.406) / 0.225, abs=1e-6)
    assert normal[0, 0, 0].flatten().tolist() == pytest.approx([-0.485 / 0.229] * 25, abs=1e-6)


def made(rows, root, transform=None, seed=5, bs=2, workers=0, frames=3, short="pad", scaling="raw", **draws):
    """Make the loaders of a fit; `draws`: sampling and augment_per."""
    rule = ClipRule(frames, short, scaling, **draws)
    return clip_loader.make_clip_dls(rows, Loading(root, SIZE, bs, CPU, workers), rule, transform, seed)


def test_batches_hold_bs_clips_or_as_many_pictures_as_those_have_frames(rows, root):
    videos, pictures = (list(made(rows, root, sampling=s).train) for s in ("videos", "pictures"))
    assert [tuple(x.shape) for x, _, _ in videos] == [(2, 3, 3, SIZE, SIZE)] * 2
    assert [tuple(x.shape) for x, _, _ in pictures] == [(6, 1, 3, SIZE, SIZE), (5, 1, 3, SIZE, SIZE)]
    for x, mask, y in (*videos, *pictures):
        assert tuple(mask.shape) == tuple(x.shape[:2]) and mask.dtype == torch.bool and tuple(y.shape) == (len(x),)
    for sampling in ("videos", "pictures"):
        valid = list(made(rows, root, sampling=sampling).valid)
        assert [tuple(x.shape) for x, _, _ in valid] == [(2, 3, 3, SIZE, SIZE), (1, 3, 3, SIZE, SIZE)]
        assert torch.cat([y for _, _, y in valid]).tolist() == [1, 1, 0]
        assert torch.cat([x for x, _, _ in valid])[:, :, 0, 0, -1].tolist() == [  # first crops, in their order
            [4 * i for i in lot] for lot in ([41, 42, 43], [46, 47, 48], [36, 37, 38])
        ]


def test_only_training_clips_are_augmented_and_shuffled(rows, root):
    dls = made(rows, root, transform=steps(GaussNoise=1), bs=4)
    orders = [tuple(next(iter(dls.train))[2].tolist()) for _ in range(12)]
    assert len(set(orders)) > 2 and {tuple(sorted(order)) for order in orders} == {(0, 0, 0, 1)}
    assert next(iter(dls.train))[0][0, 0].std() > 2
    x = next(iter(dls.valid))[0]
    assert torch.equal(x[:, :, :, :, -1], x[:, :, :, :, SIZE // 2])


def test_loaders_of_a_seed_give_the_same_bits_whatever_the_workers(rows, root):
    def epoch(**changes) -> list[torch.Tensor]:
        dls = made(rows, root, **({"transform": steps(GaussNoise=1)} | changes))
        return [t for _ in range(2) for batch in dls.train for t in batch]

    first, again, other = epoch(), epoch(workers=2), epoch(seed=6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("scaling", ["imagenet", "raw"])
def test_both_loaders_scale_alike(rows, root, scaling):
    dls = made(rows, root, scaling=scaling, bs=4, sampling="videos")
    for loader, brightest in ((dls.train, 4 * 32 + 1), (dls.valid, 4 * 48 + 1)):
        top = next(iter(loader))[0].max().item()
        assert top == pytest.approx(brightest if scaling == "raw" else (brightest / 255 - 0.406) / 0.225, abs=1e-5)


def test_short_clips_are_dropped_or_padded(rows, root):
    kept = made(rows, root, short="drop", frames=4)
    assert kept.train.dataset.clips["clip_id"].tolist() == [f"{FAKE}/001", f"{REAL}/000"]
    assert kept.train.dataset.clips["track"].tolist() == [0, 0], "a person is dropped, not her clip"
    assert kept.valid.dataset.clips["clip_id"].tolist() == [f"{FAKE}/004", f"{REAL}/003"]
    padded = made(rows, root, short="pad", frames=4)
    assert (len(padded.train.dataset), len(padded.valid.dataset)) == (4, 3)
    assert torch.cat([mask for _, mask, _ in padded.valid]).sum(1).tolist() == [4, 3, 4]
    assert torch.cat([mask for _, mask, _ in kept.valid]).all()


@pytest.mark.parametrize("sampling", ["videos", "pictures"])  # of the training clips
@pytest.mark.parametrize(("short", "names"), [("drop", ["004", "003"]), ("pad", ["004", "005", "003"])])
def test_an_evaluation_loader_is_over_the_clips_it_lists(rows, root, short, names, sampling):
    loader = clip_loader.clip_loader(
        part(rows, "valid"), Loading(root, SIZE, 2, CPU), ClipRule(4, short, "raw", sampling)
    )
    assert loader.dataset.clips["group"].tolist() == names
    x, y = (torch.cat(t) for t in zip(*((x, y) for x, _, y in loader), strict=True))
    assert y.tolist() == loader.dataset.clips["label"].tolist()
    assert [int(v) // 4 for v in x[:, 0, 0, 0, -1]] == [{"003": 36, "004": 41, "005": 46}[n] for n in names]


@pytest.mark.parametrize(
    ("frames", "drop", "said"),
    [
        (6, None, "split train: holds no fake clip of 6 crops; take fewer frames, or pad"),
        (5, None, "split valid: holds no fake clip of 5 crops; take fewer frames, or pad"),
        (3, ("train", 0), "split train: holds no real clip of 3 crops; take fewer frames, or pad"),
        (3, ("valid", 1), "split valid: holds no fake clip of 3 crops; take fewer frames, or pad"),
    ],
)
def test_a_split_without_a_clip_of_a_class_is_one_line(rows, root, frames, drop, said):
    if drop:
        rows = rows[(rows["split"] != drop[0]) | (rows["label"] != drop[1])]
    with pytest.raises(InputError) as e:
        made(rows, root, short="drop", frames=frames)
    assert str(e.value) == said
    assert drop or len(made(rows, root, short="pad", frames=frames).train.dataset) == 4


def test_an_absent_split_is_one_line(rows, root):
    for short in ("drop", "pad"):
        with pytest.raises(InputError, match=r"^split valid: holds no real clip of 3 crops"):
            made(rows[rows["split"] != "valid"], root, short=short)


def test_a_damaged_crop_is_named(rows, tmp_path):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "1.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"1\.png") as e:
        clips(rows[rows["crop"] == "crops/1.png"], tmp_path, 1, SIZE)
    assert "\n" not in str(e.value)


def test_short_clips_are_listed_with_their_lengths(rows):
    listed = clip_loader.short_clips(rows, 4)
    assert listed.columns.tolist() == ["clip_id", "track", "split", "frames", "reason"]
    assert listed.to_numpy().tolist() == [
        [f"{FAKE}/005", 0, "valid", 3, "3 of 4 crops"],
        [f"{REAL}/000", 1, "train", 3, "3 of 4 crops"],
        [f"{REAL}/002", 0, "train", 2, "2 of 4 crops"],
    ]
    assert clip_loader.short_clips(rows, 2).empty


def many(**counts: int) -> pd.DataFrame:
    """Return clips of two crops each, so many a split, fakes and reals in turn."""
    parts = [
        sequence(f"{(REAL, FAKE)[i % 2]}/{split}{i:02d}", 2, split) for split, n in counts.items() for i in range(n)
    ]
    return pd.concat(parts, ignore_index=True)


def counted(rows: pd.DataFrame) -> dict[str, int]:
    return rows.groupby("split")["clip_id"].nunique().to_dict()


def test_so_many_clips_of_each_split_are_chosen_whole_and_in_order():
    rows = many(train=20, valid=8, test=6)
    chosen = clip_loader.choose_clips(rows, {"train": 7, "valid": 3}, 1)
    assert counted(chosen) == {"train": 7, "valid": 3, "test": 6}
    assert len(chosen) == 2 * 16 and chosen.index.is_monotonic_increasing
    assert chosen.equals(rows.loc[chosen.index])


def test_the_choice_follows_the_seed_and_not_the_rows():
    rows = many(train=20, valid=8)
    first = clip_loader.choose_clips(rows, {"train": 7}, 1)
    np.random.seed(3)
    assert clip_loader.choose_clips(rows, {"train": 7}, 1).equals(first)
    mixed = clip_loader.choose_clips(rows.sample(frac=1, random_state=1).reset_index(drop=True), {"train": 7}, 1)
    assert set(mixed["clip_id"]) == set(first["clip_id"])
    alone = clip_loader.choose_clips(part(rows), {"train": 7}, 1)
    assert set(alone["clip_id"]) == set(part(first)["clip_id"]), "other splits do not enter"
    chosen = [frozenset(clip_loader.choose_clips(rows, {"train": 7}, seed)["clip_id"]) for seed in range(30)]
    assert len(set(chosen)) == 30
    taken = pd.Series([c for lot in chosen for c in lot if "/train" in c]).value_counts()
    assert len(taken) == 20 and taken.max() < 20  # 10.5 expected, standard deviation 2.6


def test_where_a_split_has_fewer_clips_all_are_kept_with_a_warning():
    rows = many(train=5, valid=4)
    with pytest.warns(UserWarning, match=r"^split train: 5 of 6 clips$"):
        chosen = clip_loader.choose_clips(rows, {"train": 6, "valid": 2}, 1)
    assert counted(chosen) == {"train": 5, "valid": 2}
    with strict():
        assert counted(clip_loader.choose_clips(rows, {"train": 5}, 1)) == {"train": 5, "valid": 4}


@examples(40)
@given(st.integers(1, 15), st.integers(0, 15), st.integers(0, 15), st.integers(0, 50))
def test_a_smaller_choice_is_part_of_a_larger_one(n, few, more, seed):
    rows = many(train=n, valid=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small, large = (clip_loader.choose_clips(rows, {"train": k}, seed) for k in sorted((few, more)))
    assert set(small["clip_id"]) <= set(large["clip_id"])
    assert [counted(c).get("train", 0) for c in (small, large)] == [min(n, k) for k in sorted((few, more))]
    assert (rows.loc[small.index, "clip_id"] == small["clip_id"]).all() and not small.index.duplicated().any()


@contextlib.contextmanager
def strict():
    """Let no warning pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
