"""Plans: people by name, clips that cannot be used, whole parts near the shares asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddet.seeds import derive
from ddet.synth import identity
from ddet.synth.plan import KINDS, Broken, Clip, Plan, Take, Who, broken, shares


def clip(name: str) -> Clip:
    return Clip(f"x/{name}.mp4", f"x/real/-/{name}", "x", "real", 0, name)


def test_a_person_s_face_follows_from_what_she_is_cast_by():
    who = Who.cast("id3", 7, "celebdf", 3)
    assert who == Who.cast("id3", 7, "celebdf", 3) == Who("id3", derive("synth", "person", 7, "celebdf", 3), who.woman)
    assert Who.cast("other name", 7, "celebdf", 3).seed == who.seed
    assert (
        len({Who.cast("id3", *parts).seed for parts in ((7, "celebdf", 3), (7, "celebdf", 4), (8, "celebdf", 3))}) == 3
    )


@pytest.mark.parametrize("woman", [True, False, None])
def test_her_sex_is_that_of_her_face(woman):
    for n in range(6):
        who = Who.cast("x", n, woman=woman)
        assert who.woman == identity.sample(who.seed, woman).woman and woman in (None, who.woman)


def test_clips_are_broken_in_the_three_ways_in_turn():
    found = broken([clip(name) for name in "abcd"], 5)
    assert [b.kind for b in found] == [*KINDS, KINDS[0]] and [b.clip.target for b in found] == list("abcd")
    assert len({b.seed for b in found}) == 4 and found == broken([clip(name) for name in "abcd"], 5)
    assert found[1] == Broken(clip("b"), "truncated", derive("synth", 5, "x/real/-/b"))
    assert broken([], 5) == []


def test_plans_add_up_in_order_and_stay_as_they_were():
    def part(name: str) -> Plan:
        return Plan([Take("x", (), 1, clip(name))], broken([clip(f"{name}!")], 1), {f"{name}.txt": name, "both": name})

    one, two = part("a"), part("b")
    whole = one + two
    assert whole.takes == one.takes + two.takes and whole.broken == one.broken + two.broken
    assert whole.files == {"a.txt": "a", "b.txt": "b", "both": "b"}
    assert one == part("a") and two == part("b")
    assert Plan() + one == one == one + Plan()


def test_shares_by_hand():
    assert shares(100, 0.6, 0.1, 0.3) == [60, 10, 30]
    assert shares(3, 0.6, 0.1, 0.3) == [1, 1, 1]
    assert shares(4, 0.71, 0.09, 0.2) == [2, 1, 1]
    assert shares(7, 1.0) == [7]


@given(st.integers(3, 500))
def test_shares_are_whole_and_at_least_one(n):
    found = shares(n, 0.6, 0.1, 0.3)
    assert sum(found) == n and min(found) >= 1
    assert all(abs(part - n * share) <= 1.5 for part, share in zip(found, (0.6, 0.1, 0.3), strict=True))
