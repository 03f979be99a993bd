"""A cell of a results table: what it shows, marks and carries."""

import dataclasses
import math

import pytest
from result_tables import COLUMNS, printed

from ddet.report import cells
from ddet.stats.interval import Estimate

MADE = Estimate(0.8, 0.75, 0.85, 0.02, (0.78, 0.82), 90, 30, 12, 100, 0, False, seed_sd=0.02, seed_df=1)
PAPER = printed(("Base", "Acc", "0.9333"))


def shown(e: Estimate | None, keys: tuple[str, ...] = ("k1", "k2")) -> cells.Cell:
    return cells.cell(e, PAPER, "Base", COLUMNS[0], keys)


def test_a_cell_reads_ours_interval_paper():
    assert cells.compact(shown(MADE)) == "0.8000 [0.7500, 0.8500] / 0.9333"
    assert cells.compact(shown(None)) == "– / 0.9333"
    assert cells.as_html(shown(None)) == '<td title="not run here">–<small>paper 0.9333</small></td>'


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({"few_groups": True}, "†"),
        ({"dropped": 3}, "‡"),
        ({"per_seed": (0.8,), "pooled": True}, "§"),
        ({"per_seed": (0.8,), "low": math.nan, "high": math.nan, "seed_sd": math.nan}, "¶"),
        ({"per_seed": (0.8,), "seed_sd": 0.0}, ""),  # a rule without training has no seeds to miss
        ({"unmatched": 1}, "‖"),
    ],
)
def test_what_weakens_an_interval_is_marked(change, mark):
    text = cells.compact(shown(dataclasses.replace(MADE, **change)))
    assert text.startswith(f"0.8000{mark} [" if mark != "¶" else "0.8000¶ / ")
    assert set(text) & set(cells.MARKS) == set(mark)


def test_the_facts_are_scaled_and_count_the_seeds_of_the_number():
    column = dataclasses.replace(COLUMNS[0], scale=100)
    facts = cells.facts_of(cells.cell(MADE, PAPER, "Base", column, ("k1", "k2", "k3")))
    assert (facts["ours"], facts["seed_sd"], facts["seed_df"], facts["seeds"]) == (80, 2, 1, 2)
    assert cells.facts_of(shown(MADE, ()))["seeds"] == 0 and cells.facts_of(shown(None))["frames"] is None
