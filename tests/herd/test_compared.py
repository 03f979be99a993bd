"""Arms of Table 1 that need more than images: Herd's own plan, with what their networks need."""

import pandas as pd
import pytest
from toys import given, section

from ddet import params
from ddet.data import supplied_loader
from ddet.data.forged import Masks
from ddet.herd import arms as herd_arms
from ddet.herd import compared
from ddet.runs import planned

ROWS = pd.DataFrame(
    {
        "clip_id": ["d/real/-/0", "d/fake/-/0"], "original": "d/real/-/0", "label": [0, 1], "frame_idx": 0, "track": 0,
        "split": "train", "crop": ["a.png", "b.png"], "x0": 0, "y0": 0, "x1": 9, "y1": 9,
    }
)  # fmt: skip


def arm(name: str, **changes) -> params.Arm:
    return params.Arm(part="compared", model=params.ModelChange(name=name), **changes)


def test_the_plan_is_herds_with_needs_and_supplies(monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")
    cfg, listed = section(2), {"A": arm("needy", curriculum="two"), "B": arm("timm", seeds=1)}
    inputs = planned.Inputs({"identity": ROWS}, given().hashes, given().starts)
    found, plain = compared.plan(cfg, listed, inputs, Masks()), herd_arms.plan(cfg, listed, inputs)
    assert [(row.arm, row.seed, len(row.phases)) for row in found] == [("A", 0, 2), ("A", 1, 2), ("B", 0, 1)]
    supplied = {"A": supplied_loader.fingerprint(ROWS, ("mask", "pair"), Masks()), "B": ""}
    needs = {"A": ["label", "mask", "pair"], "B": []}
    for row, own in zip(found, plain, strict=True):
        for phase, of_herd in zip(row.phases, own.phases, strict=True):
            assert phase == of_herd | {"needs": needs[row.arm], "supplied": supplied[row.arm]}


def test_the_masks_reach_the_fit(monkeypatch):
    told = {}
    monkeypatch.setattr(compared.train_compared, "train", lambda **given: told.update(given))
    compared.fit_with(Masks())(config={})
    assert told == {"config": {}, "masks": Masks()}


@pytest.mark.parametrize("file", ["params.yaml", "profiles/smoke.yaml", "profiles/paper.yaml"])
def test_every_profile_trains_the_rows_of_table_1_that_need_more(file):
    arms = planned.of_part(params.load(file).herd, "compared")
    assert {arm.rows["table1"] for arm in arms.values()} == {"RECCE", "CADDM"}
