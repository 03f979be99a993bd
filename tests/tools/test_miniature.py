"""Miniatures have the trees, sizes, lengths and rates of the datasets, and what they need to be read as such."""

import os
from pathlib import Path

import numpy as np
import pytest
from clips import picture
from rendering import benchmark, runtime

from ddet import params, paths
from ddet.data import video
from ddet.synth import encode, write
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
    told = (tmp_path / "b.mp4").read_bytes()
    assert b"subme=0" in told and b"me=dia" in told, "x264 notes its settings: those of its fastest preset"
    assert b"subme=0" not in (tmp_path / "a.mp4").read_bytes()


def test_a_second_call_makes_what_is_older_than_its_clip_and_keeps_the_rest(tmp_path):
    cfg, few, out = benchmark(), {"DeeperForensics-1.0": SMALL, "DFDC": SMALL}, tmp_path / "raw"
    count = miniature.make(out, cfg, runtime(1, "sequential"), few)
    clips = write.render_benchmark(tmp_path / "raw_rendered", cfg, runtime(1, "sequential"))
    clips = clips[[Path(path).parts[0] in few for path in clips["path"]]]
    usable = [out / path for path in clips.loc[clips["unusable"].isna(), "path"]]
    assert count == len(usable) and {video.probe(f).frames for f in usable} == {SMALL.frames}
    files = [f for f in out.rglob("*") if f.is_file()]
    assert {f for f in files if f.suffix == ".mp4"} == {out / path for path in clips["path"]}, "unusable clips, too"
    at, (first, other) = {f: f.stat().st_mtime_ns for f in files}, usable[:2]
    os.utime(first, ns=(0, 0))
    other.unlink()
    assert miniature.make(out, cfg, runtime(1, "sequential"), few) == count
    assert {f for f in files if f.stat().st_mtime_ns != at[f]} == {first, other}


def test_a_mask_has_the_frames_of_its_clip(tmp_path):
    """Else a face that lies in the clip lies beside its mask."""
    miniature.make(tmp_path / "raw", benchmark(), runtime(1, "sequential"), {"FaceForensics++": SMALL})
    masks = sorted((tmp_path / "raw").rglob("masks/videos/*.mp4"))
    for mask in masks:
        (clip,) = mask.parents[2].glob(f"c*/videos/{mask.name}")
        sizes = [(info.width, info.height, info.frames) for info in map(video.probe, (mask, clip))]
        assert sizes == [(160, 90, 40)] * 2
        ((_, levels),) = video.read_frames(mask, [0])
        assert levels.max() > 200 and levels.min() < 50
    assert masks


def test_shapes_are_those_of_the_datasets_of_the_paper_profile():
    cfg = params.load(paths.ROOT / "profiles/paper.yaml")
    assert set(miniature.SHAPES) == {cfg.data.folders[name] for name in cfg.data.datasets}
    dfdc, every = miniature.SHAPES["DFDC"], cfg.faces.of("dfdc").every
    assert len(range(0, dfdc.frames, every)) == cfg.asrid.frames, "a clip of DFDC has the 30 crops that ASRID wants"
    assert cfg.faces.of("celebdf").sampling == "fps" and miniature.SHAPES["Celeb-DF-v2"].frames == 390
