"""The page of scores: a curve by hand, boxes where faces are, and nothing loaded from elsewhere."""

import numpy as np
import pandas as pd

from ddet.data.faces import BOX
from ddet.scoring import page


def test_a_curve_goes_from_0_below_to_1_above():
    drawn = page.curve([0, 10, 20], [0.0, 0.5, 1.0])
    width, height = page.CURVE
    assert (
        f'points="8.0,{height - 20}.0 {width / 2:.1f},{height - 20 - (height - 30) / 2:.1f} {width - 8}.0,10.0"'
        in drawn
    )
    assert drawn.count("<circle") == 3 and "frame 0 to 20" in drawn


def test_a_single_frame_has_a_point():
    assert page.curve([0], [0.25]).count("<circle") == 1


def test_faces_are_boxed_in_their_frame():
    frame = np.zeros((2 * page.HEIGHT, 2 * page.HEIGHT, 3), np.uint8)
    faces = pd.DataFrame([[100, 80, 200, 220]], columns=BOX)
    shown = page._framed(frame, faces)
    assert shown.shape == (page.HEIGHT, page.HEIGHT, 3) and not frame.any(), "the frame itself stays"
    rows, columns = np.nonzero(shown.sum(axis=2))
    assert np.abs(np.array([columns.min(), rows.min(), columns.max(), rows.max()]) - [50, 40, 100, 110]).max() <= 2


def test_what_is_told_of_a_clip():
    line = {"clip": "a", "faces": 2, "clip_prob": 0.5, "lowest": 0.25, "highest": 0.75, "reason": ""}
    assert page._told(line) == "score 0.500, of 2 faces 0.250 to 0.750"
    assert page._told(line | {"faces": 0, "reason": "no <face>"}) == "no score: no &lt;face&gt;"
