"""Subgroups by hand: who is in which, how many they are, and when a row says not to trust it."""

import numpy as np
import pandas as pd
import pytest
from predictions import CFG
from rendering import benchmark

from ddet.robustness import subgroups
from ddet.robustness.chosen import Subject
from ddet.stats import bootstrap
from ddet.synth import identity, write
from ddet.training import common


def test_traits_are_those_of_the_person_who_is_filmed():
    cfg = benchmark()
    known = subgroups.traits(cfg).set_index("clip_id")
    takes = write.plan(cfg).takes
    assert known.index.is_unique and any(len(take.people) > 1 for take in takes)
    for take in takes:
        clips = [*([take.real] if take.real else []), *(fake.clip for fake in take.fakes)]
        if len(take.people) > 1:
            assert not {clip.clip_id for clip in clips} & set(known.index)
            continue
        who = identity.sample(take.people[0].seed, take.people[0].woman)
        for clip in clips:
            told = known.loc[clip.clip_id]
            assert told["hair"] == who.hair_style and told["glasses"] == ("with" if who.glasses else "without")
            assert told["skin tone"] == ("light" if who.tone < 1 / 3 else "medium" if who.tone < 2 / 3 else "dark")
            assert told["age"] == ("young" if who.age < 1 / 3 else "middle" if who.age < 2 / 3 else "old")


@pytest.mark.parametrize(
    ("real", "fake", "said"),
    [
        (10, 10, ""),
        (40, 9, "only 9 people with a fake clip: do not trust this row"),
        (1, 40, "only 1 person with a real clip: do not trust this row"),
        (3, 0, "nobody with a fake clip: no AUC"),
        (0, 0, "nobody with a fake clip: no AUC"),
    ],
)
def test_few_people_of_either_class_are_a_warning(real, fake, said):
    assert subgroups.warning(real, fake) == said


@pytest.fixture
def cast(tmp_path):
    """Write two runs on 24 people with a real and a fake clip each, and on one more with a fake alone, who is old."""
    rng, runs = np.random.default_rng(4), []
    people = [(f"p{n:02d}", label) for n in range(24) for label in (0, 1)] + [("p24", 1)]
    for seed in "ab":
        lines = [(f"ffpp/m/-/{who}{label}", 0, 0, who, label, "test") for who, label in people]
        table = pd.DataFrame(lines, columns=["clip_id", "frame_idx", "track", "group", "label", "split"])
        table["prob_fake"] = np.clip(0.3 + 0.4 * table["label"] + rng.normal(0, 0.2, len(table)), 0, 1)
        (tmp_path / seed).mkdir()
        table.to_parquet(tmp_path / seed / common.PREDICTIONS)
        runs.append(tmp_path / seed)
    return [Subject("PRLE", "VGG + PRLE", "frame_auc", "ffpp", tuple(runs))], table


def traits_of(table: pd.DataFrame) -> pd.DataFrame:
    number = table["group"].str[1:].astype(int)
    return pd.DataFrame({
        "clip_id": table["clip_id"], "skin tone": np.where(number < 12, "light", "dark"),
        "age": np.where(number == 24, "old", "young"), "glasses": np.where(number < 4, "with", "without"),
        "hair": "short",
    })  # fmt: skip


def test_each_value_has_a_row_with_the_people_in_it(cast):
    chosen, table = cast
    known = traits_of(table)
    told = subgroups.table(chosen, known, CFG).set_index(["trait", "value"]).sort_index()
    assert len(told) == 1 + 3 + 3 + 2 + 5 and told.loc[("everyone", ""), "people"].item() == 25
    light = told.loc[("skin tone", "light")]
    assert (light["people"], light["people real"], light["people fake"], light["clips"]) == (12, 12, 12, 24)
    part = [pd.read_parquet(run / common.PREDICTIONS) for run in chosen[0].runs]
    part = [p[p["clip_id"].isin(known.loc[known["skin tone"] == "light", "clip_id"])] for p in part]
    e = bootstrap.over_seeds(part, CFG)["frame_auc"]
    assert (light["AUC"], light["low"], light["high"], light["warning"]) == (e.value, e.low, e.high, "")
    assert told.loc[("glasses", "with"), "warning"] == "only 4 people with a fake clip: do not trust this row"
    old, middle = told.loc[("age", "old")], told.loc[("age", "middle")]
    assert np.isnan(old["AUC"]) and old["people"] == 1 and old["warning"].startswith("nobody with a real clip")
    assert middle["people"] == 0 and middle["warning"].startswith("nobody")


def test_the_sentence_compares_rows_without_a_warning(cast):
    chosen, table = cast
    said = subgroups.sentence(subgroups.table(chosen, traits_of(table), CFG))
    assert said.startswith("PRLE (VGG + PRLE): skin tone ") and "glasses" not in said and "age" not in said
    assert said.endswith("8 of 13 rows have a warning.")


def test_of_real_footage_nothing_is_known(cast):
    chosen, table = cast
    told = subgroups.table(chosen, traits_of(table).head(0), CFG)
    assert told.empty and list(told) == subgroups.COLUMNS
    assert subgroups.sentence(told) == "Nothing is known of the people of real footage."
