"""ASRID's arms as configurations: what an arm says, what it inherits, what it shares."""

import pytest
from asrid_toys import MODEL, TRAIN, arm, config, given, section, write_clips

from ddet.asrid import arms as asrid_arms
from ddet.seeds import derive
from ddet.training.common import core


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces)


def test_a_plain_arm_is_what_the_section_says(rows):
    assert config(rows) == {
        "accumulate": 1,
        "augment": {"p": 1.0, "steps": []},
        "clips": {"frames": 3, "sampling": "videos", "short": "drop", "scaling": "imagenet", "augment_per": "frame"},
        "data_hash": given(rows).hashes["dfdc, identity"],
        "model": MODEL.model_dump() | {"strategy": "static_mix", "w": 1.0, "axis_bug": False},
        "rates": {},
        "seed": 0,
        "set": {},
        "start": {"backbone": "s"},
        "train": TRAIN.model_dump(),
    }


@pytest.mark.parametrize(
    ("says", "where", "becomes"),
    [
        ({"sampling": "pictures"}, "clips", {"sampling": "pictures"}),
        ({"augment_per": "clip"}, "clips", {"augment_per": "clip"}),
        ({"augment": "flips"}, "augment", {"p": 0.5, "steps": [["HorizontalFlip", 0.5]]}),
        ({"mode": "code"}, "model", {"mode": "code"}),
        ({"set": "small"}, "set", {"train": 8, "valid": 4, "test": 4}),
        ({"wd": 0.0, "bs": 2, "schedule": "plateau"}, "train", {"wd": 0.0, "bs": 2, "schedule": "plateau"}),
        ({"rates": {"backbone": 0.1}}, "rates", {"backbone": 0.1}),
    ],
)
def test_an_arm_changes_what_it_names_and_nothing_else(rows, says, where, becomes):
    plain, changed = config(rows), config(rows, **says)
    assert changed[where] == plain[where] | becomes
    assert {k: v for k, v in changed.items() if k != where} == {k: v for k, v in plain.items() if k != where}


def test_the_seed_follows_from_the_core_of_the_configuration(rows):
    plain = derive(core(config(rows)))
    assert plain == derive(core(config(rows) | {"data_hash": "other", "start": {"backbone": "other"}}))
    assert len({plain, *(derive(core(config(rows, **c))) for c in ({"lr": 0.5}, {"seed": 1}, {"set": "small"}))}) == 4


def test_clips_out_of_order_are_for_the_benchmark_alone():
    cfg = section(arms={"a": arm(), "b": arm(synthetic=True)})
    assert list(asrid_arms.of_part(cfg, "static", True)) == ["a", "b"] and list(
        asrid_arms.of_part(cfg, "static", False)
    ) == ["a"]
