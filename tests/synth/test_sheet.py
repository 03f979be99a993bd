"""The contact sheet: which target, which versions in which order, which frame, and the window around a forgery."""

import numpy as np
import pandas as pd
import pytest
from clips import picture, write_clip

from ddet.synth import sheet
from ddet.synth.encode import write_truth
from ddet.synth.write import COLUMNS

WHOLE = (64, 96)  # rows, columns of a clip


def tree(root, *clips: tuple) -> pd.DataFrame:
    """Write clips (method, stem, target, source, unusable) of five frames; a forgery moves by two px a frame."""
    rows = []
    for n, (method, stem, target, source, unusable) in enumerate(clips):
        label, clip_id = int(method != "real"), f"ffpp/{method}/c23/{stem}"
        path = f"{method}/{stem}.mp4"
        if not unusable:
            write_clip(root / path, [picture(i + 10 * n) for i in range(5)])
        if label and not unusable:
            truth = np.zeros((5, *WHOLE), bool)
            for t in range(5):
                truth[t, 20 + 2 * t : 32 + 2 * t, 40 : 48 + n] = True  # 12 rows x 8 columns and more
            write_truth(root / "truth" / f"{clip_id}.npz", truth)
        rows.append([path, clip_id, "ffpp", method, target, source, label, 5, unusable or np.nan])
    return pd.DataFrame(rows, columns=COLUMNS)


CLIPS = [
    ("real", "000", "000", "", ""), ("real", "001", "001", "", ""), ("real", "001b", "001", "", ""),
    ("Deepfakes", "000_001", "000", "001", ""), ("FaceSwap", "001_000", "001", "000", ""),
    ("Deepfakes", "001_000", "001", "000", ""), ("FaceSwap", "000_001", "000", "001", "empty"),
]  # fmt: skip


@pytest.fixture
def shown(tmp_path):
    return sheet.examples(tmp_path, tree(tmp_path, *CLIPS), "ffpp", frame=3)


def test_the_target_with_the_most_usable_forgeries_its_original_first(shown):
    assert shown["titles"] == ["real\n001", "Deepfakes\n001 ← 000", "FaceSwap\n001 ← 000"]


def test_the_mask_is_the_truth_of_that_frame_and_the_real_one_has_none(shown):
    real, deepfake, faceswap = shown["masks"]
    assert not real.any() and real.shape == faceswap.shape  # cut to the first forgery of its size, the largest one
    assert deepfake.sum() == 12 * (8 + 5) and faceswap.sum() == 12 * (8 + 4)


def test_each_shot_is_its_frame_cut_to_twice_the_extent_of_its_forgery(shown):
    # 12 rows and 13 columns, so half a window is 12 px around the middle of the forged pixels: row 31, column 46
    window = np.s_[31 - 12 : 31 + 12, 46 - 12 : 46 + 12]
    image = shown["images"][1]
    assert image.shape == (24, 24, 3) and shown["masks"][1].shape == (24, 24)
    wanted = [np.abs(image.astype(int) - picture(i + 50)[window]).mean() for i in range(5)]
    assert np.argmin(wanted) == 3 and wanted[3] < 6
    assert shown["masks"][1][:, 0].sum() == shown["masks"][1][0].sum() == 0, "nothing forged is cut off"


def test_a_count_bounds_the_sheet_and_a_method_gives_three_at_most(tmp_path):
    many = [("Deepfakes", f"000_{i:03d}", "000", f"{i:03d}", "") for i in range(1, 5)]
    table = tree(tmp_path, ("real", "000", "000", "", ""), *many)
    titles = sheet.examples(tmp_path, table, "ffpp", 0)["titles"]
    assert titles == ["real\n000", *(f"Deepfakes\n000 ← {i:03d}" for i in range(1, 4))]
    assert sheet.examples(tmp_path, table, "ffpp", 0, count=2)["titles"] == titles[:2]


def test_a_dataset_without_reals_shows_forgeries_alone(tmp_path):
    shown = sheet.examples(tmp_path, tree(tmp_path, *CLIPS[3:4]), "ffpp", 0)
    assert shown["titles"] == ["Deepfakes\n000 ← 001"] and shown["masks"][0].any()
