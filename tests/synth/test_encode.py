"""Encoding: the same frames are the same bytes, whatever was encoded and allocated before."""

import zipfile

import numpy as np

from ddet import params, paths
from ddet.synth.encode import read_truth, write_mp4, write_truth
from ddet.synth.scene import film
from ddet.synth.write import compose_take, plan


def test_the_same_frames_are_the_same_bytes_on_every_call(tmp_path):
    """With x264's macroblock tree, three of these five clips came out in two to four ways."""
    cfg = params.load(paths.ROOT / "profiles" / "smoke.yaml").benchmark
    takes = [take for take in plan(cfg).takes if take.domain == "celebdf"][:5]
    clips = [[shot.image for shot in film(compose_take(take, cfg))] for take in takes]
    encodings: list[set[bytes]] = [set() for _ in clips]
    for turn in range(8):
        for i, frames in enumerate(clips):
            # Leaves other bytes in freed memory each time: that is what the encoder picked up.
            litter = [np.random.default_rng(turn).bytes((40 + 61 * turn + 17 * i) * 2103) for _ in range(4)]
            write_mp4(tmp_path / "clip.mp4", frames, cfg.fps, 20 + i)
            encodings[i].add((tmp_path / "clip.mp4").read_bytes())
            del litter
    assert [len(found) for found in encodings] == [1] * len(clips)


def test_a_truth_is_read_back_and_its_bytes_depend_on_no_release_of_python(tmp_path):
    truth = np.random.default_rng(0).random((3, 10, 13)) < 0.3
    write_truth(tmp_path / "t.npz", truth)
    assert (read_truth(tmp_path / "t.npz") == truth).all()
    # 64-bit members carry an extra field or a later version, by the release; and a date would be today's.
    kept = [
        (m.filename, m.extract_version, m.extra, m.date_time[0]) for m in zipfile.ZipFile(tmp_path / "t.npz").filelist
    ]
    assert kept == [("mask.npy", 20, b"", 1980), ("shape.npy", 20, b"", 1980)]
