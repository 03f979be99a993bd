"""Miniatures have the trees, sizes, lengths and rates of the datasets, and what they need to be read as such."""

import numpy as np
import pytest
from clips import picture

from ddet import params, paths
from ddet.data import video
from ddet.synth import encode
from ddet.tools import miniature

SMALL = miniature.Shape(160, 90, 40, 30000 / 1001, audio=True)


def test_to_and_fro_by_hand():
    assert list(miniature.to_and_fro("abcd", 9)) == list("abcdcbabc")
    assert list(miniature.to_and_fro("a", 3)) == list("aaa")


def test_a_frame_fills_the_height_and_is_not_stretched():
    image = np.zeros((30, 30, 3), np.uint8)
    image[10:20, 10:20] = 255
    set_in = miniature.set_in(image, SMALL)
    assert set_in.shape == (90, 160, 3)
    rows, columns = np.nonzero(set_in[:, :, 0] > 128)
    assert (np.ptp(rows), np.ptp(columns)) == (29, 29) and columns.mean() == pytest.approx(79.5, abs=1)


def test_a_clip_has_the_size_length_rate_and_sound_that_are_asked(tmp_path):
    encode.write_mp4(tmp_path / "a.mp4", [picture(i, 64, 64) for i in range(5)], 4.0, 23)
    miniature.enlarge(tmp_path / "a.mp4", tmp_path / "b.mp4", SMALL)
    info = video.probe(tmp_path / "b.mp4")
    assert (info.width, info.height, info.frames, info.has_audio, info.note) == (160, 90, 40, True, "")
    assert info.fps == pytest.approx(SMALL.fps)


def test_shapes_are_those_of_the_datasets_of_the_paper_profile():
    cfg = params.load(paths.ROOT / "profiles/paper.yaml")
    assert set(miniature.SHAPES) == {cfg.data.folders[name] for name in cfg.data.datasets}
    dfdc, every = miniature.SHAPES["DFDC"], cfg.faces.of("dfdc").every
    assert len(range(0, dfdc.frames, every)) == cfg.asrid.frames, "a clip of DFDC has the 30 crops that ASRID wants"
    assert cfg.faces.of("celebdf").sampling == "fps" and miniature.SHAPES["Celeb-DF-v2"].frames == 390
