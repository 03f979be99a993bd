"""Set a decoded frame upright: the quarter turns, and the mirror, that its container's display matrix asks for."""

import av
import numpy as np

IDENTITY = np.array([[1, 0], [0, 1]])


def orientation(frame: av.VideoFrame) -> tuple[bool, int]:
    """Return whether the stored frame is mirrored (left and right), and by how many counter-clockwise quarter turns it
    is then set upright.
    """
    return of_matrix(_matrix(frame))


def of_matrix(matrix: np.ndarray) -> tuple[bool, int]:
    """Return (mirrored, quarter turns) of the 2 x 2 part of a display matrix, as for `orientation`.

    Points are rows: x' y' = (x y) M. A mirror is taken out first: of its matrix, the first row is negated.
    """
    mirrored = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0] < 0
    x, y = matrix[0] * (-1 if mirrored else 1)
    return bool(mirrored), round(-np.degrees(np.arctan2(y, x)) / 90) % 4


def upright(frame: av.VideoFrame) -> np.ndarray:
    """Return the frame as H x W x 3 uint8 RGB, upright."""
    mirrored, turns = orientation(frame)
    image = frame.to_ndarray(format="rgb24")
    image = image[:, ::-1] if mirrored else image
    return np.ascontiguousarray(np.rot90(image, turns)) if turns or mirrored else image


def _matrix(frame: av.VideoFrame) -> np.ndarray:
    held = [data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"]
    if not held:
        return IDENTITY
    numbers = np.frombuffer(bytes(held[0]), np.int32).reshape(3, 3)
    return numbers[:2, :2] / 65536
