"""Real clips that are distorted as DF-1.0's fakes are: the same squares, other pixels, the same for one clip again."""

import numpy as np
import pandas as pd
import pytest

from ddet.data import crops, video
from ddet.synth import distort, encode
from ddet.tools import alike

MIX = "end_to_end_mix_3_distortions"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return the folder of one clip of four frames, its index and two crops of it."""
    folder = tmp_path_factory.mktemp("real")
    y, x = np.mgrid[:96, :96]
    frames = [np.stack([2 * x, 2 * y, x + y + 10 * t], axis=-1).astype(np.uint8) for t in range(4)]
    encode.write_mp4(folder / "a.mp4", frames, 4.0, 10)
    rows = pd.DataFrame({"clip_id": "df1/real/-/000", "frame_idx": [1, 3], "x0": [8.0, 20.0], "y0": [16.0, 20.0]})
    rows = rows.assign(x1=rows["x0"] + 64, y1=rows["y0"] + 64, size=32)
    return folder, pd.DataFrame({"clip_id": ["df1/real/-/000"], "path": ["a.mp4"]}), rows


def test_without_distortions_the_crops_are_those_of_the_clip(clip, tmp_path):
    folder, clips, rows = clip
    found = alike.distorted(rows, clips, folder, tmp_path, "end_to_end", 10)
    frames = dict(video.read_frames(folder / "a.mp4", [1, 3]))
    wanted = np.stack([crops.cut(frames[1], (8, 16, 64), 32), crops.cut(frames[3], (20, 20, 64), 32)])
    assert found.shape == (2, 32, 32, 3) and np.abs(found.astype(int) - wanted).mean() < 4, "coded twice"
    assert not list(tmp_path.iterdir())


def test_a_clip_meets_the_distortions_of_its_draw(clip, tmp_path, monkeypatch):
    folder, clips, rows = clip
    plain = alike.distorted(rows, clips, folder, tmp_path, "end_to_end", 10)
    monkeypatch.setattr(distort, "draw", lambda variant, seed: (("CC", 5),) if variant == MIX else ())
    darker = alike.distorted(rows, clips, folder, tmp_path, MIX, 10)
    assert darker.mean() == pytest.approx(0.35 * plain.mean(), rel=0.03)
    np.testing.assert_array_equal(darker, alike.distorted(rows, clips, folder, tmp_path, MIX, 10))
