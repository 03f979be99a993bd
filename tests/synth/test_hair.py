"""What frames a face: beard, ears, hair and glasses lie where they belong, and styles differ."""

from dataclasses import replace

import numpy as np
import pytest

from ddet.synth import hair, identity
from ddet.synth.canvas import SPAN, Canvas, edge, skull

SIZE = 256
MAN = replace(
    identity.sample(2, woman=False), hair=(0.1, 0.1, 0.1), skin=(0.9, 0.7, 0.6), beard=1.0, hair_style="short", seed=2
)
STYLES = ("bald", "short", "side", "fringe", "long")


def px(u: float, v: float) -> tuple[int, int]:
    return int((v + SPAN) / (2 * SPAN) * SIZE), int((u + SPAN) / (2 * SPAN) * SIZE)


def canvas() -> Canvas:
    return Canvas(SIZE, 2)


def face(who=MAN) -> np.ndarray:
    skin = np.empty((SIZE, SIZE, 3), np.float32)
    skin[:] = who.skin
    return skin


def changed(paint) -> np.ndarray:
    """Return where a stroke changes plain skin."""
    skin = face()
    paint(skin)
    return np.abs(skin - face()).max(2) > 0.02


def test_a_beard_covers_chin_and_not_mouth_eyes_or_brow():
    seen = changed(lambda skin: hair.beard(canvas(), MAN, skin))
    assert seen[px(0, 0.85)] and seen[px(0.25, 0.8)] and seen[px(-0.25, 0.8)]
    assert not seen[px(0, MAN.mouth_y)] and not seen[: px(0, -0.1)[0], px(-0.4, 0)[1] : px(0.4, 0)[1]].any()


def test_a_fuller_beard_is_darker_and_none_is_none():
    levels = []
    for strength in (0.0, 0.3, 1.0):
        skin = face()
        hair.beard(canvas(), replace(MAN, beard=strength), skin)
        levels.append(skin[px(0, 0.8)[0] :, :].mean())
    assert (
        levels[0] > levels[1] > levels[2]
        and not changed(lambda s: hair.beard(canvas(), replace(MAN, beard=0.02), s)).any()
    )


def test_ears_stand_out_of_the_head_on_both_sides():
    c, skin = canvas(), face()
    alpha = edge(skull(MAN, c.u, c.v) - 1, 0.05)
    whole = hair.ears(c, MAN, skin, alpha)
    assert (whole >= alpha).all()
    new = whole - alpha > 0.5
    columns = np.nonzero(new.any(0))[0]
    assert (columns < SIZE // 2).sum() > 2 and (columns > SIZE // 2).sum() > 2
    rows = np.nonzero(new.any(1))[0]
    assert px(0, -0.2)[0] <= rows.min() and rows.max() <= px(0, 0.4)[0]
    shown = np.abs(skin - face()).max(2) > 1e-3
    assert not shown[alpha == 1].any(), "an ear hides no cheek"


def styled(style: str, **traits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return texture, height and matte of a head of that style; before it, height and matte are 0.5 and the skull's."""
    who, c, skin = replace(MAN, hair_style=style, **traits), canvas(), face()
    radius = skull(who, c.u, c.v)
    alpha = edge(radius - 1, 0.05)
    height = np.where(radius < 1, 0.5, 0).astype(np.float32)
    return skin, *hair.hair(c, who, skin, height, alpha, radius)


@pytest.mark.parametrize("style", STYLES)
def test_hair_leaves_the_middle_of_the_face_and_never_shrinks_the_head(style):
    c = canvas()
    alpha = edge(skull(MAN, c.u, c.v) - 1, 0.05)
    skin, height, matte = styled(style)
    middle = slice(px(0, -0.2)[0], px(0, 0.8)[0]), slice(px(-0.35, 0)[1], px(0.35, 0)[1])
    assert np.abs(skin - face())[middle].max() < 1e-3 and (height[middle] == 0.5).all()
    assert (matte >= alpha).all() and height.dtype == np.float32
    assert (height >= np.where(skull(MAN, c.u, c.v) < 1, 0.5, 0) - 1e-6).all()


def test_a_crown_is_of_the_colour_of_the_hair_and_rises_above_the_skull():
    skin, height, _ = styled("short")
    crown = px(0, -1.0)
    assert skin[crown].mean() < 0.3 and height[crown] > 0.52
    bald, low, _ = styled("bald")
    assert bald[crown].mean() > skin[crown].mean() + 0.2 and height[crown] > low[crown]
    volume = [styled("short", hair_volume=v)[2].sum() for v in (0.05, 0.18)]
    assert volume[1] > volume[0]


def test_long_hair_falls_beside_the_face():
    place = px(MAN.width, 0.7)
    assert styled("long")[2][place] > 0.5 > styled("short")[2][place]


def test_a_fringe_covers_the_forehead():
    place = px(0, -0.55)
    fringe, short = (styled(style, hairline=-0.8)[0][place].mean() for style in ("fringe", "short"))
    assert fringe < 0.4 < 0.6 < short


def test_glasses_are_rims_about_both_eyes_with_clear_lenses():
    seen = changed(lambda skin: hair.glasses(canvas(), MAN, skin))
    for side in (-1, 1):
        assert not seen[px(side * MAN.eye_x, MAN.eye_y + 0.03)], "the lens"
        y, x = px(side * MAN.eye_x, MAN.eye_y + 0.03 + 0.165)
        assert seen[y - 3 : y + 4, x].any(), "the rim below"
    assert seen[px(0, MAN.eye_y - 0.02)], "the bridge"
    assert not seen[px(0, 0.5)[0] :].any()
