"""From the detectors of `prle.compared` to configurations: networks, recipes, supplies, and the words of tables."""

import pandas as pd
import pytest
from prle_toys import LISTS, inputs, section

from ddet import params
from ddet.data import supplied_loader
from ddet.data.forged import Masks
from ddet.errors import InputError
from ddet.prle import arms as prle_arms
from ddet.prle import compared
from ddet.runs import planned, starts

NETS = {
    "Needy": params.Compared(name="needy", backbone="slim_resnet", lr=0.5, epochs=3),
    "Plain": params.Compared(name="timm", backbone="lite0_stride8"),
}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")


def cfg_of(seeds: int = 1, **changes) -> params.Prle:
    """Return a section with NETS, of which `Needy` is changed."""
    nets = NETS | {"Needy": NETS["Needy"].model_copy(update=changes)}
    return section(compared=params.Others(seeds=seeds, detectors=nets))


def plan(rows: pd.DataFrame, cfg: params.Prle, only=None) -> list[planned.Row]:
    known = {"slim_resnet": "s of slim_resnet", "lite0_stride8": "s of lite0_stride8"}
    given = planned.Inputs({prle_arms.WHOLE: rows}, inputs(cfg).hashes, known)
    return compared.plan(cfg, compared.chosen(cfg, only), given, Masks())


def test_a_fit_has_the_recipe_of_the_backbones_but_for_what_it_changes(rows):
    cfg = cfg_of()
    needy, plain = (row.phases[0] for row in plan(rows, cfg))
    assert plain["train"] == cfg.train.model_dump()
    assert needy["train"] == cfg.train.model_dump() | {"lr": 0.5, "epochs": 3}
    assert needy["model"] == {
        "name": "needy", "backbone": "slim_resnet", "size": 32, "form": "released", "swin": None, "width": 1,
    }  # fmt: skip
    assert needy["needs"] == ["label", "mask", "pair"] and plain["needs"] == [] and plain["supplied"] == ""
    assert needy["supplied"] == supplied_loader.fingerprint(rows, ("mask", "pair"), Masks()) != ""
    assert needy["start"] == {"backbone": "s of slim_resnet"} and needy["per_class"] == cfg.per_class
    assert needy["augment"] == {"p": 1.0, "steps": []} and needy["data_hash"] == "data of FF++"


def test_every_change_of_a_detector_reaches_its_configuration(rows):
    before = plan(rows, cfg_of())[0].phases[0]
    recipe = {
        "bs": 9, "wd": 0.7, "opt": "sgd", "schedule": "step", "step_epochs": 4, "step_gamma": 0.3, "lr": 0.6,
        "epochs": 8,
    }  # fmt: skip
    assert set(recipe) == set(compared.RECIPE)
    for key, value in recipe.items():
        assert plan(rows, cfg_of(**{key: value}))[0].phases[0]["train"] == before["train"] | {key: value}
    for key, value in {"size": 48, "width": 4}.items():
        assert plan(rows, cfg_of(**{key: value}))[0].phases[0]["model"] == before["model"] | {key: value}
    turned = plan(rows, cfg_of(augment="flips"))[0].phases[0]["augment"]
    assert turned == {"p": 0.5, "steps": [["HorizontalFlip", 0.5]]} and LISTS["flips"].p == 0.5


def test_each_seed_is_a_row_of_its_own(rows):
    found = plan(rows, cfg_of(seeds=2))
    assert [(row.arm, row.seed, row.crop_set) for row in found] == [
        ("Needy", 0, "FF++"), ("Needy", 1, "FF++"), ("Plain", 0, "FF++"), ("Plain", 1, "FF++"),
    ]  # fmt: skip
    assert [row.phases[0]["seed"] for row in found] == [0, 1, 0, 1]


def test_only_names_some_and_an_unknown_one_is_one_line(rows):
    assert [row.arm for row in plan(rows, cfg_of(), ["Plain"])] == ["Plain"]
    with pytest.raises(InputError, match=r"'Plane' is not compared with.*Plain"):
        compared.chosen(cfg_of(), ["Plane"])


def test_inputs_are_the_crops_of_the_backbones_and_the_starts_of_these(rows, faces, monkeypatch):
    monkeypatch.setattr(starts, "start_of", lambda backbone: (None, f"start of {backbone}"))
    given = compared.inputs(cfg_of(), faces)
    pd.testing.assert_frame_equal(given.rows["FF++"], rows)
    assert given.starts == {name: f"start of {name}" for name in ("lite0_stride8", "slim_resnet")}


def test_a_network_without_a_backbone_starts_at_random(tmp_path):
    assert starts.start_of(starts.NONE, tmp_path / "not there") == (None, "")


def test_the_column_aug_is_marked_by_lists_and_by_methods_that_change_images():
    assert compared.augmented(cfg_of()) == {"Needy": "×", "Plain": "×"}
    assert compared.augmented(cfg_of(augment="flips"))["Needy"] == "✓"
    assert compared.augmented(cfg_of(name="rfm"))["Needy"] == "✓"


def test_the_caption_says_whose_recipe_is_its_own():
    assert compared.recipe(cfg_of()).startswith("All detectors share one recipe but for rate and epochs")
    for key, value in {"bs": 9, "size": 48, "augment": "flips"}.items():
        assert compared.recipe(cfg_of(**{key: value})) == "By recipes of their own: Needy."


def test_a_name_that_is_a_detector_of_the_paper_or_an_unknown_list_is_refused():
    for nets, words in (({"Xception": NETS["Plain"]}, "both hold 'Xception'"),
                        ({"A": NETS["Plain"].model_copy(update={"augment": "none such"})}, "augment")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            section(compared=params.Others(seeds=1, detectors=nets))
