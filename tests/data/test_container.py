"""Packets: what is shown and when, without decoding; times that a container does not have are not believed."""

import pytest
from clips import picture, trim, write_clip

from ddet.data import container


def packets(path):
    with container.opened(path) as (file, stream):
        return container.read_packets(file, stream)


def test_times_and_keyframes_of_a_plain_clip(tmp_path):
    found = packets(write_clip(tmp_path / "a.mp4", [picture(i) for i in range(30)]))
    assert len(found.times) == 30 and found.times == sorted(found.times)
    assert (found.keys, found.doubt, found.trimmed) == (found.times[::12], "", 0)


def test_an_avi_with_b_frames_has_no_times(tmp_path):
    found = packets(write_clip(tmp_path / "a.avi", [picture(i) for i in range(30)]))
    assert found.times == [] and found.doubt.startswith("times renumbered")


def test_trimmed_packets_are_counted_apart(tmp_path):
    found = packets(trim(write_clip(tmp_path / "a.mp4", [picture(i) for i in range(30)]), tmp_path / "b.mp4", 7))
    assert (found.trimmed, len(found.times)) == (7, 23)


@pytest.mark.parametrize("name", ["a.jpg", "a.mp4"])
def test_a_picture_is_known_whatever_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0")
    assert container.is_still(tmp_path / name)
