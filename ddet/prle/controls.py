"""Controls for PRLE: hide random rectangles or parts of the face instead of the primary region.

Both are regions for `data.region_loader.attach`, used with the same `exploit.Exploit`: the same images are masked, with
the same alpha. A rectangle is as large as the region it replaces; a part of the face has a size of its own, far
smaller, unless it is grown. Table VI's masks of a single detector are `exploit.Primary` of
the fusion of one map, Table VII's fixed masks are `Exploit` with alpha_min = 1.
"""

import cv2
import numpy as np

from ddet.errors import InputError
from ddet.prle.exploit import NEVER

ASPECT = 3.0  # of a rectangle, at most, either way
# Corners of the parts in dlib's mean 68-point face, as OpenFace prints it (openface/align_dlib.py, TEMPLATE), made
# symmetric; x to the right, y down. Eyes (points 36-47, about each eye) and nose (27-35, about its tip, point 30) in
# distances between the eyes; lips (48-59, about the middle between their corners) in distances between those.
EYE = ((-0.198, 0), (0.198, 0), (-0.08, -0.0635), (0.08, -0.0635), (-0.08, 0.0635), (0.08, 0.0635))
NOSE = ((0, -0.613), (-0.227, 0.13), (0.227, 0.13), (0, 0.212))
LIPS = (
    (-0.5, 0), (0.5, 0), (-0.319, -0.075), (0.319, -0.075), (-0.133, -0.106), (0.133, -0.106),
    (-0.326, 0.19), (0.326, 0.19), (-0.145, 0.278), (0.145, 0.278), (0, 0.285),
)  # fmt: skip
PARTS = ("nose", "eyes", "mouth", "mouth")  # each as likely as the others


class Rectangles:
    """Draw a rectangle per image and epoch, anywhere in the crop, as large at each alpha as the region it replaces.

    With alpha = 1 it covers the share of the crop that the primary region has, and it shrinks about its centre as
    alpha does.

    Paper: PRLE Table IV, "random": rectangular regions at random.
    Differs: the paper names no size. With the area of the primary region, only the position differs. Aspect
    ratios are log-uniform between 1 : 3 and 3 : 1 where that fits into the crop. The released code has only a flag.

    Args:
        shares: float n in [0, 1], of the crop that the primary region covers; where it is 0 nothing is hidden.
        size: px of the crop.
    """

    def __init__(self, shares: np.ndarray, size: int):
        self.shares, self.size = shares, size

    def __call__(self, index: int, seed: int) -> np.ndarray:
        share, rng = self.shares[index], np.random.default_rng(seed)
        if share <= 0:
            return np.full((self.size, self.size), NEVER, np.float32)
        limit = max(0.0, min(np.log(ASPECT), -np.log(share))) / 2  # neither side may exceed the crop's
        width = np.sqrt(share) * np.exp(rng.uniform(-limit, limit))
        columns, rows = (self._reach(side, rng) for side in (width, share / width))
        levels = np.maximum(rows[:, None], columns[None]) ** 2  # the area grows as the square of the sides
        hidden_first = levels.argmin()
        levels[levels > 1] = NEVER
        levels.flat[hidden_first] = 0
        return levels.astype(np.float32)

    def _reach(self, side: float, rng: np.random.Generator) -> np.ndarray:
        """Draw an interval of length `side`; return each pixel's distance from its middle in half lengths."""
        middle = side / 2 + rng.random() * (1 - side)
        return np.abs((np.arange(self.size) + 0.5) / self.size - middle) / (side / 2)


class Parts:
    """Draw one part of the face per image and epoch, nose, eyes or mouth, hidden as a whole at any alpha.

    Paper: PRLE Table IV, "landmark": regions such as mouth or nose, chosen at random. The released code hides the
    convex hull of the part's points among 68, the mouth twice as often as the others.
    Differs: five landmarks, about which the hulls lie as in dlib's mean face, turned and scaled with the eyes, the
    mouth with its corners. The released code masks every image; here as many as with primary regions.

    Args:
        landmarks: float n x 5 x 2 in px of the crop (eyes, nose, corners of the mouth). A face without any has the
            mean of the others.
        shares: as for `Rectangles`: where it is 0 nothing is hidden.
        size: px of the crop.
        grow: move the part's outline outwards (or inwards) until as much is hidden as `shares` say, and a share alpha
            of that at each alpha, from the inside out. Not in the paper: so that only *where* differs.

    Raises:
        InputError: no crop has landmarks.
    """

    def __init__(self, landmarks: np.ndarray, shares: np.ndarray, size: int, grow: bool = False):
        known = np.isfinite(landmarks).all(axis=(1, 2))
        if not known.any():
            raise InputError("landmarks", f"none of {len(landmarks)} crops has any", "extract the faces with MTCNN")
        self.landmarks = np.where(known[:, None, None], landmarks, landmarks[known].mean(axis=0))
        self.shares, self.size, self.grow = shares, size, grow

    def __call__(self, index: int, seed: int) -> np.ndarray:
        levels = np.full((self.size, self.size), NEVER, np.float32)
        if self.shares[index] > 0:
            part = PARTS[np.random.default_rng(seed).integers(len(PARTS))]
            mask = part_mask(self.landmarks[index], part, self.size)
            if self.grow:
                return grown(mask, self.shares[index])
            levels[mask] = 0
        return levels


def grown(mask: np.ndarray, share: float) -> np.ndarray:
    """Return the levels of a region with the outline of `mask` that covers `share` of the crop: bool to float32 S x S.

    Pixels come in the order of their distance from the outline: the innermost first, then outwards.
    """
    inside, outside = (cv2.distanceTransform(m.astype(np.uint8), cv2.DIST_L2, 5) for m in (mask, ~mask))
    count = max(1, round(share * mask.size))
    order = np.argsort((outside - inside).ravel(), kind="stable")[:count]
    levels = np.full(mask.size, NEVER, np.float32)
    levels[order] = np.arange(1, count + 1) / count
    levels[order[0]] = 0
    return levels.reshape(mask.shape)


def part_mask(landmarks: np.ndarray, part: str, size: int) -> np.ndarray:
    """Return the convex hull of a part: float 5 x 2 (px of the crop) to bool size x size."""
    left, right, nose, *corners = np.asarray(landmarks, float)
    if part == "mouth":
        points = _placed(LIPS, sum(corners) / 2, corners[1] - corners[0])
    elif part == "nose":
        points = _placed(NOSE, nose, right - left)
    else:
        points = np.concatenate([_placed(EYE, eye, right - left) for eye in (left, right)])
    mask = np.zeros((size, size), np.uint8)
    hull = cv2.convexHull(np.round(points - 0.5).astype(np.int32))  # in OpenCV a pixel's centre has integer coordinates
    return cv2.fillConvexPoly(mask, hull, 1).astype(bool)


def _placed(shape: tuple, origin: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Move, turn and scale a shape whose unit is `across`, the vector from left to right."""
    down = np.array([-across[1], across[0]])
    return origin + np.asarray(shape, float) @ np.stack([across, down])
