"""Forged pixels of training crops: from the rendered truth, from FF++'s own masks, or from the original frame."""

import numpy as np
import pandas as pd
import pytest

from ddet import params, paths
from ddet.data import crops, forged, originals
from ddet.errors import InputError
from ddet.synth.encode import write_mp4, write_truth

SIZE, SIDE = 16, 32  # of a crop as it is seen, and on disk
SQUARE = dict(zip(originals.SQUARE, (8, 0, 40, 32), strict=True))  # in a frame of 64 x 48


def row(method: str, frame: int, label: int, crop: str, stem: str = "000_001") -> dict:
    name = f"ffpp/{method}/c23/{stem if label else stem[:3]}"
    place = {
        "clip_id": name,
        "frame_idx": frame,
        "label": label,
        "crop": crop,
        "method": method,
        "width": 64,
        "height": 48,
    }
    return place | {"original": f"ffpp/real/c23/{stem[:3]}", **SQUARE}


@pytest.fixture
def shot(tmp_path):
    """Write two frames of a grey clip and of a fake whose left half is brighter, and return their rows."""
    real = np.full((SIDE, SIDE, 3), 100, np.uint8)
    fake = real.copy()
    fake[:, : SIDE // 2] = 150
    fake[0, -1] += 10  # fainter than what counts
    names = [("real", 0, "r0.png"), ("real", 1, "r1.png"), ("Deepfakes", 0, "f0.png"), ("Deepfakes", 1, "f1.png")]
    for method, _, crop in names:
        crops.save_crop(tmp_path / crop, real if method == "real" else fake)
    return originals.beside(pd.DataFrame([row(m, f, int(m != "real"), c) for m, f, c in names]))


def truth_of(tmp_path, left: int, frames: int = 2):
    """Write a truth in which the frame's columns from 8 to `left` are forged."""
    mask = np.zeros((frames, 48, 64), bool)
    mask[:, :, 8:left] = True
    return mask


def test_the_rendered_truth_comes_first_and_a_real_crop_has_nothing_forged(shot, tmp_path):
    write_truth(tmp_path / "truth/ffpp/Deepfakes/c23/000_001.npz", truth_of(tmp_path, 16))
    where = forged.Masks(truth=tmp_path / "truth", ffpp=tmp_path / "FF")
    found = forged.of_crops(shot, where, tmp_path, SIZE)
    assert found.shape == (4, SIZE, SIZE) and found.dtype == np.float32
    wanted = np.zeros((SIZE, SIZE), np.float32)
    wanted[:, :4] = 1  # frame columns 8 to 16 of the crop's 8 to 40
    np.testing.assert_array_equal(found[2:], [wanted, wanted])
    assert not found[:2].any() and forged.kinds(shot, where).tolist() == ["", "", forged.TRUTH, forged.TRUTH]


def official(tmp_path, frames: int, left: int = 24) -> forged.Masks:
    film = [np.repeat(m[..., None] * np.uint8(255), 3, axis=2) for m in truth_of(tmp_path, left, frames)]
    write_mp4(tmp_path / "FF/manipulated_sequences/Deepfakes/masks/videos/000_001.mp4", film, 4.0, 20)
    return forged.Masks(ffpp=tmp_path / "FF")


def test_official_masks_are_read_from_their_lossy_video_as_the_truth_is(shot, tmp_path):
    where = official(tmp_path, 2)
    found = forged.of_crops(shot, where, tmp_path, SIZE)
    assert forged.kinds(shot, where).tolist() == ["", "", forged.OFFICIAL, forged.OFFICIAL]
    assert set(np.unique(found)) <= {0.0, 1.0} and not found[:2].any()
    wanted = np.zeros((SIZE, SIZE))
    wanted[:, :8] = 1
    assert np.abs(found[2:] - wanted).mean() < 0.03


def test_an_official_mask_of_another_size_than_its_clip_is_refused_in_one_line(shot, tmp_path):
    where = official(tmp_path, 2)
    message = r"its masks have 64 x 48 px, the clip 128 x 96; fetch masks and clips of one release"
    with pytest.raises(InputError, match=message):
        forged.of_crops(shot.assign(width=128, height=96), where, tmp_path, SIZE)


def test_a_frame_that_the_mask_video_lacks_is_compared_with_its_original(shot, tmp_path):
    found = forged.of_crops(shot, official(tmp_path, 1, left=40), tmp_path, SIZE)
    assert found[2].mean() > 0.95 and found[3].mean() == 0.5


def test_without_masks_the_difference_to_the_original_counts_from_a_tenth_on(shot, tmp_path):
    where = forged.Masks()
    found = forged.of_crops(shot, where, tmp_path, SIZE)
    wanted = np.zeros((SIZE, SIZE), np.float32)
    wanted[:, :8] = 1
    np.testing.assert_array_equal(found[2:], [wanted, wanted])
    assert forged.kinds(shot, where).tolist() == ["", "", forged.DIFFERENCE, forged.DIFFERENCE]
    assert forged.sentence(forged.kinds(shot, where)) == "difference to the original: 2 fakes"


def test_a_difference_is_one_of_grey_and_counts_from_a_tenth_on(tmp_path):
    """By quarters: 25 and 26 of 255 levels, a tenth being 25.5; then 90 of red (27 of grey) and of blue (10)."""
    real = np.full((SIDE, SIDE, 3), 100, np.uint8)
    fake, half = real.copy(), SIDE // 2
    fake[:half, :half] += 25
    fake[:half, half:] += 26
    fake[half:, :half, 0] += 90
    fake[half:, half:, 2] += 90
    crops.save_crop(tmp_path / "r.png", real)
    crops.save_crop(tmp_path / "f.png", fake)
    rows = originals.beside(pd.DataFrame([row("real", 0, 0, "r.png"), row("Deepfakes", 0, 1, "f.png")]))
    found = forged.of_crops(rows, forged.Masks(), tmp_path, SIZE)[1]
    np.testing.assert_array_equal(found, np.kron([[0, 1], [1, 0]], np.ones((SIZE // 2, SIZE // 2))))


def test_a_pixel_whose_half_is_forged_says_a_half(shot, tmp_path):
    """Five of the crop's 32 columns, seen at 16 px."""
    found = forged.of_crops(shot, official(tmp_path, 2, left=13), tmp_path, SIZE)[2:]
    np.testing.assert_allclose(found.mean(axis=(0, 1)), [1, 1, 0.5, *[0] * 13], atol=0.1)


def test_faceshifter_and_other_datasets_have_no_official_mask(tmp_path):
    where = official(tmp_path, 1)
    assert where.file_of("ffpp/Deepfakes/c23/000_001").is_file()
    for clip in ("ffpp/FaceShifter/c23/000_001", "ffpp/Deepfakes/c23/002_003", "celebdf/Deepfakes/-/000_001"):
        assert where.file_of(clip) is None


def test_a_fake_with_neither_is_one_line(shot, tmp_path):
    alone = originals.beside(shot[shot["label"] == 1])
    assert set(forged.kinds(alone, forged.Masks())) == {forged.UNKNOWN}
    with pytest.raises(InputError, match=r"ffpp/Deepfakes/c23/000_001, frame 0.*neither a mask"):
        forged.of_crops(alone, forged.Masks(), tmp_path, SIZE)


def test_the_fingerprint_is_that_of_the_files_of_these_fakes(shot, tmp_path):
    where, before = official(tmp_path, 2), None
    before = forged.fingerprint(shot, where)
    assert before == forged.fingerprint(shot.iloc[::-1], where) != forged.fingerprint(shot, forged.Masks())
    other = tmp_path / "FF/manipulated_sequences/FaceSwap/masks/videos/000_001.mp4"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of another clip")
    assert forged.fingerprint(shot, where) == before
    where.file_of("ffpp/Deepfakes/c23/000_001").write_bytes(b"another mask")
    assert forged.fingerprint(shot, where) != before
    with pytest.raises(InputError, match="no ground truth"):
        forged.fingerprint(shot, forged.Masks(truth=tmp_path / "nothing"))


def test_masks_lie_beside_the_rendered_clips_or_in_the_tree_of_ffpp(tmp_path):
    cfg = params.load("profiles/smoke.yaml").data
    assert forged.masks_of(cfg, True) == forged.Masks(truth=paths.SYNTHETIC / "truth")
    real = cfg.model_copy(update={"root": str(tmp_path)})
    assert forged.masks_of(real, False) == forged.Masks(ffpp=tmp_path / "FaceForensics++")
    assert forged.masks_of(real.model_copy(update={"datasets": ["celebdf"]}), False) == forged.Masks()
