"""Identities: a seed is a person, her sex may be fixed, and traits keep to their ranges and to each other."""

from dataclasses import astuple, fields

import numpy as np
import pytest

from ddet.synth import identity, paint

PEOPLE = [identity.sample(seed) for seed in range(400)]
WOMEN, MEN = ([who for who in PEOPLE if who.woman is sex] for sex in (True, False))


def test_same_seed_same_person_and_another_seed_another():
    assert identity.sample(5) == identity.sample(5)
    assert identity.sample(5) != identity.sample(6)
    a, b = (paint.paint(identity.sample(5), 64) for _ in range(2))
    assert np.array_equal(a.albedo, b.albedo) and np.array_equal(a.normals, b.normals)


def test_fixing_the_sex_keeps_the_other_draws():
    woman, man = identity.sample(5, woman=True), identity.sample(5, woman=False)
    assert (woman.woman, man.woman) == (True, False)
    assert woman.skin == man.skin and woman.iris == man.iris
    assert woman.beard == 0
    assert identity.sample(5) in (woman, man)


def test_both_sexes_come_up_about_as_often():
    assert 0.42 < len(WOMEN) / len(PEOPLE) < 0.58


@pytest.mark.parametrize("trait", ["skin", "iris", "lip", "hair", "shirt"])
def test_colours_are_colours(trait):
    colours = np.array([getattr(who, trait) for who in PEOPLE])
    assert colours.shape == (400, 3) and colours.min() >= 0 and colours.max() <= 1
    assert (colours.std(0) > 0.03).all()


def test_faces_are_laid_out_as_faces_are():
    """Brows above eyes above nose above mouth above chin, and the features inside the outline."""
    for who in PEOPLE:
        assert who.hairline < who.eye_y - who.brow_gap < who.eye_y < who.nose_tip < who.mouth_y < 1
        assert who.mouth_y + who.lip_low < 0.9 and who.eye_x + who.eye_w < who.width
        assert who.eye_x > who.eye_w and who.mouth_w < who.width


def test_darker_skin_is_darker_and_goes_with_dark_eyes():
    tone, light = np.array([who.tone for who in PEOPLE]), np.array([sum(who.skin) for who in PEOPLE])
    assert np.corrcoef(tone, light)[0, 1] < -0.9
    dark = [who.iris for who in PEOPLE if who.tone > 0.55]
    assert len(dark) > 50 and max(blue for _, _, blue in dark) < 0.25
    assert max(who.iris[2] for who in PEOPLE) > 0.5


def test_what_depends_on_the_sex():
    assert not any(who.beard for who in WOMEN) and 0.3 < np.mean([who.beard > 0 for who in MEN]) < 0.8
    assert "bald" not in {who.hair_style for who in WOMEN} and "bald" in {who.hair_style for who in MEN}
    styles = [np.mean([who.hair_style == "long" for who in part]) for part in (WOMEN, MEN)]
    assert styles[0] > 0.35 > 0.2 > styles[1]
    assert np.mean([who.neck_w for who in MEN]) > np.mean([who.neck_w for who in WOMEN]) + 0.04


def test_the_old_are_greyer():
    def grey(among: list) -> float:
        return np.mean([np.ptp(who.hair) < 0.1 and np.mean(who.hair) > 0.35 for who in among])

    old, young = ([who for who in PEOPLE if low <= who.age < high] for low, high in ((0.65, 1), (0, 0.3)))
    assert grey(young) < 0.05 < 0.1 < grey(old)


def test_traits_can_be_told_apart_and_hashed():
    assert len({astuple(who) for who in PEOPLE}) == len(set(PEOPLE)) == 400
    assert len(fields(identity.Identity)) == len(astuple(PEOPLE[0]))
