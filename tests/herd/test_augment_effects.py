"""What operations do to a forgery's trace: by hand, and on crops found by place."""

import numpy as np
import pandas as pd
import pytest

from ddet.data import augment
from ddet.data.crops import save_crop
from ddet.errors import InputError
from ddet.herd import augment_effects


def made(n: int = 6, size: int = 32, trace: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make smooth originals, and fakes that are `trace` grey levels brighter in the left half."""
    y, x = np.mgrid[:size, :size]
    originals = np.stack([80 + 40 * np.sin((x + 3 * k) / 9) + 20 * np.cos(y / 7) for k in range(n)])
    originals = originals[..., None].repeat(3, axis=3).astype(np.uint8)
    masks = np.zeros((n, size, size), bool)
    masks[:, :, : size // 2] = True
    return originals + (trace * masks[..., None]).astype(np.uint8), originals, masks


def test_a_flip_by_hand():
    fake, original = np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2, 3), np.uint8)
    fake[0, :, 0], original[0, :, 0], mask = 30, 10, np.zeros((1, 2, 2), bool)
    fake[0, 0, 1] = original[0, 0, 1] = 50
    mask[0, 0, 0] = True  # one forged pixel: 30 where 10 was; its neighbour is 50, the two below are 30 and 0
    [row] = augment_effects.effects(["HorizontalFlip"], fake, original, mask, 0).to_dict("records")
    assert row == {
        "operation": "HorizontalFlip",
        "kind": "geometry",
        "inside": 20.0,  # 30 becomes 50
        "outside": pytest.approx((20 + 30 + 30) / 3),
        "trace": 20.0,
        "kept": 1.0,  # 30 against 10, now on the right
        "disturbance": 0.0,
        "images": 1,
    }


def test_every_operation_has_a_row_and_texture_has_four_more():
    table = augment_effects.effects(list(augment.STEPS), *made(), 0).set_index("operation")
    members = [f"Texture: {name}" for name in augment.TEXTURE]
    assert sorted(table.index) == sorted([*augment.STEPS, *members])
    pixels = {"GaussNoise", "Texture", *members, "HueSaturationValue"}
    pixels |= {"ImageCompression", "GaussianBlur", "Colour", "ToGray"}
    assert set(table.index[table["kind"] == "pixels"]) == pixels
    assert (table["trace"] == 10).all() and (table["images"] == 6).all()
    assert (table.drop("ToGray")[["inside", "outside"]] > 0).all().all()  # the toys have no colour to lose
    assert (table["disturbance"] == np.where(table["kind"] == "pixels", table["inside"] / 10, 0)).all()


def test_flips_and_quarter_turns_keep_all_and_resampling_blurs():
    fakes, originals, masks = made(size=48)
    rng = np.random.default_rng(0)
    fakes = np.where(masks[..., None], originals + rng.integers(0, 30, fakes.shape), originals).astype(np.uint8)
    table = augment_effects.effects(["Transpose", "RandomRotate90", "Rotate"], fakes, originals, masks, 1)
    kept = dict(zip(table["operation"], table["kept"], strict=True))
    assert kept["Transpose"] == kept["RandomRotate90"] == 1
    assert 0.5 < kept["Rotate"] < 1.05 and kept["Rotate"] != 1


def test_noise_leaves_the_trace_and_drowns_it_the_more_the_weaker_it_is():
    """Noise of standard deviation s moves a pixel by s * sqrt(2 / pi) on average: 3.2 to 7.1 give 2.5 to 5.7."""
    strong, weak = (augment_effects.effects(["GaussNoise"], *made(20, trace=t), 0).iloc[0] for t in (10, 2))
    assert strong["kept"] == pytest.approx(1) and weak["kept"] == pytest.approx(1)
    assert 2.5 < strong["inside"] < 5.7
    assert strong["disturbance"] == strong["inside"] / 10 and weak["disturbance"] == weak["inside"] / 2


def test_a_forgery_without_trace_has_no_share_to_keep():
    _, originals, masks = made()
    row = augment_effects.effects(["GaussNoise"], originals, originals, masks, 0).iloc[0]
    assert row["trace"] == 0 and np.isnan(row["kept"]) and np.isnan(row["disturbance"])


def test_fakes_without_a_forged_pixel_are_left_out_and_counted():
    fakes, originals, masks = made()
    masks[[0, 3]] = False
    both = [augment_effects.effects(["HorizontalFlip"], *part, 0) for part in ((fakes, originals, masks),)]
    rest = np.array([1, 2, 4, 5])
    both.append(augment_effects.effects(["HorizontalFlip"], fakes[rest], originals[rest], masks[rest], 0))
    assert both[0].equals(both[1]) and both[0]["images"].tolist() == [4]


def test_a_mask_that_covers_all_has_no_outside():
    fakes, originals, masks = made()
    row = augment_effects.effects(["VerticalFlip"], fakes, originals, np.ones_like(masks), 0).iloc[0]
    assert np.isnan(row["outside"]) and row["inside"] > 0 and row["trace"] == pytest.approx(5)


def test_same_seed_same_numbers_and_an_operation_does_not_depend_on_its_neighbours():
    one = augment_effects.effects(["Rotate", "GaussNoise"], *made(), 4)
    again = augment_effects.effects(["GaussNoise"], *made(), 4)
    other = augment_effects.effects(["GaussNoise"], *made(), 5)
    assert one.iloc[1].equals(again.iloc[0].rename(1)) and one["inside"][1] != other["inside"][0]


@pytest.mark.parametrize(
    ("change", "cause"),
    [(lambda m: m[:-1], "pass n x S x S x 3 twice"), (lambda m: m & False, "no fake has a forged pixel")],
)
def test_bad_input_is_one_line(change, cause):
    fakes, originals, masks = made()
    with pytest.raises(InputError, match=cause):
        augment_effects.effects(["Rotate"], fakes, originals, change(masks), 0)


def crop_row(root, clip: str, frame: int, original: str, x0: float, value: int, track: int = 0) -> dict:
    name = f"{clip}_{frame}_{track}.png"
    save_crop(root / name, np.full((20, 20, 3), value, np.uint8))
    place = {"x0": x0, "y0": 3.0, "x1": x0 + 40, "y1": 43.0}
    return {"clip_id": clip, "frame_idx": frame, "track": track, **place, "crop": name, "original": original}


@pytest.fixture
def shots(tmp_path):
    real = [
        crop_row(tmp_path, "r", 0, "r", 5.0, 10),
        crop_row(tmp_path, "r", 0, "r", 90.0, 11, track=1),
        crop_row(tmp_path, "r", 4, "r", 5.0, 12),
        crop_row(tmp_path, "s", 0, "s", 5.0, 13),
    ]
    fakes = [
        crop_row(tmp_path, "f", 4, "r", 5.0, 20),
        crop_row(tmp_path, "f", 8, "r", 5.0, 21),  # the original has no such frame
        crop_row(tmp_path, "f", 0, "r", 90.0, 22),  # the original's second face, first in the fake
        crop_row(tmp_path, "g", 0, "r", 6.0, 23),  # a box of its own
        crop_row(tmp_path, "h", 0, "", 5.0, 24),  # the original is unknown
        crop_row(tmp_path, "i", 0, "s", 5.0, 25),
    ]
    return tmp_path, pd.DataFrame(fakes, index=[5, 5, 1, 0, 8, 9]), pd.DataFrame(real)


def test_pairs_are_found_by_place_and_the_rest_is_counted(shots):
    root, fakes, real = shots
    with pytest.warns(UserWarning, match="3 of 6 fakes have no crop"):
        images, originals, rows = augment_effects.pairs(fakes, pd.concat([real, fakes, real]), root, 10)
    assert images.shape == originals.shape == (3, 10, 10, 3) and images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [20, 22, 25] and originals[:, 0, 0, 0].tolist() == [12, 11, 13]
    assert rows.equals(fakes.iloc[[0, 2, 5]])


def test_no_pair_at_all_is_one_line(shots):
    root, fakes, real = shots
    with pytest.raises(InputError, match="none of 6 fakes has a crop of its original"):
        augment_effects.pairs(fakes, real.assign(frame_idx=99), root, 10)
