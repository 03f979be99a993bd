"""The tree of Celeb-DF: names, sources, and a list in which 1 means real."""

import re
from collections import Counter

import pytest
from rendering import benchmark, stems

from ddet.errors import InputError
from ddet.synth import layout_celebdf


def test_celebdf_names_and_the_polarity_of_its_list(rendered):
    root = rendered[0] / "Celeb-DF-v2"
    text = (root / "List_of_testing_videos.txt").read_text()
    lines = [line.split(" ") for line in text.split("\n")]
    assert not text.endswith("\n")
    assert {(folder.split("/")[0], n) for n, folder in lines} == {
        ("YouTube-real", "1"), ("Celeb-real", "1"), ("Celeb-synthesis", "0"),
    }  # fmt: skip
    assert all((root / name).is_file() for _, name in lines)
    fakes = stems(root, "Celeb-synthesis")
    assert len(fakes) == 4 and all(re.fullmatch(r"id\d+_id\d+_\d{4}", s) for s in fakes)
    for stem in fakes:
        a, b, n = stem.split("_")
        assert a != b and (root / "Celeb-real" / f"{a}_{n}.mp4").is_file()
    assert stems(root, "YouTube-real") == ["00000", "00001"]


def test_celebdf_refuses_more_fakes_than_there_are():
    few = {"identities": 4, "clips_per_identity": 1, "youtube": 0, "fakes": 13}
    with pytest.raises(InputError, match="13 > 12"):
        layout_celebdf.plan(benchmark(celebdf=few))


def test_each_fake_has_a_source_of_its_own_and_the_same_sex_is_preferred():
    want = {"identities": 8, "clips_per_identity": 2, "youtube": 0, "fakes": 20}
    made = layout_celebdf.plan(benchmark(celebdf=want))
    fakes = [(take, fake) for take in made.takes for fake in take.fakes]
    assert len(fakes) == 20 and len({fake.clip.clip_id for _, fake in fakes}) == 20
    for take, fake in fakes:
        assert fake.clip.target == take.people[0].name != fake.source.name == fake.clip.source
        assert fake.clip.clip_id == f"celebdf/Celeb-synthesis/-/{fake.clip.path.rsplit('/', 1)[1][:-4]}"
        assert (fake.clip.label, take.real.label) == (1, 0)
    people = {take.people[0] for take in made.takes}
    women = sum(who.woman for who in people)
    possible = 2 * (women * (women - 1) + (8 - women) * (7 - women))
    same = sum(take.people[0].woman == fake.source.woman for take, fake in fakes)
    assert same == min(20, possible)


def test_all_fakes_may_be_asked_for():
    few = {"identities": 4, "clips_per_identity": 1, "youtube": 0, "fakes": 12}
    pairs = {
        (f.clip.target, f.clip.source) for take in layout_celebdf.plan(benchmark(celebdf=few)).takes for f in take.fakes
    }
    assert len(pairs) == 12


def test_the_test_list_takes_its_share_of_each_folder_and_one_at_least():
    want = {"identities": 10, "clips_per_identity": 2, "youtube": 8, "fakes": 30}
    (text,) = layout_celebdf.plan(benchmark(celebdf=want)).files.values()
    counts = Counter(line.split(" ")[1].split("/")[0] for line in text.split("\n"))
    assert counts == {"YouTube-real": 2, "Celeb-real": 4, "Celeb-synthesis": 9}
    (text,) = layout_celebdf.plan(benchmark()).files.values()
    assert Counter(line.split("/")[0][2:] for line in text.split("\n"))["YouTube-real"] == 1


def test_unusable_clips_are_no_takes_and_on_no_list():
    made = layout_celebdf.plan(benchmark(unusable=3))
    assert [b.clip.clip_id for b in made.broken] == [f"celebdf/Celeb-real/-/id0_{n:04d}" for n in (1, 2, 3)]
    assert not {b.clip.clip_id for b in made.broken} & {take.real.clip_id for take in made.takes}
    assert not any(b.clip.path.split("/", 1)[1] in text for b in made.broken for text in made.files.values())


def test_the_plan_follows_the_seed():
    assert layout_celebdf.plan(benchmark()) == layout_celebdf.plan(benchmark())
    seeds = [{take.seed for take in layout_celebdf.plan(benchmark(seed=s)).takes} for s in (1, 2)]
    assert not seeds[0] & seeds[1]
