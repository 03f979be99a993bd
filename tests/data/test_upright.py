"""Display matrices: turns and mirrors told apart, by hand."""

import numpy as np
import pytest

from ddet.data.upright import of_matrix


def moved(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Send each pixel where the matrix sends it, seen from the centre: x' y' = (x y) M."""
    height, width = image.shape if matrix[0, 0] else image.shape[::-1]
    out = np.full((height, width), -1)
    for (y, x), value in np.ndenumerate(image):
        to_x, to_y = np.array([x - (image.shape[1] - 1) / 2, y - (image.shape[0] - 1) / 2]) @ matrix
        out[round(to_y + (height - 1) / 2), round(to_x + (width - 1) / 2)] = value
    return out


@pytest.mark.parametrize(
    ("matrix", "mirrored", "turns"),
    [
        ([[1, 0], [0, 1]], False, 0),
        ([[0, 1], [-1, 0]], False, 3),  # (1, 0), the right, goes to (0, 1), down: clockwise
        ([[-1, 0], [0, -1]], False, 2),
        ([[0, -1], [1, 0]], False, 1),
        ([[-1, 0], [0, 1]], True, 0),  # left and right exchanged
        ([[1, 0], [0, -1]], True, 2),  # up and down exchanged
        ([[0, 1], [1, 0]], True, 1),  # rows and columns exchanged
        ([[0, -1], [-1, 0]], True, 3),
    ],
)
def test_each_of_the_eight(matrix, mirrored, turns):
    assert of_matrix(np.array(matrix, float)) == (mirrored, turns)
    image = np.arange(6).reshape(2, 3)
    shown = np.rot90(image[:, ::-1] if mirrored else image, turns)
    assert np.array_equal(shown, moved(image, np.array(matrix)))
