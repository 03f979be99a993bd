"""Protocols: nobody in two splits where that is promised, every clip accounted for, the same on every machine."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddet import params
from ddet.data import index, leakage, partition
from ddet.data.splits import make_splits

CFG = params.Splits(seed=1, ratios=[0.6, 0.2, 0.2])
FAST = settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def clip(dataset, part, stem, label, ids, **more):
    """Make one manifest row; unnamed columns hold nothing."""
    own = f"{dataset}/{part}/-/{stem}"
    row = {"clip_id": own, "dataset": dataset, "stem": stem, "label": label, "source_ids": ";".join(ids)}
    row |= {"method": "real" if label == 0 else part, "original": own, "group": ids[0], "status": "ok", "found": True}
    return dict.fromkeys(index.COLUMNS, "") | {"target_id": ids[0].split(":")[1]} | row | more


def frame(rows):
    rows = {r["clip_id"]: r for r in rows}.values()
    return pd.DataFrame(rows, columns=list(index.COLUMNS)).sort_values("clip_id", ignore_index=True)


def celebdf(n_ids, reals, youtube, swaps, test=()):
    """Build a Celeb-DF manifest: `reals` clips per identity, `swaps` as (target, source, clip number)."""
    rows = [
        clip("celebdf", "Celeb-real", f"id{i}_{k:04}", 0, [f"celebdf:id{i}"])
        for i in range(n_ids)
        for k in range(reals)
    ]
    for i in range(youtube):
        rows.append(clip("celebdf", "YouTube-real", f"{i:05}", 0, [f"celebdf:YouTube-real/{i:05}"], target_id=""))
    for a, b, k in swaps:
        original = f"celebdf/Celeb-real/-/id{a}_{k:04}"
        ids = [f"celebdf:id{a}", f"celebdf:id{b}"]
        rows.append(clip("celebdf", "Celeb-synthesis", f"id{a}_id{b}_{k:04}", 1, ids, original=original))
    result = frame(rows)
    return result.assign(official_split=np.where(result.stem.isin(test), "test", "train"))


def dfdc(fakes_of, parts=1, official="train"):
    """Build DFDC train parts: original i has fakes_of[i] fakes and stands in part i % parts."""
    rows = []
    for i, n in enumerate(fakes_of):
        part, group = f"dfdc_train_part_{i % parts}", [f"dfdc:r{i}"]
        rows.append(clip("dfdc", part, f"r{i}", 0, group, official_split=official))
        original = f"dfdc/{part}/-/r{i}"
        rows += [
            clip("dfdc", part, f"f{i}x{k}", 1, group, original=original, official_split=official) for k in range(n)
        ]
    return frame(rows)


def df1(used, families, split_of_actor):
    """Build DF-1.0: `used` are (target, actor) pairs, `families` maps targets to their FF++ group."""
    rows = []
    for target, actor in used:
        group, original = f"ffpp:{families[target]:03}", f"df1/real/-/{target:03}"
        ids, split = [f"ffpp:{target:03}", f"df1:W{actor:03}"], split_of_actor.get(actor, "")
        more = {"group": group, "original": original, "official_split": split}
        rows.append(clip("df1", "end_to_end", f"{target:03}_W{actor:03}", 1, ids, **more))
        rows.append(clip("df1", "real", f"{target:03}", 0, ids[:1], group=group, official_split=split))
    return frame(rows)


def ffpp(families, splits):
    """Build FF++: pairs (2i, 2i+1) with one method; `families` names the group of pair i, `splits` its split."""
    rows = []
    for i, (family, split) in enumerate(zip(families, splits, strict=True)):
        a, b, more = f"{2 * i:03}", f"{2 * i + 1:03}", {"group": f"ffpp:g{family}", "official_split": split}
        rows += [clip("ffpp", "real", x, 0, [f"ffpp:{x}"], **more) for x in (a, b)]
        for x, y in ((a, b), (b, a)):
            ids, original = [f"ffpp:{x}", f"ffpp:{y}"], f"ffpp/real/-/{x}"
            rows.append(clip("ffpp", "Deepfakes", f"{x}_{y}", 1, ids, original=original, **more))
    return frame(rows)


SWAPS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 1)), max_size=25)
SPLIT = st.sampled_from(["train", "valid", "test", ""])
PAIRS = st.lists(st.tuples(st.integers(0, 5), SPLIT), min_size=1, max_size=12)
USED = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=20)
MANIFESTS = st.one_of(
    SWAPS.map(lambda swaps: celebdf(7, 2, 3, [s for s in swaps if s[0] != s[1]], test=["id0_0000", "00001"])),
    st.tuples(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 12)).map(lambda x: dfdc(*x)),
    st.tuples(USED, st.dictionaries(st.integers(0, 5), SPLIT)).map(
        lambda x: df1(x[0], [t // 3 * 3 for t in range(10)], x[1])
    ),
    PAIRS.map(lambda pairs: ffpp(*zip(*pairs, strict=True))),
)


def some_unusable(clips, every):
    status = ["unusable" if every and i % every == 0 else "ok" for i in range(len(clips))]
    return clips.assign(status=status, reason=["broken" if s == "unusable" else "" for s in status])


@FAST
@given(MANIFESTS, st.integers(0, 4), st.integers(0, 99))
def test_identity_protocol_keeps_everyone_in_one_split(clips, every, seed):
    clips = some_unusable(clips, every)
    splits = make_splits(clips, None, params.Splits(seed=seed, ratios=CFG.ratios))
    rows = splits[(splits.protocol == "identity") & (splits.split != "dropped")].merge(clips, on="clip_id")
    standing = {}
    for row in rows.itertuples():
        for name in [*row.source_ids.split(";"), row.group]:
            assert standing.setdefault(name, row.split) == row.split
    table = leakage.leakage(clips, splits).set_index("protocol")
    if "identity" in table.index:
        lost = table.loc["identity", ["source_ids_shared", "groups_shared", "fakes_original_elsewhere"]]
        assert lost.tolist() == [0, 0, 0]


@FAST
@given(MANIFESTS, st.integers(0, 4), st.randoms(use_true_random=False))
def test_every_clip_once_per_protocol_whatever_the_order(clips, every, random):
    clips = some_unusable(clips, every)
    faces = pd.DataFrame([(c, f) for c in clips.clip_id[1:] for f in (0, 0, 7)], columns=["clip_id", "frame_idx"])
    splits = make_splits(clips, faces, CFG)
    whole = splits[splits.protocol != "image"]
    assert whole.groupby("protocol").clip_id.agg(sorted).map(lambda x: x == sorted(clips.clip_id)).all()
    assert set(splits.protocol) == {"official", "clip", "identity", "image"} and (whole.frame_idx == -1).all()
    assert not splits.duplicated(["protocol", "clip_id", "frame_idx"]).any()
    assert set(splits[splits.protocol == "image"].clip_id) == set(clips.clip_id)
    lost = splits[splits.clip_id.isin(clips.clip_id[clips.status != "ok"])]
    assert set(lost.split) <= {"dropped"} and set(lost.reason) <= {"broken"}
    assert (splits.reason[splits.split == "dropped"] != "").all()
    order = random.sample(range(len(clips)), len(clips))
    again = make_splits(clips.iloc[order], faces.iloc[::-1], CFG)
    pd.testing.assert_frame_equal(again, splits)


def protocol(clips, name, cfg=CFG, faces=None):
    splits = make_splits(clips, faces, cfg)
    return splits[splits.protocol == name].merge(clips, on="clip_id", suffixes=("", "_clip"))


def both_classes(rows):
    return rows[rows.split != "dropped"].groupby("split").label.nunique().to_dict() == {
        "train": 2,
        "valid": 2,
        "test": 2,
    }


def dense(seed, n_ids=12, fakes=60):
    rng = np.random.default_rng(seed)
    swaps = [(*rng.choice(n_ids, 2, replace=False).tolist(), int(rng.integers(2))) for _ in range(fakes)]
    return celebdf(n_ids, 2, 6, swaps, test=[f"id{a}_id{b}_{k:04}" for a, b, k in swaps[:6]] + ["id0_0000", "00001"])


class TestCelebDF:
    @pytest.mark.parametrize("seed", range(4))
    def test_small_sets_get_both_classes_everywhere(self, seed):
        clips = dense(seed)
        for name in ("official", "clip", "identity"):
            assert both_classes(protocol(clips, name)), name

    def test_official_keeps_the_test_list_and_carves_valid_by_original(self):
        rows = protocol(dense(0), "official")
        assert (rows.split[rows.official_split == "test"] == "test").all() and "dropped" not in set(rows.split)
        carved = rows[rows.official_split == "train"]
        assert set(carved.reason) == {"carved out of the official train part by original"}
        assert set(carved.split) == {"train", "valid"} and (carved.groupby("original").split.nunique() == 1).all()
        assert 0.15 < (carved.split == "valid").mean() < 0.35  # .2 / (.6 + .2)

    def test_identity_says_what_joins_two_splits(self):
        rows = protocol(dense(0), "identity")
        split = {row.source_ids: row.split for row in rows[rows.label == 0].itertuples()}
        for row in rows[rows.label == 1].itertuples():
            where = {split[i] for i in row.source_ids.split(";")}
            assert row.split == (where.pop() if len(where) == 1 else "dropped")
            assert row.split != "dropped" or row.reason.startswith("its source ids stand in ")
        assert set(rows.split[rows.label == 0]) == {"train", "valid", "test"}

    def test_without_list_official_drops_all(self):
        rows = protocol(dense(0).assign(official_split=""), "official")
        assert set(zip(rows.split, rows.reason, strict=True)) == {("dropped", "its dataset gives no official split")}


class TestCut:
    def test_it_finds_the_division_that_loses_nothing(self):
        """Three circles of friends of 6, 2 and 2 identities with 30, 10 and 10 swaps inside them."""
        sizes, swaps = [6, 2, 2], {}
        names = [f"{g}{i}" for g, n in enumerate(sizes) for i in range(n)]
        for a in names:
            for b in names:
                if a < b and a[0] == b[0]:
                    swaps[a, b] = 2 if a[0] == "0" else 10
        parts = partition.cut(dict.fromkeys(names, 2), swaps, CFG.ratios, np.random.default_rng(0))
        circles = {g: {parts[n] for n in names if n[0] == g} for g in "012"}
        assert all(len(c) == 1 for c in circles.values()) and circles["0"] == {"train"}
        assert {s for c in circles.values() for s in c} == {"train", "valid", "test"}

    def test_it_beats_dividing_at_random(self):
        rng = np.random.default_rng(3)
        swaps = Counter(tuple(sorted(map(str, rng.choice(12, 2, replace=False)))) for _ in range(60))
        names = sorted({n for pair in swaps for n in pair})

        def kept(parts):
            return sum(n for (a, b), n in swaps.items() if parts[a] == parts[b])

        by_chance = [kept(partition.deal(partition.shuffled(names, rng), CFG.ratios)) for _ in range(50)]
        found = partition.cut(dict.fromkeys(names, 2), swaps, CFG.ratios, rng)
        assert kept(found) > np.mean(by_chance) + np.std(by_chance)
        assert {found[a] for a, b in swaps if found[a] == found[b]} == {"train", "valid", "test"}

    def test_every_split_gets_fakes_even_where_that_costs_most_of_them(self):
        """A chain of six identities whose middle links hold nearly all fakes: three pairs, not one big part."""
        swaps = {("a", "b"): 1, ("b", "c"): 100, ("c", "d"): 100, ("d", "e"): 100, ("e", "f"): 1}
        parts = partition.cut(dict.fromkeys("abcdef", 2), swaps, CFG.ratios, np.random.default_rng(0))
        assert {parts[a] for a, b in swaps if parts[a] == parts[b]} == {"train", "valid", "test"}

    def test_nobody(self):
        assert partition.cut({}, {}, CFG.ratios, np.random.default_rng(0)) == {}


class TestDealAndPack:
    @FAST
    @given(st.integers(1, 300), st.permutations([0.7, 0.2, 0.1]))
    def test_every_prefix_is_within_one_of_its_ratio(self, n, ratios):
        dealt = list(partition.deal(range(n), ratios).values())
        for k in range(1, n + 1):
            counts = Counter(dealt[:k])
            assert all(
                abs(counts[s] - r * k) < 1 + 1e-9 for s, r in zip(("train", "valid", "test"), ratios, strict=True)
            )

    @FAST
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=30, max_size=60), st.integers(0, 9))
    def test_packed_groups_meet_the_ratios_roughly(self, sizes, seed):
        sizes = {f"g{i}": (r + 1, f + 1) for i, (r, f) in enumerate(sizes)}
        packed = partition.pack(sizes, CFG.ratios, np.random.default_rng(seed))
        for c in (0, 1):
            total = sum(s[c] for s in sizes.values())
            for split, ratio in zip(("train", "valid", "test"), CFG.ratios, strict=True):
                share = sum(sizes[g][c] for g in sizes if packed[g] == split) / total
                assert abs(share - ratio) < 0.12

    def test_the_order_of_the_groups_does_not_matter(self):
        sizes = {f"g{i}": (1, i % 3) for i in range(30)}
        back = dict(reversed(sizes.items()))
        packed = [partition.pack(s, CFG.ratios, np.random.default_rng(0)) for s in (sizes, back)]
        assert packed[0] == packed[1]

    def test_a_split_with_ratio_zero_gets_nothing(self):
        sizes = {f"g{i}": (1, i) for i in range(9)}
        assert set(partition.pack(sizes, [0.5, 0.5, 0], np.random.default_rng(0)).values()) == {"train", "valid"}
        assert set(partition.deal(range(9), [0.5, 0, 0.5]).values()) == {"train", "test"}


class TestDFDC:
    def test_asrid_clip_protocol(self):
        """5190 clips of 679 originals, 7:2:1: the published counts, and most originals in more than one split."""
        rng = np.random.default_rng(0)
        fakes_of = 1 + rng.multinomial(5190 - 2 * 679, np.full(679, 1 / 679))
        clips = dfdc(fakes_of.tolist())
        splits = make_splits(clips, None, params.Splits(seed=1, ratios=[0.7, 0.2, 0.1]))
        counts = Counter(splits.split[splits.protocol == "clip"])
        assert counts == {"train": 3633, "valid": 1038, "test": 519}  # as in its folds.json
        table = leakage.leakage(clips, splits).set_index("protocol")
        assert table.loc["clip", "groups"] == 679 and table.loc["clip", "groups_shared"] / 679 > 0.7  # 520 of 679 there
        assert table.loc["clip", "share"] > 0.3 and table.loc["identity", "share"] == 0

    def test_few_parts_are_carved_by_original(self):
        rows = protocol(dfdc([3] * 10, parts=2), "official")
        assert both_classes(rows) and (rows.groupby("group").split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by original"}

    def test_many_parts_are_carved_whole(self):
        rows = protocol(dfdc([3] * 24, parts=12), "official")
        assert both_classes(rows) and (rows.groupby(rows.clip_id.str.split("/").str[1]).split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by part"}

    @pytest.mark.parametrize("name", ["official", "identity"])
    def test_a_released_test_set_stays_and_only_valid_is_carved(self, name):
        test = [
            clip("dfdc", "test", f"t{i}", i % 2, ["dfdc:test"], group=f"dfdc:t{i}", official_split="test")
            for i in range(4)
        ]
        rows = protocol(pd.concat([dfdc([3] * 10), frame(test)], ignore_index=True), name)
        assert set(rows.split[rows.clip_id.str.contains("/test/")]) == {"test"}
        assert set(rows.split[~rows.clip_id.str.contains("/test/")]) == {"train", "valid"}

    def test_a_fake_without_original_is_dropped_from_the_identity_protocol_only(self):
        lone = clip(
            "dfdc", "dfdc_train_part_0", "lone", 1, ["dfdc:dfdc_train_part_0"], original="", official_split="train"
        )
        clips = pd.concat([dfdc([3] * 10), frame([lone])], ignore_index=True)
        rows = protocol(clips, "identity").set_index("stem")
        assert rows.loc["lone", ["split", "reason"]].tolist() == ["dropped", "its original is unknown"]
        assert protocol(clips, "official").set_index("stem").split["lone"] != "dropped"


class TestFFpp:
    def test_identity_drops_the_test_side_of_a_straddling_group(self):
        clips = ffpp([0, 2, 4, 6, 0, 8], ["train", "train", "train", "valid", "test", "test"])
        rows = protocol(clips, "identity")
        lost = rows[rows.split == "dropped"]
        assert set(lost.stem) == {"008", "009", "008_009", "009_008"}
        assert set(lost.reason) == {"ffpp:g0 stands in train too"} and both_classes(rows)
        assert (protocol(clips, "official").split == protocol(clips, "official").official_split).all()

    def test_valid_yields_to_test(self):
        rows = protocol(ffpp([0, 0], ["valid", "test"]), "identity")
        assert set(rows.split[rows.official_split == "valid"]) == {"dropped"}
        assert set(rows.split[rows.official_split == "test"]) == {"test"}

    def test_without_split_files_groups_are_divided(self):
        rows = protocol(ffpp(range(0, 40, 2), [""] * 20), "identity")
        assert rows.split.value_counts().to_dict() == {"train": 48, "valid": 16, "test": 16} and both_classes(rows)


class TestDF1:
    ACTORS = {0: "train", 1: "train", 2: "train", 3: "valid", 4: "test"}  # noqa: RUF012

    def test_targets_go_to_the_split_that_needs_their_fakes_most(self):
        """Group 0: two fakes in train, one in test. Group 3: one in valid, one in train. Group 6: test only."""
        used = [(0, 0), (1, 1), (2, 4), (3, 3), (4, 2), (6, 4)]
        rows = protocol(df1(used, [t // 3 * 3 for t in range(9)], self.ACTORS), "identity").set_index("stem")
        assert rows.split[["000_W000", "001_W001", "003_W003", "006_W004"]].tolist() == [
            "train",
            "train",
            "valid",
            "test",
        ]
        assert rows.split[["002_W004", "004_W002"]].tolist() == ["dropped"] * 2
        assert rows.reason["002_W004"] == "its source ids stand in train and test"
        assert rows.split[["000", "002", "004", "006"]].tolist() == ["train", "train", "valid", "test"]

    def test_a_tie_goes_to_test(self):
        rows = protocol(df1([(0, 0), (1, 4)], [0, 0], self.ACTORS), "identity")
        assert rows[rows.split != "dropped"].split.unique().tolist() == ["test"]

    def test_an_actor_without_a_split_is_dropped(self):
        rows = protocol(df1([(0, 0), (1, 9), (6, 9)], [t // 3 * 3 for t in range(9)], self.ACTORS), "identity")
        rows = rows.set_index("stem")
        assert rows.split[["000_W000", "000", "001"]].tolist() == ["train"] * 3
        assert rows.split[["001_W009", "006_W009", "006"]].tolist() == ["dropped"] * 3
        assert rows.reason["001_W009"] == "its source ids stand in no split and train"

    def test_a_small_split_is_not_eaten_by_a_large_one(self):
        """One group holds two of the four train fakes and the only valid fake."""
        rows = protocol(
            df1([(0, 0), (1, 1), (2, 3), (3, 0), (4, 2), (6, 4)], [0, 0, 0, 3, 4, 5, 6], self.ACTORS), "identity"
        )
        assert rows[rows.split == "valid"].stem.tolist() == ["002_W003", "000", "001", "002"]
        assert both_classes(rows)

    def test_without_lists_actors_are_divided(self):
        rng = np.random.default_rng(0)
        used = [(t, int(rng.integers(10))) for t in range(60)]
        rows = protocol(df1(used, [t // 2 * 2 for t in range(60)], {}), "identity")
        assert both_classes(rows) and set(protocol(df1(used, range(60), {}), "official").split) == {"dropped"}


class TestImage:
    def test_frames_are_split_and_flagged(self):
        clips = dense(0)
        faces = pd.DataFrame(
            [(c, f) for c in clips.clip_id[1:] for f in range(0, 50, 5)], columns=["clip_id", "frame_idx"]
        )
        rows = protocol(clips, "image", params.Splits(seed=1, ratios=[1.0, 0.0, 0.0]), faces)  # Herd's own ratios hold
        frames = rows[rows.frame_idx >= 0]
        share = frames.split.value_counts(normalize=True)
        assert share.round(2).to_dict() == {"train": 0.6, "valid": 0.2, "test": 0.2} and both_classes(rows)
        assert set(frames.reason) == {"leaky: frames of one clip stand in several splits"}
        assert frames.groupby("clip_id").split.nunique().max() == 3
        two_tracks = make_splits(clips, pd.concat([faces, faces]), CFG)
        pd.testing.assert_frame_equal(two_tracks, make_splits(clips, faces, CFG))
        bare = rows[rows.frame_idx < 0]
        assert bare[["split", "reason"]].to_numpy().tolist() == [["dropped", "no face was kept"]]

    def test_without_faces_there_is_no_image_protocol(self):
        assert "image" not in set(make_splits(dense(0), None, CFG).protocol)


def test_the_seed_changes_the_split_and_datasets_do_not_disturb_each_other():
    a, b = dense(0), dfdc([3] * 10)
    both = make_splits(pd.concat([a, b]), None, CFG)
    pd.testing.assert_frame_equal(both[both.clip_id.isin(a.clip_id)].reset_index(drop=True), make_splits(a, None, CFG))
    assert not make_splits(a, None, params.Splits(seed=2, ratios=CFG.ratios)).equals(make_splits(a, None, CFG))


def test_leakage_by_hand():
    """Two originals with two fakes each, placed by hand: r0's second fake stands apart from its original."""
    clips = dfdc([2, 2])
    split = {"r0": "train", "f0x0": "train", "f0x1": "test", "r1": "test", "f1x0": "test", "f1x1": "dropped"}
    splits = pd.DataFrame(
        {"clip_id": clips.clip_id, "frame_idx": -1, "protocol": "clip", "split": clips.stem.map(split)}
    )
    line = leakage.leakage(clips, splits).iloc[0].to_dict()
    assert line == {
        "dataset": "dfdc", "protocol": "clip", "level": "clip", "rows": 5, "dropped": 1, "source_ids": 2,
        "source_ids_shared": 1, "groups": 2, "groups_shared": 1, "clips_shared": 0, "fakes": 3,
        "fakes_original_elsewhere": 1, "share": 1 / 3,
    }  # fmt: skip


def test_leakage_counts_both_persons_of_a_fake():
    """id1 stands in train as the face put on id0 and in test as itself; as a group, whose clip it is, in test only."""
    clips = celebdf(2, 1, 0, [(0, 1, 0)])
    split = {"id0_0000": "train", "id1_0000": "test", "id0_id1_0000": "train"}
    splits = pd.DataFrame({"clip_id": clips.clip_id, "frame_idx": -1, "protocol": "x", "split": clips.stem.map(split)})
    line = leakage.leakage(clips, splits).iloc[0]
    assert (line.source_ids, line.source_ids_shared, line.groups, line.groups_shared) == (2, 1, 2, 0)


def test_leakage_of_frames():
    clips = dfdc([1])
    rows = [("r0", 0, "train"), ("r0", 9, "test"), ("f0x0", 0, "train"), ("f0x0", 9, "train")]
    splits = pd.DataFrame(rows, columns=["stem", "frame_idx", "split"]).merge(clips[["stem", "clip_id"]], on="stem")
    line = leakage.leakage(clips, splits.assign(protocol="image")).iloc[0]
    assert (line.level, line.clips_shared, line.fakes, line.fakes_original_elsewhere) == ("frame", 1, 2, 2)


def test_from_files_to_splits(tmp_path):
    """The whole way once: trees of all datasets, indexed, split, tabulated."""
    pairs = {"train": [["000", "003"]], "val": [["010", "011"]], "test": [["020", "021"]]}
    trees.ffpp(tmp_path, pairs)
    trees.df1(tmp_path, {"train": ["000_W001"], "val": ["010_W002"], "test": ["020_W003"]})
    trees.celebdf(tmp_path, [f"id{i}_0000" for i in range(6)], [], ["id0_id1_0000"], ["id0_0000"])
    trees.dfdc_part(tmp_path / "DFDC/dfdc_train_part_0", {"r.mp4": trees.real(), "f.mp4": trees.fake("r.mp4")})
    trees.touch(tmp_path / "own/real", "a.mp4")
    clips = trees.manifest(trees.data(tmp_path, "ffpp", "celebdf", "dfdc", "df1", "folder"))
    splits = make_splits(clips, None, CFG)
    rows = splits[splits.protocol == "official"].merge(clips, on="clip_id")
    assert both_classes(rows[rows.dataset == "df1"]) and both_classes(rows[rows.dataset == "ffpp"])
    table = leakage.leakage(clips, splits)
    assert len(table) == 15 and table.loc[table.protocol == "identity", "source_ids_shared"].sum() == 0
