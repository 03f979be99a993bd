"""The traits of a synthetic person, a few dozen, drawn from one seed.

Lengths are in face units: half the distance from hairline to chin, origin between them, u to the image's right,
v down. So the chin lies at v = +1 and the hairline near v = -0.75.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Colour = tuple[float, float, float]  # RGB in [0, 1]
HairStyle = Literal["bald", "short", "side", "fringe", "long"]

SKIN = np.array([[0.95, 0.80, 0.71], [0.89, 0.70, 0.57], [0.78, 0.57, 0.43], [0.60, 0.41, 0.29], [0.40, 0.27, 0.19]])
IRIS = np.array([[0.24, 0.14, 0.08], [0.38, 0.24, 0.12], [0.38, 0.40, 0.22], [0.32, 0.45, 0.58], [0.42, 0.48, 0.52]])
HAIR = np.array(
    [
        [0.07, 0.06, 0.06],
        [0.17, 0.11, 0.07],
        [0.33, 0.20, 0.11],
        [0.62, 0.46, 0.26],
        [0.46, 0.19, 0.09],
        [0.6, 0.6, 0.6],
    ]
)


@dataclass(frozen=True)
class Identity:
    """The traits of one person; `seed` also seeds the skin and hair textures."""

    seed: int
    woman: bool
    age: float  # 0 young, 1 old: folds, bags, skin blotches
    width: float  # half width at the cheeks
    jaw: float  # 0 pointed, 1 square
    depth: float  # height of the face's relief
    skin: Colour
    tone: float  # 0 light, 1 dark
    blotch: float
    pores: float
    freckles: float
    moles: int
    eye_x: float
    eye_y: float
    eye_w: float
    eye_open: float
    eye_tilt: float
    iris: Colour
    brow_gap: float
    brow_thick: float
    brow_arch: float
    brow_dark: float
    nose_w: float
    nose_tip: float
    nose_high: float
    mouth_y: float
    mouth_w: float
    lip_up: float
    lip_low: float
    lip: Colour
    hair_style: HairStyle
    hair: Colour
    hairline: float
    hair_volume: float
    curl: float  # 0.004 sleek, 0.025 curly
    beard: float  # 0 shaven, 1 full
    glasses: bool
    neck_w: float
    shirt: Colour


def sample(seed: int, woman: bool | None = None) -> Identity:
    """Draw a person from a seed; `woman` fixes the sex where a dataset's names tell it."""
    rng = np.random.default_rng(seed)
    draw = rng.uniform
    coin = bool(rng.random() < 0.5)  # drawn in any case, so that the other traits stay the same
    woman = coin if woman is None else woman
    tone, age = float(rng.beta(1.1, 1.4)), float(rng.beta(1.3, 2.0))
    skin = _skin(rng, tone)
    eye_y = draw(-0.13, -0.03)
    return Identity(
        seed=seed, woman=woman, age=age, tone=tone, skin=skin,
        width=draw(0.67, 0.76) if woman else draw(0.70, 0.80), jaw=draw(0, 0.6) if woman else draw(0.25, 1),
        depth=draw(0.55, 0.70), blotch=draw(0.02, 0.05) + 0.03 * age, pores=draw(0.01, 0.045),
        freckles=float(max(0, draw(-1.2, 1))) * (1 - tone), moles=int(rng.integers(0, 5)),
        eye_x=draw(0.29, 0.35), eye_y=eye_y, eye_w=draw(0.128, 0.162), eye_open=draw(0.058, 0.085),
        eye_tilt=draw(-0.10, 0.16), iris=_iris(rng, tone), brow_gap=draw(0.15, 0.21),
        brow_thick=draw(0.020, 0.036) if woman else draw(0.030, 0.050), brow_arch=draw(0.01, 0.07),
        brow_dark=draw(0.5, 0.95), nose_w=draw(0.105, 0.15) + 0.03 * tone, nose_tip=draw(0.25, 0.34),
        nose_high=draw(0.13, 0.22), mouth_y=draw(0.53, 0.60), mouth_w=draw(0.23, 0.31),
        lip_up=draw(0.035, 0.055) + 0.015 * tone, lip_low=draw(0.045, 0.07) + 0.015 * tone,
        lip=_lip(rng, skin, woman), hair_style=_style(rng, woman), hair=_hair(rng, tone, age),
        hairline=draw(-0.80, -0.62), hair_volume=draw(0.05, 0.18), curl=draw(0.06, 0.16) ** 2,
        glasses=bool(rng.random() < 0.14),
        beard=0.0 if woman else float(np.clip(draw(-0.9, 1.0), 0, 1)), neck_w=draw(0.36, 0.44) + 0.06 * (not woman),
        shirt=tuple(draw(0.06, 0.85, 3)),
    )  # fmt: skip


def _skin(rng: np.random.Generator, tone: float) -> Colour:
    at = tone * (len(SKIN) - 1)
    base = np.array([np.interp(at, range(len(SKIN)), SKIN[:, c]) for c in range(3)])
    return tuple(np.clip(base * rng.normal(1, [0.02, 0.03, 0.05]), 0, 1))


def _iris(rng: np.random.Generator, tone: float) -> Colour:
    kinds = 2 if tone > 0.55 else len(IRIS)  # dark skin, brown eyes
    return tuple(np.clip(IRIS[rng.integers(kinds)] * rng.normal(1, 0.1, 3), 0, 1))


def _lip(rng: np.random.Generator, skin: Colour, woman: bool) -> Colour:
    natural = np.array(skin) * [0.86, 0.62, 0.62]
    painted = np.array([0.68, 0.16, 0.22]) * rng.normal(1, 0.12, 3)
    share = rng.uniform(0, 0.8) if woman else rng.uniform(0, 0.1)
    return tuple(np.clip(natural + share * (painted - natural), 0, 1))


def _style(rng: np.random.Generator, woman: bool) -> HairStyle:
    styles: list[HairStyle] = ["bald", "short", "side", "fringe", "long"]
    return styles[rng.choice(5, p=[0, 0.08, 0.17, 0.25, 0.5] if woman else [0.15, 0.4, 0.27, 0.1, 0.08])]


def _hair(rng: np.random.Generator, tone: float, age: float) -> Colour:
    fair = max(0.0, 1 - 1.6 * tone)
    weights = np.array([0.5 + tone, 0.6, 0.5 * fair, 0.45 * fair, 0.2 * fair, 0.8 * age**2])
    colour = HAIR[rng.choice(len(HAIR), p=weights / weights.sum())]
    return tuple(np.clip(colour * rng.normal(1, 0.15) * rng.normal(1, 0.04, 3), 0.03, 0.9))
