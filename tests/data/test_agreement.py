"""A fake takes the boxes of its original only where its frames are those of the original."""

import numpy as np
import pytest
from clips import write_clip
from squares import Squares, drawn

from ddet.data import agreement

FRAMES = [[(10 + 6 * i, 30, 20)] for i in range(12)]  # a face that crosses the picture


def row(**changes) -> dict:
    return {"fps": 25.0, "width": 128, "height": 96, "frames": 12} | changes


def boxes(frames) -> dict[int, np.ndarray]:
    return {i: Squares()(drawn(frame)) for i, frame in enumerate(frames)}


def told(tmp_path, images, find=None, **changes) -> str:
    path = write_clip(tmp_path / "fake.mp4", images)
    fake = row(frames=len(images)) | changes
    given = {i: b for i, b in boxes(FRAMES).items() if i < len(images)}
    return agreement.disagreement(fake, row(), range(len(images)), given, path, find or Squares())


def test_a_fake_with_the_frames_of_its_original_agrees(tmp_path):
    assert told(tmp_path, [drawn(f) for f in FRAMES]) == ""


def test_a_frame_in_which_nothing_is_found_says_nothing(tmp_path):
    assert told(tmp_path, [drawn([]) for _ in FRAMES]) == ""


def test_a_copy_that_lost_its_end_agrees(tmp_path):
    assert told(tmp_path, [drawn(f) for f in FRAMES[:9]]) == ""


@pytest.mark.parametrize(
    ("images", "changes", "said"),
    [
        ([drawn(f) for f in FRAMES[5:]], {}, "its faces are elsewhere"),
        ([drawn([(128 - x - s, y, s) for x, y, s in f]) for f in FRAMES[:5]], {}, "its faces are elsewhere"),
        ([drawn(f) for f in FRAMES], {"fps": 12.5}, "12.5 frames a second, its original has 25"),
        ([drawn(f) for f in FRAMES], {"width": 96, "height": 128}, "its frames have another shape"),
    ],
)
def test_trimmed_mirrored_and_slowed_copies_do_not(tmp_path, images, changes, said):
    assert told(tmp_path, images, **changes).startswith(said)


def test_a_false_alarm_in_one_frame_is_outvoted(tmp_path):
    middle = len(FRAMES) // 2
    images = [drawn([(100, 5, 12)] if i == middle else f) for i, f in enumerate(FRAMES)]
    assert told(tmp_path, images) == ""


def test_few_frames_are_searched(tmp_path):
    find = Squares()
    told(tmp_path, [drawn(f) for f in FRAMES], find)
    assert find.calls == 1
    told(tmp_path, [drawn(f) for f in FRAMES[:9]], find)
    assert find.calls == 1 + 3
