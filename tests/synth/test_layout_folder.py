"""The tree of one's own footage: a clip and its twin a person."""

from rendering import benchmark

from ddet.synth import jitter, layout_folder, write

CFG = {"frames": 6, "jitter": {"people": 3}}


def test_a_real_clip_and_its_twin_for_each_person():
    made = layout_folder.plan(benchmark(**CFG))
    assert not made.broken and not made.files and len(made.takes) == 3
    for n, take in enumerate(made.takes):
        [who], [fake] = take.people, take.fakes
        assert who.name == f"p{n:03d}" and take.domain == "ffpp"
        assert (take.real.clip_id, take.real.path) == (f"folder/real/-/p{n:03d}/0", f"own/real/p{n:03d}/0.mp4")
        assert (fake.clip.clip_id, fake.clip.path) == (f"folder/fake/-/p{n:03d}/0", f"own/fake/p{n:03d}/0.mp4")
        assert (take.real.label, fake.clip.label, fake.generator) == (0, 1, jitter.GENERATOR)
        assert {take.real.dataset, fake.clip.dataset} == {"folder"}
        assert take.real.target == fake.clip.target == fake.clip.source == who.name and not take.real.source
    assert layout_folder.plan(benchmark(jitter={"people": 0})).takes == []


def test_every_person_clip_and_order_has_a_seed_of_its_own():
    cfg = benchmark(jitter={"people": 20})
    made = layout_folder.plan(cfg)
    assert made == layout_folder.plan(cfg)
    for seed in (lambda take: take.people[0].seed, lambda take: take.seed, lambda take: take.fakes[0].seed):
        others = [seed(take) for take in layout_folder.plan(benchmark(jitter={"people": 20}, seed=2)).takes]
        assert len({*others, *(seed(take) for take in made.takes)}) == 40
    more = layout_folder.plan(benchmark(jitter={"people": 21}))
    assert more.takes[:20] == made.takes, "more people leave the others as they are"


def test_the_people_are_in_no_other_dataset():
    whole = write.plan(benchmark(**CFG))
    ours = [take for take in whole.takes if take.real and take.real.dataset == "folder"]
    assert ours == layout_folder.plan(benchmark(**CFG)).takes
    others = {who.seed for take in whole.takes if take not in ours for who in take.people}
    others |= {fake.source.seed for take in whole.takes if take not in ours for fake in take.fakes}
    assert len(others) > 10 and not others & {take.people[0].seed for take in ours}
