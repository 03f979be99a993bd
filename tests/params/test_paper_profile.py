"""The paper profile holds what papers state and code does, value by value; where it differs, the reason is written."""

from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from ddet import params, paths

FILE = paths.ROOT / "profiles" / "paper.yaml"
STATED = pd.read_csv(paths.PUBLISHED / "settings.csv", dtype=str, keep_default_na=False)
LINES = FILE.read_text().splitlines()


def at(tree: Any, key: str) -> Any:
    for name in key.split("."):
        tree = tree[name]
    return tree


def of_yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


PROFILE = of_yaml(FILE.read_text())


@pytest.mark.parametrize("line", STATED.itertuples(), ids=lambda line: f"{line.key} {line.source or 'ours'}")
def test_a_setting_is_the_stated_one_or_says_why_not(line):
    same = line.value != "" and at(PROFILE, line.key) == of_yaml(line.value)
    assert same == (line.differs == ""), f"{line.key} is {at(PROFILE, line.key)}, {line.source} has {line.value}"


def test_what_nobody_states_is_called_ours_and_no_line_stands_twice():
    silent = STATED[STATED["value"] == ""]
    assert silent["differs"].str.startswith("ours: ").all() and (silent["source"] == "").all()
    assert not STATED.duplicated(["key", "source", "value"]).any()


@pytest.mark.parametrize("section", ["herd", "asrid", "prle"])
def test_every_setting_of_a_training_has_a_line(section):
    free = {"step_epochs", "step_gamma", "channels_last"}  # no meaning outside a step schedule, and no effect
    known = set(STATED["key"])
    lacking = {f"{section}.train.{key}" for key in at(PROFILE, section)["train"] if key not in free} - known
    assert lacking == set()
    assert {f"{section}.seeds", f"faces.{'fps' if section == 'herd' else 'every'}"} <= known


def test_a_dataset_is_cut_as_its_paper_cuts_it():
    faces = params.load(FILE).faces
    assert [faces.of(name).sampling for name in ("celebdf", "dfdc", "ffpp")] == ["fps", "every", "every"]
    assert [faces.of(name).size for name in ("celebdf", "dfdc", "df1")] == [256, 380, 256]
    assert faces.of("dfdc").thresholds == [0.85, 0.95, 0.95] and faces.of("ffpp").thresholds == faces.thresholds
    assert not hasattr(faces.of("dfdc"), "datasets"), "a rule for one clip, whose hash names its record"


def test_asrid_has_clips_of_as_many_crops_as_it_asks_for():
    loaded = params.load(FILE)
    cut = loaded.faces.of(loaded.asrid.dataset)
    assert len(range(0, 300, cut.every)[: cut.frames]) == loaded.asrid.frames, "10 s at 30 frames a second"
    assert cut.size >= loaded.asrid.model.size, "no crop is enlarged"


def test_a_dataset_s_ratios_are_its_own():
    splits = params.load(FILE).splits
    assert splits.of("dfdc").ratios == [0.7, 0.2, 0.1] and splits.of("celebdf").ratios == [0.6, 0.2, 0.2]


def test_each_section_says_where_its_settings_come_from():
    bare = [key for key in ("herd", "asrid", "prle") if "#" not in "".join(_lines_of(key)[:6])]
    assert bare == []


def _lines_of(section: str) -> list[str]:
    start = LINES.index(f"{section}:")
    return LINES[start : start + 40]
