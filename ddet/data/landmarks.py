"""Eye and face regions of a crop, computed from the detector's box and landmarks, to hide or to measure."""

import numpy as np
import pandas as pd

POINTS = [f"lm_{axis}{k}" for k in range(5) for axis in "xy"]  # left eye, right eye, nose, mouth corners
# dlib's mean 68-point face, as OpenFace prints it (cmusatyalab/openface, openface/align_dlib.py, TEMPLATE), unit
# square: points 36-41 and 42-47 are 0.1514 wide and 0.0484 high (mean of the eyes), their means are 0.3825 apart.
EYE_WIDTH, EYE_HEIGHT = 0.396, 0.127  # of an upright eye, in inter-ocular distances


def landmarks_of(rows: pd.DataFrame, size: int) -> np.ndarray:
    """Return the landmarks of `rows` in px of a `size` crop: float n x 5 x 2 (x, y), nan where there are none.

    The columns lm_x0, lm_y0, ... are in px of the crop on disk, whose side is the column `size`.
    """
    scale = size / rows["size"].to_numpy(float)
    return rows[POINTS].to_numpy(float).reshape(-1, 5, 2) * scale[:, None, None]


def eye_boxes(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Return the rectangles over both eyes: int n x 2 x 4 (x0, y0, x1, y1), clamped to the crop, ends excluded.

    Paper: Herd section 2.4. Its released code takes each eye's bounding rectangle (x, y, w, h) over 6 of 68 landmarks
    and blackens 2w x 3h from (x - w // 2, y - h): twice as wide and three times as high about the same centre.
    Differs: MTCNN gives one point an eye, so w and h follow from the distance between both, by the proportions of
    dlib's mean face. A head that is rolled tilts its eyes: their upright bounding rectangle is taken to be that of
    an ellipse w wide and h high (off by at most 5 % in width and 9 % in height from the mean face turned by up to
    45 degrees; that of a rectangle is 44 % too high at 20). The landmark stands for the rectangle's centre, which in
    the mean face lies 1 % of the distance from it.

    Args:
        landmarks: float n x 5 x 2 in px of the crop; nan where there are none.
        size: px of the crop.

    Returns:
        An eye outside the crop, and every eye of a crop without landmarks, has an empty box: nothing is hidden.
    """
    centres = landmarks[:, :2]
    dx, dy = (centres[:, 1] - centres[:, 0]).T
    width = np.hypot(EYE_WIDTH * dx, EYE_HEIGHT * dy)
    height = np.hypot(EYE_WIDTH * dy, EYE_HEIGHT * dx)
    half = np.stack([width, 1.5 * height], axis=-1)[:, None]  # half of 2w and of 3h
    corners = np.concatenate([centres - half, centres + half], axis=-1)
    return np.nan_to_num(np.clip(np.round(corners), 0, size)).astype(int)


def eye_boxes_of(rows: pd.DataFrame, size: int) -> np.ndarray:
    """Return `eye_boxes` of the crops of `rows`: int n x 2 x 4 in px of `size`."""
    return eye_boxes(landmarks_of(rows, size), size)


def count_unmasked(boxes: np.ndarray) -> int:
    """Count the crops whose boxes (int n x 2 x 4) are both empty: they have no landmarks, or both eyes lie outside."""
    seen = (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])
    return int(np.count_nonzero(~seen.any(axis=1)))


def inside(boxes: np.ndarray, size: int) -> np.ndarray:
    """Turn k boxes per crop into a mask: int n x k x 4 to bool n x size x size, True inside any of them."""
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)[..., None]
    at = np.arange(size)
    columns, lines = (at >= x0) & (at < x1), (at >= y0) & (at < y1)  # n x k x size each
    return (lines[..., :, None] & columns[..., None, :]).any(axis=1)


def eyes(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Return the pixels that `eye_boxes` covers: bool n x size x size."""
    return inside(eye_boxes(landmarks, size), size)


def hide(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Blacken images where the mask is True: uint8 ... x S x S x 3 and bool ... x S x S; the input stays as it is."""
    hidden = images.copy()
    hidden[mask] = 0
    return hidden


def face(rows: pd.DataFrame, size: int) -> np.ndarray:
    """Return the face: bool n x size x size, the ellipse inscribed in the detector's box, seen through the crop.

    The rest of the crop is background, hair and neck included. A crop without a box has no face.
    """
    scale = (size / (rows["x1"] - rows["x0"])).to_numpy(float)
    at = np.arange(size) + 0.5  # centres of pixels
    spans = []
    for axis in "xy":
        low, high = (rows[f"box_{axis}{end}"].to_numpy(float) for end in (0, 1))
        centre, radius = ((low + high) / 2 - rows[f"{axis}0"].to_numpy(float)) * scale, (high - low) / 2 * scale
        with np.errstate(divide="ignore", invalid="ignore"):  # a box without width or height gives an empty mask
            spans.append(((at - centre[:, None]) / radius[:, None]) ** 2)
    return spans[1][:, :, None] + spans[0][:, None, :] <= 1
