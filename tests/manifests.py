"""Manifests of invented datasets, in the adapters' columns."""

import numpy as np
import pandas as pd
from drawn import examples
from hypothesis import HealthCheck
from hypothesis import strategies as st

from ddet import params
from ddet.data import index
from ddet.data.splits import make_splits

CFG = params.Splits(seed=1, ratios=[0.6, 0.2, 0.2])
FAST = examples(25, suppress_health_check=list(HealthCheck))


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


def dense(seed, n_ids=12, fakes=60):
    rng = np.random.default_rng(seed)
    swaps = [(*rng.choice(n_ids, 2, replace=False).tolist(), int(rng.integers(2))) for _ in range(fakes)]
    return celebdf(n_ids, 2, 6, swaps, test=[f"id{a}_id{b}_{k:04}" for a, b, k in swaps[:6]] + ["id0_0000", "00001"])


def protocol(clips, name, cfg=CFG, faces=None):
    splits = make_splits(clips, faces, cfg)
    return splits[splits.protocol == name].merge(clips, on="clip_id", suffixes=("", "_clip"))


def both_classes(rows):
    return rows[rows.split != "dropped"].groupby("split").label.nunique().to_dict() == {
        "train": 2,
        "valid": 2,
        "test": 2,
    }


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
