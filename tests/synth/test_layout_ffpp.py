"""The trees of FF++ and DF-1.0: pairs, splits, uploads, lists by actor."""

import json
import re
from pathlib import Path

import pytest
from rendering import METHODS, VARIANTS, benchmark, stems

from ddet.synth import layout_ffpp


def test_ffpp_names_pairs_and_masks(rendered):
    root = rendered[0] / "FaceForensics++"
    parts = {name: json.loads((root / f"{name}.json").read_text()) for name in ("train", "val", "test")}
    pairs = [pair for part in parts.values() for pair in part]
    assert [len(part) for part in parts.values()] == [1, 1, 1]
    ids = [i for pair in pairs for i in pair]
    assert sorted(ids) == [f"{i:03d}" for i in range(6)]
    both = sorted(f"{a}_{b}" for pair in pairs for a, b in (pair, pair[::-1]))
    for method in METHODS:
        assert stems(root, f"manipulated_sequences/{method}/c23/videos") == both
        assert stems(root, f"manipulated_sequences/{method}/masks/videos") == ([] if method == "FaceShifter" else both)
    reals = stems(root, "original_sequences/youtube/c23/videos")
    assert reals[:6] == sorted(ids) and len(reals) == 9, "and three that cannot be used"


@pytest.mark.parametrize(("pairs", "sizes"), [(3, [1, 1, 1]), (4, [1, 1, 2]), (20, [9, 2, 9])])
@pytest.mark.parametrize("seed", range(5))
def test_ffpp_splits_and_the_straddling_upload(pairs, sizes, seed):
    files = layout_ffpp.plan(benchmark(ffpp={"pairs": pairs, "methods": METHODS}, seed=seed)).files
    parts = [json.loads(files[f"FaceForensics++/{name}.json"]) for name in ("train", "val", "test")]
    uploads = json.loads(files["FaceForensics++/conversion_dict.json"])
    assert [len(part) for part in parts] == sizes
    assert len({i for part in parts for pair in part for i in pair}) == 2 * pairs
    train, val = ({i for pair in part for i in pair} for part in parts[:2])
    assert uploads["000"][:11] == uploads["001"][:11] and "000" in train and "001" in val
    assert uploads["002"][:11] == uploads["003"][:11] != uploads["000"][:11]
    assert all(re.fullmatch(r"[\w-]{11} \d", upload) for upload in uploads.values())
    assert all(uploads[a][:11] != uploads[b][:11] for part in parts for a, b in part), "nobody is swapped with herself"


def test_df1_has_no_reals_and_its_lists_hold(rendered):
    _, table = rendered
    ours = table[table.dataset == "df1"]
    assert (ours.label == 1).all() and set(ours.method) == set(VARIANTS)
    usable = ours[ours.unusable.isna()]
    names = {variant: sorted(Path(p).name for p in usable[usable.method == variant].path) for variant in VARIANTS}
    assert len({tuple(n) for n in names.values()}) == 1, "every variant has the same names"
    assert all(re.fullmatch(r"\d{3}_[MW]\d{3}\.mp4", n) for n in names["end_to_end"])
    lists = rendered[0] / "DeeperForensics-1.0" / "lists"
    parts = {n: (lists / "splits" / f"{n}.txt").read_text().split() for n in ("train", "val", "test")}
    assert sorted(name for part in parts.values() for name in part) == names["end_to_end"]
    actors = [{name[4:-4] for name in part} for part in parts.values()]
    assert not actors[0] & actors[1] and not actors[0] & actors[2] and not actors[1] & actors[2]
    metas = lists / "manipulated_videos_distortions_meta"
    assert not (metas / "manipulated_videos_end_to_end_meta.txt").exists(), "not distorted"
    for variant, steps in (("end_to_end_mix_2_distortions", 2), ("end_to_end_level_5", 1)):
        lines = (metas / f"manipulated_videos_{variant}_meta.txt").read_text().splitlines()
        assert sorted(line.split()[0] for line in lines) == [f"{variant}/{n}" for n in names[variant]]
        assert all(re.fullmatch(rf"\S+( [A-Z]+:[1-5]){{{steps}}}", line) for line in lines)


def test_each_pair_is_forged_both_ways_by_each_method():
    made = layout_ffpp.plan(benchmark())
    pairs = [
        pair for name in ("train", "val", "test") for pair in json.loads(made.files[f"FaceForensics++/{name}.json"])
    ]
    partner = dict([*pairs, *(pair[::-1] for pair in pairs)])
    takes = {take.real.target: take for take in made.takes}
    assert takes.keys() == partner.keys()
    for target, take in takes.items():
        fakes = {fake.clip.method: fake for fake in take.fakes if fake.clip.dataset == "ffpp"}
        assert sorted(fakes) == METHODS
        for method, fake in fakes.items():
            source = takes[partner[target]]
            assert fake.clip.clip_id == f"ffpp/{method}/c23/{target}_{partner[target]}"
            assert fake.source == source.people[0] and fake.source_take == source.seed, "her acts are those of her clip"
            assert bool(fake.mask_path) is (method != "FaceShifter")


def test_two_clips_of_one_upload_show_one_person():
    people = {
        take.real.target: take.people[0]
        for take in layout_ffpp.plan(benchmark(ffpp={"pairs": 5, "methods": ["Deepfakes"]})).takes
    }
    assert people["000"].seed == people["001"].seed and people["002"].seed == people["003"].seed
    assert len({who.seed for who in people.values()}) == 8


def test_actors_of_df1_are_of_the_target_s_sex_and_one_forgery_serves_all_distortions():
    for take in layout_ffpp.plan(benchmark()).takes:
        fakes = {fake.clip.method: fake for fake in take.fakes if fake.clip.dataset == "df1"}
        assert sorted(fakes) == sorted(VARIANTS)
        assert len({fake.source for fake in fakes.values()}) == 1
        assert next(iter(fakes.values())).source.woman == take.people[0].woman
        plain = fakes["end_to_end"]
        assert plain.steps == () and fakes["reenact_postprocess"].generator == "reenact_postprocess"
        for variant in ("end_to_end_mix_2_distortions", "end_to_end_level_5"):
            assert (fakes[variant].seed, fakes[variant].generator) == (plain.seed, "end_to_end")
            assert len(fakes[variant].steps) == (2 if "mix" in variant else 1)
        assert fakes["reenact_postprocess"].seed != plain.seed


def test_the_plan_follows_the_seed():
    assert layout_ffpp.plan(benchmark()) == layout_ffpp.plan(benchmark())
    seeds = [{take.seed for take in layout_ffpp.plan(benchmark(seed=s)).takes} for s in (1, 2)]
    assert not seeds[0] & seeds[1]
