"""Decoding: the right frames, upright, equal to a slow full decode; every broken file is one line."""

import numpy as np
import pytest
from clips import all_frames, picture, trim, turn, write_clip, write_sound
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ddet.data import video
from ddet.errors import InputError


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", [picture(i) for i in range(50)])


@pytest.fixture(scope="module")
def decoded(clip):
    return all_frames(clip)


def same(path, indices, expected, **kwargs):
    got = list(video.read_frames(path, indices, **kwargs))
    assert [i for i, _ in got] == sorted(set(indices))
    assert all(np.array_equal(frame, expected[i]) for i, frame in got)


def test_probe_counts_from_packets(clip):
    assert video.probe(clip) == video.VideoInfo(25.0, 96, 64, 50, 0, False, "packets", "")


@examples(25)
@given(st.lists(st.integers(0, 49), max_size=8))
def test_any_choice_equals_a_full_decode(clip, decoded, indices):
    same(clip, indices, decoded)


def test_threads_change_nothing(clip, decoded):
    same(clip, range(0, 50, 7), decoded, threads=2)


def test_every_frame_is_the_one_drawn(clip):
    for index, frame in video.read_frames(clip, range(50)):
        off = [np.abs(frame.astype(int) - picture(i)).mean() for i in range(50)]
        assert int(np.argmin(off)) == index


def test_only_the_frames_asked_for_leave_the_decoder(clip, monkeypatch):
    seen = []
    decode = video._decode
    monkeypatch.setattr(video, "_decode", lambda *a: [seen.append(f.pts) or f for f in decode(*a)])
    assert [i for i, _ in video.read_frames(clip, [49])] == [49]
    assert len(seen) < 12  # one group of pictures, not the 50 frames before


def test_indices_outside_are_not_yielded(clip):
    assert [i for i, _ in video.read_frames(clip, [-1, 3, 50, 999])] == [3]
    assert list(video.read_frames(clip, [])) == []


@pytest.mark.parametrize("suffix, codec", [(".mkv", "libx264"), (".avi", "mpeg4"), (".ts", "libx264")])
def test_other_containers(tmp_path, suffix, codec):
    path = write_clip(tmp_path / f"b{suffix}", [picture(i) for i in range(40)], codec=codec)
    assert video.probe(path).frames == 40
    same(path, [0, 13, 14, 39], all_frames(path))


def test_variable_frame_rate(tmp_path):
    times = [0, 40, 80, 400, 410, 900, 1300, 1310, 1320, 3000]
    path = write_clip(tmp_path / "v.mp4", [picture(i) for i in range(10)], times=times)
    assert video.probe(path).frames == 10
    same(path, [3, 5, 9], all_frames(path))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("clockwise, turns", [(0, 0), (90, 3), (180, 2), (270, 1)])
def test_turned_and_mirrored_clips_come_upright(tmp_path, clockwise, turns, mirrored):
    path = turn(write_clip(tmp_path / "r.mp4", [picture(i) for i in range(5)]), clockwise, mirrored)
    info = video.probe(path)
    assert (info.width, info.height) == ((64, 96) if turns % 2 else (96, 64))
    assert info.rotation == turns * 90  # counter-clockwise
    assert info.note == ("mirrored, as its container asks" if mirrored else "")
    same(path, [0, 4], [np.rot90(f[:, ::-1] if mirrored else f, turns) for f in all_frames(path)])


def test_intra_refresh_has_no_keyframes_to_seek_to(tmp_path):
    x264 = {"x264-params": "intra-refresh=1:scenecut=0", "bf": "0", "g": "12"}
    for suffix in (".mp4", ".mkv"):
        path = write_clip(tmp_path / f"i{suffix}", [picture(i) for i in range(72)], x264=x264)
        same(path, range(72), all_frames(path))
        same(path, [40, 71], all_frames(path))


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv", ".ts", ".flv", ".mov"])
def test_b_frames_are_numbered_as_they_are_shown_in_every_container(tmp_path, suffix):
    path = write_clip(tmp_path / f"b{suffix}", [picture(i) for i in range(50)])
    for index, frame in video.read_frames(path, [0, 1, 2, 17, 33, 34, 49]):
        off = [np.abs(frame.astype(int) - picture(i)).mean() for i in range(50)]
        assert int(np.argmin(off)) == index


def test_a_lossless_trim_is_called_trimmed_and_shows_what_is_left(tmp_path, clip, decoded):
    path = trim(clip, tmp_path / "trimmed.mp4", 17)
    info = video.probe(path)
    assert (info.frames, info.note.split("; ")[-1]) == (33, "trimmed: 17 frames are there and not shown")
    same(path, [0, 5, 32], decoded[17:])


def test_odd_size(tmp_path):
    path = write_clip(tmp_path / "o.mp4", [picture(i, 97, 65) for i in range(4)], pix_fmt="yuv444p")
    assert (video.probe(path).width, video.probe(path).height) == (97, 65)
    assert next(video.read_frames(path, [2]))[1].shape == (65, 97, 3)


@pytest.mark.parametrize("name", ["Ünïcödé 顔 clip.mp4", "50%03d [x]:y.mp4", "concat:a|b.mp4"])
def test_names_of_every_kind(tmp_path, name, clip):
    path = tmp_path / name
    path.write_bytes(clip.read_bytes())
    assert video.probe(path).frames == 50
    assert len(list(video.read_frames(path, [0, 49]))) == 2


@pytest.mark.parametrize("name", ["s.png", "s.jpg", "s.bmp", "s.webp", "s.tiff", "a JPEG.png", "50%03d.jpg"])
def test_still_is_a_clip_of_one_frame(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(picture(0)).save(path, "JPEG" if "J" in name else None)
    assert video.probe(path) == video.VideoInfo(0.0, 96, 64, 1, 0, False, "decoded", "")
    ((index, frame),) = video.read_frames(path, [0, 1])
    assert index == 0 and np.abs(frame.astype(int) - picture(0)).mean() < 4


def test_truncated_clip_gives_the_frames_that_decode(tmp_path, clip):
    path = write_clip(tmp_path / "t.mp4", [picture(i) for i in range(50)], container={"movflags": "faststart"})
    whole = all_frames(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    info = video.probe(path)
    assert info.counted == "decoded"
    assert 10 < info.frames < 50
    assert info.note == f"cut short at {info.frames / 50:.0%}: {info.frames} of 50 frames can be decoded"
    same(path, [0, 5, 9], whole)
    assert len(list(video.read_frames(path, range(50)))) == info.frames


def test_damage_in_the_middle_keeps_the_numbering(tmp_path, clip, decoded):
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "d.mp4"
    path.write_bytes(data)
    assert video.probe(path).frames == 50
    got = dict(video.read_frames(path, [0, 1, 47, 49]))
    assert all(np.array_equal(got[i], decoded[i]) for i in got)
    assert {0, 1, 49} <= set(got)


BAD = {
    "empty": (lambda p: p.write_bytes(b""), "empty file"),
    "text": (lambda p: p.write_text("this is a text\n" * 50), "not a video"),
    "playlist": (lambda p: p.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n"), "not a video"),
    "audio": (write_sound, "sound only"),
    "missing": (lambda p: None, "no such file"),
    "half": (lambda p: p.write_bytes(write_clip(p, [picture(0)]).read_bytes()[:300]), "truncated: the index"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_one_line(tmp_path, kind):
    make, cause = BAD[kind]
    path = tmp_path / "x.mp4"
    make(path)
    for use in (video.probe, lambda p: list(video.read_frames(p, [0]))):
        with pytest.raises(InputError) as e:
            use(path)
        assert cause in e.value.cause and str(path) in str(e.value) and "\n" not in str(e.value)
