"""Fits and maps are those that the notebooks would ask for; networks are counted, not built."""

import pandas as pd
import pytest

from ddet import params, paths
from ddet.hashing import canonical
from ddet.models import cost
from ddet.tools import plan_data, plan_fits

SMOKE = params.load(paths.ROOT / "profiles/smoke.yaml")
PAPER = params.load(paths.ROOT / "profiles/paper.yaml")
XCEPTION = {"name": "timm", "backbone": "legacy_xception", "size": 299}


def test_fits_are_distinct_and_of_every_paper():
    table = plan_fits.fits(SMOKE, plan_data.crops(SMOKE))
    assert set(table["paper"]) == {"herd", "asrid", "prle"} and (table["operations"] > 0).all()
    arms = sum(arm.seeds or SMOKE.asrid.seeds for arm in SMOKE.asrid.arms.values())
    assert 0 < (table["paper"] == "asrid").sum() <= arms


def test_arms_of_clips_that_only_the_renderer_makes_are_not_planned_for_real_data():
    with_, without = (plan_fits.asrid_rows(PAPER.asrid, synthetic) for synthetic in (True, False))
    gone = {row.arm for row in with_} - {row.arm for row in without}
    assert gone == {name for name, arm in PAPER.asrid.arms.items() if arm.synthetic}


def test_maps_are_of_the_crops_that_fits_read_each_once():
    """24 of each class a seed, one seed here; twice the crops of the datasets change nothing, twice the seeds do."""
    crops = plan_data.crops(SMOKE)
    maps = plan_fits.maps(SMOKE, crops)
    chosen = {2 * SMOKE.prle.per_class, 2 * SMOKE.prle.subsets.per_class}
    assert chosen <= set(maps["crops"]) and (maps["bytes"] == maps["crops"] * SMOKE.prle.size**2 * 2).all()
    assert maps["crops"].max() == max(chosen)
    more = crops.assign(train=9 * crops["train"], reals=9 * crops["reals"])
    assert plan_fits.maps(SMOKE, more)["crops"].max() == max(chosen)
    prle = SMOKE.prle.model_copy(update={"seeds": 2})
    longer = plan_fits.maps(SMOKE.model_copy(update={"prle": prle}), more)
    assert len(longer) > len(maps) and longer["bytes"].sum() > maps["bytes"].sum()


def test_maps_of_the_paper_profile_are_of_all_reals_once_and_of_the_fakes_that_three_seeds_read():
    """7,200 real crops and as many of 36,000 fake ones each seed; detectors of one half map the other."""
    counts = set(plan_fits.maps(PAPER, plan_data.crops(PAPER))["crops"])
    whole = sorted(n for n in counts if n in (14_400, 5786, 4567))
    assert whole == [4567, 5786, 14_400] and sum(whole) - 7200 == pytest.approx(36_000 * (1 - 0.8**3), rel=0.01)
    assert sum(counts) - sum(whole) == sum(whole), "halves, which add up to the whole"


def test_a_network_is_counted_as_the_audit_counts_it():
    weights, macs, values = plan_fits._measured(canonical(XCEPTION))
    assert (weights, macs) == (20_811_050, 8_355_359_592), "two outputs at 299 px"
    assert values > 20e6, "what 299 px leave for the backward pass"


def test_a_network_with_numbers_of_numpy_is_counted_too():
    weights, macs, _ = plan_fits._measured(canonical(XCEPTION | {"name": "f3net"}))
    told = params.Model(**XCEPTION | {"name": "f3net", "form": "released", "swin": None, "width": 1})
    assert (weights, macs) == cost.count(lambda: plan_fits.models.create(told), 299)


def test_doubling_the_epochs_doubles_the_work_of_training():
    crops = pd.DataFrame([("celebdf", 0, 0, 0, 0, 1, 0.0)], columns=list(plan_data.crops(SMOKE)))
    config = next(iter(plan_fits.herd_rows(SMOKE.herd))).phases[0]
    longer = config | {"train": config["train"] | {"epochs": 2 * config["train"]["epochs"]}}
    one, two = (plan_fits._cost(SMOKE, "herd", c, crops)[2] for c in (config, longer))
    assert two == pytest.approx(2 * one)


def test_the_cost_of_a_fit_by_hand(monkeypatch):
    """A multiply-add is two operations, a step three forward passes; all of train, and valid after each epoch.

    Ten crops, twice: 2 x 10 x 3 = 60 passes of 200 operations; valid, half of the other 20, twice, and test once: 30.
    Weights, gradients and two of the optimiser are 4 x 4 bytes each, values between layers 4 bytes for each image.
    """
    monkeypatch.setattr(plan_fits, "_measured", lambda model: (10, 100, 1000))
    crops = pd.DataFrame({"dataset": [SMOKE.herd.dataset], "crops": [30], "train": [10]})
    fit = {"model": {"backbone": "b", "size": 32}, "per_class": 5, "train": {"epochs": 2, "bs": 4}}
    assert plan_fits._cost(SMOKE, "herd", fit, crops) == ("b", 40, 200.0 * (60 + 30), 10 * 16.0 + 1000 * 4 * 4)


def test_a_clip_of_asrid_s_takes_as_much_memory_as_its_frames(monkeypatch):
    monkeypatch.setattr(plan_fits, "_measured", lambda model: (10, 100, 1000))
    config = plan_fits.asrid_rows(SMOKE.asrid, True)[0].phases[0]
    _, weights, _, memory = plan_fits._cost(SMOKE, "asrid", config, plan_data.crops(SMOKE))
    images = config["train"]["bs"] * config["clips"]["frames"]
    assert images > config["train"]["bs"] and memory == 4 * weights + 4 * 1000 * images
