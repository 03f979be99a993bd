"""The identity protocol: no person, original or footage is in two splits; clips that would join two are dropped.

Each dataset has a rule of its own, since each identifies something else: uploads (FF++), persons (Celeb-DF),
originals (DFDC), actors and targets (DeeperForensics-1.0).
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ddet import params
from ddet.data.groups import most_common
from ddet.data.layouts.base import FAKE, REAL
from ddet.data.official import Placed, as_listed, carve, sizes
from ddet.data.partition import cut, deal, pack, shuffled

TEST_FIRST = ("test", "valid", "train")  # who wins a tie
TRAIN_FIRST = ("train", "test", "valid")  # leakage costs the side that is measured on, the official test least


def place_identity(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Assign clips to splits so that no source id and no group is in two of them."""
    return _BY_DATASET[usable.dataset.iloc[0]](usable, cfg, rng) if len(usable) else {}


def _ffpp(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Keep the official split, but drop the valid or test side of a group that YouTube uploads join across it."""
    return _apart(usable, as_listed(usable)) if any(usable.official_split) else _by_group(usable, cfg, rng)


def _dfdc(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Carve train by original; the released validation and test sets, whose originals are unknown, stay whole."""
    carved = carve(usable, usable.group.rename("original"), cfg, rng)
    untraced = usable[(usable.official_split == "train") & (usable.original == "")].clip_id
    unknown = dict.fromkeys(untraced, ("dropped", "its original is unknown"))
    return _apart(usable, as_listed(usable) | carved | unknown)


def _by_group(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    packed = pack(sizes(usable, usable.group), cfg.ratios, rng)
    return {clip_id: (packed[group], "") for clip_id, group in zip(usable.clip_id, usable.group, strict=True)}


def _celebdf(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Divide the persons and drop fakes across two splits; deal out YouTube clips, whose persons are not named."""
    named = usable[usable.target_id != ""]
    reals = Counter({i: 0 for ids in named.source_ids for i in ids.split(";")})
    reals.update(named.loc[named.label == REAL, "source_ids"])
    swaps = Counter(tuple(sorted(ids.split(";"))) for ids in named.loc[named.label == FAKE, "source_ids"] if ";" in ids)
    persons = cut(reals, swaps, cfg.ratios, rng)
    others = deal(shuffled(list(usable.loc[usable.target_id == "", "source_ids"]), rng), cfg.ratios)
    return _where_ids_agree(usable, persons | others)


def _df1(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Keep the actors' official splits; give each group of targets to the split that needs its fakes most.

    The official lists separate actors only. Clips that then join two splits are dropped.
    """
    fakes = usable[usable.label == FAKE]
    actor = fakes.source_ids.str.split(";").str[1]
    if any(fakes.official_split):
        listed = fakes[fakes.official_split != ""]
        actors = _majority(actor[listed.index], listed.official_split)
    else:
        actors = pack(sizes(fakes, actor), cfg.ratios, rng)
    groups = _majority(fakes.group, actor.map(actors))
    first = usable.source_ids.str.split(";").str[0]
    targets = {i: groups[g] for i, g in zip(first, usable.group, strict=True) if g in groups}
    return _where_ids_agree(usable, actors | targets)


def _majority(keys: pd.Series, splits: pd.Series) -> dict[str, str]:
    """Map each key to the split that would lose the largest share of its rows without it: small splits come first."""
    splits = splits.dropna()  # fakes of an actor without a split do not count
    total = splits.value_counts()
    shares = {
        key: {split: n / total[split] for split, n in Counter(part).items()} for key, part in splits.groupby(keys)
    }
    return {key: most_common(share, TEST_FIRST) for key, share in shares.items()}


def _where_ids_agree(usable: pd.DataFrame, split_of: Mapping[str, str]) -> Placed:
    """Place each clip in the split of all its source ids; drop it where they are in different splits."""
    placed = {}
    for clip_id, ids in zip(usable.clip_id, usable.source_ids.str.split(";"), strict=True):
        splits = sorted({split_of.get(i, "no split") for i in ids}, key=("no split", *TRAIN_FIRST).index)
        apart = f"its source ids stand in {' and '.join(splits)}"
        placed[clip_id] = (splits[0], "") if len(splits) == 1 and splits[0] in TRAIN_FIRST else ("dropped", apart)
    return placed


def _apart(usable: pd.DataFrame, placed: Placed) -> Placed:
    """Drop clips until no group or source id is in two splits; those in train are kept first, then those in test."""
    result = dict(placed)
    names = usable.assign(name=(usable.source_ids + ";" + usable.group).str.split(";")).explode("name")
    names["split"] = [placed[clip_id][0] for clip_id in names.clip_id]
    standing = names[names.split != "dropped"].groupby("name").split.nunique()
    for name, clip_ids in names[names.name.isin(standing.index[standing > 1])].groupby("name").clip_id:
        splits = {result[clip_id][0] for clip_id in clip_ids}
        keep = next((split for split in TRAIN_FIRST if split in splits), "dropped")
        lost = [clip_id for clip_id in clip_ids if result[clip_id][0] not in (keep, "dropped")]
        result |= dict.fromkeys(lost, ("dropped", f"{name} stands in {keep} too"))
    return result


_BY_DATASET = {"ffpp": _ffpp, "celebdf": _celebdf, "dfdc": _dfdc, "df1": _df1, "folder": _by_group}
