"""Assign every clip to train, valid or test, or mark it dropped, under each of four protocols.

official: the datasets' own lists, with the parts they lack carved out of train. clip: at random over clips (ASRID).
image: at random over frames (Herd Mentality), which leaks by construction. identity: no person or original in two
splits, at the price of the clips that join two of them. `ddet.data.leakage` shows what each keeps apart.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ddet import params, seeds
from ddet.data.identity import place_identity
from ddet.data.layouts.base import FAKE, REAL
from ddet.data.official import Placed, place_official
from ddet.data.partition import deal, shuffled

COLUMNS = {"clip_id": "str", "frame_idx": "int32", "protocol": "str", "split": "str", "reason": "str"}
IMAGE_RATIOS = (0.6, 0.2, 0.2)
LEAKY = "leaky: frames of one clip stand in several splits"


def make_splits(clips: pd.DataFrame, faces: pd.DataFrame | None, cfg: params.Splits) -> pd.DataFrame:
    """Place every clip (frame_idx -1), and at image level every frame, under each protocol.

    clips: the manifest. faces: the kept crops, or None, and then there are no image rows. The result does not depend
    on the order of either. Unusable clips are "dropped" with their reason in each protocol.
    """
    rows: list[tuple] = []
    for dataset, part in clips.sort_values("clip_id").groupby("dataset"):
        usable = part[part.status == "ok"]
        for protocol, place in PROTOCOLS.items():
            placed = place(usable, cfg.of(dataset), _rng(cfg, protocol, dataset)) | _unusable(part)
            rows += [(clip_id, -1, protocol, *where) for clip_id, where in placed.items()]
        if faces is not None:
            rows += _image(part, faces, _rng(cfg, "image", dataset))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return frame.sort_values(["protocol", "clip_id", "frame_idx"], ignore_index=True)


def _rng(cfg: params.Splits, protocol: str, dataset: str) -> np.random.Generator:
    return np.random.default_rng(seeds.derive(cfg.seed, protocol, dataset))


def _unusable(part: pd.DataFrame) -> Placed:
    lost = part[part.status != "ok"]
    return {clip_id: ("dropped", reason) for clip_id, reason in zip(lost.clip_id, lost.reason, strict=True)}


def _clip(usable: pd.DataFrame, cfg: params.Splits, rng: np.random.Generator) -> Placed:
    """Deal clips out at random, whoever they show.

    Paper: ASRID, Splitting Dataset: DFDC's videos re-assigned at random, 7:2:1 for train, valid and test.
    Differs: reals are dealt before fakes, so that small sets have both classes in every split.
    """
    dealt = _dealt_by_class(usable, ["clip_id"], cfg.ratios, rng)
    return {clip_id: (split, "") for (clip_id,), split in dealt.items()}


def _image(part: pd.DataFrame, faces: pd.DataFrame, rng: np.random.Generator) -> list[tuple]:
    """Deal frames out at random; a clip without frames appears once, as dropped.

    Paper: Herd Mentality section 3.1 splits the images 6:2:2. Differs: only ever reported as leaky.
    """
    usable = part[part.status == "ok"]
    frames = faces[["clip_id", "frame_idx"]].drop_duplicates().merge(usable[["clip_id", "label"]], on="clip_id")
    dealt = _dealt_by_class(frames, ["clip_id", "frame_idx"], IMAGE_RATIOS, rng)
    bare = {
        clip_id: ("dropped", "no face was kept") for clip_id in usable.clip_id if clip_id not in set(frames.clip_id)
    }
    lost = [(clip_id, -1, "image", *where) for clip_id, where in (bare | _unusable(part)).items()]
    return lost + [(clip_id, frame, "image", split, LEAKY) for (clip_id, frame), split in dealt.items()]


def _dealt_by_class(rows: pd.DataFrame, keys: list[str], ratios: Sequence[float], rng: np.random.Generator) -> dict:
    rows = rows.sort_values(keys)
    blocks = [list(rows.loc[rows.label == label, keys].itertuples(index=False, name=None)) for label in (REAL, FAKE)]
    return deal([item for block in blocks for item in shuffled(block, rng)], ratios)


PROTOCOLS = {"official": place_official, "clip": _clip, "identity": place_identity}
